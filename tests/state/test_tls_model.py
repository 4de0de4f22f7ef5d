"""Random sessions against a model that keeps them all and counts by looking at each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch.state.tls_losses import REQUIREMENTS, TOP
from smtpwatch.strength import CLEAR, level
from tests.screens.scenes import NOW
from tests.screens.tls import OLD_CIPHER, Secured, fold

DIRECTIONS: dict[ev.Direction, int] = {"inbound": 25, "submission": 587, "outbound": 25}
VERSIONS = ("", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@dataclass(frozen=True)
class Plan:
    """One session: `version` "" for none; messages are in clear, so that there are none under TLS."""

    direction: ev.Direction
    peer: int
    version: str
    fails: bool
    messages: int
    logins: int

    @property
    def mode(self) -> str:
        return "none" if not self.version else "failed" if self.fails else "STARTTLS"

    @property
    def carried(self) -> int:
        return 0 if self.version else self.messages


plans = st.lists(
    st.builds(
        Plan,
        direction=st.sampled_from(list(DIRECTIONS)),
        peer=st.integers(1, 6),
        version=st.sampled_from(VERSIONS),
        fails=st.booleans(),
        messages=st.integers(0, 3),
        logins=st.integers(0, 2),
    ),
    max_size=25,
)


def played(number: int, plan: Plan) -> list[ev.Event]:
    """Its events, one session after the other."""
    peer = f"198.51.100.{plan.peer}"
    ours = plan.direction == "outbound"
    made = Secured(
        number, "192.0.2.1" if ours else peer, NOW + 10 * number, DIRECTIONS[plan.direction], plan.direction,
        peer if ours else "192.0.2.1", step=0.01,
    )  # fmt: skip
    made.greeting().hello("a")
    for _ in range(plan.logins):
        made.auth("failure")
    if plan.version:
        made.starttls().offers(plan.version)
        if plan.fails:
            made.fails("it failed")
        else:
            made.chosen(plan.version, OLD_CIPHER)
    for _ in range(plan.carried):
        made.mail("a@example.com", "b@example.net").accepted("a@example.com", 1)
    return made.closed().events


@given(plans)
def test_counts_are_those_of_a_look_at_each_session(sessions: list[Plan]) -> None:
    tls = fold(event for number, plan in enumerate(sessions) for event in played(number, plan))
    assert sum(tls.shares.total.values()) == tls.seen == len(sessions)
    assert Counter({(k.direction, k.mode, k.version): n for k, n in tls.shares.total.items()}) == Counter(
        (plan.direction, plan.mode, plan.version if plan.mode == "STARTTLS" else "") for plan in sessions
    )
    assert tls.failures.total == sum(plan.mode == "failed" for plan in sessions)
    assert sum(each.times for each in tls.logins.values()) == sum(plan.logins for plan in sessions)
    _same_peers(tls.peers, sessions)
    for direction in DIRECTIONS:
        for need in REQUIREMENTS:
            lost = Counter[str]()
            for plan in sessions:
                at = CLEAR if plan.mode == "none" else level(plan.version)
                if plan.direction == direction and at is not None and at < need:
                    lost[f"198.51.100.{plan.peer}"] += plan.carried
            lost = +lost
            loss = tls.losses.of(direction, need)
            assert (loss.peers, loss.messages, loss.at_least) == (len(lost), lost.total(), False)
            assert [peer.below[need] for peer in loss.top] == sorted(lost.values(), reverse=True)[:TOP]
            assert all(lost[peer.source] == peer.below[need] for peer in loss.top)


def _same_peers(peers: object, sessions: list[Plan]) -> None:
    expected: dict[tuple[str, str], list[Plan]] = {}
    for plan in sessions:
        expected.setdefault((plan.direction, f"198.51.100.{plan.peer}"), []).append(plan)
    held = {peer.key: peer for peer in peers}  # type: ignore[attr-defined]
    assert held.keys() == expected.keys()
    for key, each in expected.items():
        peer = held[key]
        used = [plan.version or "none" for plan in each if plan.mode != "failed"]
        order = ["none", *VERSIONS[1:]]
        assert (peer.sessions, peer.messages) == (len(each), sum(plan.carried for plan in each))
        assert (peer.failed, peer.auth) == (sum(p.mode == "failed" for p in each), sum(p.logins for p in each))
        assert (peer.weakest, peer.best) == (
            (min(used, key=order.index), max(used, key=order.index)) if used else ("", "")
        )
    ranks = [peer.rank for peer in peers.in_order()]  # type: ignore[attr-defined]
    assert ranks == sorted(ranks) and len(ranks) == len(held)
