"""Whom a real Postfix, Exim and OpenSMTPD relay for: what is told is what a stranger is answered."""

import json
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.confined import UNPACKED
from tests.hosts.exim import PROGRAM as EXIM
from tests.hosts.exim import Exim
from tests.hosts.namespaces import Namespace
from tests.hosts.opensmtpd import COMMAND, PACKAGES, opensmtpd
from tests.hosts.postfix import Postfix
from tests.hosts.program import Live

pytestmark = [pytest.mark.xdist_group("hosts"), pytest.mark.needs("namespaces", "mount")]
needs_postfix = pytest.mark.needs("postfix", "postmap", "openssl")

_LIMIT = 10.0  # seconds
_ASK = """\
import json, sys
from collectors.host.relay import relay_policies
print(json.dumps([policy._asdict() for policy in relay_policies(*sys.argv[1:])]))
"""
Told = dict[str, Any]


def _asked(command: Sequence[str], *path: str) -> Told:
    """The one policy that is found where `command` runs a program."""
    ran = subprocess.run(
        [*command, sys.executable, "-c", _ASK, *path],
        capture_output=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    (policy,) = json.loads(ran.stdout)
    return dict(policy)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A directory in which a server may look that is not root."""
    with tempfile.TemporaryDirectory(prefix="policy-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def _ours(told: Told, domain: str) -> bool:
    return domain in told["domains"] or any(each[0] == "." and domain.endswith(each) for each in told["domains"])


def _taken(namespace: Namespace, *recipients: str) -> dict[str, bool]:
    """Whether a client on loopback that has not logged in may write to each: all that is no relaying is yes."""
    with namespace.entered():
        client = smtplib.SMTP("127.0.0.1", timeout=_LIMIT)
    with client:
        client.ehlo("client.example.com")
        client.mail("a@sender.example")
        answers = {recipient: client.rcpt(recipient) for recipient in recipients}
    denied = (b"Relay access denied", b"relay not permitted", b"Invalid recipient")
    return {recipient: not any(each in text for each in denied) for recipient, (_, text) in answers.items()}


def _same(namespace: Namespace, told: Told, domains: Sequence[str]) -> None:
    """What is told of these domains is what the server does."""
    taken = _taken(namespace, *(f"a@{domain}" for domain in domains))
    assert {domain: taken[f"a@{domain}"] for domain in domains} == {domain: _ours(told, domain) for domain in domains}
    assert len(set(taken.values())) == 2, "both happen"


@needs_postfix
def test_postfix(tmp_path: Path) -> None:
    """Each setting, with files, tables and exclusions; a service's own networks."""
    (tmp_path / "file").write_text("# comment.example\nfile.example !Out.example\n")
    (tmp_path / "virtual").write_text("bare.example x\na@bare.example a@box.example\n@at.example a@box.example\n")
    (tmp_path / "relays").write_text("table.example x\n.dotted.example x\n")
    settings = {
        "mydestination": f"$myhostname, Own.example .dot.example {tmp_path}/file out.example",
        "local_recipient_maps": "",
        "virtual_alias_maps": f"hash:{tmp_path}/virtual",
        "relay_domains": f"!no.relay.example relay.example texthash:{tmp_path}/relays cidr:{tmp_path}/relays",
        "mynetworks": "10.0.0.0/8 [2001:db8::]/32",
    }
    with (
        Namespace("policy") as namespace,
        Postfix(namespace, "mx.example.net", recipients=["a@box.example"], settings=settings) as postfix,
    ):
        with (postfix.directory / "etc" / "master.cf").open("a") as master:
            master.write("10025 inet n - n - - smtpd\n    -o mynetworks=10.8.0.0/16\n")
        etc = postfix.directory / "etc"
        assert namespace.run("postmap", "-c", etc, f"hash:{tmp_path}/virtual").returncode == 0
        logged = postfix.log.read_text()
        told = _asked(namespace.command())
        assert postfix.log.read_text() == logged, "a look leaves nothing in the mail log"
        _same(namespace, told, [
            "mx.example.net", "own.example", "dot.example", "x.dot.example", "file.example", "out.example",
            "comment.example", "bare.example", "x.bare.example", "at.example", "box.example", "relay.example",
            "x.relay.example", "table.example", "x.table.example", "x.dotted.example",
            "[127.0.0.1]", "[ipv6:::1]", "[192.0.2.1]", "elsewhere.example",
        ])  # fmt: skip
    assert (told["mta"], told["instance"]) == ("postfix", str(etc))
    assert told["networks"] == ["10.0.0.0/8", "2001:db8::/32", "10.8.0.0/16"]
    assert (told["complete"], told["note"], told["troubled"]) == (True, "", False)


@needs_postfix
def test_postfix_that_matches_no_parents(tmp_path: Path) -> None:
    settings = {
        "relay_domains": "relay.example .dotted.example",
        "parent_domain_matches_subdomains": "",
        "virtual_alias_domains": "regexp:/etc/services",
    }
    with Namespace("policy") as namespace, Postfix(namespace, "mx", recipients=["a@b.example"], settings=settings):
        told = _asked(namespace.command())
        _same(namespace, told, ["relay.example", "x.relay.example", "dotted.example", "x.dotted.example", "b.example"])
    assert told["note"] == "virtual_alias_domains: 'regexp:/etc/services': a table of this type cannot be listed"
    assert not told["complete"]


@needs_postfix
@pytest.mark.parametrize(
    ("settings", "networks"),
    [
        ({"mynetworks": "0.0.0.0/0", "smtpd_relay_restrictions": "permit_mynetworks, reject"}, ["0.0.0.0/0"]),
        (
            {"mynetworks": "10.0.0.0/8", "smtpd_relay_restrictions": "check_client_access static:OK, reject"},
            ["10.0.0.0/8"],
        ),
    ],
    ids=["mynetworks", "restrictions"],
)
def test_an_open_relay(settings: dict[str, str], networks: list[str]) -> None:
    """Anyone may send anywhere; it is told only where it is by the networks. ("permit" alone is nothing that Postfix
    would run with.)"""
    with Namespace("policy") as namespace, Postfix(namespace, "mx", recipients=["a@b.example"], settings=settings):
        told = _asked(namespace.command())
        assert _taken(namespace, "a@elsewhere.example") == {"a@elsewhere.example": True}
    assert told["networks"] == networks
    assert [domain for domain in told["domains"] if domain[0] != "["] == ["b.example"]
    assert told["complete"]


@needs_postfix
def test_the_sensor_tells_it_at_the_start() -> None:
    with Namespace("policy") as namespace, Postfix(namespace, "mx", recipients=["a@b.example"]) as postfix:
        with Live(namespace, "events", "--sensors", "host") as events:
            assert events.wait(lambda lines: any(line["type"] == "RelayPolicy" for line in lines), _LIMIT)
            (told,) = (line for line in events.lines if line["type"] == "RelayPolicy")
        instance = str(postfix.directory / "etc")
    assert (told["sensor"], told["mta"], told["instance"], told["complete"]) == ("host", "postfix", instance, True)
    assert "b.example" in told["domains"]
    assert told["networks"] == []


@pytest.mark.skipif(not EXIM.exists(), reason="needs exim4-daemon-light (make debian, as root)")
@pytest.mark.needs("openssl", "unshare")
def test_exim(readable: Path) -> None:
    """Its ACL takes what is in local_domains alone; the other lists are told as they are."""
    (readable / "hosted").mkdir()
    (readable / "hosted" / "dir.example").touch()
    (readable / "file").write_text("file.example # ours\n*.below.example\n")
    (readable / "keys").write_text('# no.example\nkey.example: x\n"quoted.example" x\n')
    domains = (
        "! out.example", "*.sub.example", "@", "@[]", "Plain.example", "+more", "out.example", f"{readable}/file",
        f"dsearch;{readable}/hosted", f"lsearch;{readable}/keys",
    )  # fmt: skip
    settings = [
        "domainlist more = more.example",
        "allow_domain_literals = true",
        "domainlist relay_to_domains = relay.example : *.relay.example : ^x",
        "hostlist relay_from_hosts = <; 127.0.0.1 ; ::1 ; 10.0.0.0/8",
    ]
    with (
        Namespace("policy-exim") as namespace,
        Exim(namespace, "mx.example.net", recipients=[f"a@{domain}" for domain in domains], settings=settings) as exim,
    ):
        logged = exim.log.read_text()
        told = _asked(namespace.command(*exim._in_its_etc()[:-1]), str(exim.directory))
        assert _without_queue_runs(exim.log.read_text()) == _without_queue_runs(logged), "a look leaves nothing there"
        _same(namespace, told, [
            "plain.example", "x.plain.example", "sub.example", "x.sub.example", "mx.example.net", "[127.0.0.1]",
            "[192.0.2.1]", "more.example", "out.example", "file.example", "below.example", "x.below.example",
            "dir.example", "key.example", "quoted.example", "no.example", "elsewhere.example",
        ])  # fmt: skip
    assert (told["mta"], told["instance"]) == ("exim", "")
    assert {"relay.example", ".relay.example"} <= set(told["domains"])
    assert told["networks"] == ["127.0.0.1/32", "::1/128", "10.0.0.0/8"]
    assert told["note"] == "relay_to_domains: '^x': which domains that is cannot be told"
    assert not told["complete"]


def _without_queue_runs(log: str) -> list[str]:
    return [line for line in log.splitlines() if "queue run" not in line]


_RULES = """\
table hosted file:/etc/hosted
table listed {{ "listed.example", "*.below.example" }}
lan = "{{ 10.0.0.0/8, 2001:db8::/32 }}"
listen on 127.0.0.1
action "away" relay host smtp://127.0.0.1:2526
match from any for domain "out.example" reject
match from any for domain <hosted> action "away"
match from any for domain <listed> action "away"
match from any for local action "away"
match from any for domain {{ "a.example" out.example }} action "away"
match from src $lan for any action "away"
match auth from any for any action "away"
{last}
"""


@pytest.mark.skipif(not (UNPACKED / PACKAGES[0]).exists(), reason="not unpacked (make debian)")
@pytest.mark.needs("openssl", "unshare", "nsenter")
@pytest.mark.parametrize("is_open", [False, True])
def test_opensmtpd(tmp_path: Path, is_open: bool) -> None:
    """What strangers may do is told by rules that are not for the host itself alone, as a client on it is none."""
    with Namespace("policy-smtpd") as namespace:
        server = opensmtpd(
            namespace, tmp_path, address="127.0.0.1", hostname="mx.example.net", domain="", recipients=[],
            accounts={}, next_hop="127.0.0.1:2526", names={},
        )  # fmt: skip
        last = 'match from any for any action "away"' if is_open else ""
        server._etc = {
            **server._etc, "smtpd.conf": "listen on socket\n", "policy.conf": _RULES.format(last=last),
            "hosted": "# no.example\nhosted.example\n",
        }  # fmt: skip
        with server:
            server.start(*COMMAND, "-f", "/etc/policy.conf")
            _wait(namespace)
            assert server._process is not None
            told = _asked(["nsenter", "--target", str(server._process.pid), "--mount", "--net"])
            taken = _taken(namespace, "a@elsewhere.example")["a@elsewhere.example"]
            if not is_open:
                _same(namespace, told, [
                    "hosted.example", "no.example", "listed.example", "below.example", "x.below.example", "a.example",
                    "x.a.example", "out.example", "localhost", "mx.example.net", "[127.0.0.1]", "[192.0.2.1]",
                    "[ipv6:::1]", "[::1]", "[2001:db8::1]", "elsewhere.example",
                ])  # fmt: skip
    assert (told["mta"], told["instance"]) == ("opensmtpd", "")
    assert told["domains"] == [
        "hosted.example", "listed.example", ".below.example", "localhost", "mx.example.net", "[127.0.0.1]",
        "[::1]", "a.example",
    ]  # fmt: skip
    assert taken == is_open
    assert told["networks"] == ["10.0.0.0/8", "2001:db8::/32", *(["0.0.0.0/0", "::/0"] if is_open else [])]
    assert (told["complete"], told["note"]) == (True, "")


def _wait(namespace: Namespace) -> None:
    """Until somebody listens."""
    end = time.monotonic() + _LIMIT
    while True:
        try:
            with namespace.entered():
                smtplib.SMTP("127.0.0.1", timeout=_LIMIT).close()
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return
