"""Who takes part in a normal day, and from which addresses."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from random import Random
from typing import NamedTuple

from tests.triage.host_day import hellos, places
from tests.triage.host_day.figures import ACCOUNTS, CLEAR, IPV6, OFFICE, TLS12, TLS13
from tests.triage.host_day.hellos import Hello

OURS = ("north.example", "south.example", "club.example")
RELAYED = "partner.example"
NETWORKS = ("127.0.0.0/8", "192.0.2.0/24", "::1/128")
"""mynetworks."""
MONITOR, PRINTER, WEB = "192.0.2.40", "192.0.2.41", "192.0.2.50"
OFFICE_ADDRESS = "203.0.113.10"
BUSIEST = 12.0  # times as much as who writes least: a hundred messages a day
SMALL = 2_500  # servers that write to us now and then
SCANNERS = 180  # addresses of surveys
_ROLES = ("info", "sales", "office", "support", "billing", "jobs", "press", "postmaster")


class Peer(NamedTuple):
    """A client as it comes: its address, its name in DNS ("" none), what it says it is, its TLS (None: clear), and a
    round trip's seconds."""

    source: str
    name: str
    helo: str
    hello: Hello | None
    rtt: float


class Account(NamedTuple):
    """One of ours. `home` is the /24 where it is today and its address there; `carriers` are the /16 of its phone."""

    name: str
    home: str
    carriers: tuple[str, ...]
    office: bool
    weight: float
    program: Hello
    phone: Hello
    port: int


