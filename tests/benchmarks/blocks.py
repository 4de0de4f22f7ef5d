"""How soon a key has cut a source off, beside fail2ban-client's banip; a large act; and very many blocks held.

`python -m tests.benchmarks.blocks`, as root; takes about two minutes, in network namespaces of its own."""

from __future__ import annotations

import select
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from tests.benchmarks.screen import WARM_UP, Terminal
from tests.hosts.client import Client
from tests.hosts.fail2ban_host import fail2ban, told
from tests.hosts.program import PROGRAM
from tests.hosts.walled import MX, SPAMMER, Walled, walled

ROUNDS = 15
MEMBERS, HELD = 10_000, 100_000
STEP = 0.001  # seconds between tries to connect
NOTHING = 0.03  # seconds without an answer after which a try has come to nothing: on this wire it takes 0.1 ms
LIMIT = 10.0
HELD_MEASURED = 70.0  # seconds; a look at so many takes some three, and comes once in twenty times as long
KEYS = (
    (b"2", b"last 60 s"),
    (b"8", b"dropped"),
    (b"3", b"state"),
    (b"8", b"dropped"),
    (b"1", b"Why"),
    (b"8", b"dropped"),
)
KEY_ROUNDS = 10


class Victim:
    """One source's session and its tries to open more, each watched by a thread: when did it end, when did nothing come
    back any more?"""

    def __init__(self, scene: Walled, session: bool = True) -> None:
        self._scene = scene
        with scene.world.entered():
            self._session = Client(MX, source=SPAMMER)
        self._session.reply()
        self.dead = self.dropped = 0.0
        watched = (self._watch, self._try) if session else (self._try,)
        self._threads = [threading.Thread(target=each, daemon=True) for each in watched]
        for thread in self._threads:
            thread.start()

    def _watch(self) -> None:
        try:
            self._session._socket.settimeout(LIMIT)
            self._session._socket.recv(1)
        except TimeoutError:
            return
        except OSError:
            pass
        self.dead = time.perf_counter()

    def _try(self) -> None:
        end = time.perf_counter() + LIMIT
        with self._scene.world.entered():
            while time.perf_counter() < end:
                begun = time.perf_counter()
                with socket.socket() as trying:
                    trying.setblocking(False)
                    trying.bind((SPAMMER, 0))
                    trying.connect_ex((MX, 25))
                    if not select.select([], [trying], [], NOTHING)[1]:
                        self.dropped = begun
                        return
                time.sleep(STEP)

    def wait(self) -> None:
        """Until both have happened, or LIMIT is over."""
        for thread in self._threads:
            thread.join()
        self._session.close()


def key_to_nothing(scene: Walled, home: str) -> tuple[list[float], list[float]]:
    """Seconds from the key until the first packet is dropped, and until the live session is dead, of each round."""
    options = ("--no-names", "--no-certificates", "--firewall", "nftables", "--sensors", "wire,log")
    terminal = Terminal(scene.mx.command(PROGRAM, *scene.settings, *options), home)
    dropped, dead = [], []
    try:
        terminal.read(5.0, until=b"Enter")
        terminal.read(2.0)  # by then the capture is open
        with scene.client(SPAMMER) as client:
            client.command("EHLO spammer.example.net")
            terminal.answered(b"2", b"last 60 s")
            for key in b"/" + f"src:{SPAMMER}".encode() + b"\r":
                terminal.press(bytes([key]))
                terminal.read(0.05)
            terminal.read(LIMIT, until=f"s {SPAMMER}".encode())  # its row, and not the filter alone
            terminal.press(b"j")
            terminal.read(1.0)
        for _ in range(ROUNDS):
            victim = Victim(scene)
            terminal.read(0.3)
            pressed = time.perf_counter()
            terminal.press(b"b")
            terminal.read(LIMIT, until=b"verified")
            victim.wait()
            dropped.append(victim.dropped - pressed if victim.dropped else LIMIT)
            dead.append(victim.dead - pressed if victim.dead else LIMIT)
            terminal.press(b"u")
            terminal.read(LIMIT, until=b"let in again")
            terminal.read(0.2)
    finally:
        terminal.close()
    return dropped, dead


def banned(scene: Walled, directory: Path) -> list[float]:
    """Seconds from the start of `fail2ban-client set stock banip` until the first packet is dropped, of each round. It
    ends no session."""
    times = []
    with fail2ban(scene.mx, directory) as sock:
        for _ in range(ROUNDS):
            victim = Victim(scene, session=False)
            time.sleep(0.3)
            pressed = time.perf_counter()
            assert told(sock, "set", "stock", "banip", SPAMMER) == 0
            victim.wait()
            times.append(victim.dropped - pressed if victim.dropped else LIMIT)
            assert told(sock, "set", "stock", "unbanip", SPAMMER) == 0
            time.sleep(0.2)
    return times


