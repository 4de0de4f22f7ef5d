"""The names of addresses by reverse DNS, forward-confirmed as a mail server would (PTR, then A or AAAA back).

Answers come at once, from what is known; what is not is asked for behind the screen's back, little by little: the
resolver is that of a mail host in trouble, whose mail server needs it more than we do.
"""

import asyncio
import re
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal, NamedTuple, Protocol

KNOWN = 5_000  # names kept, the oldest go first; a screen shows some 50
WISHES = 200  # addresses waiting to be asked for; the oldest wish goes first, it has most likely left the screen
WISH_LASTS = 5.0  # seconds: what is on screen is wished for each second
AT_ONCE = 4  # look-ups under way: slow name servers are those of bad networks, and must not hold up the others
PAUSE = 0.1  # seconds between two look-ups' beginnings, each of which is 2 to 4 queries
NAMES = 3  # PTR records of one address that are looked at (a hostile one may have hundreds)
LASTS = 3600.0  # seconds that a name is believed, whatever its TTL: 0 is common among senders of spam
NONE_LASTS = 600.0  # that there is none: zones are mended
FAILURE_LASTS = 60.0  # that the resolver had no answer

# RFC 1123 (2.1) and underscores, which are seen in practice. The last label is not a number, so that nobody is named
# like another's address.
_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?![0-9]+\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z"
)

Standing = Literal["confirmed", "unconfirmed", "none", "failed"]


class Name(NamedTuple):
    """What reverse DNS says of an address."""

    host: str
    """Lower case, without the last dot, only letters, digits, "-", "_" and "."; "" if there is none."""
    standing: Standing
    """confirmed: the host has this address. unconfirmed: it has not, so anybody may have claimed the name. none: no
    PTR, or none that is a host's name. failed: the resolver did not answer; asked again after a while."""


class ResolverError(Exception):
    """The resolver gave no answer: not even that there is nothing of the kind."""


class Asked(Protocol):
    """A resolver. Both give () for what does not exist, and raise ResolverError."""

    async def pointers(self, address: str) -> tuple[str, ...]:
        """The PTR records of an address, as text."""
        ...

    async def addresses(self, host: str, version: int) -> tuple[str, ...]:
        """The A (`version` 4) or AAAA (6) records of a host."""
        ...


def host_name(text: str) -> str:
    """`text` as a host's name in lower case, without the dot at its end; "" if it is none."""
    name = text.removesuffix(".").lower()
    return name if _HOST.match(name) else ""


class Names:
    """The names of the addresses on screen. `resolver` None: switched off, nothing is ever known.

    One task runs `run`; cancelling it ends all look-ups at once, as they wait on sockets, not in threads."""

    def __init__(self, resolver: Asked | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._resolver = resolver
        self._clock = clock
        self._known: dict[str, tuple[Name, float]] = {}  # and until when it is believed
        self._wishes: dict[str, float] = {}  # and when it was last wished for
        self._asking: set[str] = set()
        self._wished = asyncio.Event()
        self.changes = 0
        """Counts answers: a pane that shows names need not look while it stays the same."""

    def of(self, address: str) -> Name | None:
        """The name of `address`; None: not known yet, and asked for soon if this is called again, each second or so,
        while it is on screen. A name that was believed too long is given on until the new answer is there."""
        if self._resolver is None:
            return None
        known = self._known.get(address)
        now = self._clock()
        if (known is None or known[1] <= now) and address not in self._asking:
            self._wish(address, now)
        return known[0] if known is not None else None

    def _wish(self, address: str, now: float) -> None:
        wishes = self._wishes
        if address not in wishes:
            if not _worth_asking(address):
                self._remember(address, Name("", "none"), float("inf"))
                return
            if len(wishes) >= WISHES:
                del wishes[next(iter(wishes))]
        wishes[address] = now  # it keeps its place: first come, first served
        self._wished.set()

    async def run(self) -> None:
        """Answer wishes, for as long as the screen is open."""
        if self._resolver is None:
            return
        room = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wished.wait()
                await room.acquire()
                address = self._next()
                if address is None:
                    room.release()
                    continue
                self._asking.add(address)
                group.create_task(self._ask(address, self._resolver)).add_done_callback(lambda _: room.release())
                await asyncio.sleep(PAUSE)

    def _next(self) -> str | None:
        oldest = self._clock() - WISH_LASTS
        while self._wishes:
            address = next(iter(self._wishes))
            if self._wishes.pop(address) >= oldest:
                return address
        self._wished.clear()
        return None

    async def _ask(self, address: str, resolver: Asked) -> None:
        try:
            name = await _looked_up(address, resolver)
        finally:
            self._asking.discard(address)
        lasts = {"none": NONE_LASTS, "failed": FAILURE_LASTS}.get(name.standing, LASTS)
        self._remember(address, name, self._clock() + lasts)

    def _remember(self, address: str, name: Name, until: float) -> None:
        before = self._known.pop(address, None)
        if name.standing == "failed" and before is not None and before[0].host:
            name = before[0]  # better an old name than none
        elif len(self._known) >= KNOWN:
            del self._known[next(iter(self._known))]
        self._known[address] = (name, until)
        self.changes += 1


def _worth_asking(text: str) -> bool:
    """Private addresses are: relays and users inside have names that only this host's own resolver knows, and one that
    does not know them answers by itself (RFC 6303), so nothing is told to strangers. Loopback and link-local are not
    in DNS."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return False
    nowhere = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return not nowhere and "%" not in text


async def _looked_up(address: str, resolver: Asked) -> Name:
    try:
        pointers = await resolver.pointers(address)
    except ResolverError:
        return Name("", "failed")
    hosts = [host for pointer in pointers[:NAMES] if (host := host_name(pointer))]
    own = ip_address(address)
    failed = False
    for host in hosts:
        try:
            addresses = await resolver.addresses(host, own.version)
        except ResolverError:
            failed = True
            continue
        if any(ip_address(other) == own for other in addresses):
            return Name(host, "confirmed")
    if not hosts:
        return Name("", "none")
    return Name(hosts[0], "failed" if failed else "unconfirmed")