class Cast:
    """Everybody. The same seed gives the same."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.accounts = [self._account(k) for k in range(ACCOUNTS)]
        self._weights = list(accumulate(each.weight for each in self.accounts))
        self.aliases = [f"{role}@{domain}" for domain in OURS for role in _ROLES]
        self.small = [self._small(k) for k in range(SMALL)]
        self._reach = list(accumulate(1 / (k + 8) for k in range(SMALL)))
        self.surveys = [self._survey(k) for k in range(SCANNERS)]
        self._bots = list(accumulate(1 / (k + 3) for k in range(len(places.ISPS))))
        self._isps = random.sample(places.ISPS, len(places.ISPS))

    def _account(self, number: int) -> Account:
        random = self.random
        isp, phone = random.choice(places.OUR_ISPS), random.random()
        home = f"10.{isp}.{random.randrange(256)}.{random.randrange(1, 255)}"
        if random.random() < 0.15:
            home = places.ipv6(isp, random.randrange(60_000), random.getrandbits(16))
        carriers = places.CARRIERS if phone < 0.2 else (random.choice(places.CARRIERS),)
        return Account(
            f"user{number}@{OURS[number % 10 // 4]}", home, carriers, number < OFFICE,
            min(BUSIEST, random.paretovariate(1.4)),
            random.choice(hellos.PROGRAMS), random.choice(hellos.PHONES), 465 if random.random() < 0.4 else 587,
        )  # fmt: skip

    def _small(self, number: int) -> Peer:
        random, luck = self.random, self.random.random()
        source = f"10.{random.choice(places.HOSTERS)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        hello = (
            random.choice(hellos.SERVERS) if luck < TLS13
            else random.choice(hellos.SERVERS12) if luck < TLS13 + TLS12
            else None if luck < TLS13 + TLS12 + CLEAR
            else hellos.OLD
        )  # fmt: skip
        name = f"mail.site{number}.example"
        return Peer(source, name if random.random() < 0.95 else "", name, hello, 0.004 + random.expovariate(40))

    def _survey(self, number: int) -> Peer:
        """Three in four are a few companies' with many addresses, the others somebody's tool."""
        random = self.random
        site = number % 6
        source = f"10.{places.SCANNERS[site]}.{number // 6 % 4}.{10 + number}"
        if number % 4:
            return Peer(source, f"scan-{number}.survey{site}.example", f"scan-{number}.survey{site}.example",
                        hellos.SURVEY, 0.1)  # fmt: skip
        source = f"10.{random.choice(places.HOSTERS)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        return Peer(source, "", random.choice(("example.com", "localhost", "masscan", source)), hellos.GO, 0.08)

    def provider(self, number: int) -> Peer:
        """One of the machines of a large provider: some hundred addresses in three networks each, IPv6 besides."""
        random = self.random
        site, machine = random.randrange(3), random.randrange(120)
        name = f"out{site}-{machine}.provider{number}.example"
        if random.random() < IPV6:
            return Peer(places.ipv6(number, site, machine), name, name, hellos.BORING, 0.015)
        return Peer(
            f"10.{number}.{8 + site}.{1 + machine}", name, name, hellos.BORING if number < 3 else hellos.SCHANNEL, 0.02
        )

    def esp(self, number: int) -> Peer:
        """One of the machines of a sender of newsletters."""
        machine = self.random.randrange(24)
        name = f"mta{machine}.esp{number}.example"
        if self.random.random() < IPV6 and number % 3 == 0:
            return Peer(places.ipv6(16 + number, 0, machine), name, name, hellos.POSTFIX, 0.012)
        return Peer(f"10.{16 + number}.1.{20 + machine}", name, name, hellos.POSTFIX, 0.012)

    def server(self) -> Peer:
        """A small one: some write far more than others."""
        return self.small[bisect(self._reach, self.random.random() * self._reach[-1])]

    def bot(self) -> Peer:
        """A new one: a customer's machine, somewhere. Some networks have many, most few."""
        random = self.random
        isp = self._isps[bisect(self._bots, random.random() * self._bots[-1])]
        source = f"10.{isp}.{random.randrange(256)}.{random.randrange(1, 255)}"
        words = source.replace(".", "-")
        name = f"{words}.dyn.isp{isp}.example" if random.random() < 0.55 else ""
        luck = random.random()
        helo = (
            name or f"[{source}]" if luck < 0.3
            else f"[{source}]" if luck < 0.4
            else f"[192.168.{random.randrange(2, 200)}.{random.randrange(2, 250)}]" if luck < 0.48
            else f"{random.choice(('win', 'desktop', 'user', 'pc'))}-{random.getrandbits(32):x}" if luck < 0.62
            else random.choice(("localhost", "User", "mail", "WIN-DBI9HJ4R5T6", "ylmf-pc")) if luck < 0.68
            else f"mail{random.randrange(40)}.{random.getrandbits(20):x}.example"
        )  # fmt: skip
        hello = random.choice((hellos.OPENSSL, hellos.SCHANNEL, hellos.GO, hellos.OPENSSL12))
        return Peer(source, name, helo, hello, 0.05 + random.expovariate(8))

    def snowshoe(self, number: int) -> Peer:
        """One of a /24 that somebody has rented to spread spam over: all in order, and listed within the hour."""
        machine = self.random.randrange(2, 250)
        isp, third = places.HOSTERS[number % len(places.HOSTERS)], 100 + number % 97
        name = f"m{machine}.offers{number}.example"
        return Peer(f"10.{isp}.{third}.{machine}", name, name, hellos.POSTFIX, 0.04)

    def mailbox(self) -> tuple[str, str]:
        """One of ours, and the alias that was written to, "" for none."""
        account = self.accounts[int(ACCOUNTS * self.random.random() ** 1.3)].name
        return account, self.random.choice(self.aliases) if self.random.random() < 0.08 else ""

    def someone(self) -> Account:
        """An account that sends: some send much more than others."""
        return self.accounts[bisect(self._weights, self.random.random() * self._weights[-1])]

    def address_of(self, account: Account, hour: float) -> tuple[str, bool]:
        """Where it is used from at that hour, and whether from a phone."""
        random = self.random
        if account.office and 8 <= hour < 17.5 and random.random() < 0.85:
            return OFFICE_ADDRESS, False
        if random.random() < 0.3:
            return f"{random.choice(account.carriers)}.{random.randrange(64)}.{random.randrange(1, 255)}", True
        return account.home, random.random() < 0.4
