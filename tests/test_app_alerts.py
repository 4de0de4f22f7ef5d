"""Alerts on the screen: the pane, the line above the panes, and what the keys do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.state.party import Dimension
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.alert import Alert, Finding, Line, Severity, Step, Subject
from smtpwatch.triage.rules import RULES
from tests.screens import alerts as made
from tests.screens import blocks, burst, scenes
from tests.screens.conftest import utc as utc
from tests.screens.driven import forbidden
from tests.screens.scenes import NOW
from widgets.alert_line import AlertLine
from widgets.alert_story import AlertStory
from widgets.alert_table import AlertTable, row
from widgets.source_table import SourceTable
from widgets.table_layout import Placed
from widgets.transcript import Transcript

TWO = Thresholds(off=tuple(rule.name for rule in RULES[2:]))
SOURCE, OTHER = "203.0.113.7", "198.51.100.9"
HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202eevil[bold]\x00"


def finding(rule: str, name: str, severity: Severity, time: float = NOW, **more: object) -> Finding:
    """Something that a rule has found."""
    facts = {"says": f"{name}: something of {rule}", "sources": (name,), "term": f"src:{name}", **more}
    return Finding(time, rule, Subject("source", name), severity, **facts)  # type: ignore[arg-type]


def state(alert: Alert) -> str:
    """What it is by now."""
    return alert.state


class Shown:
    """The app with alerts of the test's own making."""

    def __init__(self, app: SmtpWatch, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.alerts = app.triage.alerts

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()
        self.app.tick()
        await self.pilot.pause()

    async def found(self, *findings: Finding) -> list[Alert]:
        made = [self.alerts.found(each) for each in findings]
        self.app.tick()
        await self.pilot.pause()
        return made

    @property
    def rows(self) -> list[str]:
        return [line.rstrip() for line in self.app.query_one(AlertTable).lines[1:] if line.strip()]

    @property
    def said(self) -> str:
        """All that the table says."""
        return "\n".join(line.rstrip() for line in self.app.query_one(AlertTable).lines)

    @property
    def line(self) -> str:
        shown = self.app.query_one(AlertLine)
        return shown.lines[0].rstrip() if shown.display else ""

    @property
    def foot(self) -> str:
        return self.app.foot.lines[0]


@asynccontextmanager
async def screen(size: tuple[int, int] = (120, 40), limits: Thresholds = scenes.QUIET) -> AsyncIterator[Shown]:
    app, _ = burst.app([], Config(refresh=scenes.SLOW, alerts=limits))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.tick()
        await pilot.pause()
        yield Shown(app, pilot)


LOW, MIDDLE, HIGH = (
    finding("early-talker", OTHER, Severity.NOTICE, NOW - 30),
    finding("harvest", SOURCE, Severity.WARNING, NOW - 20, count=12),
    finding("open-relay", SOURCE, Severity.CRITICAL, NOW - 10),
)


async def test_the_worst_is_on_every_screen_but_its_own() -> None:
    async with screen() as shown:
        assert shown.line == ""
        await shown.found(LOW, MIDDLE)
        assert shown.line.startswith(f"! {SOURCE}: something of harvest")
        assert shown.line.endswith("+1 alert (7)")
        await shown.found(HIGH)
        assert shown.line.startswith("x ")
        assert shown.line.endswith("+2 alerts (7)")
        for key in "234569":
            await shown.press(key)
            assert shown.line.startswith("x ")
        await shown.press("7")
        assert shown.line == ""


async def test_the_line_stays_with_its_alert() -> None:
    """One as bad that is found again and again does not push it aside."""
    async with screen() as shown:
        await shown.found(MIDDLE)
        for k in range(3):
            await shown.found(finding("relay-tries", OTHER, Severity.WARNING, NOW + k))
            assert "harvest" in shown.line


async def test_an_alert_that_is_opened_is_not_told_twice() -> None:
    async with screen() as shown:
        await shown.found(MIDDLE, LOW)
        await shown.press("7", "enter")
        assert shown.line == ""
        await shown.found(HIGH)
        assert shown.line.startswith("x ")
        await shown.press("escape")
        assert shown.line == ""


async def test_the_line_at_eighty_columns() -> None:
    async with screen((80, 24)) as shown:
        await shown.found(LOW, MIDDLE, HIGH)
        assert shown.line.endswith("+2 (7)")
        assert len(shown.line) <= 80


async def test_rows_in_the_order_of_weight() -> None:
    async with screen() as shown:
        await shown.found(LOW, MIDDLE, HIGH)
        await shown.press("7")
        assert [row[0] for row in shown.rows] == ["x", "!", "."]
        assert "12" in shown.rows[1]


async def test_acknowledge_and_take_it_back() -> None:
    async with screen() as shown:
        _, alert = await shown.found(LOW, MIDDLE)
        await shown.press("7", "home", "a")
        assert state(alert) == "acknowledged"
        assert "acknowledged" in shown.foot
        await shown.press("1")
        assert shown.line.startswith(". ")  # the one that is left
        await shown.press("7", "end", "a")
        assert state(alert) == "open"


async def test_what_becomes_worse_opens_again() -> None:
    async with screen() as shown:
        (alert,) = await shown.found(MIDDLE)
        await shown.press("7", "home", "a")
        await shown.found(msgspec.structs.replace(MIDDLE, severity=Severity.CRITICAL))
        assert state(alert) == "open"


async def test_silence_for_an_hour_a_day_and_not_at_all() -> None:
    async with screen() as shown:
        (alert,) = await shown.found(MIDDLE)
        await shown.press("7", "home", "x")
        assert state(alert) == "silenced"
        assert alert.silenced_until == pytest.approx(NOW + 3_600, abs=60)
        assert "mute 59m" in shown.rows[0] or "mute 1h" in shown.rows[0]
        await shown.press("x")
        assert alert.silenced_until == pytest.approx(NOW + 86_400, abs=60)
        await shown.press("x")
        assert state(alert) == "open"


async def test_history_on_a_key() -> None:
    async with screen() as shown:
        await shown.found(LOW, finding("harvest", SOURCE, Severity.WARNING, NOW - 5_000))
        shown.alerts.settle(NOW)
        await shown.press("7")
        assert [row.split()[3] for row in shown.rows] == ["open", "over"]
        await shown.press("h")
        assert [row.split()[3] for row in shown.rows] == ["open"] and "1 of 1" not in shown.foot
        shown.alerts.clear(LOW.key, NOW)
        await shown.press("home")
        await shown.press("home")
        assert "No alert now, and 2 that are over: h shows them." in shown.said
        await shown.press("h")
        assert len(shown.rows) == 2


async def test_an_alert_in_full() -> None:
    steps = (Step(NOW - 60, "the first login"), Step(NOW - 5, "it begins to send"))
    lines = (Line(NOW - 4, "postfix/smtpd", "warning: SASL LOGIN authentication failed"),)
    async with screen() as shown:
        await shown.found(finding("takeover", SOURCE, Severity.CRITICAL, steps=steps, lines=lines))
        await shown.press("7", "home", "enter")
        story = shown.app.query_one(AlertStory)
        assert story.display
        told = "\n".join(story.lines)
        for words in (
            "critical: takeover",
            "something of takeover",
            "it begins to send",
            "SASL LOGIN",
            f"block {SOURCE}",
        ):
            assert words in told
        await shown.press("a")
        assert "acknowledged" in "\n".join(story.lines)
        await shown.press("escape")
        assert not story.display


async def test_the_way_to_its_rows_and_back() -> None:
    async with screen() as shown:
        await shown.found(MIDDLE)
        await shown.press("7", "home", "o")
        assert shown.app.pane.id == "sources"
        assert shown.app.foot.text == f"src:{SOURCE}"
        await shown.press("escape")
        assert shown.app.pane.id == "alerts"


async def test_the_filter_of_the_alerts_does_not_go_along() -> None:
    async with screen() as shown:
        await shown.found(LOW, HIGH)
        await shown.press("2", "g", "7", "slash", *"severity:critical", "enter", "home", "o")
        assert shown.app.foot.text == f"src:{SOURCE}"
        table = shown.app.table
        assert isinstance(table, SourceTable) and table.view.dimension is Dimension.ADDRESS
        await shown.press("escape")
        assert shown.app.pane.id == "alerts" and shown.app.foot.text == "severity:critical"


@pytest.mark.parametrize(
    ("kind", "term", "pane"),
    [
        ("network", "net:203.0.113.0/24", "sources"),
        ("account", "account:bob", "sources"),
        ("campaign", "ja4:t13d", "sources"),
        ("provider", "relay:*bigmail.example", "deliveries"),
        ("provider", "reason:blocklist", "deliveries"),
        ("queue", 'from:"<>"', "messages"),
        ("process", "dir:outbound dst:192.0.2.1", "sessions"),
        ("server", "tls:failed", "sessions"),
    ],
)
async def test_where_the_rows_are(kind: str, term: str, pane: str) -> None:
    async with screen() as shown:
        await shown.found(msgspec.structs.replace(MIDDLE, subject=Subject(kind, "x"), term=term))
        await shown.press("7", "o")
        assert shown.app.pane.id == pane and shown.app.foot.text == term


async def test_its_only_session_where_no_filter_finds_it() -> None:
    async with screen() as shown:
        shown.app.picture.apply(scenes.busy_evening())
        key = (scenes.SENSOR, 1)
        one = msgspec.structs.replace(MIDDLE, term="", sessions=(key,))
        more = msgspec.structs.replace(HIGH, term="", sessions=(key, (scenes.SENSOR, 2)))
        await shown.found(one)
        await shown.press("7", "o")
        transcript = shown.app.query_one(Transcript)
        assert transcript.display and transcript.row is shown.app.picture.sessions.get(key)
        await shown.press("escape", "enter", "o")
        assert transcript.display
        await shown.press("escape")
        assert shown.app.query_one(AlertStory).display
        await shown.press("escape")
        await shown.found(more)
        await shown.press("home", "o")
        assert "no filter finds just what it is about" in shown.foot and shown.app.pane.display


async def test_a_filter_finds_alerts() -> None:
    async with screen() as shown:
        await shown.found(LOW, MIDDLE, HIGH)
        await shown.press("7", "slash", *"mark:x", "enter")
        assert [row[0] for row in shown.rows] == ["x"]


async def test_a_frozen_view_stands_still_and_keys_still_act() -> None:
    async with screen() as shown:
        (alert,) = await shown.found(MIDDLE)
        await shown.press("7", "home", "space")
        await shown.found(HIGH)
        assert len(shown.rows) == 1
        await shown.press("a")
        assert state(alert) == "acknowledged"
        await shown.press("space")
        assert len(shown.rows) == 2


async def test_silence_begins_when_the_key_is_pressed_though_the_view_is_frozen() -> None:
    async with screen() as shown:
        (alert,) = await shown.found(MIDDLE)
        await shown.press("7", "space")
        shown.app.picture.apply([scenes.status(at=NOW + 400)])
        shown.app.tick()
        await shown.press("x")
        assert alert.silenced_until == NOW + 400 + 3_600
        assert "mute 1h" in shown.rows[0]
        await shown.press("a")
        assert state(alert) == "acknowledged" and " ack " in shown.rows[0]


async def test_the_cursor_stays_with_the_alert_that_was_acted_on() -> None:
    async with screen() as shown:
        high, *_ = await shown.found(HIGH, MIDDLE, LOW)
        await shown.press("7", "a")
        assert state(high) == "acknowledged" and shown.app.table.cursor is high and shown.rows[2].startswith("x")
        await shown.press("a")
        assert state(high) == "open" and shown.app.table.cursor is high and shown.rows[0].startswith("x")


async def test_keys_on_what_is_over() -> None:
    async with screen() as shown:
        (alert,) = await shown.found(MIDDLE)
        shown.alerts.clear(MIDDLE.key, NOW)
        await shown.press("7", "a")
        assert "it is over" in shown.foot
        await shown.press("x")
        assert "silenced for 1 h" in shown.foot and state(alert) == "over"
        await shown.press("enter")
        assert "silenced until 11:41:07, should it come again" in "\n".join(shown.app.query_one(AlertStory).lines)
        (again,) = await shown.found(MIDDLE)
        assert state(again) == "silenced"
        await shown.press("x", "x")
        assert "no longer silenced" in shown.foot


async def test_an_opened_one_that_becomes_part_of_another() -> None:
    async with screen() as shown:
        await shown.found(MIDDLE)
        await shown.press("7", "enter")
        assert "a ack  x silence  o rows  Esc back" in shown.foot
        shown.alerts.gather([MIDDLE.key], HIGH.key)
        await shown.found(HIGH)
        assert "part of another alert by now" in "\n".join(shown.app.query_one(AlertStory).lines)
        await shown.press("a")
        assert "part of another one by now" in shown.foot


async def test_the_line_does_not_go_back_to_one_that_was_there_before() -> None:
    async with screen() as shown:
        first, _ = await shown.found(MIDDLE, finding("relay-tries", OTHER, Severity.WARNING))
        assert "harvest" in shown.line
        shown.alerts.acknowledge(first)
        await shown.press("home")
        assert "relay-tries" in shown.line
        shown.alerts.reopen(first)
        await shown.press("home")
        assert "relay-tries" in shown.line and shown.line.endswith("+1 alert (7)")


async def test_what_is_hidden_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with screen() as shown:
        await shown.press("7", "1")
        monkeypatch.setattr("widgets.alert_table.row", forbidden)
        monkeypatch.setattr("widgets.alert_story.body", forbidden)
        monkeypatch.setattr(shown.app.board.panes["alerts"].table.view, "settle", forbidden)
        await shown.found(LOW, MIDDLE, HIGH)
        await shown.press("2", "space", "space")


async def test_only_rows_in_sight_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Alert] = []

    def counted(alert: Alert, placed: tuple[Placed[Alert], ...], now: float, cursor: bool) -> Strip:
        drawn.append(alert)
        return row(alert, placed, now, cursor)

    monkeypatch.setattr("widgets.alert_table.row", counted)
    async with screen((80, 24)) as shown:
        await shown.press("7")
        for at in range(400):
            shown.alerts.found(finding("harvest", f"198.18.{at}.1", Severity.NOTICE))
        drawn.clear()
        shown.app.tick()
        assert len(drawn) == 21


