"""One reading of a queue: a child process that lists it, read without ever waiting for it."""

import os
import shutil
import subprocess

from collectors.host.mta import PROGRAMS, Mta
from collectors.host.queue import EximListing, Listing, PostfixListing
from smtpwatch.events import QueueSample

SENSOR = "host"

LIMIT = 60.0  # seconds; a listing that takes longer is cut: its server has better things to do
CHUNK = 1 << 16  # octets read at a time: what a pipe holds
CHUNKS = 16  # read in a row: some 20 ms of work
SAID_MAX = 4_096  # octets kept of what the child complains of, the last ones

EX_NOPERM = 77  # sysexits.h
DENIED = ("not allowed to view the mail queue", "permission denied")
REMEDY = {
    "postfix": "postqueue: not allowed to see the queue; run smtpwatch as root, or name its user in Postfix's "
    "authorized_mailq_users",
    "exim": "exim: not allowed to see the queue; run smtpwatch as root, or set queue_list_requires_admin = false in "
    "Exim's configuration",
}


def polite() -> list[str]:
    """What goes before a command so that it comes last: nice(1), and ionice(1) where it is.

    Postfix's queue is looked through by a showq(8) of its own, which that cannot reach: hence the long intervals."""
    ionice = shutil.which("ionice", path=f"{PROGRAMS}:/bin")
    nice = shutil.which("nice", path=f"{PROGRAMS}:/bin")
    return [*((ionice, "-t", "-c", "3") if ionice else ()), *((nice, "-n", "19") if nice else ())]


class Reading:
    """The queue of `mta` as it is read from `now` on. Close it in any case: that ends the child.

    `failed`: it could not be read as it should; `denied`: for want of rights. `said`: the child complained."""

    def __init__(self, mta: Mta, now: float) -> None:
        self.mta = mta
        self.began = now
        self.listing: Listing = PostfixListing(now) if mta.kind == "postfix" else EximListing(now)
        self.denied = False
        self.failed = False
        self._note = ""
        self._cut = False
        self._said = b""
        self._open: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                [*polite(), *mta.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": f"{PROGRAMS}:/bin", "LC_ALL": "C"},
            )
        except OSError as error:
            self.failed = True
            self._note = f"{mta.command[0]}: {error.strerror}"
            return
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._open.append(pipe.fileno())

    @property
    def said(self) -> bool:
        """The child complained, of whatever."""
        return bool(self._said.strip())

    def filenos(self) -> list[int]:
        """What to wait for; empty when all is read, while the child may not have ended yet."""
        return self._open

    def read(self, now: float) -> bool:
        """Read what there is; whether the reading has come to its end."""
        process = self._process
        if process is None:
            return True
        if now - self.began > LIMIT:
            self._cut = self.failed = True
            self._note = f"the queue took longer than {LIMIT:.0f} s to list; the figures are of what was read by then"
            self.close()
            return True
        for descriptor in tuple(self._open):
            self._read(descriptor)
        if self._open or process.poll() is None:
            return False
        self.listing.finish()
        if process.returncode != 0:
            self._fail(process.returncode)
        self.close()
        return True

    def _read(self, descriptor: int) -> None:
        assert self._process is not None and self._process.stdout is not None
        listed = descriptor == self._process.stdout.fileno()
        for _ in range(CHUNKS):
            try:
                octets = os.read(descriptor, CHUNK)
            except BlockingIOError:
                return
            if not octets:
                self._open.remove(descriptor)
                return
            if listed:
                self.listing.feed(octets)
            else:
                self._said = (self._said + octets)[-SAID_MAX:]

    def _fail(self, status: int) -> None:
        self.failed = True
        text = self._said.decode("utf-8", "backslashreplace")
        lines = [line for line in text.splitlines() if line.strip()]
        self.denied = status == EX_NOPERM or any(reason in text.lower() for reason in DENIED)
        if self.denied:
            self._note = REMEDY[self.mta.kind]
        else:
            self._note = lines[-1].strip() if lines else f"{self.mta.command[0]}: ended with status {status}"

    def sample(self, now: float, host: str) -> QueueSample:
        """What was read."""
        listing = self.listing
        # A queue that holds nothing and one that could not be seen are not the same.
        seen = not self.failed or listing.messages > 0
        return QueueSample(
            now,
            SENSOR,
            host,
            self.mta.kind,
            self.mta.instance,
            listing.counts if seen else {},
            {queue: max(0.0, now - arrived) for queue, arrived in listing.oldest.items()},
            listing.domains.worst(),
            listing.octets,
            not self.failed and not listing.cut,
            self._note,
            listing.domains.ages(),
        )

    def close(self) -> None:
        """End the child, if it still runs."""
        process, self._process = self._process, None
        self._open = []
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                pipe.close()
