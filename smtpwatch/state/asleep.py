"""Sessions that wait, as a few octets each: a hundred thousand connections that clients merely hold open are an attack
on memory, and each takes 2.5 kB as an object.

Asleep, a session is its transcript, a few figures, and the names of those whose doings it counts among: folding the
transcript again wakes it as it was. What does not show in a transcript (recipients, what a log tells) keeps a session
awake, and so does whoever holds the object itself (Session.wakeful)."""

from __future__ import annotations

from math import isnan, nan
from struct import Struct
from typing import Any

import msgspec

from smtpwatch.events import Greeting, Reply
from smtpwatch.state import transcript
from smtpwatch.state.activity import Activity
from smtpwatch.state.glance import Glance
from smtpwatch.state.networks import network_of
from smtpwatch.state.party import Dimension, Party
from smtpwatch.state.session import Session

TEXTS = 1_000  # that are told apart; a server says the same to all its clients, but for a name here and there
LONG = 8  # characters of a text that is worth a number

_DIMENSIONS = tuple(Dimension)
_TOTAL = len(_DIMENSIONS)
"""Stands for the totals, which are of no dimension."""
_SAYING = tuple(transcript.KINDS.index(kind) for kind in (Greeting, Reply))
"""What ends with the words of a server, among the kinds of a transcript."""
_FIGURES = Struct("=dQQdd??")
"""End, octets of client and server, start, when it was greeted; whether it is over, and has spoken."""
_COME = Struct("=dQQ")
"""The first of them."""
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


class Packer:
    """Packs sessions, and unpacks what it has packed. `activity` has those whose doings they count among."""

    def __init__(self, activity: Activity | None) -> None:
        self._activity = activity
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        """Texts by number: the first that came twice."""
        self._once: set[str] = set()
        """Some that came once of late: a server may call each client by its name."""

    def pack(self, session: Session) -> bytes | None:
        """All that is to be known of it beside its key; None if it cannot sleep."""
        if session.wakeful or session.shared or session.transactions or session.visits:
            return None
        if session.direction == "outbound":  # which are few, and looked for among those that are awake
            return None
        items = transcript.items(*session.packed)
        for item in items:
            if item[0] in _SAYING:
                item[-1] = self._short(item[-1])
        told = session.told if any(session.told) else None
        greeted = nan if session.greeted is None else session.greeted
        octets = (session.octets_client, session.octets_server)
        figures = _FIGURES.pack(session.end, *octets, session.start, greeted, session.over, session.spoken)
        return figures + _pack((session.client, self._short(session.host), items, told, _parties(session)))

    def unpack(self, key: tuple[str, int], packed: bytes) -> Session:
        """The session of a record, as it was."""
        end, *octets, start, _, _, _ = _FIGURES.unpack_from(packed)
        client, host, items, told, parties = _unpack(memoryview(packed)[_FIGURES.size :])
        for item in items:
            if item[0] in _SAYING:
                item[-1] = self._long(item[-1])
        session = Session(key, client, end)
        session.recall(items, self._long(host))
        session.start, session.end = start, end
        session.octets_client, session.octets_server = octets
        if told is not None:
            session.told = told
        if self._activity is not None:
            session.parties = [_party(self._activity, session, *each) for each in parties]
        return session

    def _short(self, text: str) -> str | int:
        number = self._numbers.get(text)
        if number is not None:
            return number
        if len(text) < LONG or len(self._texts) >= TEXTS:
            return text
        if text not in self._once:
            if len(self._once) == TEXTS:
                self._once.clear()
            self._once.add(text)
            return text
        self._once.remove(text)
        self._texts.append(text)
        return self._numbers.setdefault(text, len(self._numbers))

    def _long(self, said: str | int) -> str:
        return said if isinstance(said, str) else self._texts[said]


def glance(key: tuple[str, int], packed: bytes) -> Glance:
    """The times of a record."""
    end, _, _, start, greeted, over, spoken = _FIGURES.unpack_from(packed)
    return Glance(key, start, end, None if isnan(greeted) else greeted, over, spoken)


def is_of(packed: bytes, source: str) -> bool:
    """Whether it may be a session of that source: its name is in the record."""
    return _pack(source) in packed


def progressed(packed: bytes, time: float, octets_client: int, octets_server: int) -> bytes:
    """The record of a session that has only come further."""
    return _COME.pack(time, octets_client, octets_server) + packed[_COME.size :]


def _parties(session: Session) -> list[tuple[int, str | None, int]]:
    """Dimension, key (None: as given) and serial number of each of its parties; 0 for one that had to give way."""
    return [
        (
            _TOTAL if party.dimension is None else _DIMENSIONS.index(party.dimension),
            None if party.key == _given(session, party.dimension) else party.key,
            party.serial if party.held else 0,
        )
        for party in session.parties
    ]


def _given(session: Session, dimension: Dimension | None) -> str | None:
    """What a group of a session is called, as far as that shows without a look at the group."""
    if dimension is Dimension.ADDRESS:
        return session.source
    if dimension is Dimension.NETWORK:
        return network_of(session.source)
    return session.direction if dimension is None else None


def _party(activity: Activity, session: Session, number: int, name: str | None, serial: int) -> Party:
    dimension = None if number == _TOTAL else _DIMENSIONS[number]
    key: Any = _given(session, dimension) if name is None else name
    if dimension is None:
        return activity.totals[key]
    held = activity.groups[dimension].get(key)
    if held is not None and held.serial == serial:
        return held
    gone = Party(dimension, key)  # another may be followed under its name by now
    gone.gone()
    return gone
