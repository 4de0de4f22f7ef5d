"""Who is here over SSH, as OpenSSH, sudo, su and tmux leave it to be found out.

The server has network, processes, /run and /var/log of its own: this machine's are not seen, and not touched.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from tests.hosts.namespaces import Namespace, join

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "sshd", "ssh", "ssh-keygen"),
]

SERVER, SERVER6 = "192.0.2.25", "2001:db8::25"
CLIENT, CLIENT6, OTHER = "192.0.2.7", "2001:db8::7", "192.0.2.8"
THIS = "the client of this SSH session"
STARTED = "the SSH client that this was started from"
TMUX = "attached to this tmux"
LIVE = "the client of a live SSH session (sshd"
OPEN = "connected to the SSH port 22, but not logged in as far as can be seen"
PORT, ODD_PORT = 22, 2222
_LIMIT = 20.0  # seconds

# Prints what it finds, and what its own environment would have told: `--nobody` without root's rights.
_TELL = """
import json, os, sys
from smtpwatch.firewall.ssh_peers import SshPeers
if "--nobody" in sys.argv:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
peers = SshPeers()
new = peers.peers()
peers.learn()
print(json.dumps({
    "peers": {str(address): peer.says for address, peer in peers.peers().items()},
    "unlearnt": {str(address): peer.says for address, peer in new.items()},
    "logged in": [str(address) for address, peer in new.items() if peer.logged_in],
    "environment": "SSH_CONNECTION" in os.environ or "SSH_CLIENT" in os.environ,
    "problem": peers.problem,
}))
"""
_CONFIG = """
Port {port}
Port {odd_port}
HostKey {home}/host
AuthorizedKeysFile {home}/client.pub
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PermitUserRC no
PrintMotd no
PrintLastLog no
PidFile none
"""
# The first process of the namespace adopts what daemonises, as init does, and so must not be sshd.
_START = """
mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd && mount -t tmpfs -o mode=755 tmpfs /var/log || exit
if command -v tmux >/dev/null; then env -i PATH="$PATH" tmux -S {home}/outside -f /dev/null new-session -d; fi
{sshd} -D -e -f {home}/config &
wait
"""


class SshHost:
    """sshd in `host`, its clients in `world`; `home` is a directory that both see."""

    def __init__(self, host: Namespace, world: Namespace, home: Path) -> None:
        self.host, self.world, self.home = host, world, home

    def tell(self, *options: str) -> str:
        """A shell command, for the server, that prints what SshPeers finds there."""
        return shlex.join([sys.executable, str(self.home / "tell.py"), *options])

    def ssh(self, command: str, *options: str | Path, server: str = SERVER) -> list[str | Path]:
        """What runs a shell command on the server. Of options that are given twice, the first counts: `options`."""
        return [
            "ssh", *options, "-F", "/dev/null", "-i", self.home / "client", "-o", "IdentitiesOnly=yes",
            "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", f"root@{server}", command,
        ]  # fmt: skip

    def told(self, command: str, *options: str, server: str = SERVER) -> dict[str, Any]:
        """What it printed, run by ssh with `options`."""
        ran = self.world.run(*self.ssh(command, *options, server=server), timeout=_LIMIT)
        assert ran.returncode == 0, ran.stderr
        return _read(ran.stdout)

    @contextmanager
    def session(self, command: str, *options: str) -> Iterator[None]:
        """An SSH session with a terminal, open while the `with` block runs, at most."""
        arguments = self.world.command(*self.ssh(command, "-tt", *options))
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                process.kill()

    def written(self, name: str) -> dict[str, Any]:
        """What it wrote to a file in `home`, as soon as it has."""
        path = self.home / name
        _until(lambda: path.exists() and path.read_bytes().endswith(b"\n"))
        return _read(path.read_bytes())


def _read(output: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert told["problem"] == ""
    return told


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIMIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def ssh() -> Iterator[SshHost]:
    with ExitStack() as stack:
        # Not pytest's directory: a path for a socket is short, and /tmp/pytest-of-root/... may not be.
        home = Path(tempfile.mkdtemp(prefix="ssh-"))
        stack.callback(rmtree, home)
        host, world = (stack.enter_context(Namespace(name)) for name in ("sshd", "ssh"))
        join(
            (host, "eth0", [f"{SERVER}/24", f"{SERVER6}/64"]),
            (world, "eth0", [f"{CLIENT}/24", f"{OTHER}/24", f"{CLIENT6}/64"]),
        )
        _furnish(home)
        start = _START.format(home=home, sshd=_sshd())
        host.popen("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", start)
        made = SshHost(host, world, home)
        _until(lambda: world.run(*made.ssh("true")).returncode == 0)
        yield made


def _furnish(home: Path) -> None:
    for name in ("host", "client"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(home / name)]
        subprocess.run(key, check=True, stdin=subprocess.DEVNULL)
    (home / "config").write_text(_CONFIG.format(home=home, port=PORT, odd_port=ODD_PORT))
    (home / "tell.py").write_text(_TELL)


def _sshd() -> str:
    """Its path: sshd starts itself anew for each connection, and wants to be told where it is."""
    places = [Path(place) / "sshd" for place in (*os.get_exec_path(), "/usr/sbin", "/sbin")]
    return str(next(place for place in places if place.exists()))


@pytest.mark.parametrize(("server", "client"), [(SERVER, CLIENT), (SERVER6, CLIENT6)])
@pytest.mark.parametrize("port", [PORT, ODD_PORT])
def test_plainly(ssh: SshHost, server: str, client: str, port: int) -> None:
    told = ssh.told(ssh.tell(), "-p", str(port), server=server)
    assert told["environment"]
    assert told["peers"] == {client: THIS}
    assert told["logged in"] == ([client] if port == PORT else [])


@pytest.mark.parametrize("port", [PORT, ODD_PORT])
@pytest.mark.parametrize(
    "through",
    [
        pytest.param(["sudo", "-n", "-i", "sh", "-c"], marks=pytest.mark.needs("sudo"), id="sudo"),
        pytest.param(["su", "-", "-c"], marks=pytest.mark.needs("su"), id="su"),
        pytest.param(["env", "-i", "sh", "-c"], id="env"),
    ],
)
@pytest.mark.parametrize("shell", ["", "; true"], ids=["at once", "below a shell"])
def test_without_its_environment(ssh: SshHost, through: Sequence[str], port: int, shell: str) -> None:
    """A shell that has nothing to do afterwards is replaced: of env -i, nothing is left above but sshd."""
    told = ssh.told(shlex.join([*through, ssh.tell()]) + shell, "-p", str(port))
    assert not told["environment"]
    assert told["peers"] == {CLIENT: THIS}


def test_another_session(ssh: SshHost) -> None:
    with ssh.session(f"touch {ssh.home}/up; sleep 60", "-b", OTHER, "-p", str(ODD_PORT)):
        _until((ssh.home / "up").exists)
        peers = ssh.told(ssh.tell())["peers"]
    assert peers.keys() == {CLIENT, OTHER}
    assert peers[CLIENT] == THIS
    assert peers[OTHER].startswith(LIVE)


@pytest.mark.needs("unshare")
def test_in_another_network(ssh: SshHost) -> None:
    told = ssh.told(f"env -i {shlex.join(['unshare', '--net', 'sh', '-c', ssh.tell()])}", "-p", str(ODD_PORT))
    assert told["peers"] == {CLIENT: THIS}
    assert told["unlearnt"] == {}


@pytest.mark.parametrize(("through", "why"), [("", THIS), ("env -i ", OPEN)])
def test_as_nobody(ssh: SshHost, through: str, why: str) -> None:
    """Neither sockets nor environments of others can be read; that sshd is above can be."""
    told = ssh.told(through + ssh.tell("--nobody"))
    assert told["peers"] == {CLIENT: why}


@contextmanager
def _connected(ssh: SshHost, says: bytes) -> Iterator[socket.socket]:
    """A connection of OTHER's to port 22 that has sent this, and been answered."""
    with ssh.world.entered(), socket.create_connection((SERVER, PORT), _LIMIT, (OTHER, 0)) as client:
        assert client.recv(4096).startswith(b"SSH-2.0-")
        if says:
            client.sendall(says)
            assert client.recv(4096)  # its offer of algorithms: its helper, with another user, is at work
        yield client


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-abuser\r\n"], ids=["nothing", "its version"])
def test_connected_is_not_logged_in(ssh: SshHost, says: bytes) -> None:
    with _connected(ssh, says):
        told = ssh.told(ssh.tell())
    assert told["logged in"] == [CLIENT]
    assert told["unlearnt"][OTHER] == OPEN
    assert told["peers"] == {CLIENT: THIS, OTHER: OPEN}


