"""Segments that are not the next ones: held until their place in the order is clear.

A passive reader sees what a receiver sees and more: packets twice, late, out of order, or not at all. Octets before a
held segment come late, or a bound or a time limit says that they are missing from the capture. Time is here the
connection's `heard`; `now` goes with what is handed on.
"""

from __future__ import annotations

from typing import Final

from collectors.wire import streams
from collectors.wire.streams import NEVER, Connection, Half, Held, ahead

MAX_HELD = 256 * 1024  # octets of memory for one connection; about a fast link's window
MAX_HELD_SEGMENTS = 256
SEGMENT: Final = 250  # octets of memory beside its payload
HOLD_LOST = 0.2
"""Seconds to wait once the receiver has acknowledged what we miss: reordered in the capture, else lost to it."""
HOLD = 3.0
"""Seconds to wait where the receiver is not seen: the sender will retransmit (RFC 6298: a second at first, doubled)."""
HOLD_ASKED = 120.0
"""Seconds to wait while the receiver asks for what we miss: it was lost to both, and doubling goes on to a minute."""


def take(half: Half, now: float, seq: int, ack: int | None, data: bytes, length: int, fin: bool) -> None:
    """Take in a segment with payload or FIN that is not plainly the next one: an old one, one too early, or one cut
    short.

    `length` counts its payload octets by the headers, `data` are those captured; `ack` None: the segment has none."""
    if half.next < 0:
        half.next = seq
    distance = ahead(seq, half.next)
    if distance < 0:
        streams.fill(half, seq, min(length, -distance))
        if length + fin <= -distance:
            return
        seq, data, length = half.next, data[-distance:], length + distance
        distance = 0
    conn = half.conn
    if distance == 0 and not _acks_unseen(half, ack):
        streams.deliver(half, now, data, length, fin)
        if conn.held_until != NEVER:
            drain(conn, now)
        return
    if conn.held_until == NEVER:
        half.acked = half.peer.acked = -1
    half.held.append(Held(seq, ack, data, length, fin, conn.heard))
    conn.held_octets += len(data) + SEGMENT
    conn.held_until = min(conn.held_until, conn.heard + _hold(half, seq))
    conn.attend()
    if conn.held_octets > MAX_HELD or len(half.held) > MAX_HELD_SEGMENTS:
        release(conn, now)


def acknowledged(half: Half, ack: int) -> None:
    """The receiver of `half` has all up to `ack`: what we still miss of that is either just late or lost to the
    capture. What it asks for is missing to it, too."""
    if half.next < 0 or streams.is_far(half, ack) or (half.acked >= 0 and ahead(ack, half.acked) <= 0):
        return
    if not _is_lost(half) and ahead(ack, half.next) > 0:
        half.lost_at = half.conn.heard + HOLD_LOST
    half.acked = ack
    _wait(half.conn)


def _is_lost(half: Half) -> bool:
    """Whether the receiver has acknowledged octets that we miss."""
    return half.acked >= 0 and ahead(half.acked, half.next) > 0


def _acks_unseen(half: Half, ack: int | None) -> bool:
    """Whether a segment answers octets of the other direction that we have not seen: then it is too early."""
    peer = half.peer
    return ack is not None and peer.seen and peer.next >= 0 and ahead(ack, peer.next) > 0 and not peer.fin


def _hold(half: Half, seq: int) -> float:
    """Seconds to hold a segment that begins at `seq`."""
    return HOLD_ASKED if half.acked == half.next != seq else HOLD


def _wait(conn: Connection) -> None:
    """Set how long what is held is held."""
    until = NEVER
    for half in (conn.client, conn.server):
        for entry in half.held:
            until = min(until, entry.since + _hold(half, entry.seq))
    if until != NEVER:
        until = min([until, *(half.lost_at for half in (conn.client, conn.server) if _is_lost(half))])
    conn.held_until = until
    conn.attend()


def drain(conn: Connection, now: float) -> None:
    """Hand on what is held and has its turn now."""
    moved = True
    while moved:
        moved = False
        for half in (conn.client, conn.server):
            for entry in half.held:
                distance = ahead(entry.seq, half.next)
                if distance > 0 or (distance == 0 and _acks_unseen(half, entry.ack)):
                    continue
                _drop(half, entry)
                if distance < 0:
                    streams.fill(half, entry.seq, min(entry.length, -distance))
                if entry.length + entry.fin > -distance:
                    data = entry.data[-distance:] if distance else entry.data
                    streams.deliver(half, now, data, entry.length + distance, entry.fin)
                moved = True
                break
    _wait(conn)


def release(conn: Connection, now: float) -> None:
    """What is held has waited enough: pass over what is missing before the oldest of it, and hand on what that
    frees."""
    oldest = min(
        (
            (entry.since, not half.from_client, half, entry)
            for half in (conn.client, conn.server)
            for entry in half.held
        ),
        default=None,
        key=lambda item: item[:2],
    )
    if oldest is None:
        _wait(conn)
        return
    half, entry = oldest[2:]
    if streams.is_far(half, entry.seq):
        _drop(half, entry)
    else:
        _make_way(half, now)
    drain(conn, now)


def _make_way(half: Half, now: float) -> None:
    """Pass over what the nearest of what is held waits for."""
    entry = _nearest(half)
    if ahead(entry.seq, half.next) > 0:
        streams.pass_over(half, entry.seq, now)
        return
    # It has its turn but for what it acknowledges.
    assert entry.ack is not None
    peer, target = half.peer, entry.ack
    if peer.held:
        target = min(target, _nearest(peer).seq, key=lambda seq: ahead(seq, peer.next))
    if ahead(target, peer.next) > 0 and not streams.is_far(peer, target):
        streams.pass_over(peer, target, now)
    else:  # each waits for the other, so that no order is right, or what it acknowledges is beyond belief
        half.held[half.held.index(entry)] = entry._replace(ack=None)


def _nearest(half: Half) -> Held:
    return min(half.held, key=lambda entry: ahead(entry.seq, half.next))


def _drop(half: Half, entry: Held) -> None:
    half.held.remove(entry)
    half.conn.held_octets -= len(entry.data) + SEGMENT


def release_all(conn: Connection, now: float) -> None:
    """Nothing more will come: hand on all that is held."""
    while conn.client.held or conn.server.held:
        release(conn, now)


def set_back(conn: Connection, seconds: float) -> None:
    """The clock was set back by that much: what is held waits on from there."""
    for half in (conn.client, conn.server):
        half.held = [entry._replace(since=entry.since - seconds) for entry in half.held]
        half.lost_at -= seconds
    _wait(conn)
