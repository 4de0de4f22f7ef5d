"""Mail at full speed inside a network namespace: smtp-source to smtp-sink on its loopback."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hosts.namespaces import Namespace

PARALLEL = 20
OCTETS = 4000  # of a message: a short text mail
SOURCE = ["smtp-source", "-s", str(PARALLEL), "-l", str(OCTETS), "-f", "a@example.com", "-t", "b@example.net"]


@contextmanager
def mail_host() -> Iterator[Namespace]:
    """A namespace in which smtp-sink takes mail on 127.0.0.1:25."""
    with Namespace("bench") as host:
        host.popen("smtp-sink", "-u", "nobody", "127.0.0.1:25", "500")
        time.sleep(0.5)
        yield host


def record(path: Path, messages: int) -> None:
    """A capture file of `messages` deliveries, each on its own connection: about 20 packets a message."""
    with mail_host() as host:
        dump = host.popen("tcpdump", "-i", "lo", "-B", "131072", "-w", path, "tcp port 25", stderr=subprocess.DEVNULL)
        time.sleep(1)
        send(host, messages)
        time.sleep(1)
        dump.terminate()
        dump.wait()


def send(host: Namespace, messages: int) -> None:
    """Deliver `messages`, as fast as it goes."""
    subprocess.run(host.command(*SOURCE, "-m", str(messages), "127.0.0.1:25"), check=True, capture_output=True)
