"""A normal weekday of a mid-sized mail host: about 400 mailboxes in three domains, and one domain that it relays for.

`day` tells it as smtpwatch's sensors would: the wire's events, the facts of Postfix's log, and what the host's sensor
says, on a simulated clock. How much there is of everything, and why, stands in figures.py; who takes part in cast.py;
where they are in places.py. What a session looks like was read off real ones: Postfix 3.7 in the tests' own namespaces
(Debian 12), and the demo's recording. Lines are written as Postfix writes them, and the log's own parser makes their
events.

Every session is there twice, on the wire and in the log, but for mail to others, which the log tells by deliveries.
Postfix logs no client's port by default, so there is none; nor is any process's socket looked at (ClientPortSeen). A
session under TLS is dark after STARTTLS: what came of it, only the log knows.

It was made without a look at what rules find in it, and is not to be changed for that: where a rule alerts on this day,
either the rule is wrong, or the day has something that admins want to be told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from random import Random

from smtpwatch import events as ev
from tests.triage.host_day import figures, places
from tests.triage.host_day.cast import Account, Cast
from tests.triage.host_day.figures import DAY, LEAST, START, WHOLE
from tests.triage.host_day.inbound import Inbound
from tests.triage.host_day.local import ASKED, SHOWN, Local
from tests.triage.host_day.looks import Looks
from tests.triage.host_day.outbound import Outbound, somebody
from tests.triage.host_day.places import place
from tests.triage.host_day.queue import Queue, Recipient
from tests.triage.host_day.refused import Refused
from tests.triage.host_day.submission import PER_SESSION, Submission
from tests.triage.host_day.telling import Telling

__all__ = ["day", "place"]

OUTBOUND = 1.05  # sessions of ours for each session of an account, with those that are tried again
SHARED = 0.085  # the same for each message from others: what is relayed and forwarded
LARGEST_BURST = 2.5  # times the smallest: 500 in seven minutes
_HOURS = {"account": figures.PEOPLE, "small": figures.PEOPLE, "old": figures.PEOPLE, "list": figures.PEOPLE,
          "greylisted": figures.PEOPLE, "provider": figures.MACHINES}  # fmt: skip
"""When they come; all others as bots do."""

Act = Callable[..., None]


class _Day:
    """Plans the day: who does what when."""

    def __init__(self, seed: int, sessions: int, start: float, whole: bool) -> None:
        self.told = told = Telling(seed, start, whole)
        self.start, self.sessions, self.random = start, sessions, told.random
        self.cast = Cast(Random(seed + 1))
        self.cast.random = told.random
        self.queue = Queue(told)
        self.outbound = Outbound(told, self.queue)
        self.inbound = Inbound(told, self.cast, self.queue)
        self.refused, self.looks = Refused(self.inbound), Looks(self.inbound)
        self.submission = Submission(told, self.cast, self.queue)
        self.local = Local(told, self.inbound, self.queue)
        self._curves: dict[tuple[int, ...], list[int]] = {
            hours: list(accumulate(hours)) for hours in (figures.PEOPLE, figures.MACHINES, figures.BOTS)
        }
        self._regular()
        self._people()
        self._strangers(self._many())

    def moment(self, hours: tuple[int, ...]) -> float:
        """A time of the day, by the weights of its hours."""
        hour = self.random.choices(range(24), cum_weights=self._curves[hours])[0]
        return self.start + 3_600 * (hour + self.random.random())

    def today(self, time: float) -> float:
        """What would be tomorrow is told of this morning: what began yesterday comes to an end then."""
        return self.start + (time - self.start) % DAY

    def _many(self) -> int:
        """What grows with the day. Returns how many sessions are left for bots that a list refuses."""
        acts: dict[str, Act] = {
            "provider": self.inbound.provider, "list": self.inbound.list, "small": self.inbound.small,
            "greylisted": self.refused.greylisted, "spf": self.refused.spf, "dmarc": self.inbound.dmarc,
            "content": self.inbound.content, "old": self.refused.old, "unlisted": self.refused.unlisted,
            "manners": self.refused.manners, "silent": self.looks.silent, "hello": self.looks.hello,
            "secured": self.looks.secured, "unsecured": self.looks.unsecured, "garbled": self.looks.garbled,
            "account": self.submission.account,
        }  # fmt: skip
        number = {kind: self.sessions * share // 1_000 for kind, share in figures.PER_MILLE.items()}
        for kind, act in acts.items():
            hours = _HOURS.get(kind, figures.BOTS)
            for _ in range(number[kind]):
                self.told.at(self.moment(hours), act)
        self._bursts(number["burst"])
        self._repeated(number["guess"], self.submission.guess, 4, 5_000.0)
        self._repeated(number["auth25"], self.looks.auth, 3, 1_500.0)
        again = round(number["greylisted"] * figures.RETURNING)
        taken = sum(number[kind] for kind in ("provider", "burst", "small")) + 15 * number["list"]
        ours = round(number["account"] * OUTBOUND + taken * SHARED * 0.8)
        fixed = round(DAY / figures.MONITOR_EVERY + DAY / figures.PHONE_EVERY + figures.NEWSLETTER * 1.1) + 500
        return max(0, self.sessions - sum(number.values()) - again - ours - fixed)

    def _bursts(self, number: int) -> None:
        """Newsletters and shops: most go out in the morning, each within minutes."""
        bursts = max(3, round(figures.BURSTS * min(1.0, self.sessions / WHOLE * 4)))
        shares = [min(LARGEST_BURST, self.random.paretovariate(2.0)) for _ in range(bursts)]
        for letter, share in enumerate(shares):
            begun, esp = self.moment(figures.MACHINES), self.random.randrange(16)
            for _ in range(round(number * share / sum(shares))):
                time = begun + self.random.random() * figures.BURST_SECONDS
                self.told.at(self.today(time), self.inbound.burst, esp, letter)

    def _repeated(self, number: int, act: Act, most: int, pause: float) -> None:
        """So many sessions of bots that come a few times each."""
        while number > 0:
            peer, time = self.cast.bot(), self.moment(figures.BOTS)
            for _ in range(min(number, self.random.randint(1, most))):
                self.told.at(time, act, peer)
                time += self.random.expovariate(1 / pause)
                number -= 1

    def _strangers(self, number: int) -> None:
        """Bots that a DNS list refuses: one or two tries each, within the hour."""
        random = self.random
        for _ in range(figures.STUBBORN):
            peer = self.cast.bot()
            for _ in range(min(figures.STUBBORN_TRIES, max(0, number))):
                self.told.at(self.moment(figures.BOTS), self.refused.bot, peer)
                number -= 1
        number -= self._snowshoes(round(number * figures.SNOWSHOE))
        while number > 0:
            peer, time = self.cast.bot(), self.moment(figures.BOTS)
            for _ in range(min(number, random.choice(figures.BOT_TRIES))):
                self.told.at(self.today(time), self.refused.bot, peer)
                time += 5 + random.expovariate(1 / 1_200)
                number -= 1
        for _ in range(figures.PROBES):
            self.told.at(self.moment(figures.BOTS), self.refused.probe)

    def _snowshoes(self, number: int) -> int:
        """Rented networks send theirs. Returns how many there are."""
        each = number // figures.SNOWSHOES
        for k in range(figures.SNOWSHOES):
            begun, hours = self.moment(figures.MACHINES), self.random.uniform(0.5, 2.5)
            for _ in range(each):
                time = self.today(begun + 3_600 * hours * self.random.random())
                self.told.at(time, self.refused.snowshoe, k)
        return each * figures.SNOWSHOES

    def _people(self) -> None:
        """What some of our people do on any day."""
        random, cast, told = self.random, self.cast, self.told
        for _ in range(figures.MISTYPED):
            told.at(self.moment(figures.PEOPLE), self.submission.mistypes)
        for k in range(figures.TRAVELLERS):
            self._travels(cast.accounts[200 + 31 * k], places.ABROAD[k])
        told.at(self.start + random.random() * 900, self.submission.old_phone, cast.accounts[41], figures.PHONE_EVERY)
        writer = cast.accounts[123]
        readers = [f"reader{k}@{somebody(random).rpartition('@')[2]}" for k in range(figures.NEWSLETTER)]
        pause = 3_500 / (figures.NEWSLETTER / PER_SESSION)
        for k in range(0, figures.NEWSLETTER, PER_SESSION):
            some = [[Recipient(reader)] for reader in readers[k : k + PER_SESSION]]
            begun = self.start + 3_600 * figures.NEWSLETTER_HOUR + pause * k / PER_SESSION
            told.at(begun, self.submission.letter, writer, some)

    def _travels(self, account: Account, country: str) -> None:
        """At home in the morning; abroad from noon on: an airport, then a hotel."""
        random = self.random
        isp = places.WHERE_ABROAD[country]
        airport, hotel = f"10.{isp}.{random.randrange(99)}.7", f"10.{isp}.{random.randrange(100, 250)}.33"
        times = ((6.8, ""), (12.3, airport), (12.6, airport), (17.2, hotel), (19.9, hotel), (22.1, hotel))
        for hour, where in times:
            at = self.start + 3_600 * (hour + random.random() / 4)
            if where:
                self.told.at(at, self.submission.from_there, where, account, random.random() < 0.5)
            else:
                self.told.at(at, self.submission.account, account)

    def _regular(self) -> None:
        """What comes by the clock, and what the sensors tell."""
        told, local, start = self.told, self.local, self.start
        local.left_over()
        told.at(start + 1, local.policy)
        told.at(start + 2, local.certificates, "asked", ASKED)
        told.at(start + 40, local.certificates, "wire", SHOWN)
        told.at(start + 5, local.sample)
        for k in range(DAY // figures.MONITOR_EVERY):
            told.at(start + k * figures.MONITOR_EVERY + 11 + self.random.random() / 2, local.monitor)
        told.at(start + 3 * 3_600 + 2, local.backup)
        for number, act in (
            (figures.SCANS, local.printer),
            (figures.FORMS, local.form),
            (figures.FORMS, local.watcher),
        ):
            for _ in range(number):
                told.at(self.moment(figures.PEOPLE), act)


def day(seed: int, sessions: int = WHOLE, start: float = START, *, whole: bool = True) -> Iterator[list[ev.Event]]:
    """Batches of events, half a minute each, in the order in which a console would hear of them.

    The same seed gives the same day. `sessions` is how many there are, to a percent or two; it scales strangers and
    mail, and leaves what is the same each day. `whole`: the log's stamps are in whole seconds, as syslog writes them
    by tradition; else they have microseconds, as Debian's rsyslog writes them since 2023."""
    if sessions < LEAST:
        raise ValueError(f"a day has {LEAST} sessions at least")
    yield from _Day(seed, sessions, start, whole).told.run()
