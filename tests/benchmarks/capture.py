"""Capture file to events, beside tshark and Scapy on the same file in the same run.

`python -m tests.benchmarks.capture`; takes about a minute. Each figure is the best of ROUNDS, taken in turns, since
other
work on the machine only ever slows a run down."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.traffic import record

MESSAGES = 11_000
PACKETS = 200_000  # at least
ROUNDS = 3
SCAPY_PACKETS = 10_000  # of the same file; the rest would tell nothing more

# What our events tell of a packet: when, who, to whom, and what was said.
TSHARK_FIELDS = (
    "frame.time_epoch", "tcp.stream", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport",
    "smtp.req.command", "smtp.req.parameter", "smtp.response.code", "smtp.rsp.parameter",
)  # fmt: skip

OURS = """
import gc, sys, time
from pathlib import Path
from collectors.octets import Octets
from collectors.wire.files import read
from smtpwatch.config import Config
from smtpwatch.events import SensorStatus
gc.set_threshold(50_000)
begin = time.perf_counter()
packets = events = 0
for batch in read([Octets(Path(sys.argv[1]))], Config(), "mx"):
    events += len(batch)
    for event in batch[-1:]:
        packets = event.received if isinstance(event, SensorStatus) else packets
print(packets, events, time.perf_counter() - begin)
"""

SCAPY = """
import sys, time
from scapy.all import PcapReader
begin = time.perf_counter()
packets = 0
with PcapReader(sys.argv[1]) as reader:
    for packet in reader:
        packet.summary()
        packets += 1
        if packets == int(sys.argv[2]):
            break
print(packets, time.perf_counter() - begin)
"""


def _python(program: str, *arguments: str) -> list[float]:
    run = subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True)
    return [float(word) for word in run.stdout.split()]


def _wall(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _tshark(path: str) -> list[str]:
    fields = [word for field in TSHARK_FIELDS for word in ("-e", field)]
    return ["tshark", "-n", "-r", path, "-Y", "smtp", "-T", "fields", *fields]


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="smtpwatch-bench-") as folder:
        capture = Path(folder, "smtp.pcap")
        capture.touch()
        Path(folder).chmod(0o777)  # tcpdump writes as its own user
        capture.chmod(0o666)
        record(capture, MESSAGES)
        path = str(capture)
        ours, program, tshark, scapy = [], [], [], []
        packets = events = 0.0
        for _ in range(ROUNDS):
            packets, events, seconds = _python(OURS, path)
            ours.append(seconds / packets)
            tshark.append(_wall(_tshark(path)) / packets)
            program.append(_wall([sys.executable, "-m", "smtpwatch", "events", "-r", path]) / packets)
            few, seconds = _python(SCAPY, path, str(SCAPY_PACKETS))
            scapy.append(seconds / few)
    if packets < PACKETS:
        print(f"the capture has {packets:,.0f} packets only, wanted {PACKETS:,}")
        return 1
    print(f"capture file of {packets:,.0f} packets, {events:,.0f} events; packets/s, best of {ROUNDS}")
    print(f"{'':42}{'smtpwatch':>12}{'peer':>12}{'ratio':>8}  at least")
    for what, mine, peer, least in (
        ("to events / tshark -Y smtp -T fields", ours, tshark, "5"),
        ("to events / Scapy's full dissection", ours, scapy, "20"),
        ("to JSON lines, whole program / tshark", program, tshark, ""),
    ):
        fast, slow = 1 / min(mine), 1 / min(peer)
        print(f"{what:42}{fast:12,.0f}{slow:12,.0f}{fast / slow:8.1f}  {least}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
