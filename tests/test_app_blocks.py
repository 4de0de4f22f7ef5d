"""Blocking in the app: one key, its question, its undo, and never the wrong row."""

import time
from pathlib import Path

import pytest
from textual.events import Key

from smtpwatch import events as ev
from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.firewall.block import PROBATION
from smtpwatch.firewall.guard import Protected
from smtpwatch.firewall.request import Request
from tests.firewall.fakes import Scene, nets
from tests.screens import blocks, burst, mail, scenes
from tests.screens.blocks import ADMIN, RESOLVER, screen
from tests.screens.driven import Screen
from tests.screens.scenes import NOW
from widgets.block_table import BlockTable
from widgets.status_bar import Trouble

(SPAMMER,) = nets("203.0.113.7")


@pytest.fixture
def made(tmp_path: Path) -> Scene:
    return blocks.firewall(tmp_path)


async def at(shown: Screen, source: str, pane: str = "2") -> None:
    """Put the cursor on that source."""
    await shown.press(pane, "slash", "ctrl+u", *f"src:{source}", "enter", "down")
    assert shown.app.table.picked


def bar(shown: Screen) -> str:
    assert shown.app.blocks is not None
    shown_ = shown.app.blocks.bar
    return "\n".join(line.rstrip() for line in shown_.lines) if shown_.display else ""


async def test_one_key_blocks_and_another_lets_in(made: Scene) -> None:
    made.sessions.live = {SPAMMER: 3}
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        await shown.press("b")
        assert made.blocked() == ["203.0.113.7/32"]
        assert bar(shown).startswith("✓ blocked 203.0.113.7 for 1 h, 3 sessions ended, verified")
        assert "u undo" in bar(shown) and "t time" in bar(shown)
        assert shown.rows[0].startswith("■")
        (block,) = made.acts.ledger.standing(NOW)
        assert "refused (relay denied)" in block.why
        await shown.press("u")
        assert made.blocked() == [] and bar(shown).startswith("✓ let in again: 203.0.113.7")
        assert not shown.rows[0].startswith("■")


async def test_a_key_is_for_the_row_that_was_seen_whatever_is_typed_behind_it(made: Scene) -> None:
    """Over a bad link `b3` may come in one piece."""
    async with screen(made) as shown:
        await at(shown, "203.0.113.4", "3")
        await at(shown, "203.0.113.7", "2")
        for key in "b3":
            shown.app.post_message(Key(key, key))
        await shown.press("home")
        assert shown.app.pane.id == "sessions" and made.blocked() == ["203.0.113.7/32"]


@pytest.mark.parametrize("pane", ["2", "3"])
async def test_who_is_left_to_be_blocked_can_be_asked(made: Scene, pane: str) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7", pane)
        await shown.press("b", "slash", "ctrl+u", *"blocked:no", "enter")
        assert shown.rows and not any("203.0.113.7 " in row for row in shown.rows)
        await shown.press("slash", "ctrl+u", *"blocked:yes", "enter")
        assert shown.rows and all("203.0.113.7 " in row for row in shown.rows if row.strip())
        await shown.press("u")
        await shown.arrive()
        assert any("passes the filter" in row for row in shown.rows)


