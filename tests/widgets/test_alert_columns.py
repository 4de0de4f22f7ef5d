"""What the cells of alerts say, and which columns there are room for."""

import pytest

from smtpwatch.triage.alert import Finding, Severity, Subject
from smtpwatch.triage.alerts import Alerts
from tests.screens import alerts as made
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets import ink
from widgets.alert_columns import COLUMNS, much, order, state, whom
from widgets.alert_table import AlertTable, row
from widgets.alert_view import AlertView
from widgets.table_layout import cell, layout

WIDE = layout(200, COLUMNS)


def test_states_by_word() -> None:
    alerts = Alerts(made.QUIET)
    raised = made.some(alerts)
    said = {rule: state(alert, NOW) for rule, alert in raised.items()}
    assert said["takeover"] == "open" and said["queue-grows"] == "ack" and said["slot-hog"] == "over"
    assert said["harvest"] == "mute 58m"


def test_a_line() -> None:
    alert = made.some(Alerts(made.QUIET))["brute-force"]
    told = row(alert, WIDE, NOW).text
    assert told.startswith("!   1s    531 open     10:40:17 warning  brute-force       198.51.100.0/24 ")
    assert told.rstrip().endswith("531 failed logins within 10 min; none succeeded")


def test_much_is_how_much_or_how_often() -> None:
    raised = made.some(Alerts(made.QUIET))
    assert much(raised["brute-force"]) == 531
    alert = raised["early-talker"]
    alert.times = 4
    assert much(alert) == 4
    alert.count = 1_234_567
    assert cell(WIDE[2], alert, NOW) == "  1.2M"


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Subject("source", "203.0.113.7"), "203.0.113.7"),
        (Subject("network", "203.0.113.0/24"), "203.0.113.0/24"),
        (Subject("account", "bob"), "account bob"),
        (Subject("script", "/var/www/x.php"), "script /var/www/x.php"),
        (Subject("domain", "to example.net"), "to example.net"),
    ],
)
def test_whom(subject: Subject, words: str) -> None:
    alert = Alerts(made.QUIET).found(Finding(NOW, "rule", subject, Severity.NOTICE, "says"))
    assert whom(alert) == words


def test_open_ones_first_the_worst_before_the_others_and_what_is_over_at_the_end() -> None:
    assert [alert.rule for alert in sorted(made.held(), key=order)] == [
        "takeover", "relay-tries", "brute-force", "reputation", "early-talker", "queue-grows", "harvest", "slot-hog",
        "certificate-ends",
    ]  # fmt: skip


def test_rows_stand_still_while_all_go_on() -> None:
    alerts = made.held()
    before = [alert.number for alert in sorted(alerts, key=order)]
    alerts.found(made.BRUTE)
    for alert in alerts.present.values():
        alert.last = NOW + alert.number % 3
    assert [alert.number for alert in sorted(alerts, key=order)] == before


def test_colour_only_beside_a_glyph_and_only_of_what_is_open() -> None:
    raised = made.some(Alerts(made.QUIET))
    styles = {rule: [segment.style for segment in row(alert, WIDE, NOW)] for rule, alert in raised.items()}
    assert styles["takeover"][0] == ink.BAD and styles["brute-force"][0] == ink.WARN
    assert set(styles["early-talker"]) == {None}
    assert styles["harvest"][0] == ink.WARN_FAINT and ink.FAINT in styles["harvest"]
    assert {segment.style for segment in row(raised["takeover"], WIDE, NOW, cursor=True)} == {ink.CURSOR}


@pytest.mark.parametrize(
    ("cells", "titles", "room"),
    [
        (40, ["", "last", "count", "what"], 26),
        (80, ["", "last", "count", "state", "what"], 57),
        (120, ["", "last", "count", "state", "first", "rule", "what"], 70),
        (200, ["", "last", "count", "state", "first", "severity", "rule", "whom", "what"], 110),
    ],
)
def test_the_sentence_gets_the_room(cells: int, titles: list[str], room: int) -> None:
    table = AlertTable(AlertView(made.held()), 24, "alerts")
    placed = table.placed(cells)
    assert [each.column.title for each in placed] == titles and placed[-1].cells == room


def test_hostile_words_are_text() -> None:
    alert = Alerts(made.QUIET).found(made.HOSTILE)
    told = row(alert, WIDE, NOW).text
    assert "\\e]0;owned\\x07\\e[2J[bold red]x[/] \\u{202e}txt.exe" in told
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in told)
