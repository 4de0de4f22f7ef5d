"""What is wrong with the firewall is told, and nothing of others is harmed: with the kernel's own sets and rules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.namespaces import Namespace, join
from tests.hosts.program import PROGRAM
from tests.hosts.walled import assert_confined

pytestmark = [pytest.mark.xdist_group("blocks"), pytest.mark.needs("namespaces", "nft", "iptables", "ipset")]


class Host:
    """smtpwatch on a host of its own, without a mail server."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self.namespace = namespace
        self.journal = directory / "journal"

    def run(self, *command: str) -> str:
        """A command there; what it says."""
        assert_confined(self.namespace)
        done = self.namespace.run(*command)
        return (done.stdout + done.stderr).decode()

    def smtpwatch(self, *arguments: str) -> str:
        """Ours; `rc N` at the end where that is not 0."""
        assert_confined(self.namespace)
        done = self.namespace.run(
            PROGRAM, *arguments, "--set", f"journal={self.journal}", "--log", "/dev/null", "--geo", "none"
        )
        return (done.stdout + done.stderr).decode() + (f"rc {done.returncode}" if done.returncode else "")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Namespace("told") as made:
        yield Host(made, tmp_path)


NFT = "--firewall=nftables"
IPTABLES = "--firewall=iptables"


@pytest.mark.parametrize(
    ("firewall", "harm", "told"),
    [
        (NFT, "nft flush set inet smtpwatch ports", "the set of mail's ports is empty"),
        (NFT, "nft delete element inet smtpwatch ports { 587 }", "of mail's ports these are not blocked: 587"),
        (NFT, "nft insert rule inet smtpwatch prerouting accept", "a rule that is not ours stands in our chain"),
        (NFT, "nft insert rule inet smtpwatch smtp accept", "a rule that is not ours stands in our chains"),
        (NFT, "nft add table inet smtpwatch '{ flags dormant; }'", "our table is switched off (dormant)"),
        (IPTABLES, "ipset flush smtpwatch-ports", "the set of mail's ports is empty"),
        (IPTABLES, "ipset del smtpwatch-ports 25", "of mail's ports these are not blocked: 25"),
    ],
)
def test_a_firewall_that_no_longer_drops(host: Host, firewall: str, harm: str, told: str) -> None:
    assert "verified" in host.smtpwatch("block", "203.0.113.7", firewall)
    assert host.run("sh", "-c", harm) == ""
    said = host.smtpwatch("blocks", firewall)
    assert told in said and said.endswith("rc 1")
    said = host.smtpwatch("block", "203.0.113.8", firewall)
    assert "verified" in said or ("dormant" in harm and "failed: our table is switched off" in said), said
    if "dormant" not in harm:
        assert told not in host.smtpwatch("blocks", firewall), "another block mends it"


@pytest.mark.parametrize("firewall", [NFT, IPTABLES])
def test_ports_of_another_console_stay(host: Host, firewall: str) -> None:
    host.smtpwatch("block", "203.0.113.7", firewall)
    assert "verified" in host.smtpwatch("block", "203.0.113.8", firewall, "--ports", "2525")
    assert "not blocked" not in host.smtpwatch("blocks", firewall)
    host.smtpwatch("unblock", "--mine", firewall)
    assert "verified" in host.smtpwatch("block", "203.0.113.7", firewall)


def test_a_journal_of_another_harms_no_rule(host: Host, tmp_path: Path) -> None:
    host.smtpwatch("block", "198.51.100.0/24", NFT)
    stranger = Host(host.namespace, tmp_path / "other")
    assert "verified" in stranger.smtpwatch("block", "203.0.113.7", NFT)
    assert "gone" not in host.smtpwatch("blocks", NFT)
    rules = host.run("nft", "list", "chain", "inet", "smtpwatch", "smtp")
    assert "@smtp4_24 drop" in rules and "@smtp4_32 drop" in rules


def test_the_firewall_that_blocks_is_kept_though_another_would_be_preferred(host: Host) -> None:
    host.smtpwatch("block", "203.0.113.7", IPTABLES)
    assert "verified (iptables)" in host.smtpwatch("block", "203.0.113.8")
    assert "1 block is" not in host.smtpwatch("blocks") and "gone" not in host.smtpwatch("blocks")
    said = host.smtpwatch("blocks", NFT)
    assert "2 blocks are held by iptables, which is not looked at" in said and "gone" not in said
    assert "let in again: 203.0.113.7" in host.smtpwatch("unblock", "203.0.113.7", NFT)
    held = host.run("ipset", "list", "smtpwatch-smtp4")
    assert "203.0.113.7" not in held and "203.0.113.8" in held
    assert "verified (nftables)" in host.smtpwatch("block", "203.0.113.8", NFT)
    assert "203.0.113.8" not in host.run("ipset", "list", "smtpwatch-smtp4")


def test_restored_and_merged_in_one_go(host: Host) -> None:
    for at in range(1, 4):
        host.smtpwatch("block", f"203.0.113.{at}", NFT, "--for", "ever")
    host.run("nft", "flush", "ruleset")
    said = host.smtpwatch("blocks", NFT, "--merge", "--restore")
    assert "203.0.113.0/30" in said and "3 blocks are 203.0.113.0/30 now" in said, said
    assert "203.0.113.0" in host.run("nft", "list", "set", "inet", "smtpwatch", "smtp4_30")


def test_a_network_that_is_our_way_out_keeps_its_sessions(tmp_path: Path) -> None:
    """In a container, say, from which the host's own processes can be seen."""
    echo = "import socket; s = socket.create_server(('0.0.0.0', 25)); a = s.accept()[0]; a.sendall(b'220'); a.recv(1)"
    with Namespace("up") as up, Namespace("in") as inside, Namespace("far") as far:
        join((up, "eth0", ("192.0.2.1/24",)), (inside, "eth0", ("192.0.2.2/24",)))
        join((up, "eth1", ("203.0.113.1/24",)), (far, "eth0", ("203.0.113.66/24",)))
        inside.ip("route", "add", "default", "via", "192.0.2.1")
        up.popen("python3", "-c", echo)
        client = (
            f"{echo.split(';')[0]}; import time; time.sleep(0.5); c = socket.create_connection(('203.0.113.1', 25))"
        )
        ends = far.popen("python3", "-c", f"{client}; print(c.recv(3), flush=True); print(c.recv(3))", stdout=-1)
        assert ends.stdout is not None and b"220" in ends.stdout.readline()
        said = Host(inside, tmp_path).smtpwatch("block", "203.0.113.66", NFT)
        assert "no live session" in said, said
        assert ends.poll() is None
