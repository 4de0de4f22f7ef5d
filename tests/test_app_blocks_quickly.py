"""Keys of blocking that come faster than the firewall answers, and answers that come while something is asked."""

import asyncio
from pathlib import Path

import pytest
from textual.events import Key

from smtpwatch.firewall.blocking import OwnBlocking
from smtpwatch.firewall.guard import Finding
from smtpwatch.firewall.request import Answer, Request
from tests.firewall.fakes import Scene, nets
from tests.screens import blocks
from tests.screens.blocks import ADMIN, screen
from tests.screens.driven import Screen
from tests.screens.scenes import NOW
from tests.test_app_blocks import at, bar

SLOW = 0.3  # seconds that each answer takes


@pytest.fixture
def made(tmp_path: Path) -> Scene:
    return blocks.firewall(tmp_path)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(name: str) -> None:
        at_once = getattr(OwnBlocking, name)

        async def later(*arguments: object) -> Answer:
            answer: Answer = await at_once(*arguments)
            await asyncio.sleep(SLOW)
            return answer

        monkeypatch.setattr(OwnBlocking, name, later)

    for name in ("block", "unblock", "undo", "verify"):
        late(name)


async def clump(shown: Screen, keys: str) -> None:
    """All at once, and then all of it done."""
    for key in keys:
        shown.app.post_message(Key(key, key))
    await shown.pilot.pause(4 * SLOW + SLOW * len(keys))


async def test_each_u_takes_back_one_act_and_one_too_many_none(made: Scene, slow: None) -> None:
    async with screen(made) as shown:
        for source in ("203.0.113.4", "203.0.113.7"):
            await at(shown, source)
            await clump(shown, "b")
        await clump(shown, "uu")
        assert made.blocked() == [] and shown.app.is_running
        assert "let in again: 203.0.113.4" in bar(shown)
        await clump(shown, "uu")
        assert "nothing to undo" in bar(shown) and shown.app.is_running


async def test_u_is_for_the_block_before_it_though_it_is_not_answered_yet(made: Scene, slow: None) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.4")
        await clump(shown, "b")
        await at(shown, "203.0.113.7")
        await clump(shown, "bu")
        assert made.blocked() == ["203.0.113.4/32"]
        assert "let in again: 203.0.113.7" in bar(shown)


async def test_u_takes_back_nothing_while_the_block_before_it_is_asked_about(made: Scene, slow: None) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.4")
        await clump(shown, "b")
        await at(shown, "203.0.113.8")  # whose mail is good
        await clump(shown, "bu")
        assert made.blocked() == ["203.0.113.4/32"] and bar(shown).startswith("Block 203.0.113.8")


async def test_what_comes_while_it_asks_is_told_afterwards(made: Scene, slow: None) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.4")
        await shown.press("b")
        shown.app.blocks.bar.ask(["Is this meant?"], (("y", "yes"), ("Esc", "no")), lambda key: None)  # type: ignore[union-attr]
        shown.app.blocks.bar.ask(["And this?"], (("y", "yes"), ("Esc", "no")), lambda key: None)  # type: ignore[union-attr]
        await shown.pilot.pause(4 * SLOW)
        assert bar(shown).splitlines() == ["Is this meant?", "y yes  Esc no"]
        await shown.press("y")
        assert bar(shown).splitlines() == ["And this?", "y yes  Esc no"]
        await shown.press("escape")
        assert bar(shown).startswith("✓ blocked 203.0.113.4 for 1 h, no live session, verified")


RISKY = Finding(nets("203.0.113.7")[0], "good mail", "there is good mail")


async def test_what_is_on_probation_can_be_kept_though_something_else_was_done_since(made: Scene) -> None:
    async with screen(made) as shown:
        await at(shown, "203.0.113.8")
        await shown.press("b", "y")
        assert "K keep" in bar(shown)
        await at(shown, "203.0.113.4")
        await shown.press("b", "K")
        (kept,) = (block for block in made.acts.ledger.standing(NOW) if str(block.network) == "203.0.113.8/32")
        assert kept.kept and kept.until == NOW + 3_600


async def test_the_row_of_the_list_is_kept(made: Scene) -> None:
    made.acts.block(Request(nets("203.0.113.7"), findings=(RISKY,), sure=True))
    async with screen(made) as shown:
        await shown.press("8", "down", "K")
        assert [block.kept for block in made.acts.ledger.standing(NOW)] == [True]
        await shown.press("K")
        assert "nothing is on probation" in bar(shown)


