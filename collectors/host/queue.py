"""What a mail server lists as its queue, octets in, figures out; the memory it takes does not grow with the queue.

Postfix: `postqueue -j`, a JSON object a line (postqueue(1), "JSON OBJECT FORMAT"). Exim: `exim -bpr`, two or more lines
a message and an empty one (the specification's chapter on the command line, option -bp). Senders and recipients are
strangers' words: a line's meaning never hangs on what stands behind them.
"""

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from heapq import nlargest
from typing import Annotated

import msgspec

from smtpwatch.events import AGE_LIMITS

LONGEST = 4 << 20  # octets of a line that is read whole: a message with 20,000 recipients, as many as qmgr(8) holds
HEAD = 1_024  # octets kept of a longer line: what stands before the sender is shorter
DOMAINS = 10_000  # domains counted one by one; with more, the least are forgotten from time to time
WORST = 20  # domains that are told
AGES = len(AGE_LIMITS) + 1  # age buckets
QUEUES = 16  # queues of different names; Postfix lists five
DOMAIN_MAX = 255  # octets (RFC 1035); what is longer is no domain

POSTFIX_QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")
QUEUED, FROZEN, UNREADABLE = "queued", "frozen", "unreadable"


class Domains:
    """Recipients counted by domain and by the age of their messages: exact up to DOMAINS of them, beyond that never too
    high."""

    def __init__(self) -> None:
        self._ages: dict[str, list[int]] = {}
        """By domain: of each age, and at the end of all."""
        self._all = [0] * (AGES + 1)

    def add(self, address: str, age: int) -> None:
        """One more recipient; `age` is the number of its message's bucket."""
        self._all[age] += 1
        self._all[-1] += 1
        domain = address.rpartition("@")[2].lower() if "@" in address else ""
        if len(domain) > DOMAIN_MAX:
            return
        ages = self._ages.get(domain)
        if ages is None:
            ages = self._ages[domain] = [0] * (AGES + 1)
        ages[age] += 1
        ages[-1] += 1
        if len(self._ages) > DOMAINS:
            self._ages = dict(nlargest(DOMAINS // 2, self._ages.items(), key=lambda item: item[1][-1]))

    def worst(self) -> dict[str, int]:
        """Those with the most, in that order."""
        return {domain: ages[-1] for domain, ages in self._worst()}

    def ages(self) -> dict[str, tuple[int, ...]]:
        """All recipients under "", then those of the worst domains, by age."""
        if not self._all[-1]:
            return {}
        return {"": tuple(self._all[:-1])} | {domain: tuple(ages[:-1]) for domain, ages in self._worst() if domain}

    def _worst(self) -> list[tuple[str, list[int]]]:
        return sorted(self._ages.items(), key=lambda item: (-item[1][-1], item[0]))[:WORST]


def age_bucket(seconds: float) -> int:
    """The number of the bucket that something of that age belongs to (events.AGE_LIMITS)."""
    return bisect_right(AGE_LIMITS, seconds / 60)


class Listing(ABC):
    """A queue's listing, taken at `now`, fed in whatever pieces it comes; `finish` when there are no more.

    `counts` and `oldest` (the earliest arrival, as a time) are by queue; `damaged` counts lines that were not
    understood, `cut` messages whose recipients were too many to be read."""

    def __init__(self, queues: tuple[str, ...], now: float) -> None:
        self.counts = dict.fromkeys(queues, 0)
        self.oldest: dict[str, float] = {}
        self.domains = Domains()
        self.octets = 0
        self.damaged = 0
        self.cut = 0
        self._now = now
        self._parts: list[bytes] = []
        self._held = 0
        self._over = False

    @property
    def messages(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def feed(self, octets: bytes) -> None:
        """The next octets."""
        first, *more = octets.split(b"\n")
        self._hold(first)
        if not more:
            return
        self._end_of_line()
        for line in more[:-1]:
            if line:
                self._line(line)
        self._hold(more[-1])

    def finish(self) -> None:
        """The listing has ended; a last line that did not is damaged, since it was not written whole."""
        if self._held:
            self.damaged += 1
        self._parts, self._held, self._over = [], 0, False

    def _hold(self, part: bytes) -> None:
        self._held += len(part)
        if self._over or not part:
            return
        self._parts.append(part)
        if self._held > LONGEST:
            self._over = True
            self._parts = [b"".join(self._parts)[:HEAD]]

    def _end_of_line(self) -> None:
        line, over = b"".join(self._parts), self._over
        self._parts, self._held, self._over = [], 0, False
        if over:
            self._head(line)
        elif line:
            self._line(line)

    @abstractmethod
    def _line(self, line: bytes) -> None:
        """A whole line, not empty."""

    def _head(self, line: bytes) -> None:
        """The first HEAD octets of a line that is too long."""
        self.damaged += 1

    def _message(self, queue: str, arrived: float, octets: int) -> None:
        counts = self.counts
        if queue not in counts and len(counts) >= QUEUES:
            self.damaged += 1
            return
        counts[queue] = counts.get(queue, 0) + 1
        if arrived < self.oldest.get(queue, arrived + 1):
            self.oldest[queue] = arrived
        self.octets += octets


class _Recipient(msgspec.Struct):
    address: str


_Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class _Message(msgspec.Struct):
    queue_name: Annotated[str, msgspec.Meta(max_length=32)]
    arrival_time: _Number
    message_size: _Number
    recipients: list[_Recipient]


class PostfixListing(Listing):
    """`postqueue -j`."""

    _decoder = msgspec.json.Decoder(_Message)
    # Postfix writes these first; the sender, whose words are a stranger's, comes later.
    _start = re.compile(
        rb'\{"queue_name": "([a-z]{1,32})", "queue_id": "[0-9A-Za-z]{1,64}", '
        rb'"arrival_time": (\d{1,12}), "message_size": (\d{1,15}),'
    )

    def __init__(self, now: float) -> None:
        super().__init__(POSTFIX_QUEUES, now)

    def _line(self, line: bytes) -> None:
        try:
            message = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.damaged += 1
            self._message_of(line)
            return
        self._message(message.queue_name, message.arrival_time, message.message_size)
        age = age_bucket(self._now - message.arrival_time)
        for recipient in message.recipients:
            self.domains.add(recipient.address, age)

    def _head(self, line: bytes) -> None:
        if self._message_of(line):
            self.cut += 1
        else:
            self.damaged += 1

    def _message_of(self, line: bytes) -> bool:
        """Count the message of a line that cannot be read to its end; its recipients are not known."""
        match = self._start.match(line)
        if match is None:
            return False
        self._message(match[1].decode(), int(match[2]), int(match[3]))
        return True


_UNITS = {b"m": 60, b"h": 3_600, b"d": 86_400}
_SIZES = {b"": 1, b"K": 1 << 10, b"M": 1 << 20, b"G": 1 << 30}


class EximListing(Listing):
    """`exim -bpr`, run at `now`. Ages and sizes are rounded by Exim."""

    _ID = rb"[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}"
    # Age, size (blank where the message's data is missing), id; "<" and the sender, if it is known.
    _start = re.compile(rb" ?(\d{1,6})([mhd]) +(?:(\d{1,6}(?:\.\d)?)([KMG]?) )?" + _ID + rb"(?= |$)")
    _unread = re.compile(rb" +" + _ID + rb"$")
    _FROZEN = b" *** frozen ***"
    _TO = b"          "  # before a recipient that waits
    # Before one that was delivered to, also one that an alias led to; before what is wrong with a message.
    _ASIDE = (b"        D ", b"       +D ", b"    *** spool ")

    def __init__(self, now: float) -> None:
        super().__init__((QUEUED, FROZEN), now)
        self._age = 0
        """Bucket of the message whose recipients come."""

    def _line(self, line: bytes) -> None:
        if line.startswith(self._TO):
            self.domains.add(line[len(self._TO) :].decode("utf-8", "backslashreplace"), self._age)
        elif line.startswith(self._ASIDE):
            return
        elif match := self._start.match(line):
            size = float(match[3] or 0) * _SIZES[match[4] or b""]
            queue = FROZEN if line.endswith(self._FROZEN) else QUEUED
            age = int(match[1]) * _UNITS[match[2]]
            self._message(queue, self._now - age, int(size))
            self._age = age_bucket(age)
        elif self._unread.match(line):
            self.counts[UNREADABLE] = self.counts.get(UNREADABLE, 0) + 1
        else:
            self.damaged += 1
