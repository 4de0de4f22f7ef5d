"""Octets of a log to lines of text: whatever a disk that was full, a copy that was cut or a hostile client left in
them."""

from collectors.logs.reader import LONGEST

NUL = "\0"
KEPT = 2 * LONGEST  # octets of a line that are kept, more than are read of it


class Lines:
    """Cuts octets into lines, without their ends; the same lines in whatever pieces the octets come. A run of NULs
    before a line (copytruncate under a writer leaves one) is not part of it; octets that are no UTF-8 are written as
    \\xNN; what is beyond KEPT octets of a line is left out.

    `within`: the first octets are the end of a line whose beginning is not known, which is left out."""

    def __init__(self, within: bool = False) -> None:
        self._rest = b""
        self._dropping = within
        """The line under way needs no more octets: it has enough, or is not wanted."""
        self._unwanted = within

    def cut(self, octets: bytes) -> list[str]:
        """The lines that these octets complete."""
        if self._dropping:
            end = octets.find(b"\n")
            if end < 0:
                return []
            octets = octets[end + 1 if self._unwanted else end :]
            self._dropping = self._unwanted = False
        end = octets.rfind(b"\n") + 1
        if not end:
            self._keep(octets)
            return []
        whole, self._rest = self._rest + octets[:end], b""
        self._keep(octets[end:])
        return _split(whole)

    def rest(self) -> list[str]:
        """The last line, if the log does not end with a line's end. It may go on later."""
        rest, self._rest, self._dropping, self._unwanted = self._rest, b"", False, False
        return _split(rest + b"\n") if rest else []

    @property
    def waiting(self) -> bool:
        """Whether a line was begun."""
        return self._rest != b""

    def _keep(self, octets: bytes) -> None:
        if not self._rest:
            octets = octets.lstrip(b"\0")
        self._rest = self._rest + octets if self._rest else octets
        if len(self._rest) > KEPT:
            self._rest, self._dropping = self._rest[:KEPT], True


def _split(octets: bytes) -> list[str]:
    """Lines that all have their end."""
    lines = octets.decode("utf-8", "backslashreplace").split("\n")
    lines.pop()
    # A character is a quarter of an octet at least (\xNN) and four octets at most.
    if len(octets) > KEPT and max(map(len, lines)) > KEPT // 4:
        lines = [_decoded(line) for line in octets.split(b"\n")[:-1]]
    if b"\0" in octets or b"\r" in octets:
        lines = [line.lstrip(NUL).removesuffix("\r") for line in lines]
    return lines


def _decoded(line: bytes) -> str:
    return line.lstrip(b"\0")[:KEPT].decode("utf-8", "backslashreplace")
