"""The rows of sources and groups: their order, and how they stand still."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.picture import Picture
from tests.screens import burst, scenes
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW, Dialogue
from widgets.source_view import FROZEN_BESIDE, HOLD, KINDS, SourceView, offenders, still
from widgets.table_layout import shown


def view(picture: Picture, dimension: Dimension = Dimension.ADDRESS, now: float = NOW) -> SourceView:
    made = SourceView(picture.activity)
    if dimension is not Dimension.ADDRESS:
        made.group_by(dimension)
    made.settle(now)
    return made


def keys(made: SourceView) -> list[str]:
    return [party.key for party in made.window(0, len(made))]


def said(made: SourceView) -> list[list[str]]:
    """All cells of all rows."""
    return [[shown(column, party, NOW) for column in made.columns] for party in made.window(0, len(made))]


def some(*counts: tuple[str, int]) -> Picture:
    """Sources that were refused so often, a second ago."""
    picture = Picture(burst.place)
    for number, (source, n) in enumerate(counts):
        dialogue = Dialogue(number, source, NOW - 1, step=0.0).greeting().hello("a")
        for _ in range(n):
            dialogue.mail("x@example.com", "y@example.org", refused=True)
        picture.apply(dialogue.events)
    return picture


def test_those_first_that_did_most_of_late() -> None:
    picture = some(("203.0.113.1", 2), ("203.0.113.2", 9), ("203.0.113.3", 5))
    long_ago = [ev.RecipientDecided(NOW - 900, *common, "y@example.org", 550, None, "no") for common in [
        (scenes.SENSOR, scenes.HOST, 3, "203.0.113.4")]]  # fmt: skip
    before = Dialogue(3, "203.0.113.4", NOW - 901).greeting()
    picture.apply([*before.events, *long_ago * 50])
    assert keys(view(picture)) == ["203.0.113.2", "203.0.113.3", "203.0.113.1", "203.0.113.4"]


def test_an_order_stands_for_a_while() -> None:
    picture = some(("203.0.113.1", 2), ("203.0.113.2", 9))
    made = view(picture)
    picture.apply(Dialogue(7, "203.0.113.9", NOW).mail("x", *["y"] * 20, refused=True).events)
    made.settle(NOW + HOLD - 0.1)
    assert keys(made) == ["203.0.113.2", "203.0.113.1"] and made.total == len(made) == 2
    made.settle(NOW + HOLD)
    assert keys(made) == ["203.0.113.9", "203.0.113.2", "203.0.113.1"] and made.total == 3
    made.settle(NOW - 100)
    assert keys(made)[0] == "203.0.113.9", "a clock set back is no reason to stand for long"


def test_so_does_the_order_by_a_column() -> None:
    picture = some(("203.0.113.1", 2), ("203.0.113.2", 9))
    made = view(picture)
    refused = next(place for place, column in enumerate(made.columns) if column.title == "ref")
    made.sorted_by = refused
    made.settle(NOW)
    assert keys(made) == ["203.0.113.2", "203.0.113.1"]
    picture.apply(Dialogue(7, "203.0.113.9", NOW).mail("x", *["y"] * 20, refused=True).events)
    made.settle(NOW + 1)
    assert keys(made) == ["203.0.113.2", "203.0.113.1"] and made.now == NOW + 1
    made.reverse = True
    made.settle(NOW + 1)
    assert keys(made)[:2] == ["203.0.113.1", "203.0.113.2"], "what is asked for is there at once"
    made.filter("src:203.0.113.2")
    made.settle(NOW + 2)
    assert keys(made) == ["203.0.113.2"]
    made.filter("")
    made.reverse = False
    made.settle(NOW + HOLD)
    assert keys(made) == ["203.0.113.9", "203.0.113.2", "203.0.113.1"]


def test_what_had_to_give_way_is_gone_at_once() -> None:
    picture = some(("203.0.113.1", 2), ("203.0.113.2", 9))
    made = view(picture)
    made.window(0, 1)[0].held = False
    picture.activity.sources._held.pop("203.0.113.2")
    made.settle(NOW + 0.1)
    assert keys(made) == ["203.0.113.1"]
    assert made.get(("address", "203.0.113.2")) is None


def test_the_newest_last_when_turned_round() -> None:
    made = view(some(("203.0.113.1", 2), ("203.0.113.2", 9)))
    made.reverse = True
    made.settle(NOW)
    assert keys(made) == ["203.0.113.1", "203.0.113.2"]


@pytest.mark.parametrize("dimension", Dimension)
def test_a_frozen_view_stands_still_whatever_it_is_grouped_by(dimension: Dimension) -> None:
    picture = burst.picture()
    made = view(picture)
    before = {}
    for each in Dimension:
        made.group_by(each)
        made.settle(NOW)
        before[each] = sorted(said(made))
    made.group_by(dimension)
    made.settle(NOW)
    made.freeze(0)
    again = Dialogue(5_000, "203.0.113.7", NOW).greeting().hello("other").mail("new@example.com", "z@a.example")
    again.accepted("new@example.com", 1).tls()
    picture.apply([*again.events, *Dialogue(5_001, "203.0.113.200", NOW).greeting().events])
    for each in (*Dimension, dimension):
        made.group_by(each)
        made.settle(NOW + 60)
        made.now = NOW
        assert sorted(said(made)) == before[each], [column.title for column in made.columns]
    made.thaw()
    made.group_by(Dimension.ADDRESS)
    made.settle(NOW + 60)
    assert "203.0.113.200" in keys(made)


def test_of_what_is_not_in_sight_only_the_first_rows_are_frozen() -> None:
    picture = Picture()
    picture.apply(scenes.many(FROZEN_BESIDE + 50))
    made = view(picture, Dimension.COUNTRY)
    made.freeze(0)
    made.group_by(Dimension.ADDRESS)
    made.settle(NOW)
    assert len(made) == made.total == FROZEN_BESIDE


def test_a_copy_is_left_alone_by_all_that_comes() -> None:
    picture = burst.picture()
    party = picture.activity.sources.get("203.0.113.7")
    network = picture.activity.groups[Dimension.NETWORK].get("203.0.113.0/24")
    assert party is not None and party.facts is not None and network is not None and network.members is not None
    twin, group = still(party), still(network)
    assert twin.facts is not None and group.members is not None
    known = {kind: few and (few.most(), few.total) for kind in KINDS for few in [getattr(party.facts, kind)]}
    assert {kind: few and (few.most(), few.total) for kind in KINDS for few in [getattr(twin.facts, kind)]} == known
    members, series = len(group.members), twin.history.buckets(NOW, 0, Outcome.REFUSED)
    for kind in KINDS:
        party.facts.note(kind, "new")
    party.count(Outcome.REFUSED, NOW - 2, 40)
    network.members.add("203.0.113.250")
    assert {kind: few and (few.most(), few.total) for kind in KINDS for few in [getattr(twin.facts, kind)]} == known
    assert twin.history.buckets(NOW, 0, Outcome.REFUSED) == series
    assert len(group.members) == members == len(network.members) - 1


@pytest.mark.parametrize("dimension", Dimension)
def test_sort_by_every_column_both_ways(dimension: Dimension) -> None:
    made = view(burst.picture(), dimension)
    every = set(keys(made))
    for place, column in enumerate(made.columns):
        made.sorted_by = place
        for made.reverse in (False, True):
            made.settle(NOW)
            listed = made.window(0, len(made))
            assert {party.key for party in listed} == every
            sorted_keys = [column.key(party, NOW) for party in listed]
            assert sorted_keys == sorted(sorted_keys, reverse=column.descending is not made.reverse), column.title


def test_grouping_ends_a_sort_and_keeps_the_filter() -> None:
    made = view(burst.picture())
    made.filter("mark:x")
    made.sorted_by, made.reverse = 3, True
    made.group_by(Dimension.COUNTRY)
    made.settle(NOW)
    assert [made.sorted_by, made.reverse, made.query.text] == [None, False, "mark:x"]
    assert sorted(keys(made)) == ["RO", "VN"]
    made.group_by(Dimension.ADDRESS)
    made.settle(NOW)
    assert all(key.startswith(("203.", "198.51.")) for key in keys(made)) and len(made) > 10


def test_words_are_sought_in_the_columns_of_what_it_is_grouped_by() -> None:
    made = view(burst.picture())
    made.filter("bigmail")
    made.settle(NOW)
    assert burst.GOOD in keys(made)
    made.group_by(Dimension.ASN)
    made.settle(NOW)
    assert keys(made) == ["AS64510"]
    made.group_by(Dimension.SENDER_DOMAIN)
    made.settle(NOW)
    assert keys(made) == ["bigmail.example"]


@pytest.mark.parametrize("dimension", Dimension)
def test_a_cell_as_a_term_finds_its_row(dimension: Dimension) -> None:
    made = view(burst.picture(), dimension)
    rows: list[Party] = made.window(0, len(made))
    terms = {column.title: {party.key: made.term(column, party) for party in rows} for column in made.columns}
    name = made.columns[2].title
    assert all(terms[name].values()), "each row's name can be a term"
    for title, written in terms.items():
        for key, text in written.items():
            if text:
                made.filter(text)
                made.settle(NOW)
                found = keys(made)
                assert key in found, (title, text)
                assert title != name or found == [key], (title, text)
                made.filter(f"!{text}")
                made.settle(NOW)
                assert key not in keys(made), (title, text)
    made.filter("")


def test_the_smallest_prefix_that_holds_the_offenders() -> None:
    picture = some(("203.0.113.1", 5), ("203.0.113.6", 5), ("203.0.113.80", 0), ("192.0.2.1", 0), ("2001:db8::1", 4))
    assert offenders(picture.activity) == {
        "203.0.113.0/24": "203.0.113.0/29 2/3",
        "2001:db8::/64": "2001:db8::1/128 1/1",
    }
    made = view(picture, Dimension.NETWORK)
    column = next(each for each in made.columns if each.title == "offenders in")
    assert {party.key: shown(column, party, NOW) for party in made.window(0, 9)} == {
        "203.0.113.0/24": "203.0.113.0/29 2/3", "192.0.2.0/24": "", "2001:db8::/64": "2001:db8::1/128 1/1",
    }  # fmt: skip


async def test_with_a_database_there_is_a_column_of_countries() -> None:
    picture = burst.picture()
    made = SourceView(picture.activity, burst.lookups())
    assert "no geo db" in [column.title for column in made.columns], "no file is opened before it is looked at"
    made.settle(NOW)
    titles = [column.title for column in made.columns]
    assert titles[3:5] == ["cc", "network"] and titles[-1] == "name"
    made.group_by(Dimension.ASN)
    made.group_by(Dimension.ADDRESS)
    assert [column.title for column in made.columns] == titles
