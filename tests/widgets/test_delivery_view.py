"""Destinations in order, grouped, filtered, sorted and frozen, without an app."""

import pytest

from smtpwatch.state.deliveries import Deliveries
from tests.state.outbound import START, delivery
from tests.widgets.test_delivery_columns import NOW, evening
from widgets.delivery_columns import COLUMNS
from widgets.delivery_view import FROZEN_BESIDE, DeliveryView

DOMAINS = [
    "slow.example", "far.example", "none.example", "old.example", "shut.example", "weak.example", "untried.example",
]  # fmt: skip
HOPS = ["far", "slow", "old", "shut", "weak"]
REASONS = ["timed out", "TLS failure", "no such host", "rate limited", "unknown user"]


def view() -> tuple[Deliveries, DeliveryView]:
    deliveries = evening()
    return deliveries, DeliveryView(deliveries)


def shown(rows: DeliveryView) -> list[str]:
    rows.settle(NOW)
    names = [each.name for each in rows.window(0, len(rows))]
    return [name.split(".")[1] for name in names] if rows.kind == "hop" else names


def test_the_busiest_come_first_and_groups_go_round() -> None:
    _, rows = view()
    assert shown(rows) == DOMAINS
    rows.reverse = True
    assert shown(rows) == DOMAINS[::-1]
    rows.reverse = False
    rows.group()
    assert (rows.kind, shown(rows)) == ("hop", HOPS)
    rows.group()
    assert (rows.kind, shown(rows)) == ("reason", REASONS)
    rows.group()
    assert (rows.kind, shown(rows)) == ("domain", DOMAINS)
    assert rows.get(("domain", "slow.example")) is rows.window(0, 1)[0]


@pytest.mark.parametrize(
    ("typed", "domains", "hops"),
    [
        ("far", ["far.example"], ["far"]),
        ("domain:slow.example", ["slow.example"], ["slow"]),
        ("relay:mx.old.example", ["old.example"], ["old"]),
        ("reason:timed", ["slow.example"], ["slow"]),
        ("reason:rate", ["shut.example"], ["shut"]),
        ("status:sent", ["far.example", "old.example"], ["far", "old"]),
        ("mark:x", ["slow.example", "none.example", "shut.example", "weak.example"], ["slow", "shut", "weak"]),
        ("nothing like it", [], []),
    ],
)
def test_filter(typed: str, domains: list[str], hops: list[str]) -> None:
    _, rows = view()
    rows.filter(typed)
    assert shown(rows) == domains
    rows.group()
    assert shown(rows) == hops, "the filter goes along"
    rows.filter("")
    assert shown(rows) == HOPS


@pytest.mark.parametrize("place", range(len(COLUMNS["domain"])))
def test_every_column_sorts(place: int) -> None:
    _, rows = view()
    rows.sorted_by = place
    assert sorted(shown(rows)) == sorted(DOMAINS)
    column = COLUMNS["domain"][place]
    keys = [column.key(each, NOW) for each in rows.window(0, 99)]
    assert keys == sorted(keys, reverse=column.descending)


def test_a_frozen_view_stands_still_however_it_is_grouped() -> None:
    deliveries, rows = view()
    rows.settle(NOW)
    rows.freeze(0)
    for at in range(50):
        deliveries.apply(delivery("a@new.example", time=START + at, relay="mx.new.example"))
        deliveries.apply(delivery("a@old.example", "deferred", "451 later", START + at, "mx.old.example", code=451))
    for names in (DOMAINS, HOPS, REASONS, DOMAINS):
        assert shown(rows) == names
        rows.group()
    rows.thaw()
    rows.group()
    rows.group()
    assert (rows.kind, shown(rows)[:2]) == ("domain", ["old.example", "new.example"])


def test_a_frozen_view_keeps_the_busiest_of_many_beside() -> None:
    deliveries, rows = view()
    for at in range(2 * FROZEN_BESIDE):
        deliveries.apply(delivery(relay=f"mx.{at}.example"))
    rows.settle(NOW)
    rows.freeze(0)
    rows.group()
    assert len(shown(rows)) == FROZEN_BESIDE and shown(rows)[0] == "far"