def test_asked_for_a_password_is_not_logged_in(ssh: SshHost) -> None:
    ask = ssh.home / "ask"
    ask.write_text(f"#!/bin/sh\ntouch {ssh.home}/asked\nexec sleep 60\n")
    ask.chmod(0o755)
    options = ["-o", "BatchMode=no", "-o", "PreferredAuthentications=password", "-b", OTHER]
    command = ["env", f"SSH_ASKPASS={ask}", "SSH_ASKPASS_REQUIRE=force", *ssh.ssh("true", *options)]
    with subprocess.Popen(ssh.world.command(*command), stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            _until((ssh.home / "asked").exists)
            told = ssh.told(ssh.tell())
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert told["logged in"] == [CLIENT]
    assert told["peers"] == {CLIENT: THIS, OTHER: OPEN}


@pytest.mark.parametrize("options", [["-tt"], ["-T"], ["-N"]], ids=" ".join)
def test_logged_in_is_seen_at_once(ssh: SshHost, options: list[str], tmp_path: Path) -> None:
    """By one who has never looked through the processes; and there too where nothing has been started: -N."""
    log = tmp_path / "log"
    command = ssh.world.command(*ssh.ssh("sleep 60", *options, "-b", OTHER, "-v", "-E", log))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            _until(lambda: log.exists() and b"Entering interactive session" in log.read_bytes())
            told = ssh.told(ssh.tell())
        finally:
            process.kill()
    assert sorted(told["logged in"]) == [CLIENT, OTHER]
    assert told["unlearnt"][OTHER].startswith(LIVE)
    assert told["peers"][OTHER] == told["unlearnt"][OTHER]


@pytest.mark.needs("tmux")
class TestTmux:
    def test_started_in_the_session(self, ssh: SshHost) -> None:
        tell = f"{ssh.tell()} >{ssh.home}/within"
        with ssh.session(shlex.join(["tmux", "-S", f"{ssh.home}/inside", "-f", "/dev/null", "new-session", tell])):
            told = ssh.written("within")
        assert told["peers"] == {CLIENT: TMUX}

    @pytest.mark.parametrize("through", [[], ["env", "-i", "TERM=xterm", "PATH=/usr/bin:/bin"]], ids=["", "env -i"])
    def test_started_outside_and_attached_later(self, ssh: SshHost, through: list[str]) -> None:
        name = f"attached-{len(through)}"
        window = [";", "new-window", f"env -u SSH_CONNECTION -u SSH_CLIENT {ssh.tell()} >{ssh.home}/{name}"]
        attach = [*through, "tmux", "-S", f"{ssh.home}/outside", "attach", *window]
        with ssh.session(shlex.join(attach), "-b", OTHER, "-p", str(ODD_PORT)):
            told = ssh.written(name)
        assert not told["environment"]
        assert told["peers"] == {OTHER: TMUX}

    def test_started_in_a_session_and_attached_from_elsewhere(self, ssh: SshHost) -> None:
        tmux = ["tmux", "-S", f"{ssh.home}/moved", "-f", "/dev/null"]
        ran = ssh.world.run(*ssh.ssh(shlex.join([*tmux, "new-session", "-d"])), timeout=_LIMIT)
        assert ran.returncode == 0, ran.stderr
        tell = f"env -u SSH_CONNECTION -u SSH_CLIENT {ssh.tell()} >{ssh.home}/elsewhere"
        attach = [*tmux, "attach", ";", "new-window", f"exec {tell}"]
        with ssh.session(shlex.join(attach), "-b", OTHER):
            told = ssh.written("elsewhere")
        assert told["peers"] == {OTHER: TMUX, CLIENT: STARTED}
