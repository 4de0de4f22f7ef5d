"""Who has logged in over SSH, and who has only connected, told from a /proc that is made up."""

import pwd
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from smtpwatch.firewall import ssh_peers
from smtpwatch.firewall.sockets import LISTEN
from smtpwatch.firewall.ssh_peers import SshPeers
from smtpwatch.firewall.ssh_processes import Processes, _privilege_separation
from tests.firewall.ssh_host import BOB, INIT, LISTENER, NOT_LOGGED_IN, OPEN, OPEN_ODD, OTHER, OWN, Host, learnt, told

Look = Callable[[Host], SshPeers]
LIVE = "the client of a live SSH session (sshd 40)"
HELPER = 109  # the user of OpenSSH's helper

BEFORE = [
    "sshd: [accepted]", "sshd: [net]", "sshd: alice [net]", "sshd: alice [priv]", "sshd: unknown [priv]",
    "sshd: alice@example.org [priv]", "sshd: alice [pam]", "sshd-session: [accepted]", "sshd-session: alice [priv]",
    "sshd-auth: [session-auth early]", LISTENER, "sshd: ", "/usr/sbin/sshd", "",
]  # fmt: skip
AFTER = [
    BOB, "sshd: alice@pts/0", "sshd: alice@pts/0,pts/1", "sshd: alice@internal-sftp", "sshd: alice@example.org@pts/0",
    "sshd: alice", "sshd-session: alice@pts/0", "sshd-session: alice",
]  # fmt: skip


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A connection of OTHER's to port 22, and who listens there."""
    monkeypatch.setattr(psutil, "users", list)
    users = {"sshd": SimpleNamespace(pw_uid=HELPER)}
    monkeypatch.setattr(pwd, "getpwnam", users.__getitem__)
    _privilege_separation.cache_clear()
    host = Host(tmp_path)
    host.process(OWN, "smtpwatch", INIT)
    host.process(10, "sshd", INIT, held=[100], title=LISTENER)
    host.socket(22, OTHER, 400)
    yield host
    _privilege_separation.cache_clear()


@pytest.fixture(params=[learnt, lambda host: SshPeers(host.proc, {}, host.dump)], ids=["learnt", "at once"])
def look(request: pytest.FixtureRequest) -> Look:
    """With and without a look through all processes beforehand."""
    made: Look = request.param
    return made


class TestOpenSsh:
    @pytest.mark.parametrize("title", BEFORE)
    def test_before_the_login(self, host: Host, look: Look, title: str) -> None:
        host.process(40, "sshd", 10, held=[400], title=title)
        assert told(look(host)) == {OTHER: OPEN}

    @pytest.mark.parametrize("title", AFTER)
    def test_after_the_login(self, host: Host, look: Look, title: str) -> None:
        host.process(40, "sshd", 10, held=[400], title=title)
        assert told(look(host)) == {OTHER: LIVE}

    def test_one_process_of_a_session_is_enough(self, host: Host, look: Look) -> None:
        host.process(39, "sshd", 10, held=[400], title="sshd: alice [priv]")
        host.process(40, "sshd", 39, held=[400], title="sshd: alice@pts/0", user=1000)
        host.process(41, "sshd", 40, held=[400], title="sshd: alice [pam]")
        assert told(look(host)) == {OTHER: LIVE}

    def test_of_others(self, host: Host, look: Look) -> None:
        host.process(40, "sshd", 10, held=[401], title=BOB)
        host.process(41, "nginx", INIT, held=[400], title=BOB)
        assert told(look(host)) == {OTHER: OPEN}

    def test_what_runs_before_the_login_is_none(self, host: Host, look: Look) -> None:
        """AuthorizedKeysCommand; the helper, in a container, whose users have other numbers; and an sshd of a user's
        own."""
        host.process(40, "sshd", 10, held=[400], title="sshd: alice [priv]", user=1000)
        host.process(41, "sshd", 40, held=[400], title="sshd: alice [net]", user=100_109)
        host.process(42, "sss_ssh_authori", 40)
        assert told(look(host)) == {OTHER: OPEN}


