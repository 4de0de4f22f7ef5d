"""Who sends and receives on a normal day, and from where: of the host in normal_day.py."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

OURS = ("ours.example", "shop.example", "club.example")
"""Our domains."""
RELAYED = "partner.example"
"""One that we are a relay for."""
ACCOUNTS = 400
MAILBOXES = 1_500  # aliases and lists among them
ELSEWHERE = tuple(f"mail{k}.example" for k in range(300))
"""Domains that people write to; the first few are the large providers."""
HERE = "192.0.2.25"
TRUSTED = "192.0.2.0/24"
MONITOR, PRINTER = "192.0.2.40", "192.0.2.41"
OFFICE = "198.18.7.1"
"""The address that sixty accounts are behind."""


class Person(NamedTuple):
    """An account, and the addresses it is used from: at home, on the road (a carrier's, which change), at the office
    for some."""

    account: str
    home: str
    carrier: str
    office: bool
    weight: float


class Provider(NamedTuple):
    """A large sender: many addresses in few networks, all with TLS 1.3. A share of all that is delivered to us."""

    name: str
    networks: tuple[str, ...]
    share: float


class Place(NamedTuple):
    """Where an address is."""

    country: str
    asn: int
    org: str


PROVIDERS = (
    Provider("bigmail.example", ("10.10.1", "10.10.2", "10.10.3"), 0.35),
    Provider("freemail.example", ("10.11.1", "10.11.2"), 0.2),
    Provider("news.example", ("10.12.1",), 0.15),
    Provider("lists.example", ("10.13.1",), 0.1),
)
"""The rest are small servers, each with one address of its own."""
_COUNTRIES = ("DE", "US", "FR", "NL", "GB", "PL", "IN", "VN", "BR", "CN", "RU", "ID")


def place(address: str) -> Place | None:
    """The first two numbers decide: a /16 is one network's. Our people are all of one country, but for who travels."""
    parts = address.split(".")
    if len(parts) != 4:
        return Place("DE", 64_500, "IPv6 at home")
    first, second = int(parts[0]), int(parts[1])
    if first == 198:
        return Place("DE", 64_496 + second, "at home")
    if first == 100:  # carriers, and hotels abroad
        return Place("DE" if second < 90 else "FR", 64_700 + second, "on the road")
    return Place(_COUNTRIES[(first * 7 + second) % len(_COUNTRIES)], 65_000 + (first * 256 + second) % 500, "elsewhere")


def people(random: Random) -> list[Person]:
    """All accounts. Some write ten times as much as others."""
    found = []
    for k in range(ACCOUNTS):
        home = f"198.{18 + k % 2}.{random.randrange(8, 250)}.{random.randrange(1, 250)}"
        found.append(Person(f"user{k}@{OURS[k % 3]}", home, f"100.{64 + k % 4}", k < 60, random.paretovariate(1.5)))
    return found


def address_of(person: Person, random: Random, hour: float) -> str:
    """Where an account is used from at that time of the day."""
    if person.office and 8 <= hour < 18:
        return OFFICE
    if random.random() < 0.3:
        return f"{person.carrier}.{random.randrange(40)}.{random.randrange(1, 250)}"
    return person.home


def bot(random: Random) -> str:
    """One of the addresses that spam comes from: some sixty thousand."""
    return f"{random.choice((11, 45, 91, 103, 177, 185, 201, 223))}.{random.randrange(30)}.{random.randrange(250)}." + (
        f"{random.randrange(1, 250)}"
    )


def mailbox(random: Random) -> str:
    """One of ours."""
    return f"box{random.randrange(MAILBOXES)}@{random.choice(OURS)}"
