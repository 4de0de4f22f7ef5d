"""Which alerts are rows, what a filter finds of them, and a view that stands still."""

import pytest

from smtpwatch.triage.alert import Step
from tests.screens import alerts as made
from tests.screens.scenes import NOW
from widgets.alert_columns import state
from widgets.alert_view import AlertView


def view() -> AlertView:
    shown = AlertView(made.held())
    shown.settle(NOW)
    return shown


def rules(shown: AlertView) -> list[str]:
    shown.settle(NOW)
    return [alert.rule for alert in shown.window(0, 99)]


def test_what_is_over_is_hidden_on_demand() -> None:
    shown = view()
    assert len(shown) == shown.total == 9 and shown.hidden == 0
    shown.hide()
    assert rules(shown)[-2:] == ["queue-grows", "harvest"] and shown.total == 7 and shown.hidden == 2
    shown.hide()
    assert rules(shown)[-2:] == ["slot-hog", "certificate-ends"] and shown.hidden == 0


def test_what_happens_shows() -> None:
    shown = view()
    shown.alerts.acknowledge(shown.window(0, 1)[0])
    assert rules(shown)[0] == "relay-tries" and rules(shown)[4] == "takeover"
    shown.alerts.settle(NOW + 9_000)
    assert {alert.state for alert in shown.alerts} == {"over"} and len(rules(shown)) == 9


def test_one_that_becomes_part_of_another_is_no_row() -> None:
    shown = view()
    alert = shown.window(1, 2)[0]
    key = shown.key(alert)
    assert shown.get(key) is alert
    shown.alerts.gather([alert.key], made.HARVEST.key)
    assert "relay-tries" not in rules(shown) and shown.get(key) is None and shown.row_of(key, 1) is None


def test_a_frozen_view_stands_still_but_for_what_the_admin_does() -> None:
    shown = view()
    alert = shown.window(0, 1)[0]
    shown.freeze(0)
    steps = len(alert.steps)
    alert.steps.append(Step(NOW, "more"))
    alert.says = "others"
    shown.alerts.found(made.HOSTILE)
    shown.alerts.acknowledge(alert)
    still = shown.window(0, 1)[0]
    assert rules(shown)[0] == "takeover" and shown.total == 9
    assert state(still, NOW) == "open" and len(still.steps) == steps and still.says != "others"
    shown.acted(alert.number)
    assert state(still, NOW) == "ack"
    shown.hide()
    assert "slot-hog" not in rules(shown)
    shown.hide()
    assert rules(shown)[-2:] == ["slot-hog", "certificate-ends"]
    shown.thaw()
    assert len(rules(shown)) == 10


def test_hidden_before_it_was_frozen() -> None:
    shown = view()
    shown.hide()
    shown.freeze(0)
    assert len(rules(shown)) == 7
    shown.hide()
    assert len(rules(shown)) == 9


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("mark:x", {"takeover"}),
        ("severity:notice", {"early-talker", "certificate-ends"}),
        ("severity:critical,notice state:open", {"takeover", "early-talker"}),
        ("rule:brute-force,harvest", {"brute-force", "harvest"}),
        ("rule:*-tries", {"relay-tries"}),
        ("state:silenced", {"harvest"}),
        ("state:acknowledged", {"queue-grows"}),
        ("state:over", {"slot-hog", "certificate-ends"}),
        ("reason:relay", {"relay-tries"}),
        ("reason:throttles", {"reputation"}),
        ("src:203.0.113.7", {"relay-tries", "harvest"}),
        ("net:198.51.100.0/24", {"brute-force"}),
        ("src:2001:db8::/32", {"slot-hog"}),
        ("account:bob*", {"takeover"}),
        ("age:<2m !state:over !state:silenced", {"takeover", "brute-force", "relay-tries", "early-talker"}),
        ("silenced", {"harvest"}),
        ('"look at the queue"', {"takeover"}),
    ],
)
def test_a_filter(typed: str, found: set[str]) -> None:
    shown = view()
    shown.filter(typed)
    assert shown.faults == () and shown.left_out == "" and set(rules(shown)) == found


def test_common_values_come_first() -> None:
    assert view().values("severity") == ["warning", "notice", "critical"]
