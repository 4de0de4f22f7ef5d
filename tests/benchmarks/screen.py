"""What the screen costs: terminal octets per second and CPU, beside btop's on a pty of the same size.

`python -m tests.benchmarks.screen`; takes about a minute and a half. Prints figure, peer's figure and ratio."""

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.benchmarks.busy import SOURCES

COLUMNS, LINES = 120, 40
WARM_UP = 4.0  # seconds before measuring: the first paint, and enough sessions to fill the table
MEASURED = 20.0  # seconds
FIRST_PAINT = 5.0  # seconds to wait for it at most
STARTS = 5  # of which the median is told
SESSIONS_PER_SECOND = 200

BUSY = [sys.executable, "-m", "tests.benchmarks.busy"]
ESC = b"\x1b[27u"
"""As terminals send it that speak the keyboard protocol which Textual asks for (kitty's). Others send an octet that may
begin another key, and Textual waits 0.1 s for what may follow: that is told apart."""
KEYS = (
    (b"3", b"dir state"),
    (b"4", b"queue id"),
    (b"2", b"last 60 s"),
    (b"?", b"PgDn for more"),
    (ESC, b"last 60 s"),
    (b"g", b"offenders"),
    (b"G", b"no geo db"),
    (b"1", b"Why refused"),
    (b"/", b"keep"),
    (b"%", b"passes the filter"),
    (b"\x15", b" 198."),
    (ESC, b"Space"),
    (b"6", b"Versions"),
)
"""Keys, and a part of what each brings to the screen that was not there before."""
ROUNDS = 16  # 208 keys: the 99th per cent is the third from the longest
KEY_LIMIT = 2.0  # seconds
PAINTED = b"Enter"  # the foot line, last of all lines on the screen


class Cost(NamedTuple):
    """Octets per second on the pty, per cent of one core, MiB resident."""

    octets: float
    cpu: float
    resident: float


def _size(fd: int, columns: int, lines: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Terminal:
    """A program on a pty of COLUMNS x LINES, whose output is read and counted."""

    def __init__(self, argv: list[str], home: str) -> None:
        self.started = time.perf_counter()
        ours, theirs = pty.openpty()
        _size(theirs, COLUMNS, LINES)
        env = {**os.environ, "TERM": "xterm-256color", "HOME": home, "XDG_CONFIG_HOME": home, "LC_ALL": "C.UTF-8"}
        env.pop("NO_COLOR", None)
        self._process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)
        self._fd = ours

    @property
    def pid(self) -> int:
        """The program's."""
        return self._process.pid

    def resize(self, columns: int, lines: int) -> None:
        """Make it that large, so that all is painted anew."""
        _size(self._fd, columns, lines)
        os.kill(self._process.pid, signal.SIGWINCH)

    def read(self, seconds: float, until: bytes | None = None) -> bytes:
        """What is written in the next `seconds`, or before `until` is seen."""
        end = time.perf_counter() + seconds
        written = bytearray()
        while (left := end - time.perf_counter()) > 0 and (until is None or until not in written):
            if select.select([self._fd], [], [], left)[0]:
                written += os.read(self._fd, 65536)
        return bytes(written)

    def press(self, key: bytes) -> None:
        """A key, or several at once."""
        os.write(self._fd, key)

    def answered(self, key: bytes, until: bytes) -> float:
        """Seconds from a key until `until` is written, KEY_LIMIT if it never is."""
        pressed = time.perf_counter()
        self.press(key)
        written = self.read(KEY_LIMIT, until)
        return time.perf_counter() - pressed if until in written else KEY_LIMIT

    def cost(self) -> Cost:
        """Measured over MEASURED seconds."""
        before, start = self._cpu(), time.perf_counter()
        octets = len(self.read(MEASURED))
        seconds = time.perf_counter() - start
        return Cost(octets / seconds, 100 * (self._cpu() - before) / seconds, self._resident())

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _resident(self) -> float:
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def close(self) -> None:
        """End the program; it gets its output read until it has gone."""
        self._process.send_signal(signal.SIGTERM)
        try:
            while self._process.poll() is None and self.read(0.1) is not None:
                if time.perf_counter() - self.started > WARM_UP + MEASURED + 30:
                    self._process.kill()
        except OSError:  # EIO: the pty's other end is closed
            self._process.kill()
        self._process.wait()
        os.close(self._fd)


