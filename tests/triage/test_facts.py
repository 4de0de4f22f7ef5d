"""An alert as JSON: what it says, and that README says the same of it."""

import json
from pathlib import Path

import msgspec
import pytest

from smtpwatch.clean import clean_json
from smtpwatch.events import SCHEMA_VERSION
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.alert import Alert, Finding, Line, Severity, Step, Subject
from smtpwatch.triage.facts import AlertFacts, HookFacts, alert_facts, hook_facts
from smtpwatch.triage.hook_run import GRACE
from tests.triage.told import NOW, alerts, all_of, failed_login

README = Path(__file__).parents[2] / "README.md"
SUBJECT = Subject("account", "bob")


def finding(time: float = NOW, severity: Severity = Severity.WARNING, says: str = "bob is tried") -> Finding:
    return Finding(
        time, "brute-force", SUBJECT, severity, says, 12, ("203.0.113.7", "203.0.113.8"), (("wire", 4), ("log", 9)),
        (Line(time - 1, "postfix/smtpd", "warning: no"),), (Step(time, "then this"), Step(time - 2, "first that")),
    )  # fmt: skip


def test_all_of_it() -> None:
    assert json.loads(msgspec.json.encode(alert_facts(Alert(finding(), 3), "raised"))) == {
        "v": SCHEMA_VERSION,
        "event": "raised",
        "number": 3,
        "rule": "brute-force",
        "severity": "warning",
        "state": "open",
        "subject": {"kind": "account", "name": "bob"},
        "says": "bob is tried",
        "first": NOW,
        "last": NOW,
        "over_at": None,
        "times": 1,
        "count": 12,
        "sources": ["203.0.113.7", "203.0.113.8"],
        "sessions": [{"sensor": "wire", "id": 4}, {"sensor": "log", "id": 9}],
        "lines": [{"time": NOW - 1, "program": "postfix/smtpd", "text": "warning: no"}],
        "steps": [{"time": NOW - 2, "words": "first that"}, {"time": NOW, "words": "then this"}],
    }


def test_it_is_a_copy() -> None:
    alert = Alert(finding(), 1)
    before = alert_facts(alert, "raised")
    told = msgspec.json.encode(before)
    alert.take(finding(NOW + 5, Severity.CRITICAL, "bob is lost"))
    assert msgspec.json.encode(before) == told
    after = alert_facts(alert, "worse")
    assert (after.severity, after.says, after.times, after.last) == ("critical", "bob is lost", 2, NOW + 5)


@pytest.mark.parametrize("severity", Severity)
def test_severities(severity: Severity) -> None:
    assert alert_facts(Alert(finding(severity=severity), 1), "raised").severity == severity.word


def test_of_a_rule() -> None:
    """What a real rule finds reads back strictly as what is promised."""
    (alert,) = alerts(all_of(failed_login("203.0.113.7", NOW + 5 * k, "bob") for k in range(12)), "brute-force")[:1]
    facts = msgspec.json.decode(msgspec.json.encode(alert_facts(alert, "raised")), type=AlertFacts, strict=True)
    assert facts.sources == ["203.0.113.7"]
    assert facts.sessions and {session.sensor for session in facts.sessions} == {"log"}
    assert facts.first <= facts.last


def test_for_the_command() -> None:
    alert = Alert(finding(), 1)
    octets = msgspec.json.encode(hook_facts(alert, "raised"))
    assert json.loads(octets) == {**json.loads(msgspec.json.encode(alert_facts(alert, "raised"))), "left_out": 0}
    assert msgspec.json.decode(octets, type=HookFacts, strict=True).says == alert.says


def test_strangers_words_are_safe_to_print() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\x9b1m\u202ereversed\nsecond \U000e0041"
    octets = clean_json(msgspec.json.encode(alert_facts(Alert(finding(says=hostile), 1), "raised")))
    assert octets.decode().isprintable()
    assert json.loads(octets)["says"] == hostile


def test_readme_tells_every_key() -> None:
    table = README.read_text().partition("### Alerts as JSON")[2].partition("\nAn alert that")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    keys = [key.strip(" `") for row in rows for key in row.split(",")]
    assert keys == list(HookFacts.__struct_fields__)


def test_readme_tells_the_defaults() -> None:
    told = README.read_text().partition("### A command for each alert")[2].partition("\n### ")[0]
    limits = Thresholds()
    assert f"`on_alert_limit` seconds ({limits.on_alert_limit:g})" in told
    assert f"`on_alert_per_minute` times ({limits.on_alert_per_minute})" in told
    assert limits.on_alert_limit > GRACE
