"""Which sessions are of a source, and from which port, whether it has one or many."""

from __future__ import annotations

import random

from smtpwatch.state.by_source import OF_ONE_PORT, BySource, Key
from smtpwatch.state.session import Session

A, B = "203.0.113.7", "2001:db8::7"


def session(number: int, source: str, port: int) -> Session:
    made = Session(("wire", number), source, 0.0)
    made.client_port = port
    return made


def test_it_is_what_plain_lists_are() -> None:
    draw = random.Random(7)
    there: dict[Key, Session] = {}
    held, every, free = BySource(there.get), list[Session](), list[Session]()
    for number in range(3_000):
        act = draw.random()
        if act < 0.5 or not every:
            made = session(number, draw.choice((A, B, f"198.51.100.{number % 250}")), draw.randrange(3))
            there[made.key] = made
            held.add(made.source, made)
            held.add(made.source, made)
            every.append(made)
            free.append(made)
        elif act < 0.7:
            taken = draw.choice(every)
            held.taken(taken.source, taken)
            free = [each for each in free if each is not taken]
        else:
            gone = draw.choice(every)
            held.forget(gone.source, gone.key)
            every.remove(gone)
            free = [each for each in free if each is not gone]
            del there[gone.key]
        for source in (A, B, "198.51.100.1", "192.0.2.1"):
            assert [*held.of(source)] == [each.key for each in every if each.source == source]
            assert [*held.free(source)] == [each.key for each in free if each.source == source]
            for port in range(3):
                found = [each.key for each in every if (each.source, each.client_port) == (source, port)]
                assert [*held.at(source, port)] == (found if len(found) < OF_ONE_PORT else [])


def test_what_a_proxy_has_named_is_found_by_both_its_ports() -> None:
    made = session(1, "192.0.2.1", 50_000)
    held = BySource({made.key: made}.get)
    held.add(made.source, made)
    made.source, made.named_port, made.via = A, 40_000, "192.0.2.1"
    held.add(made.source, made)
    assert held.at("192.0.2.1", 50_000) == held.at(A, 40_000) == (made.key,)
    assert held.at(A, 50_000) == ()
    held.forget("192.0.2.1", made.key)
    assert held.at("192.0.2.1", 50_000) == ()
    assert [*held.of(A)] == [made.key]


def test_a_name_without_a_port_has_not_the_proxys() -> None:
    made = session(1, "192.0.2.1", 50_000)
    made.source, made.via = A, "192.0.2.1"
    held = BySource({made.key: made}.get)
    held.add(made.source, made)
    assert held.at(A, 50_000) == ()
    assert [*held.of(A)] == [made.key]


def test_a_further_port_of_the_same_address_is_found() -> None:
    """XCLIENT by a filter on our own host, for a client of our own host."""
    made = session(1, A, 50_000)
    held = BySource({made.key: made}.get)
    held.add(A, made)
    made.via, made.named_port = A, 40_000
    held.add(A, made)
    held.taken(A, made)
    made.named_port = 40_001
    held.add(A, made)
    assert held.at(A, 50_000) == held.at(A, 40_000) == held.at(A, 40_001) == (made.key,)
    assert held.free(A) == {}
    held.forget(A, made.key)
    assert held.at(A, 50_000) == held.at(A, 40_000) == held.at(A, 40_001) == held.of(A) == ()
