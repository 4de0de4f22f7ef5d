"""Message content after DATA: where it ends (RFC 5321, 4.1.1.4), and tries to make two servers disagree on that."""

SMUGGLED_MAX = 4096  # octets kept after a doubtful end of data, in case the server takes them for commands


class Content:
    """Watches content octets for the end of data. `size` counts the octets, those not captured too.

    `doubtful` becomes the first sequence that some servers wrongly take for the end ("LF . LF" ...), and
    `smuggled` what follows it."""

    __slots__ = ("_tail", "doubtful", "holes", "size", "smuggled")

    def __init__(self) -> None:
        self._tail = b"\r\n"  # an empty message is ".\r\n" alone
        self.size = 0
        self.holes = False
        self.doubtful = ""
        self.smuggled = b""

    def feed(self, data: bytes) -> int:
        """Take in octets; returns how many of them belong to the content with its final dot, -1 for all and more to
        come."""
        tail = self._tail
        dot = data.find(b".")  # looking for one octet is ten times as fast as for several, and base64 has none
        if dot < 0 and b"." not in tail:
            self.size += len(data)
            self._tail = data[-4:] if len(data) > 3 else (tail + data)[-4:]
            if self.doubtful:
                self.smuggled = (self.smuggled + data)[:SMUGGLED_MAX]
            return -1
        whole = tail + data
        begin = 0 if b"." in tail else max(len(tail) + dot - 2, 0)
        end = whole.find(b"\r\n.\r\n", begin)
        taken = end + 5 - len(tail) if end >= 0 else len(data)
        if self.doubtful:
            self.smuggled = (self.smuggled + data[:taken])[:SMUGGLED_MAX]
        else:
            self._doubt(whole if end < 0 else whole[: end + 5], begin)
        self.size += taken
        if end >= 0:
            return taken
        self._tail = whole[-4:]
        return -1

    def _doubt(self, whole: bytes, begin: int) -> None:
        """Look for an end of data that is none by RFC 5321 but may be one for a careless server (CVE-2023-51764)."""
        at = whole.find(b"\n.", begin)
        while at >= 0:
            after = whole[at + 2 : at + 4]
            if after[:1] == b"\n" or (after == b"\r\n" and at and whole[at - 1] != 13):
                self._doubted(whole, at, at + 2 + (2 if after == b"\r\n" else 1))
                return
            at = whole.find(b"\n.", at + 1)
        at = whole.find(b"\r.\r", begin)
        if at >= 0:
            self._doubted(whole, at, at + 3)

    def _doubted(self, whole: bytes, start: int, end: int) -> None:
        names = {13: "CR", 10: "LF", 46: "."}
        start -= whole[start - 1 : start] == b"\r"
        self.doubtful = " ".join(names[octet] for octet in whole[start:end])
        self.smuggled = whole[end : end + SMUGGLED_MAX]

    def gap(self, octets: int) -> None:
        """Octets that are not in the capture."""
        self.size += octets
        self.holes = True
        self._tail = b""
