"""Where the addresses of a normal day are.

What RFC 5737 and RFC 3849 keep for documentation is too little for fifty thousand sources. So 10.0.0.0/8 stands for
the world, 198.18.0.0/15 for two mobile carriers, and 2001:db8::/32 for all of IPv6; 192.0.2.0/24 is our own network,
203.0.113.0/24 an office's. A /16 of 10/8 is one network with one number (AS)."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from smtpwatch.lookup.geo import Place

HOME = "DE"
"""Where the host and its people are."""
PROVIDERS, ESPS, HOSTERS, SCANNERS = range(16), range(16, 32), range(32, 64), range(64, 72)
ISPS, REMOTE = range(80, 240), range(240, 248)
"""By the second number of 10/8: what stands there."""
OUR_ISPS = tuple(ISPS[:12])
"""Of our country: people's homes."""
CARRIERS = ("198.18", "198.19")
ABROAD = ("FR", "AT", "CH", "US")

_WORLD = (("CN", 9), ("IN", 9), ("BR", 8), ("VN", 8), ("RU", 7), ("US", 7), ("ID", 5), ("IR", 4), ("TR", 4), ("MX", 3),
          ("AR", 3), ("UA", 3), ("TH", 3), ("PK", 3), ("PL", 2), ("IT", 2), ("FR", 2), ("ES", 2), ("RO", 2), ("KR", 2),
          ("AT", 1), ("CH", 1), ("CO", 2), ("EG", 2), ("ZA", 2))  # fmt: skip
"""Where bots are: an estimate; large countries with many customers' machines."""
_HOSTING = (("DE", 12), ("US", 10), ("NL", 4), ("FR", 4), ("GB", 3), ("PL", 2), ("CH", 1), ("FI", 1))


def _drawn(numbers: range, among: tuple[tuple[str, int], ...], seed: int) -> dict[int, str]:
    """A country for each, the same in each run."""
    random = Random(seed)
    names, weights = zip(*among, strict=True)
    return dict(zip(numbers, random.choices(names, weights, k=len(numbers)), strict=True))


_COUNTRY = (
    dict.fromkeys(PROVIDERS, "US") | dict.fromkeys(SCANNERS, "US") | _drawn(ESPS, _HOSTING, 1)
    | _drawn(HOSTERS, _HOSTING, 2) | _drawn(ISPS, _WORLD, 3) | dict.fromkeys(OUR_ISPS, HOME)
    | _drawn(REMOTE, _HOSTING, 4)
)  # fmt: skip
for _number, _country in zip(ISPS[-4:], ABROAD, strict=True):
    _COUNTRY[_number] = _country
WHERE_ABROAD = dict(zip(ABROAD, ISPS[-4:], strict=True))
"""A network of each country that people travel to."""


@lru_cache(1_024)
def _network(number: int) -> Place:
    kinds = ((PROVIDERS, "Provider"), (ESPS, "Sender"), (HOSTERS, "Hoster"), (SCANNERS, "Survey"), (REMOTE, "Remote"))
    name = next((name for numbers, name in kinds if number in numbers), "Access")
    return Place(_COUNTRY.get(number, "US"), 64_512 + number, f"{name} {number}")


def place(address: str) -> Place | None:
    """Where an address is; None for our own network, which no database knows."""
    if ":" in address:
        return _of_ipv6(address)
    first, _, rest = address.partition(".")
    second = rest.partition(".")[0]
    if first == "10":
        return _network(int(second))
    if first == "198":
        return Place(HOME, 64_800 + int(second), f"Mobile {second}")
    return Place(HOME, 64_790, "Business access") if first == "203" else None


def _of_ipv6(address: str) -> Place | None:
    """2001:db8:NN00::/40 is the IPv6 of the network NN (hexadecimal) of 10/8."""
    parts = address.split(":")
    return _network(int(parts[2], 16) >> 8) if parts[:2] == ["2001", "db8"] and parts[2] else None


def ipv6(network: int, site: int, host: int) -> str:
    """An address of that network, as `ipaddress` prints it."""
    return f"2001:db8:{network << 8:x}:{site + 1:x}::{host + 1:x}"
