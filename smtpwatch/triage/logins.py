"""Accounts: who tries to log in to them, who gets in, and from where, within a day. What the rules of failed logins and
of taken-over accounts judge by."""

from __future__ import annotations

from collections.abc import Hashable
from ipaddress import IPv4Address, ip_address

from smtpwatch import events as ev
from smtpwatch.state.heavy import Heavy, Held
from smtpwatch.triage.alert import Line, line_of
from smtpwatch.triage.counting import DAY, Handful, Lately

ACCOUNTS = 4_000  # those with the most logins, each way; 1 kB each, 4 kB if it is logged in to from everywhere
PLACES = 32  # networks and countries of one account that are remembered, the latest
HOURS = 24
NAME = 120  # characters of an account that are remembered


class Account(Held):
    """One account. `failed` and `passed` are of a day."""

    __slots__ = (
        "countries", "day", "failed", "failed_since", "fast", "from_", "good", "last_failed", "line", "networks",
        "passed", "session", "source",
    )  # fmt: skip

    key: str

    def __init__(self, key: Hashable, window: float) -> None:
        super().__init__(key)
        self.fast = Lately(window)
        self.failed = Lately(DAY, HOURS)
        self.passed = Lately(DAY, HOURS)
        self.from_ = Handful()
        """Sources of failed logins, since `failed_since`."""
        self.failed_since: float | None = None
        self.last_failed = 0.0
        self.good = Handful()
        """Sources that have logged in."""
        self.networks: dict[str, float] = {}
        """/16s and /32s that it was logged in from, and when last."""
        self.countries: dict[str, float] = {}
        self.line: Line | None = None
        """The latest of a failed login."""
        self.source = ""
        """Whence it came."""
        self.session: tuple[str, int] | None = None

    def failure(self, source: str, time: float, line: ev.LoginTried) -> None:
        """One more."""
        if self.failed_since is None or time - self.last_failed > DAY:
            self.from_, self.failed_since = Handful(), time
        self.last_failed = max(self.last_failed, time)
        self.weight += 1
        self.fast.add(time)
        self.failed.add(time)
        self.from_.add(source)
        self.source = source
        self.line = line_of(line)

    def success(self, source: str, country: str, time: float) -> None:
        """Somebody is in."""
        self.weight += 1
        self.passed.add(time)
        self.good.add(source)
        _note(self.networks, wide_network(source), time)
        if country:
            _note(self.countries, country, time)


class Logins:
    """The accounts that are logged in to, or tried, most. An account is one and the same however it is capitalised."""

    def __init__(self, window: float) -> None:
        self._accounts: Heavy[Account] = Heavy(ACCOUNTS, lambda key: Account(key, window))

    def __len__(self) -> int:
        return len(self._accounts)

    def touch(self, name: str) -> Account:
        """The account of that name, from now on if it was not known. Add to it at once."""
        return self._accounts.touch(name.strip().lower()[:NAME])

    def get(self, name: str) -> Account | None:
        """The account of that name, if it is known."""
        return self._accounts.get(name.strip().lower()[:NAME])


def wide_network(address: str) -> str:
    """The /16 of an IPv4 address, the /32 of an IPv6 one: what one provider's customer moves about in."""
    if ":" not in address:
        first, dot, rest = address.partition(".")
        return f"{first}.{rest.partition('.')[0]}.0.0/16" if dot else address
    try:
        number = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = None if isinstance(number, IPv4Address) else number.ipv4_mapped
    return wide_network(str(mapped)) if mapped is not None else f"{number.exploded[:9].lower()}::/32"


def _note(places: dict[str, float], place: str, time: float) -> None:
    """It was there at `time`; what was a day before that is over."""
    places.pop(place, None)
    places[place] = time
    while len(places) > PLACES or time - next(iter(places.values())) > DAY:
        del places[next(iter(places))]
