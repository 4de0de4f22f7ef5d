"""The latest events of one session, packed: as objects they would be most of what a session takes, and are only looked
at one session at a time."""

from typing import Any

import msgspec

from smtpwatch import events as ev

MOST = 200  # events of one session that are kept, the latest; a normal one has under 20
ROOM = 100  # more are let come before the oldest are dropped, since that takes unpacking

KINDS: tuple[type[ev.SessionEvent], ...] = (
    ev.SessionOpened,
    ev.SourceNamed,
    ev.Greeting,
    ev.Command,
    ev.Reply,
    ev.MessageDecided,
    ev.AuthAttempted,
    ev.TlsOffered,
    ev.TlsNegotiated,
    ev.TlsFailed,
    ev.Oddity,
    ev.SessionClosed,
)
"""What a transcript tells."""
_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_SHARED = len(ev.SessionEvent.__struct_fields__)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_ARRAY = b"\xdd"  # MessagePack: an array, its length in 32 bits


def packed(event: ev.SessionEvent, source: str) -> bytes:
    """One event as octets, b"" if it is none that a transcript tells. `source`: the session's own, which is left
    out."""
    number = _NUMBERS.get(type(event))
    if number is None:
        return b""
    values = msgspec.structs.astuple(event)
    return _pack((number, event.time, None if event.source == source else event.source, *values[_SHARED:]))


def unpacked(count: int, octets: bytes, sensor: str, host: str, session: int, source: str) -> list[ev.SessionEvent]:
    """The last MOST of `count` events that were packed one after another, equal to what they were."""
    items: list[list[Any]] = _unpack(_ARRAY + count.to_bytes(4, "big") + octets)
    return [
        KINDS[number](time, sensor, host, session, named or source, *map(_as_it_was, values))
        for number, time, named, *values in items[-MOST:]
    ]


def latest(count: int, octets: bytes) -> bytes:
    """The last MOST of `count` events, still packed."""
    items: list[Any] = _unpack(_ARRAY + count.to_bytes(4, "big") + octets)
    return b"".join(map(_pack, items[-MOST:]))


def _as_it_was(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