@pytest.mark.parametrize("width", [1, 20, 40, 79, 300])
async def test_any_width_will_do(width: int) -> None:
    async with screen((width, 10)) as shown:
        made.some(shown.alerts)
        await shown.press("7", "down", "a", "x", "enter", "end", "question_mark", "escape", "escape", "1")
        assert all(len(line) <= width for line in shown.app.query_one(AlertLine).lines)


async def test_help_and_palette_know_its_keys() -> None:
    async with screen() as shown:
        await shown.press("7")
        names = [command.title for command in shown.app.get_system_commands(shown.app.screen)]
        assert "Acknowledge it, or not" in names and "Hide what is over, or not" in names
        await shown.press("question_mark")
        text = "\n".join(shown.app.board.help.lines)
        assert "silence it: 1 h, 1 d, not" in text and "the rows that it is about" in text


async def test_copy() -> None:
    async with screen() as shown:
        await shown.found(MIDDLE)
        await shown.press("7", "y")
        assert shown.app.clipboard.startswith(
            "! 20s 12 open 10:40:47 warning harvest 203.0.113.7 203.0.113.7: something"
        )


async def test_hostile_words_are_shown_as_text() -> None:
    hostile = finding(
        HOSTILE,
        HOSTILE,
        Severity.CRITICAL,
        says=HOSTILE,
        steps=(Step(NOW, HOSTILE),),
        lines=(Line(NOW, HOSTILE, HOSTILE),),
    )
    async with screen() as shown:
        await shown.found(hostile)
        for keys in (("1",), ("7", "home"), ("enter",)):
            await shown.press(*keys)
            on_screen = "\n".join(_painted(shown.app))
            assert not any(char in on_screen for char in "\x1b\x07\x00\u202e")
            assert "evil" in on_screen


