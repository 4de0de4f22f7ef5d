"""The status bar at every width, and what it says of sensors."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from tests.screens import scenes
from widgets.vitals import TROUBLE_LINES, fit, items, nothing_yet, reason, trouble


def picture(*statuses: ev.SensorStatus) -> Picture:
    made = Picture()
    made.apply(scenes.busy_evening())
    made.apply(statuses)
    return made


@pytest.mark.parametrize("cells", range(1, 220, 3))
def test_fits_every_width(cells: int) -> None:
    said = items(picture(), scenes.NOW, scenes.HOST, 1_204)
    assert 0 < fit(said, cells).cell_length <= cells


def test_least_important_goes_first() -> None:
    said = items(picture(), scenes.NOW, scenes.HOST, None)
    wide, narrow, tiny = (fit(said, cells).text for cells in (200, 71, 24))
    assert wide.startswith("smtpwatch  mx1.example.net  in") and "120k packets" in wide and "● wire running" in wide
    assert "ref  50%" in narrow and "● wire" in narrow and "packets" not in narrow
    assert "● wire" in tiny and "TLS" not in tiny


def test_frozen_says_how_much_waits() -> None:
    assert "frozen +1,204" in fit(items(picture(), scenes.NOW, scenes.HOST, 1_204), 200).text


def test_drops_and_shedding_are_told() -> None:
    text = fit(items(picture(scenes.status(dropped=1_204, shed=7)), scenes.NOW, scenes.HOST, None), 200).text
    assert "1.2k dropped" in text and "7 shed" in text
    assert "dropped" not in fit(items(picture(), scenes.NOW, scenes.HOST, None), 200).text


@pytest.mark.parametrize(("state", "glyph"), [("starting", "○"), ("running", "●"), ("degraded", "▲"), ("failed", "✖")])
def test_health_has_glyph_and_word(state: ev.Health, glyph: str) -> None:
    seen = picture(scenes.status(state))
    assert f"{glyph} wire {state}" in fit(items(seen, scenes.NOW, scenes.HOST, None), 200).text
    assert bool(trouble(seen, 80)) is (state in ("degraded", "failed"))


def test_trouble_says_why_in_few_lines() -> None:
    assert not trouble(picture(), 80)
    lines = [strip.text for strip in trouble(picture(scenes.status("failed", "word " * 200)), 80)]
    assert len(lines) == TROUBLE_LINES and lines[0].startswith("✖ wire failed: word")


def test_reason_is_the_last_line_and_safe() -> None:
    assert reason(scenes.status("failed", "Traceback\n boom\n\x1b[31mno device\n")) == "\\e[31mno device"
    assert "doctor" in reason(scenes.status("failed"))


def test_nothing_yet() -> None:
    empty = Picture()
    assert nothing_yet(empty, "ports 25", "10:40") == "Starting to listen."
    empty.apply([scenes.status()])
    assert nothing_yet(empty, "ports 25", "10:40") == "No SMTP seen yet on eth0, lo (ports 25), listening since 10:40."
    empty.apply([scenes.status("failed", "packets: not allowed. Run with sudo")])
    assert nothing_yet(empty, "ports 25", "10:40") == "Packets: not allowed. Run with sudo"
