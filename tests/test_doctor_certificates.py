"""What `smtpwatch doctor` says of our own certificates."""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from smtpwatch import doctor, sensors
from smtpwatch.config import Config
from smtpwatch.doctor import DAY, RENEW, Finding
from smtpwatch.events import CertificateSeen
from smtpwatch.ports_asked import PortAsked

NOW = 1_770_000_000.0
RELOAD = "renew it, then have the mail server read it anew (reload)"


def _seen(**fields: Any) -> CertificateSeen:
    said: dict[str, Any] = {
        "names": ("mx.example.net",),
        "subject": "mx.example.net",
        "issuer": "R11",
        "not_before": NOW - 30 * DAY,
        "not_after": NOW + 60 * DAY,
        "key": "EC P-256",
        "self_signed": False,
        **fields,
    }
    return CertificateSeen(NOW, "host", "mx", "127.0.0.1", 25, **said, how="asked", fingerprint="00" * 32)


def _found(monkeypatch: pytest.MonkeyPatch, *answers: PortAsked) -> list[Finding]:
    monkeypatch.setattr(sensors, "ask_ports", lambda config, host: iter(answers))
    return list(doctor._certificates(Config(), NOW))


@pytest.mark.parametrize(
    ("fields", "says", "good", "remedy"),
    [
        ({}, "mx.example.net, by R11, expires in 60 days", True, ""),
        ({"not_after": NOW + RENEW * DAY}, "mx.example.net, by R11, expires in 21 days", True, ""),
        ({"not_after": NOW + RENEW * DAY - 1}, "mx.example.net, by R11, expires in 20 days", False, RELOAD),
        ({"not_after": NOW + 1.5 * DAY}, "mx.example.net, by R11, expires in 1 day", False, RELOAD),
        ({"not_after": NOW}, "mx.example.net, by R11, expires in less than a day", False, RELOAD),
        ({"not_after": NOW - 1}, "mx.example.net, by R11, expired less than a day ago", False, RELOAD),
        ({"not_after": NOW - 1_500 * DAY}, "mx.example.net, by R11, expired 1,500 days ago", False, RELOAD),
        (
            {"not_before": NOW + 2 * DAY},
            "mx.example.net, by R11, not valid yet: begins in 2 days",
            False,
            "check this host's clock, and the certificate",
        ),
        ({"self_signed": True}, "mx.example.net, by itself, expires in 60 days", True, ""),
        ({"issuer": "", "names": ()}, "for no name, by an issuer without a name, expires in 60 days", True, ""),
        ({"names": tuple("abcd")}, "a, b, c, d, by R11, expires in 60 days", True, ""),
        ({"names": tuple("abcdef")}, "a, b, c, d and 2 more, by R11, expires in 60 days", True, ""),
    ],
)
def test_a_certificate(
    fields: dict[str, Any], says: str, good: bool, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = PortAsked("127.0.0.1", 25, _seen(**fields), "")
    assert _found(monkeypatch, answer) == [Finding("certificate", f"25 on 127.0.0.1: {says}", good, remedy)]


def test_a_line_for_each_port(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [PortAsked("127.0.0.1", 25, _seen(), ""), PortAsked("::1", 587, None, "does not offer STARTTLS")]
    assert _found(monkeypatch, *answers) == [
        Finding("certificate", "25 on 127.0.0.1: mx.example.net, by R11, expires in 60 days", True),
        Finding("certificate", "587 on ::1: does not offer STARTTLS", None),
    ]


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _found(monkeypatch) == []


def test_who_listens_may_not_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(config: Config, host: str) -> Iterator[PortAsked]:
        raise psutil.AccessDenied
        yield

    monkeypatch.setattr(sensors, "ask_ports", refused)
    assert list(doctor._certificates(Config(), NOW)) == [
        Finding("certificate", "whom to ask is not known without root", None)
    ]


def test_it_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "ask_ports", lambda config, host: pytest.fail("asked all the same"))
    (found,) = doctor._certificates(Config(certificates=False), NOW)
    assert found == Finding("certificate", "our ports are not asked (certificates = false, or --no-certificates)", None)