class TestWithoutTitles:
    def test_before_the_login(self, host: Host, look: Look) -> None:
        host.process(40, "dropbear", 10, held=[400])
        host.process(41, "dropbear", 40)
        assert told(look(host)) == {OTHER: OPEN}

    @pytest.mark.parametrize("title", ["", "sshd", "tinysshd: [1] of 9"])
    @pytest.mark.parametrize("name", ["bash", "sftp-server"])
    def test_a_command_has_been_started(self, host: Host, look: Look, name: str, title: str) -> None:
        """By one whose command line is like a title of OpenSSH's, but is none."""
        host.process(40, "sshd", 10, held=[400], title=title)
        host.process(41, name, 40)
        assert told(look(host)) == {OTHER: LIVE}

    def test_shells_below_the_listener_are_those_of_others(self, host: Host, look: Look) -> None:
        """Which holds the new connection too, until it has started a process for it."""
        host.process(20, "dropbear", INIT, held=[200, 400])
        host.process(30, "dropbear", 20, held=[300])
        host.process(31, "bash", 30)
        host.process(40, "dropbear", 20, held=[400])
        assert told(look(host)) == {OTHER: OPEN}

    @pytest.mark.parametrize("started", [True, False])
    def test_it_runs_as_a_user(self, host: Host, look: Look, started: bool) -> None:
        """Also where who started it is gone."""
        host.process(40, "sshd", 10 if started else 11, held=[400], user=1000)
        assert told(look(host)) == {OTHER: LIVE}

    def test_it_runs_as_the_helper(self, host: Host, look: Look) -> None:
        host.process(40, "sshd", 10, held=[400], user=HELPER)
        assert told(look(host)) == {OTHER: OPEN}

    def test_without_that_user(self, host: Host, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pwd, "getpwnam", dict[str, object]().__getitem__)
        host.process(40, "sshd", 10, held=[400], user=1000)
        assert told(look(host)) == {OTHER: LIVE}

    def test_it_runs_as_root_and_a_user_has_started_it(self, host: Host, look: Look) -> None:
        host.process(30, "sudo", INIT, user=1000)
        host.process(40, "dropbear", 30, held=[400])
        assert told(look(host)) == {OTHER: OPEN}

    def test_whose_it_is_cannot_be_read(self, host: Host, look: Look) -> None:
        host.process(40, "dropbear", 10, held=[400], user=1000)
        (host.proc / "40" / "status").unlink()
        assert told(look(host)) == {OTHER: OPEN}

    def test_it_runs_as_who_started_it(self, host: Host, look: Look) -> None:
        """Who is root in a container, or listens on a port of its own."""
        host.process(30, "dropbear", INIT, held=[300], user=100_000)
        host.process(40, "dropbear", 30, held=[400], user=100_000)
        assert told(look(host)) == {OTHER: OPEN}


class TestSeveralOfOneAddress:
    @pytest.mark.parametrize("inode", [401, 399])
    def test_a_login_among_them(self, host: Host, look: Look, inode: int) -> None:
        host.process(40, "sshd", 10, held=[inode], title=BOB)
        host.socket(22, OTHER, inode)
        host.sockets[""].sort(key=lambda each: each.inode)
        assert told(look(host)) == {OTHER: LIVE}

    def test_utmp_knows_of_a_login(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        user = SimpleNamespace(name="alice", terminal="pts/3", host=OTHER)
        monkeypatch.setattr(psutil, "users", lambda: [user])
        assert host.peers() == {OTHER: "logged in as alice on pts/3 (utmp)"}


class TestSinceItWasLearnt:
    def test_a_new_login(self, host: Host) -> None:
        host.sockets[""].clear()
        ssh = learnt(host)
        assert told(ssh) == {}
        host.process(40, "sshd", 10, held=[400], title=BOB)
        host.socket(22, OTHER, 400)
        assert told(ssh) == {OTHER: LIVE}

    def test_who_was_connected_has_logged_in(self, host: Host) -> None:
        host.process(40, "sshd", 10, held=[400], title="sshd: bob [priv]")
        ssh = learnt(host)
        assert [told(ssh), told(ssh)] == [{OTHER: OPEN}] * 2
        (host.proc / "40" / "cmdline").write_text(BOB)
        assert told(ssh) == {OTHER: LIVE}

    def test_a_login_is_remembered(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        ssh = learnt(host)
        host.process(40, "sshd", 10, held=[400], title=BOB)
        assert told(ssh) == {OTHER: LIVE}
        _forbid_looks(monkeypatch)
        assert told(ssh) == {OTHER: LIVE}

    def test_what_was_learnt_is_not_looked_for(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        host.process(40, "sshd", 10, held=[400], title=BOB)
        ssh = learnt(host)
        _forbid_looks(monkeypatch)
        assert told(ssh) == {OTHER: LIVE}

    def test_who_waits_to_be_accepted_is_nobodys(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        host.sockets[""].clear()
        host.socket(22, OTHER, 0)
        ssh = learnt(host)
        _forbid_looks(monkeypatch)
        assert told(ssh) == {OTHER: OPEN}

    def test_a_look_leaves_the_nearest_reason(self, host: Host) -> None:
        """A further session makes it look again, and find ours too."""
        shutil.rmtree(host.proc / str(OWN))
        host.process(40, "sshd", 10, held=[400], title=BOB)
        host.process(OWN, "smtpwatch", 40)
        ssh = learnt(host)
        host.socket(22, "203.0.113.77", 500)
        assert told(ssh) == {OTHER: "the client of this SSH session", "203.0.113.77": OPEN}


def test_elsewhere_than_on_an_ssh_port(host: Host) -> None:
    """The server on this port is gone."""
    host.sockets[""].clear()
    host.process(40, "sshd", INIT, held=[400], title="sshd: alice [priv]")
    host.socket(2222, OTHER, 400)
    assert host.peers() == {OTHER: f"connected to an SSH server (sshd 40), {NOT_LOGGED_IN}"}


def test_not_even_ourselves_are_found(host: Host) -> None:
    """What is no login is known for one all the same, and so is the port that is listened on."""
    (host.proc / "self").unlink()
    host.socket(2222, "0.0.0.0", 100, LISTEN)
    host.socket(2222, "203.0.113.77", 500)
    assert host.peers() == {OTHER: OPEN, "203.0.113.77": OPEN_ODD}


def test_who_is_not_there_serves_nobody(host: Host) -> None:
    assert not Processes(host.proc).serves_login(4711)


def _forbid_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(proc: Path) -> None:
        raise AssertionError

    monkeypatch.setattr(ssh_peers, "Processes", look)
