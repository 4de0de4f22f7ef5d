"""A normal day: what it is made of, and that it raises next to nothing."""

from collections import Counter

import pytest

from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.picture import Picture
from smtpwatch.triage.alert import Severity
from smtpwatch.triage.triage import Triage
from tests.triage.normal_day import WHOLE, day
from tests.triage.normal_people import place

SOME = 10_000


def test_what_it_is_made_of() -> None:
    events = [event for batch in day(1, SOME) for event in batch]
    kinds = Counter(type(event) for event in events)
    assert 0.95 * SOME <= kinds[ev.SessionOpened] <= 1.35 * SOME  # what is regular comes on top
    refused = sum(type(event) is ev.Refused and event.reason == "blocklist" for event in events)
    assert 0.4 * SOME <= refused <= 0.55 * SOME
    assert kinds[ev.LoginTried] > 0.06 * SOME
    wire = [event.time for event in events if event.sensor == "wire"]
    assert wire == sorted(wire)
    assert events == [event for batch in day(1, SOME) for event in batch]


def test_wire_and_log_are_one() -> None:
    """As far as a log without ports and with whole seconds allows."""
    picture = Picture(place)
    for batch in day(1, SOME):
        picture.apply(batch)
    picture.finish()
    ended = [each for each in picture.sessions.recent.values() if each.direction != "outbound"]
    assert sum(bool(each.visits) for each in ended) >= 0.8 * len(ended)


@pytest.mark.xdist_group("a day")
def test_a_whole_day_raises_next_to_nothing() -> None:
    """Whoever is woken for nothing looks at nothing any more."""
    triage = Triage(Picture(place), Config())
    for batch in day(20_260_302, WHOLE):
        triage.apply(batch)
    triage.finish()
    raised = sorted(triage.alerts, key=lambda alert: alert.number)
    told = [f"{alert.severity.word} {alert.rule}: {alert.says}" for alert in raised]
    assert triage.policy.known
    assert [alert.says for alert in raised if alert.severity is Severity.CRITICAL] == []
    assert len(raised) <= 5, told
