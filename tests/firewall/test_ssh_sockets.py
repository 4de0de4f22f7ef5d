"""Who is connected over SSH, told from a /proc and sockets that are made up."""

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil
import pytest

from smtpwatch.firewall.sockets import ESTABLISHED, LISTEN, Connection, SocketsError
from smtpwatch.firewall.ssh_peers import SshPeers
from tests.firewall.ssh_host import (
    ADMIN,
    BOB,
    INIT,
    LISTENER,
    OPEN,
    OPEN_ODD,
    OTHER,
    OWN,
    THIRD,
    THIS,
    Host,
    learnt,
    session_of_our_own,
    told,
)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(psutil, "users", list)
    return Host(tmp_path)


@pytest.fixture
def over_ssh(host: Host) -> Host:
    return session_of_our_own(host)


class TestSockets:
    def test_this_session_and_another(self, over_ssh: Host) -> None:
        over_ssh.process(40, "sshd", 10, held=[400], title=BOB)
        over_ssh.socket(22, ADMIN, 200)
        over_ssh.socket(22, OTHER, 400)
        over_ssh.socket(25, THIRD, 500)
        assert over_ssh.peers() == {ADMIN: THIS, OTHER: "the client of a live SSH session (sshd 40)"}

    @pytest.mark.parametrize("inodes", [(200, 400), (400, 200)])
    def test_this_session_wins(self, over_ssh: Host, inodes: tuple[int, int]) -> None:
        """ADMIN has two; whichever the kernel lists first."""
        over_ssh.process(40, "sshd", 10, held=[400], title=BOB)
        for inode in inodes:
            over_ssh.socket(22, ADMIN, inode)
        assert over_ssh.peers() == {ADMIN: THIS}

    @pytest.mark.parametrize("name", ["sshd", "sshd-session", "sshd-auth", "dropbear", "tinysshd"])
    def test_servers(self, host: Host, name: str) -> None:
        host.process(10, name, INIT, held=[100, 400])
        host.process(11, "sftp-server", 10)
        host.process(OWN, "smtpwatch", INIT)
        host.socket(2222, "0.0.0.0", 100, LISTEN)
        host.socket(2222, OTHER, 400)
        assert host.peers() == {OTHER: f"the client of a live SSH session ({name} 10)"}

    def test_a_name_with_parentheses(self, host: Host) -> None:
        host.process(10, "a) S 1 (b", INIT)
        host.process(20, "sshd", 10, held=[400])
        host.process(30, "x) R 1", 20)
        host.process(OWN, "smtpwatch", 30)
        host.socket(22, OTHER, 400)
        assert host.peers() == {OTHER: THIS}

    def test_a_name_that_ends_like_another(self, over_ssh: Host) -> None:
        over_ssh.process(40, "x (sshd", INIT, held=[400])
        over_ssh.socket(25, OTHER, 400)
        assert over_ssh.peers() == {}

    def test_ipv6_with_few_bits(self, over_ssh: Host) -> None:
        over_ssh.socket(22, "::1", 200)
        assert over_ssh.peers() == {"::1": THIS}

    def test_forwarded_is_no_client(self, over_ssh: Host) -> None:
        """ssh -L: our sshd is the client."""
        shutil.rmtree(over_ssh.proc / "21")
        over_ssh.process(21, "sshd", 20, held=[200, 201], title="sshd: alice@pts/0")
        over_ssh.socket(40404, OTHER, 201)
        assert over_ssh.peers() == {OTHER: "connected through a live SSH session"}

    def test_new_since_it_was_learnt(self, over_ssh: Host) -> None:
        """On 22, and on a port that an SSH server listens on; a server on 25 is none. Nobody is seen to hold them."""
        over_ssh.process(11, "sshd", INIT, held=[110])
        over_ssh.socket(2222, "0.0.0.0", 110, LISTEN)
        over_ssh.socket(25, "0.0.0.0", 120, LISTEN)
        ssh = learnt(over_ssh)
        assert told(ssh) == {}
        over_ssh.socket(22, ADMIN, 600)
        over_ssh.socket(2222, OTHER, 601)
        over_ssh.socket(25, THIRD, 602)
        assert told(ssh) == {ADMIN: OPEN, OTHER: OPEN_ODD}

    def test_over_since_it_was_learnt(self, over_ssh: Host) -> None:
        over_ssh.process(40, "sshd", 10, held=[400], title=BOB)
        over_ssh.socket(22, OTHER, 400)
        ssh = learnt(over_ssh)
        assert told(ssh).keys() == {OTHER}
        over_ssh.sockets[""].pop()
        assert told(ssh) == {}

    def test_before_it_was_learnt(self, over_ssh: Host) -> None:
        over_ssh.socket(22, ADMIN, 200)
        assert told(SshPeers(over_ssh.proc, {}, over_ssh.dump)) == {ADMIN: "the client of a live SSH session (sshd 21)"}

    def test_one_dump_at_a_key(self, over_ssh: Host) -> None:
        """Of the SSH ports alone, however many other connections there are."""
        ssh = SshPeers(over_ssh.proc, {}, over_ssh.dump)
        ssh.peers()
        assert over_ssh.asked == [("", frozenset({22}))]
        over_ssh.process(11, "sshd", INIT, held=[110], title=LISTENER)
        over_ssh.socket(2222, "0.0.0.0", 110, LISTEN)
        ssh.learn()
        ssh.peers()
        assert over_ssh.asked[1:] == [("", frozenset()), ("", frozenset({22, 2222}))]

    def test_that_cannot_be_listed(self, over_ssh: Host) -> None:
        """What else is known still counts, and the problem is told until it is over."""
        shutil.rmtree(over_ssh.proc / "30")
        over_ssh.process(30, "bash", 21, f"{ADMIN} 1 192.0.2.25 22")
        broken = True

        def dump(path: str, states: int, ports: Collection[int]) -> Iterator[Connection]:
            if broken:
                raise SocketsError("sockets: no")
            return over_ssh.dump(path, states, ports)

        ssh = SshPeers(over_ssh.proc, {}, dump)
        ssh.learn()
        assert told(ssh) == {ADMIN: THIS}
        assert ssh.problem == "sockets: no"
        broken = False
        ssh.peers()
        assert ssh.problem == ""


