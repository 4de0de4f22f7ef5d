"""The rules on a real Postfix, beside which the real program runs: what each is to find, and what is nearly that."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.hosts import mail_hosts as scene
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.program import Facts, Live
from tests.hosts.triage_plays import ADDRESSES, PLAYS, SETTINGS, Play

pytestmark = [
    pytest.mark.xdist_group("triage"),
    pytest.mark.needs("namespaces", "postfix", "saslpasswd2", "openssl", "smtp-sink"),
]

START_LIMIT = 20.0  # seconds, on a machine that is busy
LIMIT = 40.0  # seconds from the last event to the alert, on a machine that is busy; one or two are normal
SETTLED = 3.0  # seconds after which what was to be said of a few sessions has been said
QUICK = ("slow_after=8", "silence=6")
"""Thresholds for which a test would have to wait for minutes."""


class Watched(NamedTuple):
    """The hosts, and `smtpwatch alerts` beside the mail server."""

    hosts: MailHosts
    alerts: Live

    def told(self, rule: str, whom: tuple[str, str]) -> list[Facts]:
        """What was said of that subject by that rule."""
        return [line for line in self.alerts.lines if line["rule"] == rule and _whom(line) == whom]

    def tells(self, rule: str, whom: tuple[str, str], limit: float = LIMIT) -> Facts:
        """The alert, as soon as it is there."""
        found = self.alerts.wait(lambda _: bool(self.told(rule, whom)), limit)
        assert found, (rule, whom, [(line["rule"], _whom(line), line["says"]) for line in self.alerts.lines])
        return self.told(rule, whom)[0]


def _whom(line: Facts) -> tuple[str, str]:
    return line["subject"]["kind"], line["subject"]["name"]


def watching(hosts: MailHosts, *options: str, log: bool = True, certificates: bool = False) -> Live:
    """The program, with the host's log and the name that its lines have."""
    quick = [word for each in QUICK for word in ("--set", f"alerts.{each}")]
    logs = ("--log", str(hosts.postfix.log)) if log else ()
    asks = () if certificates else ("--no-certificates",)
    return Live(
        hosts.mx, "alerts", "--json", "--hostname", scene.MX_NAME, "--geo", "none", *logs, *asks, *quick, *options
    )


def ready(live: Live) -> None:
    """It captures, and follows the log."""
    assert live.wait_for_capture(START_LIMIT), live.output.decode()
    time.sleep(1.0)


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with mail_hosts(ADDRESSES, SETTINGS) as hosts, watching(hosts) as live:
        ready(live)
        yield Watched(hosts, live)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: f"{play.rule} {play.whom[1]}")
def test_it_is_found_and_what_is_nearly_that_is_not(watched: Watched, play: Play) -> None:
    with watched.hosts.world.entered():
        play.passed(watched.hosts)
        time.sleep(SETTLED)
        assert watched.told(play.rule, play.spared) == []
        begun = time.time()
        play.found(watched.hosts)
    line = watched.tells(play.rule, play.whom)
    for words in play.says:
        assert words in line["says"]
    assert begun - 1 <= line["first"] <= time.time()
    assert line["sessions"] or line["lines"]
