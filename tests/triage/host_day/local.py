"""What the host and its own network do by themselves: mail of programs, of a printer and of a monitor, and what the
host's sensor tells of the queue, of certificates and of whom Postfix relays for."""

from __future__ import annotations

from smtpwatch import events as ev
from tests.triage.host_day import smtpd
from tests.triage.host_day.cast import MONITOR, NETWORKS, OURS, PRINTER, RELAYED, WEB, Peer
from tests.triage.host_day.figures import DAY
from tests.triage.host_day.inbound import Inbound
from tests.triage.host_day.outbound import GONE, somebody
from tests.triage.host_day.queue import LIFETIME, Message, Queue, Recipient
from tests.triage.host_day.telling import HOST, NAME, SERVER, Telling

SAMPLE = 30.0  # seconds between looks at the queue (queue_interval)
POLICY = 600.0  # until what has not changed is told again
ASKED = 6 * 3_600.0  # between looks at our own certificates
SHOWN = 3_600.0  # until the wire tells again of a certificate
LEFT_OVER = 14  # messages of the days before that wait for domains that do not answer
WEB_UID, ROOT = 33, 0


class Local:
    """What has no client elsewhere."""

    def __init__(self, told: Telling, inbound: Inbound, queue: Queue) -> None:
        self.told, self.inbound, self.queue, self.random = told, inbound, queue, told.random

    def submitted(self, time: float, uid: int, user: str, recipients: list[Recipient]) -> None:
        """A program calls sendmail(1): pickup(8) finds it."""
        told, queue_id = self.told, self.told.queue_id(time)
        told.by("postfix/pickup", time, f"{queue_id}: uid={uid} from=<{user}>")
        sender = f"{user}@{NAME}"
        size, message_id = 900 + self.random.randrange(4_000), f"20260302.{queue_id}@{NAME}"
        smtpd.queued(told, time + 0.004, queue_id, sender, size, len(recipients), message_id, time + 0.02)
        told.at(time + 0.03, self.queue.arrives, queue_id, sender, tuple(recipients), time)

    def form(self, time: float) -> None:
        """A web site's contact form: to sales, and half of the time a copy for who wrote it."""
        to = [Recipient(f"user7@{OURS[0]}", f"sales@{OURS[0]}")]
        self.submitted(time, WEB_UID, "www-data", to)
        if self.random.random() < 0.5:
            self.submitted(time + 0.3, WEB_UID, "www-data", [Recipient(somebody(self.random))])

    def backup(self, time: float) -> None:
        """At night: the job's own report, and those of two more servers."""
        admin = Recipient(f"user0@{OURS[0]}", f"postmaster@{OURS[0]}")
        self.submitted(time, ROOT, "root", [admin])
        for k in (0, 1):
            peer = Peer(f"192.0.2.{51 + k}", f"db{k}.north.example", f"db{k}.north.example", None, 0.0004)
            self.told.at(time + 90 * (k + 1), self.inbound.taken, peer, f"root@db{k}.north.example", [admin])

    def monitor(self, time: float) -> None:
        """Is mail taken? A host of ours tries."""
        peer = Peer(MONITOR, "monitor.north.example", "monitor.north.example", None, 0.0003)
        self.inbound.taken(time, peer, f"probe@{OURS[0]}", [Recipient(f"user0@{OURS[0]}", f"probe@{OURS[0]}")])

    def printer(self, time: float) -> None:
        """It scans, and sends that to who stands before it; sometimes to a customer."""
        peer = Peer(PRINTER, "printer.north.example", "printer", None, 0.0006)
        to = (
            Recipient(somebody(self.random))
            if self.random.random() < 0.1
            else Recipient(self.inbound.cast.mailbox()[0])
        )
        self.inbound.taken(time, peer, f"scan@{OURS[0]}", [to])

    def watcher(self, time: float) -> None:
        """A web server of ours looks whether the port is there, and goes on to send an order's receipt."""
        peer = Peer(WEB, "www.north.example", "www.north.example", None, 0.0003)
        self.inbound.taken(time, peer, f"shop@{OURS[1]}", [Recipient(somebody(self.random))])

    # The queue as it stands, and who waits in it since yesterday.

    def left_over(self) -> None:
        """Misprints of the last five days: each is tried about once in an hour, and goes back in the end."""
        start = self.told.start
        for k in range(LEFT_OVER):
            arrived = start - self.random.random() * LIFETIME
            message = Message(f"{self.random.randrange(1 << 20):05X}20DF{k:02X}", f"user{k * 17}@{OURS[0]}", 1, arrived)
            message.tries[domain := f"{GONE}{900 + k}.example"] = 9
            self.told.waiting[message.queue_id] = domain
            self.told.since[message.queue_id] = arrived
            self.told.at(start + self.random.random() * 4_000, self.queue.deliver, message, domain,
                         [Recipient(f"jo@{domain}")])  # fmt: skip

    def sample(self, time: float) -> None:
        """What postqueue(1) would say."""
        told = self.told
        waits = told.waiting
        ages = [time - told.since[queue_id] for queue_id in waits]
        counts = {"maildrop": 0, "incoming": 0, "active": self.random.choice((0, 0, 1, 1, 2, 3, 5)),
                  "deferred": len(waits), "hold": 0}  # fmt: skip
        domains: dict[str, list[float]] = {}
        for domain, age in zip(waits.values(), ages, strict=True):
            domains.setdefault(domain, []).append(age)
        most = dict(sorted(domains.items(), key=lambda item: -len(item[1]))[:20])
        told.tell([(time, ev.QueueSample(
            time, "host", HOST, "postfix", "", counts, {"deferred": max(ages)} if ages else {},
            {domain: len(some) for domain, some in most.items()}, 21_000 * len(waits), True, "",
            {"": _buckets(ages), **{domain: _buckets(some) for domain, some in most.items()}},
        ))])  # fmt: skip
        told.at(time + SAMPLE, self.sample)

    def policy(self, time: float) -> None:
        """Whom Postfix relays for."""
        domains = (*OURS, RELAYED, NAME, "localhost")
        event = ev.RelayPolicy(time, "host", HOST, "postfix", "", domains, NETWORKS, True, "")
        self.told.tell([(time, event)])
        self.told.at(time + POLICY, self.policy)

    def certificates(self, time: float, how: str, every: float) -> None:
        """Ours, with eight weeks to go: of 90 days, as most are by now."""
        start = self.told.start
        for k, port in enumerate((25, 465, 587) if how == "asked" else (25,)):
            at = time + 0.05 * k
            self.told.tell([(at, ev.CertificateSeen(
                at, "host" if how == "asked" else "wire", HOST, SERVER, port, (NAME, "mail.north.example"), NAME,
                "Example Trust R11", start - 34 * DAY, start + 56 * DAY, "EC P-256", False,
                "asked" if how == "asked" else "wire", "5f" * 32,
            ))])  # fmt: skip
        self.told.at(time + every, self.certificates, how, every)


def _buckets(ages: list[float]) -> tuple[int, ...]:
    """How many are how old, as qshape(1) has it."""
    found = [0] * (len(ev.AGE_LIMITS) + 1)
    for age in ages:
        found[sum(age > 60 * limit for limit in ev.AGE_LIMITS)] += 1
    return tuple(found)
