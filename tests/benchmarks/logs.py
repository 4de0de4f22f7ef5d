"""Mail log to events, beside pflogsumm and fail2ban-regex on the same file in the same run; memory over millions of
lines; what following costs.

`python -m tests.benchmarks.logs`; takes about two minutes. Each figure is the best of ROUNDS, taken in turns, since
other work on the machine only ever slows a run down."""

import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import psutil

from tests.benchmarks.log_lines import lines, write

LINES = 300_000
ROUNDS = 5
MANY = 5_000_000  # lines, for memory
FOLLOWED = 100  # lines a second
SECONDS = 20

OURS = """
import gc, sys, time
from pathlib import Path
from collectors.logs.files import read
from collectors.octets import Octets
from smtpwatch.events import SensorStatus
gc.disable()  # as the program does
begin = time.perf_counter()
lines = events = 0
for batch in read([Octets(Path(sys.argv[1]))], None, "mx", time.time()):
    events += len(batch)
    for event in batch[-1:]:
        lines = event.received if isinstance(event, SensorStatus) else lines
        unknown = sum(event.unparsed.values()) if isinstance(event, SensorStatus) else 0
print(lines, events, unknown, time.perf_counter() - begin)
"""

MEMORY = """
import gc, sys, time
from itertools import islice
from collectors.logs.reader import Reader
from tests.benchmarks.log_lines import lines
gc.disable()
reader = Reader("mx", None, time.time())
source, sizes = lines(), []
def most():  # not ru_maxrss, which knows of the program that started this one
    fields = open("/proc/self/status").read().split()
    return int(fields[fields.index("VmHWM:") + 1])
for part in range(5):
    for _ in range(int(sys.argv[1]) // 5 // 2000):
        reader.read([line[:-1] for line in islice(source, 2000)])
    sizes.append(most())
print(reader.received, *sizes)
"""


def _python(program: str, *arguments: str) -> list[float]:
    run = subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True)
    return [float(word) for word in run.stdout.split()]


def _wall(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _speed(path: str) -> None:
    ours, program, pflogsumm, fail2ban = [], [], [], []
    count = events = unknown = 0.0
    for _ in range(ROUNDS):
        count, events, unknown, seconds = _python(OURS, path)
        ours.append(seconds)
        pflogsumm.append(_wall(["pflogsumm", path]))
        program.append(_wall([sys.executable, "-m", "smtpwatch", "events", "-r", path]))
        fail2ban.append(_wall(["fail2ban-regex", "--maxlines", "1", path, "postfix[mode=aggressive]"]))
    print(f"mail log of {count:,.0f} lines, {events:,.0f} events, {unknown:,.0f} not understood")
    print(f"lines/s, best of {ROUNDS}")
    print(f"{'':42}{'smtpwatch':>12}{'peer':>12}{'ratio':>8}  at least")
    for what, mine, peer, least in (
        ("to events / pflogsumm", ours, pflogsumm, "1.2"),
        ("to events / fail2ban-regex", ours, fail2ban, "3"),
        ("to JSON lines, whole program / pflogsumm", program, pflogsumm, ""),
    ):
        fast, slow = count / min(mine), count / min(peer)
        print(f"{what:42}{fast:12,.0f}{slow:12,.0f}{fast / slow:8.2f}  {least}")


def _memory() -> None:
    received, *sizes = _python(MEMORY, str(MANY))
    parts = ", ".join(f"{size / 1024:.1f}" for size in sizes)
    print(f"memory over {received:,.0f} lines, MiB at most after each fifth: {parts}   (flat)")


def _following(path: Path) -> None:
    """The log sensor's process while a writer adds lines, and while nobody does."""
    path.touch()
    command = [sys.executable, "-m", "smtpwatch", "events", "--sensors", "log", "--log", str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as program:
        time.sleep(1.0)
        sensor = psutil.Process(program.pid).children()[0]
        source = lines()
        for rate in (FOLLOWED, 0):
            before, begin = sum(sensor.cpu_times()[:2]), time.monotonic()
            with path.open("a") as file:
                while (passed := time.monotonic() - begin) < SECONDS:
                    file.writelines(islice(source, rate // 10))
                    file.flush()
                    time.sleep(0.1)
            used = sum(sensor.cpu_times()[:2]) - before
            print(f"following at {rate:>3} lines/s: {100 * used / passed:.2f} % of a core   (less than 1)")
        program.terminate()


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="smtpwatch-bench-") as folder:
        log = Path(folder, "mail.log")
        write(log, LINES)
        _speed(str(log))
        _memory()
        _following(Path(folder, "followed.log"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
