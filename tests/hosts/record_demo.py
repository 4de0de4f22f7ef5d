"""Records what `smtpwatch --demo` plays: under two minutes at a mail host with a spam burst in the middle.

    python -m tests.hosts.record_demo smtpwatch/demo

Every packet and every line is real: a Postfix and a Dovecot with their peers in network namespaces, recorded by tcpdump
and as a syslog daemon would, as long as it lasts; the queue is looked at as the host sensor does it. Needs what the
tests in this directory need. Who is there: demo_cast.py.
"""

import gzip
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import msgspec

from smtpwatch.bundled import CAPTURE, DOVECOT_LOG, MAIL_LOG, SENSORS
from smtpwatch.events import Event
from tests.hosts import demo_hosts
from tests.hosts.demo_acts import TurnedAwayError, Visit
from tests.hosts.demo_cast import CAST, LISTED, NAMES, SECONDS, SOURCES, Actor
from tests.hosts.demo_hosts import Scene, scene
from tests.hosts.demo_records import Looks, Stamped, health
from tests.hosts.recording import Tcpdump

_SEED = 25  # the same actors do the same things in each recording, if not to the microsecond
_UNEVEN = (0.5, 1.5)  # how far a pause may differ from its average
_CLEARED = 88.0  # seconds: when the admin deletes what bob's thief has left in the queue
_LIMIT = 30.0  # seconds for the queue to become empty and the connections to end
_STILL = 2.0  # seconds without a line after that


def _act(actor: Actor, set_up: Scene, random: Random, began: float) -> None:
    """One actor's visits, one after the other."""
    at, visits = actor.start, 0
    while at < min(actor.end, SECONDS):
        time.sleep(max(0.0, began + at - time.monotonic()))
        source = actor.sources[visits % len(actor.sources)]
        with set_up.world.entered():
            try:
                actor.act(Visit(set_up, source, random, began + SECONDS - time.monotonic()))
            except TurnedAwayError:
                pass
            except (OSError, EOFError, ValueError) as error:  # a server may well throw out a bot
                print(f"{at:5.1f} {source} {actor.act.__name__}: {error!r}", file=sys.stderr)
        visits += 1
        at = max(at, time.monotonic() - began - actor.pause) + actor.pause * random.uniform(*_UNEVEN)


def _clear(set_up: Scene) -> None:
    """The admin deletes bob's mail from the queue, as postsuper(1) tells how."""
    etc = set_up.postfix.directory / "etc"
    listed = set_up.mx.run("postqueue", "-c", etc, "-j").stdout.decode()
    ids = [line.partition('"queue_id": "')[2].partition('"')[0] for line in listed.splitlines()]
    for queue_id in ids:
        set_up.mx.run("postsuper", "-c", etc, "-d", queue_id)


def _settle(set_up: Scene, lines: Stamped) -> None:
    """Wait until the queue is empty and nothing is logged any more."""
    limit = time.monotonic() + _LIMIT
    etc = set_up.postfix.directory / "etc"
    while time.monotonic() < limit:
        if not set_up.mx.run("postqueue", "-c", etc, "-j").stdout and time.monotonic() - lines.latest > _STILL:
            return
        time.sleep(0.5)
    raise RuntimeError("the queue does not become empty")


@contextmanager
def _recorded(set_up: Scene, capture: Path) -> Iterator[tuple[Stamped, Stamped, Looks]]:
    with (
        Tcpdump(set_up.mx, demo_hosts.INTERFACE, capture),
        Stamped(set_up.postfix.log, demo_hosts.NAME) as mail,
        Stamped(set_up.dovecot.log, "") as dovecot,
        Looks(set_up) as looks,
    ):
        yield mail, dovecot, looks


def record(directory: Path) -> None:
    """The capture, the logs and what the sensors told, gzip-compressed. Raises RuntimeError where a program fails."""
    with (
        tempfile.TemporaryDirectory(prefix="record-") as made,
        scene(SOURCES, NAMES, LISTED) as set_up,
    ):
        capture = Path(made) / "burst.pcap"
        with _recorded(set_up, capture) as (mail, dovecot, looks):
            began = time.monotonic()
            threads = [
                threading.Thread(target=_act, args=(actor, set_up, Random(f"{_SEED} {number}"), began))
                for number, actor in enumerate(CAST)
            ]
            for thread in threads:
                thread.start()
            time.sleep(max(0.0, began + _CLEARED - time.monotonic()))
            _clear(set_up)
            for thread in threads:
                thread.join()
            _settle(set_up, mail)
        told: list[Event] = [*looks.samples, *health(capture, mail, dovecot)]
        _write(directory, capture.read_bytes(), mail.text, dovecot.text, told)


def _write(directory: Path, capture: bytes, mail: str, dovecot: str, told: list[Event]) -> None:
    lines = b"".join(msgspec.json.encode(event) + b"\n" for event in sorted(told, key=lambda each: each.time))
    for name, octets in (
        (CAPTURE, capture), (MAIL_LOG, mail.encode()), (DOVECOT_LOG, dovecot.encode()), (SENSORS, lines),
    ):  # fmt: skip
        # Neither a name nor a time in the header, so that an equal recording is an equal file.
        (directory / name).write_bytes(gzip.compress(octets, mtime=0))


if __name__ == "__main__":
    record(Path(sys.argv[1]))
