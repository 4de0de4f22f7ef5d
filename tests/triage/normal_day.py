"""A normal day of a mail host with some four hundred accounts: 200,000 sessions of all kinds, by wire and by log.

What it is made of, of each hundred sessions (a plausible host without postscreen; where bots are half of port 25):

- 49 of bots that a DNS list refuses, one or two tries each, from some sixty thousand addresses;
- 24 that bring mail: large providers from a few networks each, a newsletter in bursts of some hundreds within minutes,
  small servers; most in TLS 1.3, some in 1.2, a few without, a handful in TLS 1.0;
- 3 that are greylisted, of which most come again; 2 to old or mistyped addresses; 1 refused for SPF or by content;
- 7 that only look: connect and leave, or EHLO and leave, and some scanners whose handshakes fail;
- 7 of our accounts, which log in and send to one or a few, from home, a carrier's changing addresses, an office that
  sixty share; 7 of ours to other hosts, of which 3 % wait and 1 % bounce.

Beside these: relay probes of scanners, a few an hour; logins that fail, a background of hundreds over as many
addresses and names that are nobody's; people who mistype, three to eight times, and get in; a phone with an old
password that tries every quarter of an hour; three people who travel, to two countries each; a newsletter of our own
at ten o'clock to 1,500; a monitoring host and a printer that may relay; a contact form's mail by uid 33; a queue that
breathes, and grows to 150 for half an hour while one destination is down. A weekday: few at night, most in the morning
and early afternoon.

Addresses are of 10/8, 198.18/15, 100.64/10 and public ranges that nobody is meant by: there are not enough of those
kept for documentation."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from random import Random

from smtpwatch import events as ev
from tests.triage.normal_people import (
    ELSEWHERE,
    MONITOR,
    OURS,
    PRINTER,
    PROVIDERS,
    RELAYED,
    TRUSTED,
    Person,
    address_of,
    bot,
    mailbox,
    people,
)
from tests.triage.normal_sessions import HOST, Clients, Events

START = 1_772_409_600.0  # 2026-03-02 00:00:00 UTC, a Monday
DAY = 86_400
SLICE = 60  # seconds that are put in order at a time
WHOLE = 200_000
LAG = 1.2  # seconds from a log's stamp to its coming
LATE = 30.0  # seconds after its beginning by which all of a session's events are over

_CURVE = (2, 2, 1, 1, 1, 2, 3, 5, 8, 10, 10, 9, 8, 9, 10, 9, 8, 7, 6, 5, 5, 4, 3, 3)
"""Weights of the hours."""
_BOTS = 0.5
"""Of theirs, how much is spread evenly over the day."""
_KINDS = {"bot": 49, "mail": 24, "greylisted": 3, "unknown": 2, "policy": 1, "look": 7, "account": 7}
"""Of a hundred; the outbound ones come of the accounts' mail."""


Make = Callable[[float], Events]
"""The events of what happens at that time."""


