"""Handshakes cut and fragmented in every way, and octets that are no handshake at all."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.wire.tls import HELLO_OCTETS, Handshake
from collectors.wire.tls_records import Direction
from tests.collectors.wire.handshakes import (
    KINDS,
    Flight,
    alert,
    chopped,
    client_hello,
    kinds,
    message,
    record,
    told,
    u16s,
    vector,
)


def refragmented(octets: bytes, size: int) -> bytes:
    """The same handshake messages in records of `size` octets, as long as they are in clear."""
    out, at = b"", 0
    while at < len(octets) and octets[at] in (21, 22):
        end = at + 5 + int.from_bytes(octets[at + 3 : at + 5], "big")
        body = octets[at + 5 : end]
        step = size if octets[at] == 22 else len(body)
        for start in range(0, len(body), step):
            out += record(octets[at], body[start : start + step])
        at = end
    return out + octets[at:]


@pytest.mark.parametrize("kind", KINDS)
class TestSegments:
    def test_octet_by_octet(self, recorded: dict[str, list[Flight]], kind: str) -> None:
        assert told(chopped(recorded[kind], 1)) == told(recorded[kind])

    @settings(max_examples=25, deadline=None)
    @given(data=st.data())
    def test_cut_anywhere(self, recorded: dict[str, list[Flight]], kind: str, data: st.DataObject) -> None:
        flights = recorded[kind]
        cut: list[Flight] = []
        for peer, sent in flights:
            places = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
            cut += [(peer, sent[at:to]) for at, to in pairwise([0, *places, len(sent)])]
        assert told(cut) == told(flights)

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 300])
    def test_fragmented_records(self, recorded: dict[str, list[Flight]], kind: str, size: int) -> None:
        flights = recorded[kind]
        small: list[Flight] = []
        encrypted = {"client": False, "server": False}
        for peer, sent in flights:
            small.append((peer, sent if encrypted[peer] else refragmented(sent, size)))
            encrypted[peer] = encrypted[peer] or b"\x14\x03\x03\x00\x01\x01" in sent
        assert told(small) == told(flights)
        assert told(chopped(small, 7)) == told(flights)


class TestRubbish:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(["client", "server"]), st.binary(max_size=80)), max_size=8))
    def test_any_octets(self, flights: list[Flight]) -> None:
        told(flights)

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from([1, 2]), st.binary(max_size=120), st.binary(max_size=120))
    def test_any_hello_body(self, kind: int, start: bytes, rest: bytes) -> None:
        good = client_hello([0x2F, 0x1301], [(10, vector(2, u16s([29]))), (16, b"\0\0")])[9:]
        opening: list[Flight] = [("client", client_hello([0x2F], None))]
        for body in (start, good[:35] + start, good[: len(start)] + rest):
            sent = record(22, message(kind, body))
            told([("client", sent)] if kind == 1 else [*opening, ("server", sent)])

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_mutated_handshakes(self, recorded: dict[str, list[Flight]], data: st.DataObject) -> None:
        flights = recorded[data.draw(st.sampled_from(sorted(recorded)))]
        mutated: list[Flight] = []
        for peer, sent in flights:
            octets = bytearray(sent)
            for _ in range(data.draw(st.integers(0, 3))):
                at = data.draw(st.integers(0, min(len(octets) - 1, 300)))
                octets[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
            mutated.append((peer, bytes(octets)))
        heard = kinds(told(mutated))
        assert len(heard) == len(set(heard))

    @pytest.mark.parametrize(
        "endless",
        [
            record(22, b"\1\0\xff\xff" + bytes(16000)) + record(22, bytes(16000)) * 20,
            client_hello([0x2F], None) + record(22, message(11, bytes(16000))) * 20,
            record(22, b"") * 60_000,
            client_hello([0x2F], None) + alert(1, 112) * 40_000,
        ],
        ids=["hello", "certificates", "empty records", "warnings"],
    )
    def test_memory_is_bounded(self, endless: bytes) -> None:
        handshake = Handshake(False, lambda *_: None)
        most = 0
        for at in range(0, len(endless), 1000):
            handshake.client(endless[at : at + 1000])
            most = max(most, held(handshake))
        assert most <= HELLO_OCTETS + 64


def held(handshake: Handshake) -> int:
    """Octets kept back by both directions."""
    sides = [getattr(handshake, name) for name in ("_client", "_server")]
    values = [getattr(side, name) for side in sides for name in Direction.__slots__]
    return sum(len(value) for value in values if isinstance(value, bytes | bytearray))
