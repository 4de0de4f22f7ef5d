"""The TLS peers table: columns, order, filter and freeze, without an app."""

from itertools import pairwise

import pytest

from smtpwatch import events as ev
from smtpwatch.state.tls import Tls
from smtpwatch.state.tls_peers import Peer
from tests.screens import tls as scene
from tests.screens.scenes import NOW, Dialogue
from tests.screens.tls import fold
from widgets import ink
from widgets.peer_columns import COLUMNS
from widgets.peer_table import row
from widgets.peer_view import PeerView
from widgets.table_layout import GAP, Placed, layout, shown

WEAKEST_FIRST = [
    "198.51.100.23", "203.0.113.7", "203.0.113.8", "203.0.113.99", "198.51.100.42", "198.51.100.41", "198.51.100.40",
    "203.0.113.98", "192.0.2.17",
]  # fmt: skip


def view(events: list[ev.Event] | None = None) -> tuple[Tls, PeerView]:
    tls = fold(scene.afternoon() if events is None else events)
    return tls, PeerView(tls)


def sources(rows: PeerView) -> list[str]:
    rows.settle(NOW)
    return [peer.source for peer in rows.window(0, len(rows))]


def told(peer: Peer) -> dict[str, str]:
    return {column.title: text for column in COLUMNS if (text := shown(column, peer, NOW)).strip()}


def placed(width: int) -> tuple[Placed[Peer], ...]:
    return layout(width, COLUMNS)


def test_the_weakest_come_first() -> None:
    _, rows = view()
    assert sources(rows)[:9] == WEAKEST_FIRST and rows.total == 30
    ordered = sources(rows)
    rows.reverse = True
    assert sources(rows) == ordered[::-1]


def test_what_a_row_says() -> None:
    _, rows = view()
    first, mail, _, failed, server, *_, old, modern = rows.window(0, 9)
    assert told(first) == {
        "": "x", "last": "1m", "sess": "1", "peer": "198.51.100.23", "dir": "sub", "TLS": "none", "by": "W ",
        "why": "AUTH without TLS 1x",
    }  # fmt: skip
    assert told(mail) == {
        "": "!", "last": "46s", "sess": "1", "mail": "3", "peer": "203.0.113.7", "dir": "in", "TLS": "none", "by": "W ",
    }  # fmt: skip
    assert told(failed) == {
        "": "x", "last": "29s", "sess": "1", "peer": "203.0.113.99", "dir": "in", "fail": "1", "by": "W ",
        "why": "failed: no common version: client offers TLSv1.0, server refuses",
    }  # fmt: skip
    assert told(server)["peer"] == "→198.51.100.42" and server.source == "198.51.100.42"
    assert told(old) == {
        "last": "19s", "sess": "1", "peer": "203.0.113.98", "dir": "in", "TLS": "1.0", "cipher": "RSA_AES_128_CBC_SHA",
        "by": "W ", "why": "TLS 1.0",
    }  # fmt: skip
    assert told(modern) == {
        "last": "24s", "sess": "1", "peer": "192.0.2.17", "dir": "sub", "TLS": "1.3", "cipher": "AES_256_GCM_SHA384",
        "group": "x25519", "by": "W ",
    }  # fmt: skip


def test_weakest_and_best() -> None:
    events = [*Dialogue(1, "203.0.113.7", NOW).closed().events, *Dialogue(2, "203.0.113.7", NOW).tls().closed().events]
    _, rows = view(events)
    (peer,) = rows.window(0, 9)
    assert told(peer)["TLS"] == "none-1.3"


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        ("203.0.113.7", ["203.0.113.7"]),
        ("src:203.0.113.96/28", ["203.0.113.99", "203.0.113.98"]),
        ("dst:198.51.100.41", ["198.51.100.41"]),
        ("dir:outbound", ["198.51.100.42", "198.51.100.41", "198.51.100.40"]),
        ("tls:1.0", ["203.0.113.98"]),
        ("tls:failed", ["203.0.113.99"]),
        ("tls:none accepted:>1", ["203.0.113.7"]),
        ("mark:x", ["198.51.100.23", "203.0.113.99"]),
        ("group:x25519 dir:submission", ["192.0.2.17"]),
        ("nothing like it", []),
    ],
)
def test_filter(typed: str, passed: list[str]) -> None:
    _, rows = view()
    rows.filter(typed)
    assert sources(rows) == passed