def _painted(app: SmtpWatch) -> list[str]:
    """What the terminal gets of alerts."""
    widgets = (*app.query(AlertLine), *app.query(AlertTable), *app.query(AlertStory))
    return [widget.render_line(y).text for widget in widgets for y in range(widget.size.height)]


async def test_one_key_blocks_what_it_names(tmp_path: Path) -> None:
    firewall = blocks.firewall(tmp_path)
    async with blocks.screen(firewall) as shown:
        raised = made.some(shown.app.triage.alerts)
        shown.app.tick()
        await shown.press("7", "down")
        assert shown.app.table.cursor is raised["relay-tries"] and "b block  B network  u undo" in shown.foot
        await shown.press("b")
        assert firewall.blocked() == ["203.0.113.7/32"]
        (block,) = firewall.acts.ledger.standing(NOW)
        assert block.why == made.RELAY.says
        await shown.press("enter")
        story = "\n".join(shown.app.query_one(AlertStory).lines)
        assert "b block 203.0.113.7; blocked" in story
        await shown.press("u")
        assert firewall.blocked() == []
        await shown.press("escape", "down", "down", "b")
        assert firewall.blocked() == [] and "this alert names no source to block" in _bar(shown.app)


async def test_many_sources_are_one_act(tmp_path: Path) -> None:
    firewall = blocks.firewall(tmp_path)
    async with blocks.screen(firewall) as shown:
        shown.app.triage.alerts.found(made.HARVEST)
        await shown.press("7", "down", "enter", "b")
        assert _bar(shown.app).startswith("Block 13 networks for 1 h")
        await shown.press("y")
        assert len(firewall.blocked()) == 13
        await shown.press("u")
        assert firewall.blocked() == []


def _bar(app: SmtpWatch) -> str:
    assert app.blocks is not None
    return "\n".join(app.blocks.bar.lines)


async def test_empty() -> None:
    async with screen() as shown:
        await shown.press("7")
        assert "No rule watches: the setting alerts.off names them all." in shown.said


async def test_empty_with_rules() -> None:
    async with screen(limits=TWO) as shown:
        await shown.press("7")
        assert "Starting to listen." in shown.said
        shown.app.picture.apply([scenes.status(at=NOW)])
        await shown.press("7")
        assert "No alert since 10:41. 2 rules watch." in shown.said


async def test_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    async with screen(limits=msgspec.structs.replace(scenes.QUIET, bell=True)) as shown:
        rung: list[int] = []
        monkeypatch.setattr(shown.app, "bell", lambda: rung.append(1))
        await shown.found(LOW)
        assert len(rung) == 1
        await shown.found(LOW)  # once more is no news
        assert len(rung) == 1
        await shown.found(msgspec.structs.replace(LOW, severity=Severity.CRITICAL))
        assert len(rung) == 2


async def test_no_bell_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with screen() as shown:
        monkeypatch.setattr(shown.app, "bell", lambda: pytest.fail("it rang"))
        await shown.found(HIGH)
