"""A /proc and sockets that are made up, for those who look there for who is here over SSH."""

from collections.abc import Collection, Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

from smtpwatch.firewall.sockets import ESTABLISHED, LISTEN, Connection
from smtpwatch.firewall.ssh_peers import SshPeers

ADMIN, OTHER, THIRD = "203.0.113.5", "203.0.113.6", "2001:db8::7"
HERE = "net:[1]"
THIS = "the client of this SSH session"
STARTED = "the SSH client that this was started from"
TMUX = "attached to this tmux"
INIT, OWN = 1, 90
BOB = "sshd: bob@notty"  # a title
LISTENER = "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"
NOT_LOGGED_IN = "but not logged in as far as can be seen"
OPEN = f"connected to the SSH port 22, {NOT_LOGGED_IN}"
OPEN_ODD = f"connected to the SSH port 2222, {NOT_LOGGED_IN}"


class Host:
    """A made-up host: `own` is this process."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.sockets: dict[str, list[Connection]] = {"": []}
        self.asked: list[tuple[str, frozenset[int]]] = []
        self.process(INIT, "systemd", 0)
        (proc / "self").symlink_to(str(OWN))

    def process(
        self,
        pid: int,
        name: str,
        parent: int,
        environ: str = "",
        held: Iterable[int] = (),
        network: str = HERE,
        title: str = "",
        user: int = 0,
    ) -> None:
        """`environ` is the value of SSH_CONNECTION, or "NAME=value"; `held` are the inodes of its sockets; its command
        line is its `title`, which it writes over what was there, or else what started it."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "ns").mkdir()
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {pid} 0 -1 4194560 2212 0\n")
        (folder / "cmdline").write_bytes(title.encode() + bytes(40) if title else f"/usr/bin/{name}\0-D\0".encode())
        # The effective user is another for a moment, when the client's keys are looked for.
        (folder / "status").write_text(f"Name:\t{name}\nUmask:\t0022\nPid:\t{pid}\nUid:\t{user}\t1000\t1000\t1000\n")
        entry = environ if "=" in environ or not environ else f"SSH_CONNECTION={environ}"
        (folder / "environ").write_bytes(b"LANG=C\0" + entry.encode() + b"\0XSSH_CLIENT=192.0.2.99 1 22\0")
        (folder / "ns" / "net").symlink_to(network)
        (folder / "fd" / "0").symlink_to("/dev/null")
        (folder / "fd" / "1").symlink_to("pipe:[77]")
        (folder / "fd" / "2").symlink_to("/var/log6020")  # as long as a socket's, with a number in the same place
        for number, inode in enumerate(held, 3):
            (folder / "fd" / str(number)).symlink_to(f"socket:[{inode}]")

    def socket(self, port: int, peer: str, inode: int, state: int = ESTABLISHED, where: str = "") -> None:
        address = ip_address(peer)
        connection = Connection(state, port, address.version, int(address), inode, 0, b"")
        self.sockets.setdefault(where, []).append(connection)

    def dump(self, path: str, states: int, ports: Collection[int]) -> Iterator[Connection]:
        self.asked.append((path, frozenset(ports)))
        there = self.sockets[path]
        return (each for each in there if states & 1 << each.state and (not ports or each.local_port in ports))

    def peers(self, environ: dict[str, str] | None = None) -> dict[str, str]:
        """What a newly started program says."""
        ssh = SshPeers(self.proc, environ or {}, self.dump)
        ssh.learn()
        return told(ssh)


def learnt(host: Host) -> SshPeers:
    ssh = SshPeers(host.proc, {}, host.dump)
    ssh.learn()
    return ssh


def told(ssh: SshPeers) -> dict[str, str]:
    """What it says of each; whether they are logged in goes with it."""
    peers = ssh.peers()
    assert all(peer.logged_in is not peer.says.endswith(NOT_LOGGED_IN) for peer in peers.values())
    return {str(address): peer.says for address, peer in peers.items()}


def session_of_our_own(host: Host) -> Host:
    """This process in a shell whose SSH session told it nothing; its sshd is 20 for root, 21 for the user."""
    host.process(10, "sshd", INIT, held=[100], title=LISTENER)
    host.process(20, "sshd", 10, held=[200], title="sshd: alice [priv]")
    host.process(21, "sshd", 20, held=[200], title="sshd: alice@pts/0", user=1000)
    host.process(30, "bash", 21)
    host.process(OWN, "smtpwatch", 30)
    host.socket(22, "0.0.0.0", 100, LISTEN)
    return host