class TestNamespaces:
    def test_asked_once_each(self, over_ssh: Host) -> None:
        for pid in (50, 51):
            over_ssh.process(pid, "sshd", INIT, held=[pid * 10, pid * 10 + 1], network="net:[2]", title=BOB)
        there = f"{over_ssh.proc}/50/ns/net", f"{over_ssh.proc}/51/ns/net"
        for where in there:  # whichever is found first
            over_ssh.socket(2222, "::", 500, LISTEN, where)
            over_ssh.socket(25, "::", 997, LISTEN, where)
            over_ssh.socket(2222, OTHER, 511, ESTABLISHED, where)
            over_ssh.socket(2222, THIRD, 999, ESTABLISHED, where)
            over_ssh.socket(25, "192.0.2.66", 998, ESTABLISHED, where)
        assert over_ssh.peers() == {
            OTHER: "the client of a live SSH session (sshd 51)",
            THIRD: OPEN_ODD,
        }
        assert len(set(there) & {path for path, _ in over_ssh.asked}) == 1
        assert len(over_ssh.asked) == 3  # there, and here to learn and to tell

    def test_ours_may_be_another_than_that_of_our_ssh(self, over_ssh: Host) -> None:
        shutil.rmtree(over_ssh.proc / str(OWN))
        over_ssh.process(OWN, "smtpwatch", 30, network="net:[2]")
        for pid in (10, 20, 21):
            over_ssh.socket(22, ADMIN, 200, ESTABLISHED, f"{over_ssh.proc}/{pid}/ns/net")
        assert over_ssh.peers() == {ADMIN: THIS}

    def test_that_cannot_be_entered(self, over_ssh: Host) -> None:
        over_ssh.process(50, "sshd", INIT, network="net:[2]")

        def dump(path: str, states: int, ports: Collection[int]) -> Iterator[Connection]:
            if path:
                raise SocketsError("sockets: Operation not permitted")
            return over_ssh.dump(path, states, ports)

        ssh = SshPeers(over_ssh.proc, {}, dump)
        ssh.learn()
        assert ssh.problem == ""
