"""logrotate itself, at work again and again on a log that is being written to at full speed.

Every line that is in a file is to be told once, in order. Some are in none: those written between copytruncate's copy
and its cut, and those that came to a file that was packed already. They may be told, too."""

import gzip
import itertools
import json
import lzma
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from tests.hosts.program import PROGRAM

pytestmark = [pytest.mark.needs("logrotate", "xz", "zstd"), pytest.mark.xdist_group("hosts")]

SECONDS = 1.2  # of writing
PAUSES = (0.0, 0.0, 0.1, 0.3)  # seconds between rotations: also several of them between two looks
LIMIT = 20.0  # seconds for what was written to be told

WRITER = """
import os, signal, sys, time
path, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
def opened():
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
fd, told = opened(), False
def tell(number, frame):
    global told
    told = True
signal.signal(signal.SIGHUP, tell)
print("ready", flush=True)
begun, count = time.monotonic(), 0
while (passed := time.monotonic() - begun) < seconds:
    if told:
        told = False
        os.close(fd)
        fd = opened()
    while count < rate * passed:
        os.write(fd, b"2026-11-25T09:00:00.%06d+00:00 mx postfix/qmgr[1]: %010X: removed\\n" % (count % 1000000, count))
        count += 1
    time.sleep(0.0005)
print(count)
"""
"""As rsyslog does: it keeps its file until it is told, by a signal, to open it anew."""

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda octets: zstandard.ZstdDecompressor().decompressobj().decompress(octets),
}
COMPRESS = {
    "": "nocompress",
    ".gz": "compress",
    ".xz": "compress\ncompresscmd /usr/bin/xz\ncompressoptions -0\ncompressext .xz",
    ".zst": "compress\ncompresscmd /usr/bin/zstd\ncompressoptions -q\ncompressext .zst",
}


@contextmanager
def smtpwatch(log: Path) -> Iterator[Path]:
    """`smtpwatch events` on a log while the `with` block runs; gives the file that it prints to."""
    descriptor, name = tempfile.mkstemp(prefix="smtpwatch-")
    with subprocess.Popen(
        [PROGRAM, "events", "--sensors", "log", "--log", log], stdin=subprocess.DEVNULL, stdout=descriptor
    ) as process:
        os.close(descriptor)
        output = Path(name)
        try:
            assert until(lambda: b'"running"' in output.read_bytes())
            yield output
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(LIMIT) == 0
            output.unlink()


def until(holds: Callable[[], bool]) -> bool:
    """Whether it came to hold in time."""
    end = time.monotonic() + LIMIT
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def numbers(octets: bytes) -> list[int]:
    """The numbers of the lines in a log's octets, whole ones only."""
    return [int(line.split(b" ")[3].rstrip(b":"), 16) for line in octets.split(b"\n")[:-1]]


def told(output: Path) -> list[int]:
    """The numbers of the lines that were told of."""
    events = [json.loads(line) for line in output.read_bytes().split(b"\n")[:-1]]
    return [int(event["queue_id"], 16) for event in events if event["type"] == "MessageRemoved"]


def in_files(log: Path) -> set[int]:
    """The numbers of the lines in the log and in all that it was rotated to."""
    found: set[int] = set()
    for path in log.parent.glob("mail.log*"):
        suffix = path.suffix if path.suffix in UNPACK else ""
        found |= set(numbers(UNPACK[suffix](path.read_bytes())))
    return found


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("way", ["create", "copytruncate"])
def test_every_line_once(tmp_path: Path, way: str, suffix: str) -> None:
    log = tmp_path / "mail.log"
    log.touch()
    with smtpwatch(log) as output, subprocess.Popen(
        [sys.executable, "-c", WRITER, log, "20000", str(SECONDS)], stdout=subprocess.PIPE
    ) as writer:  # fmt: skip
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        rotations = rotate(tmp_path, way, suffix, writer)
        written = int(writer.stdout.read())
        there = in_files(log)
        last = max(there | {written - 1})
        # The last line may be in no file: this one, after it, is.
        with log.open("ab") as file:
            file.write(b"2026-11-25T09:00:01+00:00 mx postfix/qmgr[1]: %010X: removed\n" % (last + 1))
        end = b'"%010X"' % (last + 1)
        assert until(lambda: end in output.read_bytes())
        got = told(output)
    assert rotations > 1
    assert all(number < after for number, after in itertools.pairwise(got)), "in order, and none twice"
    missing = there - set(got)
    assert not missing, f"{len(missing)} of {written}, from {min(missing)} on"


def rotate(directory: Path, way: str, suffix: str, writer: subprocess.Popen[bytes]) -> int:
    """Rotate until the writer ends; returns how often."""
    told = f"postrotate\nkill -HUP {writer.pid} 2>/dev/null || true\nendscript" if way == "create" else ""
    configuration = directory / "logrotate.conf"
    configuration.write_text(f"{directory}/mail.log {{\nrotate 1000\n{way}\n{COMPRESS[suffix]}\n{told}\n}}\n")
    configuration.chmod(0o600)
    count = 0
    some = random.Random(1)
    while writer.poll() is None:
        subprocess.run(
            ["logrotate", "-f", "-s", directory / "state", configuration],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=True, timeout=LIMIT,
        )  # fmt: skip
        count += 1
        time.sleep(some.choice(PAUSES))
    return count
