"""A journal file of the test's own, written by systemd-journal-remote(8) from the export format.

systemd's programs are unpacked, not installed, and find their private library by the environment. Nothing of the
machine's own journal is touched."""

import os
import shutil
import struct
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

DEBIAN = Path(__file__).parents[3] / ".cache/debian"
REMOTE = DEBIAN / "systemd-journal-remote/lib/systemd/systemd-journal-remote"
JOURNALCTL = DEBIAN / "systemd/bin/journalctl"
BOOT = "0123456789abcdef0123456789abcdef"
LIMIT = 10.0  # seconds

Fields = Mapping[str, str | bytes]


def environment() -> dict[str, str]:
    """For the programs."""
    libraries = [path.parent for path in DEBIAN.glob("*/**/libsystemd-shared-*.so")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}


def missing() -> str:
    """Why there are no journals to be had, "" if there are."""
    for program in (REMOTE, JOURNALCTL):
        if not program.exists():
            return f"needs {program.name} (make debian)"
        ran = subprocess.run([program, "--version"], env=environment(), capture_output=True, check=False)
        if ran.returncode != 0:
            return f"{program.name} does not run: {ran.stderr.decode(errors='replace').strip()}"
    return ""


def entry(time: float, message: str | bytes, **fields: str | bytes) -> dict[str, str | bytes]:
    """An entry of Postfix's qmgr, with other fields where they are given; "" leaves one out."""
    usual: dict[str, str | bytes] = {
        "__REALTIME_TIMESTAMP": str(round(time * 1e6)),
        "__MONOTONIC_TIMESTAMP": str(round(time * 1e6) % 10**9),
        "_BOOT_ID": BOOT,
        "_SOURCE_REALTIME_TIMESTAMP": str(round(time * 1e6) - 5),
        "_HOSTNAME": "mx",
        "_PID": "7",
        "SYSLOG_FACILITY": "2",
        "SYSLOG_IDENTIFIER": "postfix/qmgr",
        "MESSAGE": message,
    }
    return {name: value for name, value in {**usual, **fields}.items() if value != ""}


def export(fields: Fields) -> bytes:
    """An entry in systemd's export format."""
    octets = b""
    for name, value in fields.items():
        raw = value if isinstance(value, bytes) else value.encode()
        if b"\n" in raw or isinstance(value, bytes):
            octets += name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n"
        else:
            octets += name.encode() + b"=" + raw + b"\n"
    return octets + b"\n"


class Journal:
    """A journal that grows while the `with` block runs."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "test.journal"
        self._size = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [REMOTE, f"--output={self.path}", "-"], env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(LIMIT)

    def add(self, *entries: Fields) -> None:
        """Write entries. They are there when this returns."""
        pipe = self._process.stdin
        assert pipe is not None
        for fields in entries:
            pipe.write(export(fields))
        pipe.flush()
        self._size += len(entries)
        end = time.monotonic() + LIMIT
        while self._there() < self._size:
            assert time.monotonic() < end
            time.sleep(0.02)

    def _there(self) -> int:
        ran = subprocess.run(
            [JOURNALCTL, f"--file={self.path}", "--output=cat", "--output-fields=_BOOT_ID", "--quiet"],
            env=environment(), capture_output=True, check=False,
        )  # fmt: skip
        return ran.stdout.count(BOOT.encode())


def journalctl(directory: Path) -> str:
    """A journalctl that finds its library."""
    path = directory / "journalctl"
    libraries = environment()["LD_LIBRARY_PATH"]
    path.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {shutil.which(JOURNALCTL)} "$@"\n')
    path.chmod(0o755)
    return str(path)
