"""Records the traffic that `smtpwatch --demo` plays: a minute at a mail host with a spam burst in the middle.

    python -m tests.hosts.record_demo smtpwatch/demo/burst.pcap.gz

Every packet is real: a Postfix and its peers in network namespaces, recorded by tcpdump, as long as it lasts. Needs
what the tests in this directory need. Addresses are those of RFC 5737 and RFC 3849, names those of RFC 2606.
"""

import gzip
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random

from tests.hosts import mail_hosts as scene
from tests.hosts.demo_cast import CAST, Actor, Visit
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.recording import Tcpdump

SECONDS = 60.0
_SEED = 25  # the same actors do the same things in each recording, if not to the microsecond
_UNEVEN = (0.5, 1.5)  # how far a pause may differ from its average


def _act(actor: Actor, hosts: MailHosts, random: Random, began: float) -> None:
    """One actor's visits, one after the other."""
    at, visits = actor.start, 0
    while at < min(actor.end, SECONDS):
        time.sleep(max(0.0, began + at - time.monotonic()))
        source = actor.sources[visits % len(actor.sources)]
        with hosts.world.entered():
            try:
                actor.visit(Visit(hosts, source, random, began + SECONDS - time.monotonic()))
            except (OSError, EOFError) as error:
                print(f"{source} after {at:.0f} s: {error}", file=sys.stderr)  # a server may well throw out a bot
        visits += 1
        at += actor.pause * random.uniform(*_UNEVEN)


def _sources() -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for actor in CAST for source in actor.sources))


def record(path: Path) -> None:
    """A minute of traffic as a gzip-compressed pcap file. Raises RuntimeError where tcpdump or Postfix fail."""
    addresses = tuple(f"{source}/{128 if ':' in source else 32}" for source in _sources())
    with tempfile.TemporaryDirectory(prefix="demo-") as directory, mail_hosts(addresses) as hosts:
        capture = Path(directory) / "burst.pcap"
        with Tcpdump(hosts.mx, scene.INTERFACE, capture):
            began = time.monotonic()
            threads = [
                threading.Thread(target=_act, args=(actor, hosts, Random(f"{_SEED} {number}"), began))
                for number, actor in enumerate(CAST)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        # Neither a name nor a time in the header, so that equal traffic is an equal file.
        path.write_bytes(gzip.compress(capture.read_bytes(), mtime=0))


if __name__ == "__main__":
    record(Path(sys.argv[1]))
