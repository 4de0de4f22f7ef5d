"""The status bar at every width, and what it says of sensors."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from tests.screens import mail, scenes
from widgets.vitals import NO_LOG, TROUBLE_LINES, fit, items, no_message_yet, nothing_yet, reason, trouble


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
    assert "ref  90%" in narrow and "● wire" in narrow and "packets" not in narrow
    assert "● wire" in tiny and "TLS" not in tiny


def sample(after: float, messages: int, note: str = "", complete: bool = True) -> ev.QueueSample:
    """What the host sensor saw of the queue, that long after the start."""
    counts = {} if note else {"active": 0, "deferred": messages}
    return ev.QueueSample(
        scenes.START + after, "host", scenes.HOST, "postfix", "", counts, {}, {}, 0, complete and not note, note
    )


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        ([sample(0, 1_204)], "queue 1,204  "),
        ([sample(0, 1_000), sample(60, 1_204)], "queue 1,204 ▲"),
        ([sample(0, 1_204), sample(60, 12)], "queue    12 ▼"),
        ([sample(0, 1_204), sample(60, 1_203)], "queue 1,203  "),
        ([sample(0, 9), sample(60, 1_204, complete=False)], "queue 1,204+  "),
        ([sample(0, 0)], "queue     0  "),
    ],
)
def test_queue_and_where_it_is_going(samples: list[ev.QueueSample], says: str) -> None:
    seen = picture()
    seen.apply(samples)
    assert f"TLS  22%  {says}  ● wire" in fit(items(seen, scenes.NOW, scenes.HOST, None), 200).text


@pytest.mark.parametrize("samples", [[], [sample(0, 0, "not allowed")], [sample(0, 7), sample(60, 0, "not allowed")]])
def test_a_queue_that_is_not_seen_is_not_told(samples: list[ev.QueueSample]) -> None:
    seen = picture()
    seen.apply(samples)
    assert "queue" not in fit(items(seen, scenes.NOW, scenes.HOST, None), 200).text


def test_the_queue_goes_after_accepted_and_before_tls() -> None:
    seen = picture()
    seen.apply([sample(0, 1_000), sample(60, 1_204)])
    said = items(seen, scenes.NOW, scenes.HOST, None)
    texts = [fit(said, cells).text for cells in range(130, 30, -1)]
    shorter = next(text for text in texts if "queue" not in text)
    assert "q 1,204▲" in shorter
    gone = next(text for text in texts if "1,204" not in text)
    assert "TLS" in gone and "ok" not in gone
    assert any("1,204" in text and "ok" not in text for text in texts)


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


@pytest.mark.parametrize(
    ("statuses", "says"),
    [
        ([], f"Messages come from the mail log, and none is followed. {NO_LOG}"),
        ([scenes.status()], f"Messages come from the mail log, and none is followed. {NO_LOG}"),
        ([mail.status("starting", "")], "Starting to read the mail log."),
        ([mail.status("degraded", "no mail log found")],
         "Messages come from the mail log, and none is followed. No mail log found"),
        ([mail.status()], "No message yet in /var/log/mail.log, followed since 10:40."),
    ],
    ids=["nothing", "wire only", "starting", "no log", "quiet"],
)  # fmt: skip
def test_no_message_yet(statuses: list[ev.SensorStatus], says: str) -> None:
    empty = Picture()
    empty.apply(statuses)
    assert no_message_yet(empty, "10:40") == says


def test_what_only_the_wire_counts_is_not_zero_without_it() -> None:
    seen = Picture()
    seen.apply([mail.status(), *mail.logged()])
    text = fit(items(seen, scenes.NOW, scenes.HOST, None), 200).text
    assert "● log running" in text and "/s" not in text and "TLS" not in text
    seen.apply([scenes.status()])
    assert "in    0/s" in fit(items(seen, scenes.NOW, scenes.HOST, None), 200).text
