"""tcpdump in a namespace: ready when it says so, complete when it is left."""

import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.hosts.namespaces import Namespace

# In immediate mode each slot of tcpdump's ring has the snap length: enough for what the kernel hands on in one piece
# (GSO), and not the default of 262,144, which would leave few slots.
_SNAPLEN = 66_000  # octets
_BUFFER = 65_536  # KiB, so about 1,000 slots
_QUIET = 0.2  # seconds without growth of the file after which all is taken to be written; checked by the counts
_EXIT_LIMIT = 10.0  # seconds
_COUNTS = re.compile(rb"(\d+) packets captured\n(\d+) packets received by filter\n(\d+) packets dropped by kernel")


class Tcpdump:
    """Records TCP on one interface into a pcap file while the `with` block runs."""

    def __init__(self, namespace: Namespace, interface: str, path: Path) -> None:
        self._namespace = namespace
        self._interface = interface
        self.path = path

    def __enter__(self) -> Self:
        # -Z root: tcpdump would otherwise become a user that may not write into a test's directory.
        self._process = self._namespace.popen(
            "tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode", "-B", str(_BUFFER), "-s", str(_SNAPLEN),
            "-i", self._interface, "-w", self.path, "tcp",
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stderr is not None
        said = []
        while line := self._process.stderr.readline():
            if b"listening on" in line:
                return self
            said.append(line)
        raise RuntimeError(f"tcpdump did not start: {b''.join(said).decode()}")

    def __exit__(self, *exception: object) -> None:
        """Stop, and raise RuntimeError where a packet is missing in the file."""
        before, size = -1, self.path.stat().st_size
        while before != size:
            time.sleep(_QUIET)
            before, size = size, self.path.stat().st_size
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=_EXIT_LIMIT)
        counts = _COUNTS.search(said)
        if counts is None or counts[1] != counts[2] or counts[3] != b"0":
            raise RuntimeError(f"tcpdump lost packets: {said.decode()}")
