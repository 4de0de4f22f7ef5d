"""What the command refuses and what it asks about, on a real mail host; and that a crash at any step leaves journal and
kernel agreed."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.program import PROGRAM
from tests.hosts.walled import (
    BRIDGE,
    CONTAINER,
    GATEWAY,
    GATEWAY6,
    MX,
    MX6,
    OTHER,
    RECIPIENT,
    SPAMMER,
    SPAMMER6,
    Walled,
    assert_confined,
    until,
    walled,
)  # fmt: skip

pytestmark = [
    pytest.mark.xdist_group("blocks"),
    pytest.mark.needs("namespaces", "postfix", "smtp-source", "saslpasswd2", "openssl", "nft", "iptables"),
]

REFUSED, ASKS = 4, 5
TRUSTED, PROXY, ALLOWED, ADMIN = "198.51.100.0/25", "198.51.100.200", "198.51.100.201", "198.51.100.202"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walled]:
    trusted = {"mynetworks": f"127.0.0.0/8 {TRUSTED} [2001:db8:99::]/48"}
    with walled(tmp_path_factory.mktemp("guarded"), settings=trusted) as made:
        made.mx.ip("link", "add", "docker0", "type", "bridge")
        made.mx.ip("address", "add", f"{BRIDGE}/16", "dev", "docker0")
        yield made


@pytest.fixture(autouse=True)
def nothing_blocked(scene: Walled) -> Iterator[None]:
    yield
    scene.smtpwatch("unblock", "--mine")


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        (MX, "an address of this host (eth0)"),
        (MX6, "an address of this host (eth0)"),
        (f"::ffff:{MX}", "an address of this host (eth0)"),
        ("192.0.2.0/28", f"holds {GATEWAY}, the default gateway (eth0)"),
        ("172.18.0.1", "an address of this host (docker0)"),
        (GATEWAY, "the default gateway (eth0)"),
        (GATEWAY6, "the default gateway (eth0)"),
        ("fe80::1", "link-local"),
        ("198.51.100.7", f"is in {TRUSTED}, trusted by postfix"),
        ("198.51.100.0/24", f"holds {TRUSTED}, trusted by postfix"),
        ("2001:db8:99:1::5", "is in 2001:db8:99::/48, trusted by postfix"),
        (PROXY, "a proxy that others come through"),
        (ALLOWED, "on the allowlist"),
        (f"::ffff:{ALLOWED}", "on the allowlist"),
        (ADMIN, "the SSH client that this was started from"),
        ("203.0.0.0/8", "wider than /16"),
        ("2001::/16", "wider than /32"),
        ("0.0.0.0/0", "wider than /16"),
    ],
)
def test_what_is_refused(scene: Walled, network: str, why: str) -> None:
    options = ("--allow", ALLOWED, "--set", f'proxies=["{PROXY}"]')
    assert_confined(scene.mx)
    environment = ("env", f"SSH_CONNECTION={ADMIN} 50000 {MX} 22")
    done = scene.mx.run(*environment, PROGRAM, "block", network, "--keep", *scene.settings, *options)
    said = done.stdout.decode()
    assert (done.returncode, why in said) == (REFUSED, True), (said, done.stderr)
    assert "refused: " in said and scene.blocks() == []


def test_a_resolver_is_refused(scene: Walled) -> None:
    from smtpwatch.firewall.surroundings import resolvers

    theirs = next(resolvers(), None)
    if theirs is None:
        pytest.skip("this machine has no resolver but itself")
    done = scene.smtpwatch("block", str(theirs.network.network_address), "--keep")
    assert done.returncode == REFUSED and b"a DNS resolver of this host" in done.stdout


def test_of_several_the_free_are_blocked(scene: Walled) -> None:
    done = scene.smtpwatch("block", MX, SPAMMER)
    assert done.returncode == 4
    assert f"refused: {MX} is an address of this host" in done.stdout.decode()
    assert [block["network"] for block in scene.blocks()] == [f"{SPAMMER}/32"]


def test_a_container_is_asked_about(scene: Walled) -> None:
    done = scene.smtpwatch("block", CONTAINER)
    assert done.returncode == ASKS and b"containers of this host (docker0)" in done.stdout and scene.blocks() == []


def test_who_sends_good_mail_is_asked_about_and_blocked_on_probation(scene: Walled) -> None:
    with scene.client(OTHER) as client:
        for line in ("EHLO partner.example.net", "MAIL FROM:<a@example.net>", f"RCPT TO:<{RECIPIENT}>"):
            assert client.command(line).code == 250
        assert client.message(b"Subject: x\r\n\r\nhello").code == 250
    until(lambda: "queued" in scene.postfix.log.read_text() or "removed" in scene.postfix.log.read_text(), "a message")
    careful = f"careful: {OTHER}: 1 message accepted in the last 4 h"
    done = scene.smtpwatch("block", OTHER)
    assert done.returncode == ASKS and careful in done.stdout.decode() and scene.blocks() == []
    done = scene.smtpwatch("block", f"{OTHER}/28")
    assert done.returncode == ASKS
    assert "1 source in 203.0.113.192/28 has good mail: 203.0.113.200 (1 message accepted" in done.stdout.decode()
    done = scene.smtpwatch("block", OTHER, "--yes")
    assert done.returncode == 0 and "for 60 s, unless it is kept" in done.stdout.decode()
    (block,) = scene.blocks()
    assert block["probation"] and block["until"] - time.time() < 61
    assert not scene.reaches(OTHER)
    done = scene.smtpwatch("block", OTHER, "--keep")
    assert done.returncode == 0 and "for 1 h" in done.stdout.decode()
    (block,) = scene.blocks()
    assert not block["probation"] and block["until"] - time.time() > 3500


def test_a_block_ends_by_itself_though_nobody_is_there(scene: Walled) -> None:
    done = scene.smtpwatch("block", SPAMMER6, "--for", "2s")
    assert done.returncode == 0
    assert [block["network"] for block in scene.blocks()] == [f"{SPAMMER6}/128"]
    time.sleep(3.5)
    held = scene.mx.run("nft", "-j", "list", "set", "inet", "smtpwatch", "smtp6_128").stdout
    assert b"elem" not in json.dumps(json.loads(held)["nftables"][1]["set"]).encode()
    assert scene.blocks() == []


STEPS = ("intent", "applied", "ended", "result")

KILLED = """
import os, sys, time
from pathlib import Path
from smtpwatch.firewall.acts import Actor, Acts
from smtpwatch.firewall.guard import Guard
from smtpwatch.firewall.journal import Journal
from smtpwatch.firewall.nftables import Nftables
from smtpwatch.firewall.prefixes import as_network
from smtpwatch.firewall.request import Request
from smtpwatch.firewall.sessions import LiveSessions
from smtpwatch.firewall.who import real_user

