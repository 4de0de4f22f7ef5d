"""Alerts on the screen: the pane, the line above the panes, and what the keys do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from textual.pilot import Pilot

from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.alert import Alert, Finding, Line, Severity, Step, Subject
from tests.screens import burst, scenes
from tests.screens.scenes import NOW
from widgets.alert_line import AlertLine
from widgets.alert_story import AlertStory
from widgets.alert_table import AlertTable

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
        assert len(shown.rows) == 1
        await shown.press("h")
        assert [row.split()[2] for row in shown.rows] == ["open", "over"]
        await shown.press("h")
        assert len(shown.rows) == 1


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


async def test_empty() -> None:
    async with screen() as shown:
        await shown.press("7")
        assert "No alert since" in "\n".join(shown.app.query_one(AlertTable).lines)


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
