"""Who is in the recording for `smtpwatch --demo`, from when to when, and from where (what they do: demo_acts.py).

All addresses are those of RFC 5737 and RFC 3849, all names those of RFC 2606:

| addresses | who |
| --- | --- |
| 192.0.2.1, 192.0.2.2, 2001:db8:1::1 | mx1.example.net, the host under watch; 192.0.2.2 behind the balancer |
| 192.0.2.3 | the balancer, which speaks the PROXY protocol; its clients: 198.51.100.150 to .152 |
| 192.0.2.16 to .31 | users of ours and their mail programs; 192.0.2.28 a copier that logs in without TLS |
| 203.0.113.0/26 | the botnet of the burst (HELO ylmf-pc), most of it in the blocklist bl.example; .7 leads |
| 2001:db8:bad::/64 | more of it |
| 198.51.100.0/26 | guessers of passwords, four in clear and two in TLS |
| 192.0.2.64/26, 198.51.100.64/26, 203.0.113.64/26, 2001:db8:b0b::/48 | whoever has bob's password |
| 192.0.2.128/26, 198.51.100.128/26, 203.0.113.128/26, 2001:db8:6::/48 | mail hosts of others, old and new ones |
| 192.0.2.192/26 | probers, scanners, slow and odd clients |
| 198.51.100.192/26, 203.0.113.192/26, 2001:db8:25::/48 | the next hops of our mail |
| 192.0.2.254, 2001:db8:1::fe | the router, which says nothing itself |
"""

import ssl
from typing import NamedTuple

from tests.hosts import demo_acts as acts
from tests.hosts.demo_acts import Act, partner
from tests.hosts.demo_hosts import BALANCER, GREYLISTED

SECONDS = 100.0
"""How long they go on; what is in the queue by then is done with in some seconds more."""


class Actor(NamedTuple):
    """Visits from `sources` in turn between `start` and `end`, `pause` apart on average, all in seconds."""

    act: Act
    sources: tuple[str, ...]
    start: float
    end: float
    pause: float


