"""Message content after DATA: where it ends (RFC 5321, 4.1.1.4), and tries to make two servers disagree on that."""

SMUGGLED_MAX = 4096  # octets kept after a doubtful end of data, in case the server takes them for commands


class Content:
    """Watches content octets for the end of data. `size` counts the octets, those not captured too.

    `doubtful` becomes the first sequence that some servers wrongly take for the end ("LF . LF" ...), and `smuggled` what follows it."""

    __slots__ = ("_tail", "doubtful", "holes", "size", "smuggled")

    def __init__(self) -> None:
        self._tail = b"\r\n"  # an empty message is ".\r\n" alone
        self.size = 0
        self.holes = False
        self.doubtful = ""
        self.smuggled = b""

    def feed(self, data: bytes) -> int:
        """Take in octets; returns how many of them belong to the content with its final dot, -1 for all and more to come."""
        tail = self._tail
        before = len(tail)
        whole = tail + data
        at = whole.find(b"\n.")
        while at >= 0:
            after = whole[at + 2 : at + 4]
            if after == b"\r\n" and whole[at - 1 : at] == b"\r":
                end = at + 4 - before
                if end > 0:
                    self.size += end
                    return end
            elif len(after) == 2 and not self.doubtful and (after[:1] == b"\n" or after == b"\r\n"):
                self._doubt(whole, at - 1, at + 2 + (2 if after == b"\r\n" else 1))
            at = whole.find(b"\n.", at + 1)
        if b"\r.\r" in whole and not self.doubtful:
            start = whole.find(b"\r.\r")
            self._doubt(whole, start, start + 3)
        elif self.doubtful:
            self.smuggled = (self.smuggled + data)[:SMUGGLED_MAX]
        self.size += len(data)
        self._tail = whole[-4:]
        return -1

    def _doubt(self, whole: bytes, start: int, end: int) -> None:
        names = {13: "CR", 10: "LF", 46: "."}
        self.doubtful = " ".join(names[octet] for octet in whole[max(start, 0) : end] if octet in names)
        self.smuggled = whole[end : end + SMUGGLED_MAX]

    def gap(self, octets: int) -> None:
        """Octets that are not in the capture."""
        self.size += octets
        self.holes = True
        self._tail = b""
