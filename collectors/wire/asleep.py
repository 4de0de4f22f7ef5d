"""Connections that are silent between two commands, or have not said a word, as a handful of octets each.

A hundred thousand connections that clients merely hold open are an attack on memory. What is open, with all that reads
it, takes 3 kB; asleep it takes a tenth of that. Nothing is lost: the next packet, or the end of patience, wakes it as
it was. What is in the middle of something (a command without its reply, a message, TLS, segments out of order) does not
fall asleep.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final

from collectors.wire import ends
from collectors.wire.frames import addresses, reverse
from collectors.wire.recognise import Recogniser
from collectors.wire.smtp import Dialogue
from collectors.wire.streams import NEVER, Connection, Half
from smtpwatch.events import Direction

QUIET: Final = 0.25
"""Seconds of silence before it may sleep, and between two looks at who is silent: to sleep and to wake takes 30
microseconds. At 10,000 new sessions a second a second more of them awake is 25 MB."""

# heard, until, id, first, last, stamp, next and octets and told of client and server, port, flags; oddities follow
_RECORD = struct.Struct("=ddQdddqqQQQQI")
_TIMES = struct.Struct("=dd").unpack_from
_NUMBER = struct.Struct("=16xQ").unpack_from

_CLIENT_SEEN = 1
_SERVER_SEEN = 2
_ANNOUNCED = 4
_IN_LINES = 8  # the client's first octets have been read: they are command lines
_GREETED = 16
_AUTH_TRIED = 32
_LMTP = 64
_QUIT = 128
_PIPELINING_KNOWN = 256
_PIPELINING = 512

_NOT_DIRECTIONS: Final = 16
"""From this bit on: the direction, as an index."""
_DIRECTIONS: tuple[Direction, ...] = ("inbound", "submission", "outbound")


def record(conn: Connection, unanswered: bool) -> bytes | None:
    """All that is to be known of a connection, with what reads it; None if it is in the middle of something.

    `unanswered`: it has a SYN and no answer yet."""
    if (
        conn.attention
        or conn.closed_first != "nobody"
        or conn.midstream
        or conn.headless
        or conn.reset
        or conn.syn is not None
        or conn.held_until != NEVER
        or conn.held_octets
    ):
        return None
    client, server = conn.client, conn.server
    if not (_is_plain(client) and _is_plain(server)):
        return None
    reader, odd = conn.reader, b""
    flags = client.seen * _CLIENT_SEEN | server.seen * _SERVER_SEEN
    if type(reader) is Dialogue:
        marks = _marks(reader)
        if marks is None:
            return None
        flags |= _ANNOUNCED | marks | _DIRECTIONS.index(conn.direction) << _NOT_DIRECTIONS
        odd = ",".join(reader.oddities).encode()
    elif not (type(reader) is Recogniser and reader.fresh):
        return None
    stamp = math.nan if conn.stamp is None else conn.stamp
    until = conn.heard + ends.patience(conn, unanswered)
    numbers = (client.next, server.next, client.octets, server.octets, *conn.told)
    return _RECORD.pack(conn.heard, until, conn.id, conn.first, conn.last, stamp, *numbers, flags) + odd


def _is_plain(half: Half) -> bool:
    """Every octet of it came in order."""
    return not (
        half.fin
        or half.gapped
        or half.held
        or half.holes
        or half.late
        or half.missing
        or half.hint is not None
        or half.reach >= 0
    )


def _marks(dialogue: Dialogue) -> int | None:
    """Where a dialogue stands, if it waits for the next command, or for the first octets."""
    client, conn = dialogue.client, dialogue.conn
    if (
        dialogue.pending
        or dialogue.lossy
        or dialogue.envelope is not None
        or dialogue.handshake is not None
        or dialogue.withheld is not None
        or dialogue.header is not None
        or dialogue.adrift is not None
        or dialogue.given_up
        or dialogue.source != conn.client_address
        or not dialogue.reader.idle
        or not client.idle
        or conn.client.feed is None
        or conn.server.feed is None
    ):
        return None
    return (
        client.in_lines * _IN_LINES
        | dialogue.greeted * _GREETED
        | dialogue.auth_tried * _AUTH_TRIED
        | dialogue.lmtp * _LMTP
        | dialogue.quit * _QUIT
        | (dialogue.pipelining is not None) * _PIPELINING_KNOWN
        | bool(dialogue.pipelining) * _PIPELINING
    )


def sleeps_on(packed: bytes, now: float) -> bool:
    """Whether there is nothing to do about it now, but to wait."""
    heard, until = _TIMES(packed)
    return bool(heard <= now < until)


def number_of(packed: bytes) -> int:
    """The connection's."""
    return int(_NUMBER(packed)[0])


def awake(
    key: bytes,
    packed: bytes,
    dialogue: Callable[[Connection], Dialogue],
    recogniser: Callable[[Connection], Recogniser],
) -> Connection:
    """The connection of a record, its client's key being `key`. `dialogue` and `recogniser` make what reads it."""
    heard, _, number, first, last, stamp, *numbers, flags = _RECORD.unpack_from(packed)
    conn = Connection(number, first, key, reverse(key))
    conn.last, conn.heard = last, heard
    conn.stamp = None if math.isnan(stamp) else stamp
    conn.client_address, conn.client_port, conn.server_address, conn.server_port = addresses(key)
    client, server = conn.client, conn.server
    client.seen, server.seen = bool(flags & _CLIENT_SEEN), bool(flags & _SERVER_SEEN)
    client.next, server.next, client.octets, server.octets, *told = numbers
    conn.told = (told[0], told[1])
    if not flags & _ANNOUNCED:
        conn.reader = recogniser(conn)
        return conn
    conn.announced = True
    conn.direction = _DIRECTIONS[flags >> _NOT_DIRECTIONS]
    conn.reader = reader = dialogue(conn)
    reader.greeted = bool(flags & _GREETED)
    reader.auth_tried = bool(flags & _AUTH_TRIED)
    reader.lmtp = bool(flags & _LMTP)
    reader.quit = bool(flags & _QUIT)
    reader.pipelining = bool(flags & _PIPELINING) if flags & _PIPELINING_KNOWN else None
    if flags & _IN_LINES:
        reader.client.mode = reader.client.lines
    odd = packed[_RECORD.size :]
    reader.oddities = tuple(odd.decode().split(",")) if odd else ()
    return conn