async def test_its_network(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        await shown.press("B")
        lines = bar(shown).splitlines()
        assert lines[0] == "Block 203.0.113.0/24 for 1 h on 25, 465, 587?"
        assert "1 source in 203.0.113.0/24 has good mail: 203.0.113.8 (1 message accepted in the last 4 h)" in lines[1]
        await shown.press("y")
        assert made.blocked() == ["203.0.113.0/24"]
        await at(shown, "203.0.113.1")
        assert shown.rows[0].startswith("■")


@pytest.mark.parametrize("pane", ["1", "2", "3"])
async def test_in_every_pane_with_sources(made: Scene, pane: str) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7", pane)
        await shown.press("b")
        assert made.blocked() == ["203.0.113.7/32"]


async def test_messages_and_log_lines_have_a_source_too(made: Scene) -> None:
    async with screen(made, mail.evening()) as shown:
        for pane in ("4", "9"):
            await shown.press(pane, "slash", "ctrl+u", *"src:*", "enter", "home", "down")
            await shown.press("b")
            assert len(made.blocked()) == 1 or "not blocked" in bar(shown) or "Block " in bar(shown), bar(shown)
            await shown.press("escape")


async def test_an_opened_source_too_and_it_says_so(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        await shown.press("enter", "b")
        assert made.blocked() == ["203.0.113.7/32"]
        shown.app.tick()
        story = "\n".join(shown.app.board.opened[-1].detail.lines)
        assert "203.0.113.7 by ada, 60 min left, verified, 0 packets dropped" in story


async def test_the_protected_are_refused(made: Scene) -> None:
    async with screen(made) as shown:
        for source, why in ((ADMIN, "the client of this SSH session"), (RESOLVER, "a DNS resolver of this host")):
            await at(shown, source)
            await shown.press("b")
            assert bar(shown).startswith(f"✗ not blocked: {source} is {why}") and made.blocked() == []
        await at(shown, ADMIN)
        await shown.press("B")
        assert "198.51.100.0/24 holds 198.51.100.23, the client of this SSH session" in bar(shown)
        assert made.blocked() == []


async def test_who_sends_good_mail_is_asked_about_and_the_default_is_no(made: Scene) -> None:
    async with screen(made) as shown:
        for answer in ("enter", "escape", "x", "space", "q"):
            await at(shown, burst.GOOD)
            await shown.press("b")
            assert bar(shown).splitlines()[0] == f"Block {burst.GOOD} for 1 h on 25, 465, 587?"
            assert "messages accepted in the last 4 h" in bar(shown) and "y block  Esc no" in bar(shown)
            assert shown.app.asking and "block" not in shown.foot
            await shown.press(answer)
            if answer == "q":
                assert bar(shown).startswith("Block ")
                await shown.press("escape")
            assert made.blocked() == [] and shown.app.focused is shown.app.table


async def test_a_risky_block_is_on_probation_until_it_is_kept(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, burst.GOOD)
        await shown.press("b", "y")
        assert made.firewall.held[nets(burst.GOOD)[0], "smtp"][0] == NOW + PROBATION
        assert "on probation" in bar(shown) and "ends in 60 s  K keep" in bar(shown)
        made.clock.now += 20
        shown.app.tick()
        assert "ends in 40 s" in bar(shown)
        await shown.press("K")
        assert made.firewall.held[nets(burst.GOOD)[0], "smtp"][0] == NOW + 20 + 3600
        assert "for 1 h" in bar(shown)
        made.clock.now += 100
        shown.app.tick()
        assert bar(shown) == ""


async def test_what_is_not_kept_is_told_to_have_ended(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, burst.GOOD)
        await shown.press("b", "y")
        made.clock.now += 61
        shown.app.tick()
        assert bar(shown) == "it was not kept, and has ended"
        await shown.press("K")
        assert "nothing is on probation" in bar(shown)
        await shown.press("b", "y")
        assert made.acts.ledger.blocks.get(nets(burst.GOOD)[0]).asked == 3600  # type: ignore[union-attr]


async def test_the_smaller_one(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        await shown.press("B")
        lines = bar(shown).splitlines()
        assert any("in 203.0.113.0/24 ha" in line and "good mail: 203.0.113." in line for line in lines)
        (instead,) = [line for line in lines if "instead" in line]
        assert "203.0.113.0/29 covers 5 of 8 offenders, no good sender" in instead
        await shown.press("n")
        assert made.blocked() == ["203.0.113.0/29"] and "✓ blocked 203.0.113.0/29 for 1 h" in bar(shown)


@pytest.mark.parametrize(("key", "seconds"), [("1", 600.0), ("2", 3600.0), ("3", 86_400.0), ("4", None)])
async def test_times_in_the_question(made: Scene, key: str, seconds: float | None) -> None:
    async with screen(made) as shown:
        await at(shown, burst.GOOD)
        await shown.press("b", key)
        words = {"1": "for 10 min", "2": "for 1 h", "3": "for 1 day", "4": "until removed"}[key]
        assert bar(shown).startswith(f"Block {burst.GOOD} {words} on 25, 465, 587?") and made.blocked() == []
        await shown.press("a")
        assert bar(shown).startswith(f"Block {burst.GOOD} {words} on all ports?")
        await shown.press("y", "K")
        (network, scope), (until, _) = next(iter(made.firewall.held.items()))
        assert scope == "all" and until == (None if seconds is None else NOW + seconds)
        assert network == nets(burst.GOOD)[0]


async def test_the_time_of_what_is_blocked(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        await shown.press("t")
        assert "not blocked" in shown.foot
        await shown.press("b", "t")
        assert bar(shown).startswith("203.0.113.7 is blocked for 60 min more. For how long from now?")
        await shown.press("escape")
        assert bar(shown) == ""
        await shown.press("t", "3")
        assert made.firewall.held[SPAMMER, "smtp"][0] == NOW + 86_400
        await shown.press("t", "a")
        assert made.firewall.held == {(SPAMMER, "all"): (NOW + 86_400, made.acts.ledger.blocks.get(SPAMMER).act)}  # type: ignore[union-attr]
        await shown.press("u")
        assert list(made.firewall.held) == [(SPAMMER, "smtp")]
        await shown.press("u")
        assert made.blocked() == []


async def test_a_group_is_one_act(made: Scene) -> None:
    async with screen(made) as shown:
        await shown.press("2", *["g"] * 5, "slash", *"helo:ylmf*", "enter", "down")
        await shown.press("b", "y")
        assert len(made.firewall.changes) == 1 and len(made.blocked()) == 8
        assert "blocked 8 networks for 1 h" in bar(shown)
        (block, *_) = made.acts.ledger.standing(NOW)
        assert block.why.startswith("HELO ylmf")
        await shown.press("u")
        assert made.blocked() == []


async def test_of_a_group_the_protected_are_left_out(made: Scene) -> None:
    async with screen(made) as shown:
        await shown.press("2", *["g"] * 3, "slash", *"cc:VN", "enter", "down")
        await shown.press("b")
        assert ADMIN not in " ".join(made.blocked())
        assert "left out: 198.51.100.23 is the client of this SSH session" in " ".join(bar(shown).split())


async def test_a_row_that_has_just_come_under_the_cursor_is_asked_about(
    made: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with screen(made) as shown:
        await shown.press("2")
        table = shown.app.table
        assert not table.picked
        table.changed = time.monotonic()
        await shown.press("b")
        assert "This row has just come under the cursor. Block " in bar(shown) and made.blocked() == []
        await shown.press("n")
        assert made.blocked() == []
        table.changed = time.monotonic()
        await shown.press("b", "y")
        assert len(made.blocked()) == 1
        made.acts.unblock(nets(*made.blocked()))
        monkeypatch.setattr("widgets.block_app.JUST", 0.0)
        await shown.press("b")
        assert len(made.blocked()) == 1


async def test_the_pane_of_blocks(made: Scene) -> None:
    blocks.some_blocked(made)
    async with screen(made) as shown:
        await shown.press("8")
        assert isinstance(shown.app.table, BlockTable)
        rows = {word: row for row in shown.rows for word in row.split() if word[:3] in ("203", "198", "192")}
        assert (
            "verified" in rows["203.0.113.7"]
            and "412 refused" in rows["203.0.113.7"]
            and "1,204" in rows["203.0.113.7"]
        )
        assert rows["203.0.113.13"].startswith("x") and "gone" in rows["203.0.113.13"]
        assert "all" in rows["198.51.100.128/25"] and "another" in rows["192.0.2.200"]
        assert "not in the journal" in rows["192.0.2.200"]
        await shown.press("slash", *"net:203.0.113.7", "enter", "down", "u")
        assert "203.0.113.7/32" not in made.blocked() and len(made.blocked()) == 3
        await shown.press("u")
        assert "203.0.113.7/32" in made.blocked()


async def test_all_of_mine(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from smtpwatch.firewall import acting
    from smtpwatch.firewall.who import Who

    monkeypatch.setattr(acting, "real_user", lambda: Who("ada", 1000))
    blocks.some_blocked(made)
    async with screen(made) as shown:
        await shown.press("8", "U")
        assert bar(shown).startswith("Let in again all 3 that you have blocked?")
        await shown.press("escape")
        assert len(made.blocked()) == 4
        await shown.press("U", "y")
        assert made.blocked() == ["192.0.2.200/32"]
        await shown.press("u")
        assert len(made.blocked()) == 4


async def test_neighbours_are_merged(made: Scene) -> None:
    for at in range(1, 6):
        made.acts.block(Request(nets(f"192.0.2.{at}"), seconds=600.0 * at, usual=False))
    made.acts.block(Request(nets("203.0.113.200")))
    async with screen(made) as shown:
        await shown.press("8", "m")
        assert bar(shown).splitlines()[:2] == [
            "Merge 5 blocks into 1 network?",
            "  192.0.2.0/29 for 5, ends in 50 min",
        ]
        await shown.press("escape")
        assert len(made.blocked()) == 6
        await shown.press("m", "y")
        assert made.blocked() == ["192.0.2.0/29", "203.0.113.200/32"]
        assert made.firewall.held[nets("192.0.2.0/29")[0], "smtp"][0] == NOW + 3000
        assert bar(shown).startswith("✓ 5 blocks are 1 now")
        await shown.press("m")
        assert "no neighbours could be one network" in bar(shown)


async def test_what_is_protected_is_not_merged_into(made: Scene) -> None:
    for at in (8, 9, 11, 12, 13, 14):
        made.acts.block(Request(nets(f"192.0.2.{at}")))
    async with screen(made) as shown:
        await shown.press("8", "m")
        assert bar(shown).splitlines()[:2] == [
            "Merge 3 blocks into 1 network?",
            "  192.0.2.12/30 for 3, ends in 60 min",
        ]
        await shown.press("y")
        assert made.blocked() == ["192.0.2.11/32", "192.0.2.12/30", "192.0.2.8/32", "192.0.2.9/32"]


async def test_what_has_come_to_be_protected_while_merging_was_asked_about_stays_as_it_is(made: Scene) -> None:
    for at in (*range(12, 15), *range(32, 36)):
        made.acts.block(Request(nets(f"192.0.2.{at}")))
    async with screen(made) as shown:
        await shown.press("8", "m")
        assert bar(shown).splitlines()[0] == "Merge 7 blocks into 2 networks?"
        made.protected.append(Protected(nets("192.0.2.15")[0], "ssh", "an admin, by now"))
        await shown.press("y")
        assert made.blocked() == [*(f"192.0.2.{at}/32" for at in range(12, 15)), "192.0.2.32/30"]
        words = " ".join(bar(shown).split())
        assert "✗ 4 blocks are 1 now; left out: 192.0.2.12/30 holds 192.0.2.15" in words


async def test_what_was_let_in_while_merging_was_asked_about_stays_let_in(made: Scene) -> None:
    for at in range(12, 15):
        made.acts.block(Request(nets(f"192.0.2.{at}")))
    async with screen(made) as shown:
        await shown.press("8", "m")
        made.acts.unblock(nets("192.0.2.13"))
        await shown.press("y")
        assert made.blocked() == ["192.0.2.12/32", "192.0.2.14/32"]
        assert "✗ not merged: the blocks are not what they were" in bar(shown)


async def test_written_to_a_file_and_read_from_it(made: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    blocks.some_blocked(made)
    async with screen(made) as shown:
        await shown.press("8", "w")
        (path,) = tmp_path.glob("smtpwatch-blocks-20260301-*.jsonl")
        assert f"✓ 4 blocks written to {path}" in " ".join(bar(shown).split())
        await shown.press("w")
        assert "File exists" in " ".join(bar(shown).split())
        made.acts.unblock(nets(*made.blocked()))
        await shown.press("i", *f"~/{path.name}x", "backspace", "enter")
        assert len(made.blocked()) == 4 and "✓ blocked 4 networks from" in bar(shown)
        await shown.press("i", *"~no-such-user/list", "enter")
        assert "✗ failed: Could not determine home directory" in bar(shown)
        await shown.press("i", *"/nowhere", "enter")
        assert "✗ failed: /nowhere: No such file or directory" in bar(shown)
        await shown.press("i", "b", "escape")
        assert bar(shown) == "" and len(made.blocked()) == 4


async def test_a_list_with_the_protected_in_it(made: Scene, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"203.0.113.7\n{ADMIN}\n")
    async with screen(made) as shown:
        await shown.press("8", "i", *str(tmp_path / "list"), "enter")
        assert made.blocked() == ["203.0.113.7/32"]
        (tmp_path / "list").write_text(f"{ADMIN}\n")
        await shown.press("i", *str(tmp_path / "list"), "enter")
        assert "✗ 0 blocked; not blocked: 198.51.100.23 is the client of this SSH session" in " ".join(
            bar(shown).split()
        )


async def test_enter_leads_to_its_sources(made: Scene) -> None:
    blocks.some_blocked(made)
    async with screen(made) as shown:
        await shown.press("8", "slash", *"net:203.0.113.7", "enter", "down", "enter")
        assert shown.app.pane.id == "sources" and shown.rows[0].startswith("■") and "203.0.113.7 " in shown.rows[0]


async def test_a_firewall_that_fails_is_told(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        made.firewall.fail = "nft: \x1b[2J no"
        await shown.press("b")
        assert bar(shown).startswith("✗ failed: nft: \\e[2J no")
        made.firewall.fail, made.firewall.deaf = "", True
        await shown.press("b")
        assert "but 1 of 1 networks are not in the firewall" in " ".join(bar(shown).split())


async def test_a_journal_that_fails_is_told(made: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from smtpwatch.firewall.journal import JournalError

    def full(record: object) -> None:
        raise JournalError("the journal j cannot be written: No space left on device")

    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        monkeypatch.setattr(made.acts.journal, "append", full)
        await shown.press("b")
        assert "✗ failed: the journal j cannot be written: No space left" in " ".join(bar(shown).split())
        assert made.blocked() == []


def session(number: int, start: float, answered: bool) -> list[ev.Event]:
    dialogue = scenes.Dialogue(number, "203.0.113.7", start)
    return (dialogue.greeting() if answered else dialogue).events


async def test_who_gets_answers_though_blocked_is_told(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        await shown.press("b")
        made.clock.now += 10
        await shown.arrive(*session(9_001, NOW + 1, answered=True), *session(9_002, NOW + 5, answered=False))
        assert "✓ blocked" in bar(shown)  # one was under way, the other gets nothing
        await shown.arrive(*session(9_003, NOW + 8, answered=True))
        told = " ".join(bar(shown).split())
        assert told.startswith(
            "✗ 203.0.113.7 still gets in: a session at 10:41:15 got an answer, and no packet was dropped"
        )
        await shown.press("8")
        assert shown.rows[0].startswith("x") and "failed" in shown.rows[0]
        await shown.arrive(*session(9_004, NOW + 9, answered=True))
        assert len(made.firewall.changes) == 1


async def test_what_is_wrong_with_the_rules_is_told_above(made: Scene) -> None:
    async with screen(made) as shown:
        assert shown.app.blocks is not None
        shown.app.blocks.acting.blocking.problem = "our chain is \x1b[2J gone"
        shown.app.tick()
        await shown.pilot.pause()
        assert "▲ blocking: our chain is \\e[2J gone" in shown.app.query_one("#trouble", Trouble).lines[0]


async def test_nothing_is_blocked(made: Scene) -> None:
    async with screen(made) as shown:
        await shown.press("8")
        assert "Nothing is blocked." in "".join(shown.rows)


async def test_keys_that_are_text_block_nobody(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.7")
        await shown.press("slash", "b", "B", "u", "K", "t", "escape")
        assert made.blocked() == [] and made.firewall.changes == []


async def test_where_nothing_can_be_blocked() -> None:
    feed = scenes.Feed(scenes.busy_evening())
    app = SmtpWatch(Config(refresh=scenes.SLOW), scenes.HOST, feed.take, lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("2", "down", "b", "u", "t", "K", "8")
        await pilot.pause()
        assert app.board.pane.id == "sources" and "nothing can be blocked from here" in app.foot.lines[0]


async def test_a_row_without_a_source(made: Scene) -> None:
    async with screen(made) as shown:
        await shown.press("5", "down", "b")
        assert "this row has no source that could be blocked" in bar(shown)


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (200, 50)])
async def test_it_fits_every_terminal(made: Scene, size: tuple[int, int]) -> None:
    async with screen(made, size=size) as shown:
        await at(shown, burst.GOOD)
        await shown.press("b")
        assert all(len(line) <= size[0] for line in bar(shown).splitlines())
        assert "y block" in bar(shown) and "Esc no" in bar(shown)
        await shown.press("y")
        assert "K keep" in bar(shown)
        await shown.press("8")
        assert burst.GOOD[:8] in "".join(shown.rows)