async def test_keeping_blocks_nobody_again_whom_another_let_in(made: Scene) -> None:
    async with screen(made) as shown:
        await shown.press("2", *"ggg", "slash", *"cc:VN", "enter", "down")
        await shown.press("b")
        first = made.blocked()
        if "y block" in bar(shown):
            await shown.press("y")
            first = made.blocked()
        for block in list(made.acts.ledger.standing(NOW)):
            block.kept = False
        made.another("bob").unblock(nets(first[0]))
        await shown.arrive()
        await shown.press("K")
        assert made.blocked() == first[1:]


async def test_a_file_is_one_act_and_none_if_it_lists_nobody(made: Scene, tmp_path: Path) -> None:
    made.acts.block(Request(nets("203.0.113.4")))
    (tmp_path / "two").write_text(
        '{"network": "198.18.0.1/32", "until": null, "scope": "all", "why": "spam"}\n203.0.113.7\n'
    )
    (tmp_path / "none").write_text("# nobody\n")
    async with screen(made) as shown:
        await shown.press("8", "i", *str(tmp_path / "two"), "enter")
        await shown.pilot.pause(0.2)
        assert made.blocked() == ["198.18.0.1/32", "203.0.113.4/32", "203.0.113.7/32"]
        whys = {str(block.network): block.why for block in made.acts.ledger.standing(NOW)}
        assert (whys["198.18.0.1/32"], whys["203.0.113.7/32"]) == ("spam", "from two")
        await shown.press("u")
        assert made.blocked() == ["203.0.113.4/32"]
        await shown.press("i", *str(tmp_path / "none"), "enter")
        await shown.pilot.pause(0.2)
        assert "none lists no network" in bar(shown) and "undo" not in bar(shown)
        await shown.press("i", "-", "enter")
        assert "✗ failed: -: No such file" in bar(shown)
        await shown.press("i", *"/dev/zero", "enter")
        assert "✗ failed: /dev/zero: is no file" in bar(shown)


async def test_a_merger_is_taken_back_by_one_key(made: Scene) -> None:
    for each in range(1, 4):
        made.acts.block(Request(nets(f"192.0.2.{each}")))
    before = made.blocked()
    async with screen(made) as shown:
        await shown.press("8", "m", "y")
        assert made.blocked() == ["192.0.2.0/30"]
        await shown.press("u")
        assert made.blocked() == before


async def test_who_is_still_in_a_wider_block_is_told(made: Scene) -> None:
    made.acts.block(Request(nets("203.0.113.0/24")))
    async with screen(made) as shown:
        await at(shown, "203.0.113.4")
        await shown.press("b", "u")
        assert "✓ let in again: 203.0.113.4; but it is in 203.0.113.0/24, which is still blocked" in bar(shown)


async def test_what_the_guard_cannot_read_is_told(made: Scene) -> None:
    async with screen(made) as shown:
        assert shown.app.blocks is not None
        shown.app.blocks.acting.blocking.notes = ("postconf: \x1b[31mno", "another")
        shown.app.tick()
        await shown.pilot.pause()
        assert "✗ careful: postconf: \\e[31mno (and 1 more)" in " ".join(bar(shown).split())


async def test_of_a_file_it_is_told_who_was_left_out_and_what_there_is_to_ask(made: Scene, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"203.0.113.7\n{ADMIN}\n127.0.0.1\n")
    async with screen(made) as shown:
        await shown.press("8", "i", *str(tmp_path / "list"), "enter")
        await shown.pilot.pause(0.2)
        words = " ".join(bar(shown).split())
        assert f"verified; left out: {ADMIN} is the client" in words and "and 1 more" in words
        (tmp_path / "list").write_text(f"203.0.113.8\n{ADMIN}\n")
        await shown.press("i", *str(tmp_path / "list"), "enter")
        await shown.pilot.pause(0.2)
        assert "since there is a question: 203.0.113.8" in " ".join(bar(shown).split())


async def test_the_time_of_what_was_let_in_meanwhile_is_not_set(made: Scene) -> None:
    made.acts.block(Request(nets("203.0.113.7")))
    async with screen(made) as shown:
        await shown.press("8", "down", "t")
        made.another("bob").unblock(nets("203.0.113.7"))
        await shown.press("4")
        assert made.blocked() == [] and "it is not blocked any longer" in bar(shown)
