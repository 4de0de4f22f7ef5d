"""Who is here over SSH, told from a /proc, environments and utmp that are made up."""

import shutil
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from smtpwatch.firewall.sockets import LISTEN
from tests.firewall.ssh_host import (
    ADMIN,
    BOB,
    INIT,
    OPEN,
    OPEN_ODD,
    OTHER,
    OWN,
    STARTED,
    THIRD,
    THIS,
    TMUX,
    Host,
    learnt,
    session_of_our_own,
)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(psutil, "users", list)
    return Host(tmp_path)


@pytest.fixture
def over_ssh(host: Host) -> Host:
    return session_of_our_own(host)


class TestEnvironment:
    def test_none(self, host: Host) -> None:
        host.process(OWN, "smtpwatch", INIT)
        assert host.peers() == {}

    @pytest.mark.parametrize(
        ("said", "client"),
        [
            (f"SSH_CONNECTION={ADMIN} 51022 192.0.2.25 22", ADMIN),
            (f"SSH_CLIENT={ADMIN} 51022 22", ADMIN),
            (f"SSH_CONNECTION={THIRD} 51022 2001:db8::25 22", THIRD),
            (f"SSH_CONNECTION=::ffff:{ADMIN} 51022 ::ffff:192.0.2.25 22", ADMIN),
            ("SSH_CONNECTION=fe80::7%eth0 51022 fe80::25%eth0 22", "fe80::7"),
            (f"SSH_CLIENT={ADMIN}", ADMIN),
            (f"SSH_CLIENT={ADMIN} 51022", ADMIN),
        ],
    )
    def test_of_the_login_shell(self, host: Host, said: str, client: str) -> None:
        """Above sudo, which drops it."""
        host.process(10, "sshd", INIT)
        host.process(20, "bash", 10, said)
        host.process(30, "sudo", 20)
        host.process(OWN, "smtpwatch", 30)
        host.socket(51022, OTHER, 300)  # the client's port is none of ours
        assert host.peers() == {client: THIS}

    @pytest.mark.parametrize(
        "said",
        ["SSH_CONNECTION=", "SSH_CLIENT= ", "SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535", "SSH_CONNECTION=$(reboot) 1"],
    )
    def test_that_names_no_address(self, over_ssh: Host, said: str) -> None:
        shutil.rmtree(over_ssh.proc / "30")
        over_ssh.process(30, "bash", 21, said)
        over_ssh.socket(65535, OTHER, 300)
        assert over_ssh.peers() == {}

    def test_of_this_process_when_its_file_cannot_be_read(self, over_ssh: Host) -> None:
        (over_ssh.proc / str(OWN) / "environ").unlink()
        assert over_ssh.peers({"SSH_CLIENT": f"{ADMIN} 51022 22"}) == {ADMIN: THIS}

    def test_of_what_an_ssh_server_was_started_from(self, host: Host) -> None:
        """An admin has restarted sshd in a session, then logged in anew."""
        host.process(10, "sshd", INIT, f"{OTHER} 1 192.0.2.25 22")
        host.process(30, "bash", 10, f"{ADMIN} 1 192.0.2.25 22")
        host.process(OWN, "smtpwatch", 30)
        assert host.peers() == {ADMIN: THIS, OTHER: STARTED}

    def test_left_by_a_session_that_is_over(self, host: Host) -> None:
        host.process(OWN, "smtpwatch", INIT, f"{ADMIN} 1 192.0.2.25 22")
        assert host.peers() == {ADMIN: STARTED}

    def test_of_strangers_says_nothing(self, over_ssh: Host) -> None:
        over_ssh.process(40, "bash", INIT, f"{OTHER} 1 192.0.2.25 25")
        assert over_ssh.peers() == {}

    @pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999999", "٢٢٢٢", "9" * 5000])
    def test_with_a_port_that_is_none(self, host: Host, port: str) -> None:
        host.process(OWN, "smtpwatch", INIT, f"{ADMIN} 1 192.0.2.25 {port}")
        host.socket(0, OTHER, 300)
        assert host.peers() == {ADMIN: STARTED}
        assert host.asked[-1] == ("", frozenset({22}))

    def test_names_the_port_of_the_server(self, host: Host) -> None:
        """Whose processes only root may look into."""
        host.process(OWN, "smtpwatch", INIT, f"{ADMIN} 1 192.0.2.25 2222")
        host.socket(2222, OTHER, 300)
        host.socket(25, THIRD, 301)
        assert host.peers() == {ADMIN: STARTED, OTHER: OPEN_ODD}