def cost_of(argv: list[str], home: str) -> Cost:
    """A program's cost once it has warmed up."""
    terminal = Terminal(argv, home)
    try:
        terminal.read(WARM_UP)
        return terminal.cost()
    finally:
        terminal.close()


def key_times(home: str) -> list[float]:
    """Seconds from each key to its answer while the traffic is at its height, the shortest first: panes are changed,
    rows moved, help and filter opened, at random moments between the ticks."""
    terminal = Terminal([*BUSY, str(SESSIONS_PER_SECOND)], home)
    draw = Random(1)
    times = []
    try:
        terminal.read(WARM_UP)
        for _ in range(ROUNDS):
            for key, until in KEYS:
                terminal.read(draw.uniform(0.05, 0.25))
                times.append(terminal.answered(key, until))
    finally:
        terminal.close()
    return sorted(times)


def lone_escape(home: str) -> float:
    """Seconds from an Esc on a terminal that sends it as a lone octet to its answer, the median of a few."""
    terminal = Terminal([*BUSY, str(SESSIONS_PER_SECOND)], home)
    times = []
    try:
        terminal.read(WARM_UP)
        for _ in range(STARTS):
            terminal.answered(b"?", b"PgDn for more")
            times.append(terminal.answered(b"\x1b", b"Why refused"))
    finally:
        terminal.close()
    return sorted(times)[STARTS // 2]


def first_paint(home: str) -> float:
    """Seconds from the start of the process until the whole screen is there; the median of STARTS."""
    times = []
    for _ in range(STARTS):
        terminal = Terminal([*BUSY, "0"], home)
        terminal.read(FIRST_PAINT, until=PAINTED)
        times.append(time.perf_counter() - terminal.started)
        terminal.close()
    return sorted(times)[STARTS // 2]


def _row(name: str, figure: float, peer: float | None, budget: str) -> str:
    ratio = f"{figure / peer:.2f}" if peer else "-"
    return f"{name:32}{figure:10,.2f}{f'{peer:,.2f}' if peer else '-':>10}{ratio:>8}  {budget}"


def main() -> int:
    """Print the table; the exit code tells whether every budget is kept."""
    btop = shutil.which("btop")
    with tempfile.TemporaryDirectory() as home:
        paint = first_paint(home)
        keys = key_times(home)
        escape = lone_escape(home)
        idle = cost_of([*BUSY, "0"], home)
        busy = cost_of([*BUSY, str(SESSIONS_PER_SECOND)], home)
        peer = cost_of([btop], home) if btop else None
    print(f"{COLUMNS}x{LINES}, {SESSIONS_PER_SECOND} sessions/s of {SOURCES:,} sources, {MEASURED:.0f} s each")
    print(f"{'':32}{'smtpwatch':>10}{'btop':>10}{'ratio':>8}  at most")
    print(_row("terminal octets/s, busy", busy.octets, peer and peer.octets, "btop's; half is the aim"))
    print(_row("terminal octets/s, idle", idle.octets, None, "300"))
    print(_row("CPU %, busy", busy.cpu, peer and peer.cpu, "15; 8 is the aim"))
    print(_row("CPU %, idle", idle.cpu, None, ""))
    print(_row("resident MiB, busy", busy.resident, peer and peer.resident, ""))
    print(_row("start to first paint, s", paint, None, "0.5"))
    p99 = keys[int(len(keys) * 0.99)]
    print(_row("key to answer, ms, p50", 1000 * keys[len(keys) // 2], None, ""))
    print(_row("key to answer, ms, p99", 1000 * p99, None, "50"))
    print(_row("lone Esc to answer, ms", 1000 * escape, None, ""))
    kept = paint <= 0.5 and p99 <= 0.05 and idle.octets <= 300 and busy.cpu <= 15
    return 0 if kept and (peer is None or busy.octets <= peer.octets) else 1


if __name__ == "__main__":
    sys.exit(main())
