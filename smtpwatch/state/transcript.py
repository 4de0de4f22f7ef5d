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
_LISTING = tuple(kind for kind in KINDS if any("tuple" in str(field.type) for field in msgspec.structs.fields(kind)))
"""Those that have lists among their values, which are tuples as long as they are not packed."""
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


def items(count: int, octets: bytes) -> list[list[Any]]:
    """The `count` events that were packed one after another: of each its number among KINDS, its time, its source
    (None: the session's own) and what only its kind has."""
    return _unpack(_ARRAY + count.to_bytes(4, "big") + octets)  # type: ignore[no-any-return]


def octets_of(items: list[list[Any]]) -> bytes:
    """Those, packed."""
    return b"".join(map(_pack, items))


def events(items: list[list[Any]], sensor: str, host: str, session: int, source: str) -> list[ev.SessionEvent]:
    """The last MOST of them, equal to what they were."""
    return [
        KINDS[number](time, sensor, host, session, named or source, *_as_they_were(number, values))
        for number, time, named, *values in items[-MOST:]
    ]


def latest(count: int, octets: bytes) -> bytes:
    """The last MOST of `count` events, still packed."""
    return octets_of(items(count, octets)[-MOST:])


def _as_they_were(number: int, values: list[Any]) -> list[Any]:
    if KINDS[number] in _LISTING:
        return [tuple(value) if isinstance(value, list) else value for value in values]
    return values
