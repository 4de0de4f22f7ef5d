"""The table of sources in the app: every key of its own, and the way into a group and back."""

import pytest

from smtpwatch.state.party import Dimension
from tests.screens import burst
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets.source_table import SourceTable

DIMENSIONS = list(Dimension)


def table(shown: burst.Shown) -> SourceTable:
    found = shown.app.table
    assert isinstance(found, SourceTable)
    return found


def cursor(shown: burst.Shown) -> str:
    under = table(shown).cursor
    assert under is not None
    return under.key


async def test_g_goes_round_the_groups_and_shift_g_back() -> None:
    async with burst.screen(pane="sources") as shown:
        titles = []
        for _ in DIMENSIONS:
            await shown.press("g")
            assert table(shown).view.dimension in DIMENSIONS and table(shown).following
            titles.append(table(shown).lines[0].split(" sources")[0].split("offenders")[0].strip())
            shown.check()
        assert [each.split("  ")[0] for each in titles[:-1]] == [each.value for each in DIMENSIONS[1:]]
        assert table(shown).view.dimension is Dimension.ADDRESS
        for expected in reversed(DIMENSIONS):
            await shown.press("G")
            assert table(shown).view.dimension is expected


async def test_into_a_group_into_a_source_and_back_step_by_step() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("slash", *"mark:x", "enter", "g", "s", "s", "s", "S", "down")
        groups, sorted_by, opened = shown.rows, table(shown).view.sorted_by, cursor(shown)
        assert len(groups) == 2 and sorted_by is not None and table(shown).view.reverse
        await shown.press("enter")
        assert shown.app.foot.text == f"src:{opened}" and table(shown).following
        members = shown.rows
        assert len(members) >= 3 and all(member.startswith(opened[:8]) for member in members)
        await shown.press("down", "enter")
        assert shown.lines[1].split()[0] == members[1]
        await shown.press("escape")
        assert shown.rows == members and cursor(shown) == members[1]
        await shown.press("escape")
        assert (shown.rows, shown.app.foot.text, cursor(shown)) == (groups, "mark:x", opened)
        assert (table(shown).view.sorted_by, table(shown).view.reverse) == (sorted_by, True)
        await shown.press("escape")
        assert shown.app.foot.text == "" and len(shown.rows) > 2 and table(shown).view.dimension is Dimension.NETWORK


@pytest.mark.parametrize("keys", [("g",), ("G",)])
async def test_another_grouping_ends_the_way_back(keys: tuple[str, ...]) -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("g", "enter", *keys, "escape")
        assert shown.app.foot.text == ""
        before = table(shown).view.dimension
        await shown.press("escape")
        assert table(shown).view.dimension is before


async def test_the_group_that_was_opened_is_found_where_it_is_now() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("g", "down", "down")
        opened = cursor(shown)
        await shown.press("enter")
        more = [event for at in range(30) for event in burst.good(9_000 + at, NOW + 10).events]
        await shown.arrive(*more)
        await shown.press("escape")
        assert cursor(shown) == opened


async def test_members_of_a_frozen_group() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("g", "space")
        before = shown.rows
        await shown.press("enter")
        assert "203.0.113.7" in shown.rows
        await shown.press("escape")
        assert shown.rows == before and table(shown).view.frozen
        await shown.press("escape")
        assert not table(shown).view.frozen


async def test_o_leads_to_the_sessions_of_a_source_or_group() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("o")
        assert shown.app.pane.id == "sessions" and shown.app.foot.text == "src:203.0.113.7"
        view = shown.app.table.view
        assert len(view) == 21 and {row.source for row in view.window(0, 99)} == {"203.0.113.7"}
        await shown.press("escape", "2", *["g"] * 5, "o")
        assert shown.app.pane.id == "sessions" and shown.app.foot.text.startswith("helo:")
        assert len(shown.app.table.view) > 10


async def test_a_cell_becomes_a_term_or_is_left_out() -> None:
    async with burst.screen(pane="sources", size=(120, 40)) as shown:
        await shown.press("right", "=")
        assert shown.app.foot.text == "mark:x" and table(shown).column == ""
        await shown.press("right", "right", "!")
        assert shown.app.foot.text == "mark:x !src:203.0.113.7" and "203.0.113.7" not in shown.rows
        await shown.press("=")
        terms = shown.app.foot.text.split()
        assert terms[:2] == ["mark:x", "!src:203.0.113.7"] and shown.rows == [terms[2].removeprefix("src:")]
        await shown.press("escape", *["g"] * 3, "right", "right", "right", "=")
        assert shown.app.foot.text == "cc:RO" and shown.rows == ["RO"]
        await shown.press("2", "g", "G")
        assert shown.rows == ["RO"], "and it stays while the table is the same"


async def test_y_copies_all_of_the_row() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("y")
        assert shown.app.clipboard.startswith("x 6s 203.0.113.7 RO EXAMPLE-HOST AS64500 0.8 ")
        assert "relay denied" in shown.app.clipboard and "host7.example.net" in shown.app.clipboard
        assert "copied" in shown.foot


async def test_s_sorts_and_shift_s_reverses() -> None:
    async with burst.screen(pane="sources", size=(120, 40)) as shown:
        await shown.press("right", "right", "right", "s")
        assert "source▲" in table(shown).lines[0] and shown.rows == sorted(shown.rows)
        await shown.press("S")
        assert "source▼" in table(shown).lines[0] and shown.rows == sorted(shown.rows, reverse=True)
        await shown.press("s")
        assert "source " in table(shown).lines[0] and table(shown).view.sorted_by is None


async def test_c_hides_a_column_and_shift_c_shows_all() -> None:
    async with burst.screen(pane="sources", size=(120, 40)) as shown:
        before = table(shown).lines[0]
        await shown.press("right", "right", "right", "right", "c")
        assert " cc " not in table(shown).lines[0] and "network" in table(shown).lines[0]
        await shown.press("C", "left", "left", "left", "left", "left")
        assert table(shown).lines[0] == before
