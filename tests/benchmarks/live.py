"""Live capture under smtp-source at full speed on a namespace's loopback: packets, drops, CPU.

`python -m tests.benchmarks.live`; takes about 15 seconds. The peer is tcpdump, which only writes the packets to a
file."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.benchmarks.traffic import mail_host, send
from tests.hosts.namespaces import Namespace

SECONDS = 10.0
BURST = 20_000  # messages that smtp-source sends in one go


def _load(host: Namespace, seconds: float) -> tuple[int, float]:
    """Mail at full speed for at least that long: (messages, seconds)."""
    begin = time.perf_counter()
    messages = 0
    while time.perf_counter() - begin < seconds:
        send(host, BURST)
        messages += BURST
    return messages, time.perf_counter() - begin


def _ours(host: Namespace, folder: Path) -> None:
    with (folder / "events").open("wb") as out:
        program = host.popen(
            sys.executable, "-m", "smtpwatch", "events", "-i", "lo", "--sensors", "wire", stdout=out.fileno()
        )
        time.sleep(2)
        (sensor,) = psutil.Process(program.pid).children()
        before = sum(sensor.cpu_times()[:2])
        messages, seconds = _load(host, SECONDS)
        status = _settled(folder / "events", sensor)
        cpu = sum(sensor.cpu_times()[:2]) - before
        program.terminate()
        program.wait()
    sessions = _count(folder / "events")
    rate = status["received"] / seconds
    print(
        f"smtpwatch: {status['received']:,} packets, {rate:,.0f}/s for {seconds:.1f} s; "
        f"kernel drops {status['dropped']:,} (at most 0)"
    )
    print(f"  sensor {cpu:.1f} s of CPU, {100 * cpu / seconds:.0f} % of one core (at most 100); sent {messages:,},")
    print(
        f"  told in detail {sessions:,}; events shed into tallies {status['shed']:,}; "
        f"messages counted in all {_messages(folder / 'events'):,}"
    )


def _settled(path: Path, sensor: psutil.Process) -> dict[str, int]:
    """The last status, once the sensor has worked off what was waiting."""
    last: dict[str, int] = {}
    for _ in range(60):
        time.sleep(1.1)
        status = json.loads(
            subprocess.run(["grep", "SensorStatus", str(path)], capture_output=True, check=True).stdout.splitlines()[-1]
        )
        if last.get("received") == status["received"] and sensor.is_running():
            return dict(status)
        last = status
    return last


def _count(path: Path) -> int:
    return int(
        subprocess.run(
            ["grep", "-c", '"type":"MessageDecided"', str(path)], capture_output=True, text=True, check=False
        ).stdout
    )


def _messages(path: Path) -> int:
    """Messages accepted: those in detail and those in tallies."""
    counted = 0
    with path.open("rb") as lines:
        for line in lines:
            if b'"type":"MessageDecided"' in line:
                counted += 1
            elif b'"type":"Tally"' in line:
                counted += json.loads(line)["counts"].get("messages accepted", 0)
    return counted


def _tcpdump(host: Namespace, folder: Path) -> None:
    dump = host.popen(
        "tcpdump", "-i", "lo", "-B", "16384", "-w", folder / "peer.pcap", "tcp port 25", stderr=subprocess.PIPE
    )
    time.sleep(1)
    _, seconds = _load(host, SECONDS)
    time.sleep(1)
    dump.terminate()
    _, said = dump.communicate()
    told = [line for line in said.decode().splitlines() if "captured" in line or "dropped" in line]
    print(f"tcpdump, same ring size, {seconds:.1f} s: {', '.join(told)}")


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="smtpwatch-bench-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        with mail_host() as host:
            _ours(host, folder)
        with mail_host() as host:
            _tcpdump(host, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