class TestTmux:
    @pytest.fixture
    def inside(self, host: Host) -> Host:
        """A tmux server that was started from ADMIN, and a client of it: tmux attach through sudo, from OTHER."""
        host.process(10, "sshd", INIT, held=[100])
        host.process(40, "sshd", 10, held=[400])
        host.process(41, "bash", 40)
        host.process(42, "sudo", 41)
        host.process(43, "tmux: client", 42)
        host.process(70, "tmux: server", INIT, f"{ADMIN} 1 192.0.2.25 22")
        host.process(71, "bash", 70, f"{ADMIN} 1 192.0.2.25 22")
        host.process(OWN, "smtpwatch", 71)
        host.socket(22, "::", 100, LISTEN)
        return host

    def test_client_by_its_socket(self, inside: Host) -> None:
        inside.socket(22, OTHER, 400)
        assert inside.peers() == {OTHER: TMUX, ADMIN: STARTED}

    def test_client_by_the_environment_of_its_ancestors(self, inside: Host) -> None:
        shutil.rmtree(inside.proc / "41")
        inside.process(41, "bash", 40, f"{OTHER} 1 192.0.2.25 25")
        inside.socket(25, THIRD, 500)  # the port is taken from nobody's but our own ancestors
        assert inside.peers() == {OTHER: TMUX, ADMIN: STARTED}

    def test_attached_from_where_it_was_started(self, inside: Host) -> None:
        inside.socket(22, ADMIN, 400)
        assert inside.peers() == {ADMIN: TMUX}

    def test_client_that_came_by_mosh(self, inside: Host) -> None:
        inside.process(50, "mosh-server", INIT, f"{THIRD} 1 2001:db8::25 22")
        inside.process(51, "tmux: client", 50)
        assert inside.peers() == {THIRD: TMUX, ADMIN: STARTED}

    def test_another_server_has_no_ssh_above_it(self, inside: Host) -> None:
        inside.process(50, "tmux: server", INIT, f"{THIRD} 1 2001:db8::25 22")
        assert inside.peers() == {ADMIN: STARTED}

    @pytest.mark.parametrize("name", ["screen", "SCREEN"])
    def test_screen(self, host: Host, name: str) -> None:
        host.process(10, "sshd", INIT, held=[400])
        host.process(11, "screen", 10)
        host.process(70, name, INIT)
        host.process(OWN, "smtpwatch", 70)
        host.socket(22, OTHER, 400)
        assert host.peers() == {OTHER: "attached to this screen"}

    def test_where_sshd_is_init(self, host: Host) -> None:
        """In a container, what daemonises becomes its child."""
        shutil.rmtree(host.proc / str(INIT))
        host.process(INIT, "sshd", 0)
        host.process(41, "tmux: client", INIT, f"{OTHER} 1 192.0.2.25 22")
        host.process(70, "tmux: server", INIT, f"{ADMIN} 1 192.0.2.25 22")
        host.process(OWN, "smtpwatch", 70, f"{ADMIN} 1 192.0.2.25 22")
        assert host.peers() == {OTHER: TMUX, ADMIN: STARTED}

    def test_of_others_while_this_is_in_none(self, over_ssh: Host) -> None:
        over_ssh.process(40, "sshd", 10, held=[400], title=BOB)
        over_ssh.process(41, "tmux: client", 40, f"{THIRD} 1 2001:db8::25 22")
        over_ssh.socket(22, OTHER, 400)
        assert over_ssh.peers() == {OTHER: "the client of a live SSH session (sshd 40)"}

    def test_mosh_tells_where_it_was_started(self, host: Host) -> None:
        host.process(70, "mosh-server", INIT, f"{ADMIN} 1 192.0.2.25 22")
        host.process(OWN, "smtpwatch", 70, f"{ADMIN} 1 192.0.2.25 22")
        assert host.peers() == {ADMIN: STARTED}