LARGE = """
import asyncio, sys, time
from ipaddress import ip_network
from smtpwatch.config import Config
from smtpwatch.firewall.gated import GatedBlocking
from smtpwatch.firewall.request import Request

async def main():
    blocking = GatedBlocking(Config(journal=sys.argv[1]))
    running = asyncio.create_task(blocking.run())
    networks = tuple(ip_network((0xC6120000 + at, 32)) for at in range(int(sys.argv[2])))
    await blocking.plan(Request(networks[:1]))
    begun = time.perf_counter()
    answer = await blocking.block(Request(networks, keep=True))
    assert answer.outcome == "applied" and len(answer.networks) == len(networks), answer
    print(time.perf_counter() - begun)
    blocking.stop()

asyncio.run(main())
"""


def large_act(scene: Walled, members: int) -> float:
    """Seconds from asking the gate for it until it answers that the kernel has them all, and the journal too."""
    done = scene.python(LARGE, f"{scene.directory}/journal.jsonl", str(members))
    assert done.returncode == 0, done.stderr.decode()
    return float(done.stdout)


class Held(NamedTuple):
    """The console beside so many blocks: octets/s and CPU per cent of it and of the gate with their pane in front, and
    the keys' times in seconds, the shortest first."""

    octets: float
    console: float
    gate: float
    keys: list[float]


def held(scene: Walled, home: str) -> Held:
    """With HELD blocks in the kernel and in the pane."""
    options = ("--no-names", "--no-certificates", "--firewall", "nftables", "--sensors", "wire,log")
    terminal = Terminal(scene.mx.command(PROGRAM, *scene.settings, *options), home)
    try:
        terminal.read(5.0, until=b"Enter")
        terminal.press(b"8")
        terminal.read(15.0, until=b"198.1")
        terminal.read(WARM_UP)
        gate = next(each for each in _below(terminal.pid) if "smtpwatch.firewall.gate" in each.cmdline())
        console = next(each for each in _below(terminal.pid) if str(PROGRAM) in each.cmdline())
        before, begun = [_cpu(each) for each in (console, gate)], time.perf_counter()
        octets = len(terminal.read(HELD_MEASURED))
        seconds = time.perf_counter() - begun
        used = [100 * (_cpu(each) - old) / seconds for each, old in zip((console, gate), before, strict=True)]
        terminal.press(b"/net:198.18.1.7\r")
        found = terminal.read(LIMIT, until=f"1 of {HELD:,}".encode())
        assert f"1 of {HELD:,}".encode() in found, "they are not all in the pane"
        terminal.press(b"/\x15\r")
        terminal.read(1.0)
        times = []
        for _ in range(KEY_ROUNDS):
            for key, until in KEYS:
                terminal.read(0.2)
                times.append(terminal.answered(key, until))
        return Held(octets / seconds, used[0], used[1], sorted(times))
    finally:
        terminal.close()


def _below(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def _row(name: str, figure: float, peer: float | None, budget: str) -> str:
    ratio = f"{figure / peer:.2f}" if peer else "-"
    return f"{name:44}{figure:10,.1f}{f'{peer:,.1f}' if peer else '-':>12}{ratio:>8}  {budget}"


def main() -> int:
    """Print the table; the exit code tells whether every budget is kept."""
    with tempfile.TemporaryDirectory() as directory, walled(Path(directory)) as scene:
        dropped, dead = key_to_nothing(scene, directory)
        peer = median(banned(scene, Path(directory) / "fail2ban"))
        large = large_act(scene, MEMBERS)
        all_ = large_act(scene, HELD)
        beside = held(scene, directory)
    p99 = beside.keys[int(len(beside.keys) * 0.99)]
    print(f"{ROUNDS} rounds; the peer is fail2ban-client set JAIL banip, which ends no session")
    print(f"{'':44}{'smtpwatch':>10}{'fail2ban':>12}{'ratio':>8}  at most")
    print(_row("key to first dropped packet, ms, median", 1000 * median(dropped), 1000 * peer, "50"))
    print(_row("the slowest of them, ms", 1000 * max(dropped), None, ""))
    print(_row("key to dead session, ms, median", 1000 * median(dead), None, "50"))
    print(_row("the slowest of them, ms", 1000 * max(dead), None, ""))
    print(_row(f"{MEMBERS:,} members in one act, ms", 1000 * large, None, "1,000"))
    print(_row(f"{HELD:,} members in one act, ms", 1000 * all_, None, ""))
    print(_row(f"{HELD:,} held: console CPU %", beside.console, None, "15"))
    print(_row(f"{HELD:,} held: gate and nft CPU %", beside.gate, None, ""))
    print(_row(f"{HELD:,} held: terminal octets/s", beside.octets, None, "300"))
    print(_row(f"{HELD:,} held: key to answer, ms, p50", 1000 * median(beside.keys), None, ""))
    print(_row(f"{HELD:,} held: key to answer, ms, p99", 1000 * p99, None, "50"))
    kept = median(dropped) <= 0.05 and median(dead) <= 0.05 and large <= 1.0
    return 0 if kept and beside.console <= 15 and beside.octets <= 300 and p99 <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
