"""TLS records of one direction, read into handshake messages and alerts (RFC 8446, 5.1; RFC 5246, 6.2).

Only what travels in clear is read. Messages may span segments and records, and share them.
"""

import struct
from collections.abc import Iterator, Mapping

CHANGE_CIPHER_SPEC = 20
ALERT = 21
HANDSHAKE = 22
APPLICATION_DATA = 23

RECORD_OCTETS = 0x4800  # 2^14 + 2048, the most any version allows (RFC 5246, 6.2.3)
MESSAGE_OCTETS = 1 << 18  # a certificate chain has 2 to 20 kB; a length far beyond says: no handshake

_RECORD = struct.Struct("!BBxH")
_ALERT_OCTETS = 2
_HEADER_OCTETS = 4

Item = tuple[int, int, bytes]
"""What a direction says: (content type, number, body). A handshake message has its type and the octets kept
of its body; an alert has level * 256 + description; the other content types have neither."""


class Direction:
    """One direction's records as far as they are in clear.

    `keep` maps a handshake type to how many octets of its body are kept; other bodies are skipped unread."""

    __slots__ = (
        "_alert", "_content", "_header", "_keep", "_left", "_message", "_skip",
        "dark", "lost", "open", "seen",
    )  # fmt: skip

    def __init__(self, keep: Mapping[int, int]) -> None:
        self.open = True
        """More octets are wanted."""
        self.seen = False
        """Any octet has come."""
        self.dark = False
        """The rest is encrypted."""
        self.lost = False
        """The rest cannot be read: octets are missing, or it is no TLS."""
        self._keep = keep
        self._header = b""
        self._content = 0
        self._left = 0
        self._alert = b""
        self._message = bytearray()
        self._skip = 0

    def give_up(self) -> None:
        """Read no more, since what follows could not be understood."""
        self.open = False
        self.lost = True
        self._forget()

    def darken(self) -> None:
        """Read no more, since what follows is encrypted."""
        self.open = False
        self.dark = True
        self._forget()

    def finish(self) -> None:
        """Read no more, since nothing of interest follows."""
        self.open = False
        self._forget()

    def _forget(self) -> None:
        self._header = self._alert = b""
        self._message = bytearray()

    def read(self, data: bytes) -> Iterator[Item]:
        """Take in the next octets of the stream; what they complete comes out as items, while `open`."""
        at = 0
        end = len(data)
        self.seen = self.seen or end > 0
        while self.open and at < end:
            if not self._left:
                start = at
                at = min(end, start + _RECORD.size - len(self._header))
                self._header += data[start:at]
                if len(self._header) == _RECORD.size and self._begin_record():
                    yield self._content, 0, b""
                continue
            stop = min(end, at + self._left)
            self._left -= stop - at
            if self._content == HANDSHAKE:
                yield from self._messages(data, at, stop)
            elif self._content == ALERT:
                yield from self._alerts(data[at:stop])
            at = stop

    def _begin_record(self) -> bool:
        """Take in a record's header. True: its type alone is what matters."""
        self._content, major, self._left = _RECORD.unpack(self._header)
        self._header = b""
        known = CHANGE_CIPHER_SPEC <= self._content <= APPLICATION_DATA
        if not known or major != 3 or self._left > RECORD_OCTETS:
            self.give_up()
        elif self._content == ALERT and self._left > _ALERT_OCTETS:
            self.darken()
        return self.open and self._content in (CHANGE_CIPHER_SPEC, APPLICATION_DATA)

    def _alerts(self, fragment: bytes) -> Iterator[Item]:
        self._alert += fragment
        if len(self._alert) >= _ALERT_OCTETS:
            number = int.from_bytes(self._alert[:_ALERT_OCTETS], "big")
            self._alert = self._alert[_ALERT_OCTETS:]
            yield ALERT, number, b""

    def _messages(self, data: bytes, at: int, end: int) -> Iterator[Item]:
        message = self._message
        while self.open and at < end:
            if self._skip:
                step = min(self._skip, end - at)
                self._skip -= step
                at += step
                continue
            stop = min(end, at + self._wanted() - len(message))
            message += data[at:stop]
            at = stop
            if len(message) == _HEADER_OCTETS and self._length() > MESSAGE_OCTETS:
                self.give_up()
            elif len(message) >= _HEADER_OCTETS and len(message) == self._wanted():
                kind = message[0]
                body = bytes(message[_HEADER_OCTETS:])
                self._skip = self._length() - len(body)
                message.clear()
                yield HANDSHAKE, kind, body

    def _length(self) -> int:
        return int.from_bytes(self._message[1:_HEADER_OCTETS], "big")

    def _wanted(self) -> int:
        """Octets of the current message, header included, that are to be kept."""
        if len(self._message) < _HEADER_OCTETS:
            return _HEADER_OCTETS
        return _HEADER_OCTETS + min(self._length(), self._keep.get(self._message[0], 0))
