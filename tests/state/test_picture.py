"""The picture: counts agree whether events come whole or as tallies, health is the latest word."""

from typing import cast

import pytest

from smtpwatch import counters
from smtpwatch import events as ev
from smtpwatch.state.picture import Picture, Vitals, still
from tests.screens import scenes


def picture() -> Picture:
    made = Picture()
    made.apply(scenes.busy_evening())
    return made


def test_whole_events_and_tallies_add_up_alike() -> None:
    whole, shed = picture(), Picture()
    for event in scenes.busy_evening():
        counts = dict.fromkeys(counters.counted(event), 1)
        shed.apply([ev.Tally(event.time, event.sensor, event.host, "192.0.2.1", counts, ())])
    assert whole.totals and shed.totals == whole.totals
    now = scenes.NOW + 1
    for name in whole.totals:
        assert shed.rate(now, 60, name) == whole.rate(now, 60, name)


def test_vitals() -> None:
    vitals = Vitals(picture(), scenes.NOW)
    assert vitals.sessions == pytest.approx(2 / 5)  # the third is outbound
    assert vitals.accepted == pytest.approx(1 / 5)
    assert vitals.refused == pytest.approx(9 / 5)  # a greeting and eight recipients, in whole seconds
    assert vitals.refused_share == pytest.approx(9 / 10)
    assert 0 < (vitals.tls_share or 0) < 1


def test_shares_of_nothing_are_unknown() -> None:
    vitals = Vitals(Picture(), scenes.NOW)
    assert vitals.refused_share is None and vitals.tls_share is None and vitals.sessions == 0


def test_time_does_not_go_back_behind_events() -> None:
    assert picture().now(0.0) == picture().latest
    assert picture().now(4e9) == 4e9


def test_health_is_the_latest_word() -> None:
    seen = Picture()
    for at, (state, since) in enumerate(
        [("starting", {}), ("running", {"wire": 1.0}), ("degraded", {"wire": 1.0}), ("failed", {}),
         ("running", {"wire": 4.0})]
    ):  # fmt: skip
        seen.apply([scenes.status(cast(ev.Health, state), at=float(at))])
        assert seen.sensors["wire"].state == state
        assert seen.since == since


def test_a_still_session_stays_as_it_was() -> None:
    seen = picture()
    for session in list(seen.sessions.live.values()):
        twin = still(session)
        before = (twin.stage, len(twin.transcript), len(twin.oddities), twin.tls and twin.tls.failed)
        common = (scenes.NOW, scenes.SENSOR, scenes.HOST, session.id, session.source)
        seen.apply(
            [
                ev.Command(*common, "NOOP", ""),
                ev.Oddity(*common, "late", ""),
                ev.TlsFailed(*common, "client", None, "closed"),
                ev.TransactionOpened(*common, "x@example.com"),
            ]
        )
        assert (twin.stage, len(twin.transcript), len(twin.oddities), twin.tls and twin.tls.failed) == before
        assert twin.stage != session.stage == "NOOP"
