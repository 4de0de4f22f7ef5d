"""Certificates of a real Postfix: as clients' handshakes show them, and as the host sensor is shown them."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.program import PROGRAM, Facts, Live, read, running
from tests.hosts.recording import Tcpdump
from tests.hosts.stage import LOCAL, closed

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "tcpdump", "postfix", "smtp-sink", "saslpasswd2", "openssl"),
]
_LIMIT = 15.0  # seconds
_PORTS = (25, 465, 587)


@pytest.fixture(scope="module")
def their_own() -> Iterator[MailHosts]:
    """Hosts whose log nobody else reads."""
    with mail_hosts() as hosts:
        yield hosts


def _certificates(lines: list[Facts]) -> list[Facts]:
    return [line for line in lines if line["type"] == "CertificateSeen"]


def _made(hosts: MailHosts) -> Facts:
    """What the event is to say of the certificate that Postfix was given, by its file."""
    made = x509.load_pem_x509_certificate(hosts.postfix.certificate.certificate.read_bytes())
    return {
        "names": [scene.MX_NAME],
        "subject": scene.MX_NAME,
        "issuer": scene.MX_NAME,
        "not_before": made.not_valid_before_utc.timestamp(),
        "not_after": made.not_valid_after_utc.timestamp(),
        "key": "EC P-256",
        "self_signed": True,
        "fingerprint": made.fingerprint(hashes.SHA256()).hex(),
    }


def _expected(hosts: MailHosts, server: str, port: int, how: str) -> Facts:
    return {**_made(hosts), "type": "CertificateSeen", "server": server, "port": port, "how": how}


def _without(event: Facts, *fields: str) -> Facts:
    return {name: value for name, value in event.items() if name not in ("v", "time", "sensor", "host", *fields)}


def _visit(hosts: MailHosts, server: str, port: int, version: ssl.TLSVersion) -> None:
    context = hosts.trust()
    context.minimum_version = context.maximum_version = version
    with hosts.world.entered(), Client(server, port, **_at_once(context, port)) as client:
        client.reply()
        client.command("EHLO client.example.com")
        if port != 465:
            client.starttls(context, scene.MX_NAME)
        client.quit()


def _at_once(context: ssl.SSLContext, port: int) -> dict[str, Any]:
    return {"tls": context, "name": scene.MX_NAME} if port == 465 else {}


def test_on_the_wire_live_and_from_a_file(their_own: MailHosts, tmp_path: Path) -> None:
    """TLS 1.2 shows it, once for each place, and TLS 1.3 does not."""
    hosts = their_own
    visits = [(scene.MX, 25), (scene.MX6, 25), (scene.MX, 587), (scene.MX, 465)]
    capture = tmp_path / "mail.pcap"
    with Live(hosts.mx, "events", "--sensors", "wire") as live:
        assert live.wait(running, _LIMIT)
        with Tcpdump(hosts.mx, scene.INTERFACE, capture):
            for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2):
                for server, port in visits:
                    _visit(hosts, server, port, version)
        assert live.wait(lambda lines: closed(lines) == 3 * len(visits), _LIMIT)
        told = live.lines
    expected = [_expected(hosts, *visit, "wire") for visit in visits]
    for lines in (told, read("events", capture, *LOCAL)):
        assert [_without(line) for line in _certificates(lines)] == expected
        versions = [line["version"] for line in lines if line["type"] == "TlsNegotiated"]
        assert versions == ["TLSv1.3"] * 4 + ["TLSv1.2"] * 8
    assert _certificates(read("events", capture, "--local", scene.CLIENT, "--local", scene.CLIENT6)) == []


def test_asked(their_own: MailHosts) -> None:
    """TLS 1.3 on all three ports. The wire sees that session for what it is; the log has nothing to complain of."""
    hosts = their_own
    before = len(hosts.postfix.log.read_text())
    with Live(hosts.mx, "events", "--sensors", "wire") as wire:
        assert wire.wait(running, _LIMIT)
        with Live(hosts.mx, "events", "--sensors", "host") as host:
            assert host.wait(lambda lines: len(_certificates(lines)) == 3, _LIMIT), host.output
            told = _certificates(host.lines)
        assert wire.wait(lambda lines: closed(lines) == 3, _LIMIT)
        lines = wire.lines
    assert [_without(line) for line in told] == [_expected(hosts, "127.0.0.1", port, "asked") for port in _PORTS]
    assert {line["sensor"] for line in told} == {"host"}
    assert [line["version"] for line in lines if line["type"] == "TlsNegotiated"] == ["TLSv1.3"] * 3
    assert {line["source"] for line in lines if line["type"] == "SessionOpened"} == {"127.0.0.1"}
    assert [line for line in lines if line["type"] in ("TlsFailed", "Oddity", "CertificateSeen")] == []
    logged = hosts.postfix.log.read_text()[before:]
    assert logged.count(": connect from ") == logged.count(": disconnect from ") == 3
    assert logged.count(" quit=1 ") == 3
    assert not any(word in logged for word in ("lost connection", "warning", "error", "NOQUEUE"))


@pytest.mark.parametrize("how", ["option", "setting"])
def test_not_asked(their_own: MailHosts, how: str, tmp_path: Path) -> None:
    hosts = their_own
    settings = tmp_path / "smtpwatch.toml"
    settings.write_text("certificates = false\n")
    before = hosts.postfix.log.read_text()
    arguments = ("--no-certificates",) if how == "option" else ("--config", str(settings))
    with Live(hosts.mx, "events", "--sensors", "host", *arguments) as live:
        assert live.wait(lambda lines: sum(line["type"] == "QueueSample" for line in lines) > 0, _LIMIT)
        assert live.wait(lambda lines: sum(line["type"] == "SensorStatus" for line in lines) > 2, _LIMIT)
        assert _certificates(live.lines) == []
    assert "connect from" not in hosts.postfix.log.read_text()[len(before) :]


def test_the_doctor_asks(their_own: MailHosts) -> None:
    hosts = their_own
    ran = hosts.mx.run(PROGRAM, "doctor")
    assert (ran.returncode, ran.stderr) == (0, b"")
    found = [line for line in ran.stdout.decode().splitlines() if " certificate " in line]
    assert found == [
        f"-- certificate   {port} on 127.0.0.1: {scene.MX_NAME}, by itself, expires in less than a day"
        for port in _PORTS
    ]
    refused = hosts.mx.run(PROGRAM, "doctor", "--no-certificates").stdout.decode()
    assert (
        "   certificate   our ports are not asked (certificates = false, or --no-certificates)" in refused.splitlines()
    )


def test_a_host_that_is_bound_to_its_addresses() -> None:
    """Each is asked: another server may be behind it."""
    with mail_hosts(settings={"inet_interfaces": f"{scene.MX}, {scene.MX6}"}) as hosts:
        with Live(hosts.mx, "events", "--sensors", "host") as live:
            assert live.wait(lambda lines: len(_certificates(lines)) == 6, _LIMIT), live.output
            told = [(line["server"], line["port"]) for line in _certificates(live.lines)]
        assert told == [(server, port) for port in _PORTS for server in (scene.MX, scene.MX6)]