class TestUsers:
    @pytest.mark.parametrize(
        ("written", "client"),
        [
            (OTHER, OTHER),
            (f"{OTHER} via mosh [4711]", OTHER),
            (f"{OTHER}:S.0", OTHER),
            (f"::ffff:{OTHER}", OTHER),
            ("fe80::7%eth0", "fe80::7"),
        ],
    )
    def test_an_address(self, host: Host, monkeypatch: pytest.MonkeyPatch, written: str, client: str) -> None:
        user = SimpleNamespace(name="alice", terminal="pts/3", host=written)
        monkeypatch.setattr(psutil, "users", lambda: [user])
        assert host.peers() == {client: "logged in as alice on pts/3 (utmp)"}

    @pytest.mark.parametrize("written", ["", None, ":0", "localhost", "tmux(4711).%0", "host.example.org", "mosh [1]"])
    def test_no_address(self, host: Host, monkeypatch: pytest.MonkeyPatch, written: str | None) -> None:
        user = SimpleNamespace(name="alice", terminal="pts/3", host=written)
        monkeypatch.setattr(psutil, "users", lambda: [user])
        assert host.peers() == {}

    def test_yields_to_a_live_session(self, over_ssh: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        user = SimpleNamespace(name="alice", terminal="pts/3", host=ADMIN)
        monkeypatch.setattr(psutil, "users", lambda: [user])
        over_ssh.socket(22, ADMIN, 200)
        assert over_ssh.peers() == {ADMIN: THIS}

    def test_is_made_safe_to_show(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        user = SimpleNamespace(name="al\x1b[2Jice", terminal=None, host=OTHER)
        monkeypatch.setattr(psutil, "users", lambda: [user])
        assert host.peers() == {OTHER: "logged in as al\\e[2Jice on no terminal (utmp)"}

    def test_that_cannot_be_read(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        def users() -> list[object]:
            raise PermissionError

        monkeypatch.setattr(psutil, "users", users)
        host.socket(22, OTHER, 300)
        assert host.peers() == {OTHER: OPEN}


class TestUnseen:
    @pytest.mark.parametrize("gone", ["stat", "environ", "cmdline", "status", "fd", "ns", "."])
    @pytest.mark.parametrize("pid", [10, 20, 21, 30, OWN])
    def test_what_vanishes_or_is_not_ours_never_fails(self, over_ssh: Host, pid: int, gone: str) -> None:
        """sshd's processes are two: one is enough."""
        over_ssh.socket(22, ADMIN, 200)
        path = over_ssh.proc / str(pid) / gone
        if path.is_dir():
            shutil.rmtree(path.resolve())
        else:
            path.unlink()
        assert IPv4Address(ADMIN) in learnt(over_ssh).peers()

    def test_many_that_vanish(self, over_ssh: Host) -> None:
        """Before what counts is come to, in whatever order they are listed."""
        for pid in range(200, 250):
            (over_ssh.proc / str(pid)).mkdir()
            for sshd in (20, 21):
                (over_ssh.proc / str(sshd) / "fd" / str(pid)).touch()
        over_ssh.socket(2222, ADMIN, 200)
        over_ssh.socket(2222, "0.0.0.0", 100, LISTEN)
        assert over_ssh.peers() == {ADMIN: THIS}

    @pytest.mark.parametrize("stat", [b"", b"\xff\xff", b"30 (bash", b"30 (bash) S", b"30 (bash) S x 1"])
    def test_a_stat_that_is_none(self, over_ssh: Host, stat: bytes) -> None:
        (over_ssh.proc / "30" / "stat").write_bytes(stat)
        over_ssh.socket(22, ADMIN, 200)
        assert over_ssh.peers() == {ADMIN: "the client of a live SSH session (sshd 21)"}

    def test_no_proc_at_all(self, host: Host) -> None:
        shutil.rmtree(host.proc)
        host.socket(22, OTHER, 300)
        assert host.peers({"SSH_CLIENT": f"{ADMIN} 1 22"}) == {
            ADMIN: STARTED,
            OTHER: OPEN,
        }

    def test_a_circle_of_parents(self, host: Host) -> None:
        host.process(30, "bash", OWN, f"{ADMIN} 1 192.0.2.25 22")
        host.process(OWN, "smtpwatch", 30)
        assert host.peers() == {ADMIN: STARTED}