class _Day:
    def __init__(self, seed: int, sessions: int) -> None:
        self.random = Random(seed)
        self.scale = sessions / WHOLE
        self.clients = Clients(self.random)
        self.people = people(self.random)
        self._reach = list(accumulate(person.weight for person in self.people))
        self._shares = list(accumulate(provider.share for provider in PROVIDERS))
        self._returning = [bot(self.random) for _ in range(max(10, round(4_000 * self.scale)))]
        self.plans: list[list[tuple[float, Make]]] = [[] for _ in range(DAY // SLICE + 1)]
        self._plan(sessions)

    def at(self, time: float, make: Make) -> None:
        """That is to happen then."""
        if 0 <= time < DAY:
            self.plans[int(time // SLICE)].append((time, make))

    def _plan(self, sessions: int) -> None:
        makes = {kind: getattr(self, f"_{kind}") for kind in _KINDS}
        for kind, share in _KINDS.items():
            for _ in range(sessions * share // 100):
                even = kind in ("bot", "look") and self.random.random() < _BOTS
                self.at(self.random.random() * DAY if even else self._moment(), makes[kind])
        self._few()
        self._regular()
        self._bursts()

    def _moment(self) -> float:
        hour = self.random.choices(range(24), _CURVE)[0]
        return (hour + self.random.random()) * 3_600

    # What is one of many.

    def _bot(self, time: float) -> Events:
        source = self.random.choice(self._returning) if self.random.random() < 0.1 else bot(self.random)
        helo = self.random.choice((f"[{source}]", "localhost", "user", f"{self.random.randrange(10**6):x}.example",
                                   f"ip{source.replace('.', '-')}.pool.example"))  # fmt: skip
        text = f"Service unavailable; Client host [{source}] blocked using zen.spamhaus.org"
        sender = f"x{self.random.randrange(10**6)}@spam{self.random.randrange(5_000)}.example"
        return self.clients.refused(time, source, helo, sender, mailbox(self.random), 554, "5.7.1", text)

    def _mail(self, time: float) -> Events:
        random, luck = self.random, self.random.random()
        version = "TLSv1.3" if luck < 0.75 else "TLSv1.2" if luck < 0.96 else "" if luck < 0.999 else "TLSv1.0"
        at = bisect(self._shares, random.random())
        if at < len(PROVIDERS):
            provider = PROVIDERS[at]
            source = f"{random.choice(provider.networks)}.{random.randrange(1, 200)}"
            sender = f"somebody{random.randrange(9_000)}@{provider.name}"
            helo, version = f"out{source.rpartition('.')[2]}.{provider.name}", "TLSv1.3"
        else:
            small = random.randrange(900)
            source, helo = f"10.{60 + small % 90}.{small % 200}.25", f"mail.small{small}.example"
            sender = f"info@small{small}.example"
        domain = RELAYED if random.random() < 0.05 else ""
        to = [f"person{random.randrange(40)}@{domain}" if domain else mailbox(random) for _ in range(_few_of(random))]
        return self.clients.delivered(time, source, helo, sender, to, version)

    def _greylisted(self, time: float) -> Events:
        small = self.random.randrange(900)
        source, helo = f"10.{60 + small % 90}.{small % 200}.25", f"mail.small{small}.example"
        sender, to = f"info@small{small}.example", mailbox(self.random)
        again = time + self.random.uniform(300, 1_800)
        taken = partial(self.clients.delivered, source=source, helo=helo, sender=sender, recipients=[to])
        self.at(again, partial(taken, version="TLSv1.2"))
        return self.clients.refused(time, source, helo, sender, to, 450, "4.2.0", "Greylisted, see later")

    def _unknown(self, time: float) -> Events:
        """Two of three are of bots; the others old addresses that good servers still write to."""
        random = self.random
        source = bot(random) if random.random() < 0.66 else f"10.{60 + random.randrange(90)}.{random.randrange(200)}.25"
        to = f"former{random.randrange(300)}@{random.choice(OURS)}"
        site = f"news{random.randrange(400)}.example"
        sender = f"a{random.randrange(9_000)}@{site}"
        return self.clients.refused(time, source, f"mail.{site}", sender, to, 550, "5.1.1", "User unknown")

    def _policy(self, time: float) -> Events:
        random = self.random
        text = random.choice(("SPF check failed", "Message rejected as spam", "cannot find your hostname"))
        sender, helo = f"a@forged{random.randrange(900)}.example", f"vps{random.randrange(9_000)}.example"
        return self.clients.refused(time, bot(random), helo, sender, mailbox(random), 550, "5.7.1", text)

    def _look(self, time: float) -> Events:
        source = f"71.{self.random.randrange(6)}.{self.random.randrange(60)}.{self.random.randrange(1, 250)}"
        return (
            self.clients.fails_tls(time, source) if self.random.random() < 0.04 else self.clients.silent(time, source)
        )

    def _account(self, time: float) -> Events:
        person = self._person()
        to = [
            f"friend{self.random.randrange(900)}@{self.random.choice(ELSEWHERE)}" for _ in range(_few_of(self.random))
        ]
        source = address_of(person, self.random, time % DAY / 3_600)
        return self.clients.submitted(time, source, person.account, to)

    def _person(self) -> Person:
        return self.people[bisect(self._reach, self.random.random() * self._reach[-1])]

    # What there is little of.

    def _few(self) -> None:
        random, clients = self.random, self.clients
        for _ in range(round(60 * self.scale)):  # who looks for an open relay, once or twice
            tool = random.randrange(20)
            probe = partial(
                clients.refused, source=bot(random), helo=f"tool{chr(97 + tool)}.example", sender="a@probe.example",
                recipient=f"x{tool}@test{tool}.example", code=554, enhanced="5.7.1", text="Relay access denied",
            )  # fmt: skip
            begun = random.random() * DAY
            for k in range(random.choice((1, 1, 2))):
                self.at(begun + 20 * k, probe)
        for _ in range(round(500 * self.scale)):  # logins to accounts that are nobody's
            role = random.choice(("admin", "test", "info", "sales", "scan"))
            name = f"{role}{random.randrange(60)}@{random.choice(OURS)}"
            self.at(random.random() * DAY, partial(clients.failed_login, source=bot(random), account=name))
        for _ in range(round(60 * self.scale)):  # people who mistype
            person = self._person()
            to, failures = [f"x@{random.choice(ELSEWHERE)}"], random.randrange(3, 9)
            self.at(self._moment(), self._submits(person, person.home, to, failures))
        for _ in range(round(40 * self.scale)):  # a contact form
            form = partial(clients.local, uid=33, sender="www@ours.example", recipient=f"sales@{ELSEWHERE[3]}")
            self.at(self._moment(), form)
        for k in range(3):  # who travels
            person = self.people[100 + k]
            for at, source in ((7, person.home), (9, f"100.90.{k}.7"), (15, f"100.91.{k}.7"), (21, f"100.91.{k}.9")):
                self.at(at * 3_600 + 60 * k, self._submits(person, source, [f"x@{ELSEWHERE[5]}"]))

    def _submits(self, person: Person, source: str, to: list[str], failures: int = 0) -> Make:
        return partial(self.clients.submitted, source=source, account=person.account, recipients=to, failures=failures)

    def _regular(self) -> None:
        clients, phone = self.clients, self.people[77]
        for time in range(0, DAY, 900):  # an old password in a phone at home
            self.at(time + 7, partial(clients.failed_login, source=phone.home, account=phone.account))
        self.at(8.5 * 3_600, self._submits(phone, phone.home, [f"x@{ELSEWHERE[1]}"]))
        monitor = partial(clients.delivered, source=MONITOR, helo="monitor.ours.example", sender="monitor@ours.example",
                          recipients=["admin@ours.example"], version="")  # fmt: skip
        for time in range(0, DAY, 300):
            self.at(time, monitor)
        for time in range(8 * 3_600, 18 * 3_600, 1_200):
            scan = partial(clients.delivered, source=PRINTER, helo="printer", sender="scan@ours.example",
                           recipients=[mailbox(self.random)], version="")  # fmt: skip
            self.at(time, scan)

    def _bursts(self) -> None:
        random = self.random
        letter = self.people[5]
        for k in range(15):  # our own newsletter
            to = [f"reader{k * 100 + n}@{random.choice(ELSEWHERE)}" for n in range(100)]
            self.at(10 * 3_600 + 200 * k, self._submits(letter, letter.home, to))
        for hour in (6.5, 11.2, 16.4):  # others'
            for _ in range(round(300 * self.scale)):
                one = partial(self.clients.delivered, source=f"10.12.1.{random.randrange(1, 200)}",
                              helo="out.news.example", sender="letter@news.example", recipients=[mailbox(random)],
                              version="TLSv1.3")  # fmt: skip
                self.at(hour * 3_600 + random.random() * 300, one)

    def host(self, time: float) -> Events:
        """What the sensors and the host tell each minute."""
        now = START + time
        down = 13 * 3_600 <= time < 13.5 * 3_600
        waits = (150 if down else 20) + round(20 * self.random.random())
        queue = ev.QueueSample(
            now, "host", HOST, "postfix", "", {"active": 3, "deferred": waits},
            {"deferred": 1_800.0 if down else 900.0}, {"mail9.example": waits // 2}, waits * 9_000, True, "",
        )  # fmt: skip
        seen = round(time * 30)
        told: Events = [queue]
        for sensor in ("wire", "log", "host"):
            told.append(ev.SensorStatus(now, sensor, HOST, "running", "", seen, 0, 0, {}, ("eth0",)))
        if time % 600 < SLICE:
            domains = (*OURS, RELAYED, f".{RELAYED}")
            told.append(ev.RelayPolicy(now, "host", HOST, "postfix", "", domains, (TRUSTED, "127.0.0.0/8"), True, ""))
        return told


def day(seed: int, sessions: int = WHOLE) -> Iterator[Events]:
    """Batches of events in the order in which they come: a log's lines after what they tell of. The same seed gives
    the same day. `sessions` scales all but what is regular."""
    made = _Day(seed, sessions)
    left: Events = []
    for number, _ in enumerate(made.plans):
        begun = number * SLICE
        told = [*left, *made.host(begun)]
        plan = made.plans[number]
        for time, make in plan:  # it may grow meanwhile
            told += make(START + time)
        told.sort(key=_comes)
        until = START + begun + SLICE - LATE
        ready = [event for event in told if _comes(event) < until]
        left = told[len(ready) :]
        if ready:
            yield ready
    yield left


def _comes(event: ev.Event) -> float:
    """When it comes: a line has a whole second for a stamp, and is read a moment after it was written."""
    return event.time + LAG if event.sensor == "log" else event.time


def _few_of(random: Random) -> int:
    """How many recipients: most often one."""
    return random.choices((1, 2, 3, 6), (80, 12, 6, 2))[0]
