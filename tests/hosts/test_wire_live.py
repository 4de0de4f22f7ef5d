"""How live capture starts, what it watches, and how it ends."""

import signal

import pytest

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client
from tests.hosts.mail_hosts import MailHosts
from tests.hosts.namespaces import join
from tests.hosts.program import PROGRAM, Facts, Live, running
from tests.hosts.stage import closed

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "postfix", "smtp-sink", "saslpasswd2", "openssl"),
]
_LIMIT = 15.0  # seconds
_LATE_MX, _LATE_CLIENT = "203.0.113.25", "203.0.113.7"


def _look_around(server: str) -> int:
    """Connect, QUIT; returns the client's port."""
    with Client(server) as client:
        client.reply()
        client.quit()
        return client.port


def _ports(lines: list[Facts]) -> list[int]:
    return [line["client_port"] for line in lines if line["type"] == "SessionOpened"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [["events"], ["sessions", "--json"], ["sessions"]], ids=" ".join)
def test_a_signal_ends_it_in_peace(hosts: MailHosts, command: list[str], number: signal.Signals) -> None:
    with Live(hosts.mx, *command) as live:
        assert live.wait_for_capture(_LIMIT)
        assert live.stop(number) == 0
        assert b"Traceback" not in live.output


def test_loopback_is_seen_once(hosts: MailHosts) -> None:
    """Each packet on lo passes twice, out and in."""
    with Live(hosts.mx, "events", "--sensors", "wire") as live:
        assert live.wait(running, _LIMIT)
        with hosts.mx.entered():
            ports = [_look_around("127.0.0.1"), _look_around("::1")]
        assert live.wait(lambda lines: closed(lines) == 2, _LIMIT)
        assert _ports(live.lines) == ports
        for end in (line for line in live.lines if line["type"] == "SessionClosed"):
            assert (end["closed_by"], end["octets_client"], end["partial"]) == ("quit", len("QUIT\r\n"), None)
        assert [line for line in live.lines if line["type"] == "Oddity"] == []


def test_only_the_interface_asked_for(hosts: MailHosts) -> None:
    with Live(hosts.mx, "events", "--sensors", "wire", "-i", scene.INTERFACE) as live:
        assert live.wait(running, _LIMIT)
        with hosts.mx.entered():
            _look_around("127.0.0.1")
        with hosts.world.entered():
            port = _look_around(scene.MX)
        assert live.wait(lambda lines: closed(lines) == 1, _LIMIT)
        assert _ports(live.lines) == [port]
        status = next(line for line in live.lines if line["type"] == "SensorStatus" and line["state"] == "running")
        assert status["watching"] == [scene.INTERFACE]


def test_an_interface_that_comes_later_is_watched(hosts: MailHosts) -> None:
    with Live(hosts.mx, "events", "--sensors", "wire") as live:
        assert live.wait(running, _LIMIT)
        join((hosts.mx, "late0", [f"{_LATE_MX}/24"]), (hosts.world, "late0", [f"{_LATE_CLIENT}/24"]))
        try:
            assert live.wait(lambda lines: "late0" in _watching(lines), _LIMIT)
            with hosts.world.entered():
                port = _look_around(_LATE_MX)
            assert live.wait(lambda lines: closed(lines) == 1, _LIMIT)
            assert _ports(live.lines) == [port]
        finally:
            hosts.mx.ip("link", "del", "late0")
        assert live.wait(lambda lines: "late0" not in _watching(lines), _LIMIT)


def _watching(lines: list[Facts]) -> list[str]:
    watching: list[str] = [line for line in lines if line["type"] == "SensorStatus"][-1]["watching"]
    return watching


def test_an_interface_that_is_not_there(hosts: MailHosts) -> None:
    ran = hosts.mx.run(PROGRAM, "events", "-i", "eth9")
    assert ran.returncode == 1
    assert b"eth9" in ran.stderr
    assert ran.stderr.count(b"\n") == 1