def test_a_cell_becomes_a_term() -> None:
    _, rows = view()
    rows.settle(NOW)
    terms = {column.title: rows.term(column, rows.window(8, 9)[0]) for column in COLUMNS}
    assert (terms["peer"], terms["dir"], terms["TLS"]) == ("src:192.0.2.17", "dir:submission", "tls:1.3")
    assert (terms["cipher"], terms["group"]) == ("cipher:TLS_AES_256_GCM_SHA384", "group:x25519")


@pytest.mark.parametrize("place", range(len(COLUMNS)))
def test_every_column_sorts(place: int) -> None:
    _, rows = view()
    rows.sorted_by = place
    assert sorted(sources(rows)) == sorted(peer.source for peer in rows.window(0, 99))
    column = COLUMNS[place]
    for rows.reverse in (False, True):
        rows.settle(NOW)
        keys = [column.key(peer, NOW) for peer in rows.window(0, 99)]
        assert keys == sorted(keys, reverse=column.descending is not rows.reverse)


def test_trouble_is_what_the_marks_sort_by() -> None:
    _, rows = view()
    ordered = sources(rows)
    rows.sorted_by = 0
    assert sources(rows)[:4] == ordered[:4]


def test_default_order_makes_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    _, rows = view()

    def forbidden(self: PeerView) -> None:
        raise AssertionError("went through all peers")

    monkeypatch.setattr(PeerView, "_all", forbidden)
    rows.settle(NOW)
    assert [peer.source for peer in rows.window(2, 5)] == WEAKEST_FIRST[2:5]


def test_frozen_rows_stand_still() -> None:
    tls, rows = view()
    before = sources(rows)
    rows.freeze(around=0)
    peer, _ = tls.peers.take("inbound", "203.0.113.7", NOW)
    tls.losses.carried(peer, 0, 5)
    tls.peers.put(peer)
    frozen, live = rows.get(("inbound", "203.0.113.7")), tls.peers.get(("inbound", "203.0.113.7"))
    assert frozen is not None and live is peer
    assert (frozen.messages, frozen.below, live.messages) == (3, [0, 3, 3, 3], 8)
    assert sources(rows) == before
    rows.thaw()
    assert rows.get(("inbound", "203.0.113.7")) is live


@pytest.mark.parametrize("width", range(45, 260, 7))
def test_layout_fills_the_width_and_overlaps_nothing(width: int) -> None:
    columns = placed(width)
    for left, right in pairwise(columns):
        assert left.start + left.cells + GAP == right.start
    assert columns[-1].start + columns[-1].cells == width
    _, rows = view()
    assert {row(peer, columns, NOW).cell_length for peer in rows.window(0, 99)} == {width}


def test_columns_come_by_priority() -> None:
    titles = [[each.column.title for each in placed(width)] for width in (80, 120, 200)]
    assert titles[0] == ["", "last", "sess", "mail", "peer", "dir", "TLS", "fail", "why"]
    assert titles[1] == titles[2] == [column.title for column in COLUMNS]


def test_colour_only_beside_a_mark() -> None:
    _, rows = view()
    for peer in rows.window(0, 99):
        styles = {segment.style for segment in row(peer, placed(120), NOW)}
        mark = told(peer).get("", " ")
        assert styles == {"x": {None, ink.BAD}, "!": {None, ink.WARN}, " ": {None}}[mark]
        assert {segment.style for segment in row(peer, placed(120), NOW, cursor=True)} == {ink.CURSOR}