step, act, path, *networks = sys.argv[1:]
actor = Actor(real_user(), os.getpid())
acts = Acts(Nftables(), Journal(Path(path)), Guard, LiveSessions(), (25, 465, 587), actor, time.time)

def then_die(owner, name, after):
    real = getattr(owner, name)
    def wrapped(*arguments):
        if not after:
            os.kill(os.getpid(), 9)
        real(*arguments)
        os.kill(os.getpid(), 9)
    setattr(owner, name, wrapped)

if step == "intent":
    then_die(acts.backend, "apply", after=False)
elif step == "applied":
    then_die(acts.backend, "apply", after=True)
elif step == "ended":
    then_die(acts, "_result", after=False)
else:
    then_die(acts, "_result", after=True)
acts.follow()
if act == "block":
    acts.block(Request(tuple(map(as_network, networks))))
else:
    acts.unblock(list(map(as_network, networks)))
"""


@pytest.mark.parametrize("act", ["block", "unblock"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_each_step(scene: Walled, step: str, act: str) -> None:
    networks = (SPAMMER, SPAMMER6)
    if act == "unblock":
        assert scene.smtpwatch("block", *networks).returncode == 0
    done = scene.python(KILLED, step, act, f"{scene.directory}/journal.jsonl", *networks)
    assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    listed = scene.smtpwatch("blocks", "--json")
    told = {json.loads(line)["network"] for line in listed.stdout.splitlines()}
    tables = scene.mx.run("nft", "-j", "list", "table", "inet", "smtpwatch").stdout.decode()
    held = {f"{each}/{32 if '.' in each else 128}" for each in networks if f'"val": "{each}"' in tables}
    assert told == held
    assert held == ({f"{SPAMMER}/32", f"{SPAMMER6}/128"} if (step == "intent") is (act == "unblock") else set())
    assert (b"cut short" in listed.stderr) is (step != "result")
    assert all(not json.loads(line)["gone"] for line in listed.stdout.splitlines())
    assert scene.smtpwatch("blocks").stderr == b""
    assert scene.reaches(SPAMMER) is not bool(held)


def test_two_consoles_at_once(scene: Walled) -> None:
    assert_confined(scene.mx)
    many = [f"203.0.113.{at}" for at in range(1, 13)]
    running = [scene.mx.popen(PROGRAM, "block", each, *scene.settings) for each in many]
    assert [process.wait(30) for process in running] == [0] * len(many)
    assert {block["network"] for block in scene.blocks()} == {f"{each}/32" for each in many}


def test_a_restart_and_what_it_took(scene: Walled) -> None:
    assert scene.smtpwatch("block", SPAMMER, "--why", "burst").returncode == 0
    scene.mx.run("nft", "delete", "table", "inet", "smtpwatch")
    assert scene.reaches(SPAMMER)
    done = scene.smtpwatch("blocks")
    assert b"gone" in done.stdout and b"1 of them is not in the firewall" in done.stderr
    done = scene.smtpwatch("blocks", "--restore")
    assert done.returncode == 0 and b"burst" in done.stdout and done.stderr == b""
    assert not scene.reaches(SPAMMER)


def test_a_full_disk_blocks_nobody_silently(scene: Walled, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    full = (
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount -t tmpfs -o size=4k none {disk} && head -c 8192 /dev/zero >{disk}/x; exec "$@"',
        "-",
    )
    assert_confined(scene.mx)
    done = scene.mx.run(*full, PROGRAM, "block", SPAMMER, *scene.settings, "--set", f"journal={disk}/journal")
    assert done.returncode == 1 and b"cannot be written: No space left on device" in done.stderr
    assert scene.blocks() == [] and scene.reaches(SPAMMER)


def test_export_and_import(scene: Walled, tmp_path: Path) -> None:
    assert scene.smtpwatch("block", SPAMMER, "--for", "1d", "--why", "burst").returncode == 0
    assert scene.smtpwatch("block", "198.18.0.0/24", "--for", "ever", "--all-ports").returncode == 0
    (tmp_path / "list").write_bytes(scene.smtpwatch("blocks", "--json").stdout)
    scene.smtpwatch("unblock", "--mine")
    assert scene.smtpwatch("block", "--from", str(tmp_path / "list")).returncode == 0
    kept = {block["network"]: block for block in scene.blocks()}
    assert kept[f"{SPAMMER}/32"]["why"] == "burst" and 86_000 < kept[f"{SPAMMER}/32"]["until"] - time.time() < 86_400
    assert kept["198.18.0.0/24"]["until"] is None and kept["198.18.0.0/24"]["scope"] == "all"
    (tmp_path / "plain").write_text(f"# bad ones\n{SPAMMER6}   # today\n\n198.18.1.1\n")
    assert scene.smtpwatch("block", "--from", str(tmp_path / "plain")).returncode == 0
    assert len(scene.blocks()) == 4
    (tmp_path / "wrong").write_text("198.18.1.2\nrm -rf /\n")
    done = scene.smtpwatch("block", "--from", str(tmp_path / "wrong"))
    assert done.returncode == 2 and b"line 2: not an address or network: 'rm -rf /'" in done.stderr
    assert len(scene.blocks()) == 4


def test_ten_thousand_are_one_act(scene: Walled, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.write_text("".join(f"198.19.{at // 250}.{at % 250}\n" for at in range(10_000)))
    done = scene.smtpwatch("block", "--from", str(many))
    assert done.returncode == 0 and b"blocked 10,000 networks for 1 h on 25, 465, 587; verified" in done.stdout
    assert len(scene.blocks()) == 10_000
    lines = (scene.directory / "journal.jsonl").read_text().splitlines()
    assert len(json.loads(lines[-3])["networks"]) == 10_000
