"""Whatever a client says inside AUTH, smtpwatch never says it again."""

import base64
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import mail_hosts as scene
from tests.hosts.mail_hosts import MailHosts
from tests.hosts.program import PROGRAM, Live, running
from tests.hosts.recording import Tcpdump
from tests.hosts.scenarios_secured import WRONG_PASSWORD, auth_failure, auth_success
from tests.hosts.stage import closed

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "tcpdump", "postfix", "smtp-sink", "saslpasswd2", "openssl"),
]
_LIMIT = 15.0  # seconds
_SESSIONS = 5  # of auth_success and auth_failure together
_PCAP_HEADER = 24  # octets; each record then has a header of 16, its third word the length (pcap-savefile(5))


def _encodings(secret: bytes) -> Iterator[bytes]:
    """`secret`, and what base64 makes of it at each of the three offsets it can have in a longer token, without
    the characters at either end that hold bits of its neighbours."""
    yield secret
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret)
        yield encoded[4 if before else 0 : (before + len(secret)) // 3 * 4]


def _assert_no_secret(output: bytes) -> None:
    secrets = (scene.PASSWORD, WRONG_PASSWORD, scene.USER)  # the account too: the wire is not where it is read
    forms = [form for secret in secrets for form in _encodings(secret.encode())]
    assert [form for form in forms if form in output] == []


def _play(hosts: MailHosts) -> None:
    with hosts.world.entered():
        auth_success(hosts)
        auth_failure(hosts)


@pytest.fixture(scope="module")
def capture(hosts: MailHosts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secrets") / "auth.pcap"
    with Tcpdump(hosts.mx, scene.INTERFACE, path):
        _play(hosts)
    return path


def test_the_secrets_are_on_the_wire(capture: Path) -> None:
    """Were they not, the other tests would prove nothing."""
    sent = capture.read_bytes()
    assert all(base64.b64encode(password.encode()) in sent for password in (scene.PASSWORD, WRONG_PASSWORD))
    with pytest.raises(AssertionError):
        _assert_no_secret(sent)


@pytest.mark.parametrize("command", [["events"], ["sessions", "--json"], ["sessions"]], ids=" ".join)
def test_not_from_a_file(capture: Path, command: list[str]) -> None:
    ran = subprocess.run([PROGRAM, *command, "-r", capture], capture_output=True, check=True)
    assert ran.stdout.count(b"\n") >= _SESSIONS
    _assert_no_secret(ran.stdout + ran.stderr)


def test_not_live(hosts: MailHosts) -> None:
    with Live(hosts.mx, "events", "--sensors", "wire") as events:
        assert events.wait(running, _LIMIT)
        _play(hosts)
        assert events.wait(lambda lines: closed(lines) == _SESSIONS, _LIMIT)
        assert events.stop(signal.SIGINT) == 0
        _assert_no_secret(events.output)


def _packets(capture: Path) -> Iterator[bytes]:
    """The records of a pcap file, headers included."""
    octets = capture.read_bytes()
    at = _PCAP_HEADER
    while at < len(octets):
        end = at + 16 + struct.unpack_from("=I", octets, at + 8)[0]
        yield octets[at:end]
        at = end


def test_not_from_a_file_that_begins_in_the_middle(hosts: MailHosts, tmp_path: Path) -> None:
    """Wherever a capture of AUTH begins: what is left of the exchange must not pass for commands."""
    whole, rest = tmp_path / "whole.pcap", tmp_path / "rest.pcap"
    with Tcpdump(hosts.mx, scene.INTERFACE, whole), hosts.world.entered():
        auth_failure(hosts)
    header = whole.read_bytes()[:_PCAP_HEADER]
    packets = list(_packets(whole))
    for first in range(len(packets)):
        rest.write_bytes(header + b"".join(packets[first:]))
        ran = subprocess.run([PROGRAM, "events", "-r", rest], capture_output=True, check=True)
        _assert_no_secret(ran.stdout + ran.stderr)
