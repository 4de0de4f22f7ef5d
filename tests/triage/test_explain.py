"""What stands behind a rise: planted causes whose share is known."""

import random

import pytest

from smtpwatch.state.party import Dimension, Outcome
from smtpwatch.state.picture import Picture
from smtpwatch.triage.explain import COVER, Cause, explain, rise_of
from smtpwatch.triage.shares import kinds, shares
from tests.triage.told import DAY, NOW, OURS, Events, all_of, place, refused_recipient

POINTS = 0.05  # by which a share may be wrong


def _refused(random_: random.Random, time: float, cause: str) -> Events:
    """One refusal: of the cause, or of anybody."""
    address = f"{random_.randrange(11, 90)}.{random_.randrange(250)}.{random_.randrange(250)}.9"
    helo = f"mail{random_.choice('abcdefghijklmnop')}.example"
    recipient = f"x{random_.randrange(999)}@{random_.choice('abcdefgh')}.{OURS}"
    if cause == "address":
        address = "203.0.113.7"
    elif cause == "network":
        address = f"203.0.113.{random_.randrange(200)}"
    elif cause == "country":
        address = f"203.{random_.randrange(250)}.{random_.randrange(250)}.9"
    elif cause == "HELO":
        helo = "ylmf-pc"
    elif cause == "to domain":
        recipient = f"y{random_.randrange(999)}@planted.example"
    return refused_recipient(address, time, recipient, "Rejected", 550, helo)


def _picture(cause: str, share: float, seed: int = 1) -> Picture:
    """An hour of twelve refusals a minute, and then a minute of four hundred more, of which `share` is the cause's."""
    random_ = random.Random(seed)
    usual = [_refused(random_, NOW - 3_600 + 5 * k, "") for k in range(720)]
    more = [_refused(random_, NOW - 58 + k * 57 / 400, cause if k < share * 400 else "") for k in range(400)]
    made = Picture(place)
    made.apply(sorted(all_of(usual + more), key=lambda event: event.time))
    return made


def _of(causes: list[Cause], dimension: Dimension) -> Cause:
    return next(cause for cause in causes if cause.dimension is dimension)


PLANTED = {
    "address": (Dimension.ADDRESS, "203.0.113.7"), "network": (Dimension.NETWORK, "203.0.113.0/24"),
    "country": (Dimension.COUNTRY, "C203"), "HELO": (Dimension.HELO, "ylmf-pc"),
    "to domain": (Dimension.RECIPIENT_DOMAIN, "planted.example"),
}  # fmt: skip


@pytest.mark.parametrize("share", [0.3, 0.6, 0.85, 1.0])
@pytest.mark.parametrize("cause", list(PLANTED))
def test_a_planted_cause_is_found_with_its_share(cause: str, share: float) -> None:
    made = _picture(cause, share)
    random_ = 0.02 if cause in ("country", "to domain") else 0.0  # anybody may come from there too
    dimension, key = PLANTED[cause]
    found = _of(explain(made, made.latest, (Outcome.REFUSED,)), dimension)
    best = found.parts[0]
    assert best.party.key == key
    assert best.share == pytest.approx(share, abs=POINTS + random_)


@pytest.mark.parametrize("cause", list(PLANTED))
def test_who_covers_it_alone_comes_first(cause: str) -> None:
    made = _picture(cause, 0.9)
    causes = explain(made, made.latest, (Outcome.REFUSED,))
    first = {each.dimension for each in causes if len(each.parts) == 1 and each.covers >= COVER}
    assert PLANTED[cause][0] in first
    assert causes[0].dimension in first


def test_the_rise_itself() -> None:
    made = _picture("address", 0.5)
    rise = rise_of(made, made.latest, (Outcome.REFUSED,))
    assert rise.now == pytest.approx(412 / 60, abs=0.1)
    assert rise.before == pytest.approx(12 / 60, abs=0.02)


def test_nothing_rises() -> None:
    made = Picture(place)
    random_ = random.Random(1)
    made.apply(all_of(_refused(random_, NOW - 3_600 + 5 * k, "") for k in range(720)))
    assert rise_of(made, NOW + DAY, (Outcome.REFUSED,)).now == 0
    assert explain(made, NOW + DAY, (Outcome.REFUSED,)) == []


def test_what_some_sessions_share() -> None:
    made = _picture("HELO", 0.9)
    sessions = list(made.sessions.recent.values())[-400:]
    found = {common.what: common for common in shares(sessions, kinds(place, lambda session: None))}
    assert found["HELO"].parts[0][0] == "ylmf-pc"
    assert found["HELO"].parts[0][1] == pytest.approx(0.9, abs=POINTS)
    assert found["HELO"].covers >= COVER
    assert len(found["HELO"].parts) == 1
    assert found["address"].different > 300
    assert found["to domain"].different == 8
    assert "account" not in found  # nobody has one
    assert "JA4" not in found