def _hosts(network: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{network}{number}" for number in numbers)


BOTNET = _hosts("203.0.113.", *range(3, 62, 2), 10, 22, 36, 44, 50, 58)
LEADER = "203.0.113.7"
BOTNET6 = _hosts("2001:db8:bad::", 11, 12, 15, 27)
GUESSERS, SECRET_GUESSERS = _hosts("198.51.100.", 20, 21, 23, 24), _hosts("198.51.100.", 40, 41)
THIEVES = tuple(
    address
    for each in zip(
        _hosts("203.0.113.", 66, 71, 78, 85, 97, 104, 111),
        _hosts("198.51.100.", 65, 72, 80, 91, 99, 107, 118),
        _hosts("192.0.2.", 67, 70, 83, 94, 101, 110, 121),
        tuple(f"2001:db8:b0b:{network}::2" for network in range(1, 8)),
        strict=True,
    )
    for address in each
)
PROXIED = _hosts("198.51.100.", 150, 151, 152)
PROBERS = _hosts("192.0.2.", 200, 201)
PLAIN_LOGIN = "192.0.2.28"
_NEW, _USUAL, _OLDER, _OLD = (
    ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1,
)  # fmt: skip
WEAK = ("198.51.100.190", "192.0.2.190")
"""TLS 1.0 and TLS 1.1."""
UNTRUSTING, OUTDATED, NO_CIPHER = "198.51.100.170", "192.0.2.230", "192.0.2.231"
_FRIENDS = ("grace@example.org", "ivan@example.org", "indigo@example.com", "olivia@business.example")

CAST = (
    Actor(partner("mail.partner.example", "partner.example", _NEW), _hosts("198.51.100.", 140, 141), 0, SECONDS, 3),
    Actor(partner("smtp6.example.com", "example.com", _NEW), ("2001:db8:6::25",), 0.4, SECONDS, 5),
    Actor(partner("mx2.example.com", "example.com", _USUAL), ("192.0.2.140",), 0.8, SECONDS, 5),
    Actor(partner("lists.example.org", "example.org", _NEW, many=6), ("203.0.113.150",), 1.2, SECONDS, 9),
    Actor(partner("legacy.example.org", "example.org", None), ("198.51.100.160",), 0.6, SECONDS, 4),
    Actor(partner("old.example.org", "example.org", _OLD), WEAK[:1], 3, SECONDS, 14),
    Actor(partner("older.example.com", "example.com", _OLDER), WEAK[1:], 6, SECONDS, 18),
    Actor(partner("new.partner.example", "partner.example", _NEW), (GREYLISTED,), 2, SECONDS, 16),
    Actor(acts.behind_proxy(PROXIED), (BALANCER,), 1, SECONDS, 6),
    Actor(acts.user("alice", _FRIENDS), ("192.0.2.17", "2001:db8:6:17::2"), 0.2, SECONDS, 7),
    Actor(acts.user("bob", _FRIENDS), ("192.0.2.18",), 1.5, SECONDS, 24),
    Actor(acts.user("carol", _FRIENDS), ("192.0.2.19",), 3, SECONDS, 11),
    Actor(acts.user("newsletter", _FRIENDS), ("192.0.2.20",), 4, SECONDS, 6),
    Actor(acts.scanner, (PLAIN_LOGIN,), 2.5, SECONDS, 13),
    Actor(acts.guesser, GUESSERS[:1], 0.5, SECONDS, 1.2),
    Actor(acts.guesser, GUESSERS, 1, SECONDS, 1.1),
    Actor(acts.secret_guesser, SECRET_GUESSERS, 2, SECONDS, 2.2),
    Actor(acts.spam_bot, BOTNET[:12], 2, 12, 0.6),
    Actor(acts.spam_bot, BOTNET, 12, 70, 0.16),
    Actor(acts.spam_bot, BOTNET[::-1], 20, 60, 0.2),
    Actor(acts.spam_bot, BOTNET, 70, 92, 0.7),
    Actor(acts.spam_bot, (LEADER,), 3, 75, 0.3),
    Actor(acts.spam_bot, BOTNET6, 18, 66, 1.4),
    Actor(acts.relay_prober, PROBERS, 5, 95, 7),
    Actor(acts.thief, THIEVES, 4, 72, 1.5),
    Actor(acts.slow, ("192.0.2.240",), 3, 4, SECONDS),
    Actor(acts.hanging, ("192.0.2.241", "192.0.2.242"), 8, 88, 14),
    Actor(acts.early_talker, ("192.0.2.210", "192.0.2.211"), 9, 95, 8),
    Actor(acts.aborter, ("192.0.2.220",), 5, 96, 9),
    Actor(acts.port_scanner, ("192.0.2.221",), 7, 96, 10),
    Actor(acts.distrustful, (UNTRUSTING,), 6, 96, 12),
    Actor(acts.outdated, (OUTDATED,), 4, 96, 13),
    Actor(acts.no_cipher, (NO_CIPHER,), 10, 96, 17),
)
SOURCES = tuple(dict.fromkeys(source for actor in CAST for source in actor.sources if source != BALANCER))
"""Of the connections; what the balancer hands on comes from PROXIED besides."""
LISTED = tuple(source for at, source in enumerate(BOTNET) if at % 4)
"""In the blocklist: three of four."""
NAMES = {
    "mail.partner.example": "198.51.100.140", "mail2.partner.example": "198.51.100.141",
    "smtp6.example.com": "2001:db8:6::25", "mx2.example.com": "192.0.2.140", "lists.example.org": "203.0.113.150",
    "legacy.example.org": "198.51.100.160", "old.example.org": "198.51.100.190", "older.example.com": "192.0.2.190",
    "new.partner.example": GREYLISTED, "alice-office.example.net": "192.0.2.17", "copier.example.net": PLAIN_LOGIN,
    "dialup-240.example.com": "192.0.2.240", "vps-23.example.com": "198.51.100.23",
    "example.com": "192.0.2.140", "bigmail.example": "198.51.100.201",
}  # fmt: skip
