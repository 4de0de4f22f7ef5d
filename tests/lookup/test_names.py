"""Names of addresses: confirmed or not, never waited for, never too many at once, and off when that is wished."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpwatch.lookup import names as module
from smtpwatch.lookup.names import (
    AT_ONCE,
    FAILURE_LASTS,
    LASTS,
    NAMES,
    NONE_LASTS,
    WISH_LASTS,
    WISHES,
    Name,
    Names,
    ResolverError,
    host_name,
)  # fmt: skip


class FakeResolver:
    """Answers from dicts; what is an exception in them is raised. Counts what is asked at once."""

    def __init__(self) -> None:
        self.hosts: dict[str, tuple[str, ...] | ResolverError] = {}
        self.back: dict[str, tuple[str, ...] | ResolverError] = {}
        self.asked: list[str] = []
        self.under_way = 0
        self.most = 0
        self.go = asyncio.Event()
        self.go.set()

    async def pointers(self, address: str) -> tuple[str, ...]:
        self.asked.append(address)
        return await self._answer(self.hosts.get(address, ()))

    async def addresses(self, host: str, version: int) -> tuple[str, ...]:
        self.asked.append(f"{host} {version}")
        return await self._answer(self.back.get(host, ()))

    async def _answer(self, answer: tuple[str, ...] | ResolverError) -> tuple[str, ...]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.go.wait()
        finally:
            self.under_way -= 1
        if isinstance(answer, ResolverError):
            raise answer
        return answer


class Hand:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def resolver() -> FakeResolver:
    return FakeResolver()


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture(autouse=True)
def pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)


@pytest.fixture
def names(resolver: FakeResolver, clock: Hand) -> Names:
    return Names(resolver, clock)


@asynccontextmanager
async def running(names: Names) -> AsyncIterator[None]:
    task = asyncio.create_task(names.run())
    try:
        yield
        await settled()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def settled() -> None:
    """Until all that can happen without time going by has happened."""
    for _ in range(200):
        await asyncio.sleep(0)


async def answer(names: Names, address: str) -> Name | None:
    """What is known of it after a wish."""
    names.of(address)
    async with running(names):
        pass
    return names.of(address)


# ---- what is said


@pytest.mark.parametrize(
    ("hosts", "back", "says"),
    [
        (("mail.example.net.",), ("203.0.113.7",), Name("mail.example.net", "confirmed")),
        (("Mail.Example.NET.",), ("198.51.100.1", "203.0.113.7"), Name("mail.example.net", "confirmed")),
        (("mail.example.net.",), ("203.0.113.8",), Name("mail.example.net", "unconfirmed")),
        (("mail.example.net.",), (), Name("mail.example.net", "unconfirmed")),
        (("mail.example.net.",), ResolverError(), Name("mail.example.net", "failed")),
        ((), (), Name("", "none")),
        (("\\027[2J.example.net.", "a b.example.", "203.0.113.99."), ("203.0.113.7",), Name("", "none")),
        (ResolverError(), (), Name("", "failed")),
    ],
)
async def test_answers(
    names: Names,
    resolver: FakeResolver,
    hosts: tuple[str, ...] | ResolverError,
    back: tuple[str, ...] | ResolverError,
    says: Name,
) -> None:
    resolver.hosts["203.0.113.7"] = hosts
    resolver.back["mail.example.net"] = back
    assert names.of("203.0.113.7") is None
    assert await answer(names, "203.0.113.7") == says


async def test_ipv6_is_confirmed_by_aaaa_however_it_is_written(names: Names, resolver: FakeResolver) -> None:
    resolver.hosts["2001:db8:6::25"] = ("smtp6.example.com.",)
    resolver.back["smtp6.example.com"] = ("2001:db8:6:0:0:0:0:25",)
    assert await answer(names, "2001:db8:6::25") == Name("smtp6.example.com", "confirmed")
    assert resolver.asked == ["2001:db8:6::25", "smtp6.example.com 6"]


async def test_the_first_of_several_names_that_is_confirmed(names: Names, resolver: FakeResolver) -> None:
    resolver.hosts["203.0.113.7"] = ("a.example.", "b.example.")
    resolver.back["b.example"] = ("203.0.113.7",)
    assert await answer(names, "203.0.113.7") == Name("b.example", "confirmed")


async def test_of_hundreds_of_names_a_few_are_tried(names: Names, resolver: FakeResolver) -> None:
    resolver.hosts["203.0.113.7"] = tuple(f"h{number}.example." for number in range(500))
    assert await answer(names, "203.0.113.7") == Name("h0.example", "unconfirmed")
    assert len(resolver.asked) == 1 + NAMES


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "fe80::1", "0.0.0.0", "224.0.0.1", "2001:db8::1%eth0", "x", ""]
)
async def test_what_can_have_no_name_is_not_asked_for(names: Names, resolver: FakeResolver, address: str) -> None:
    assert await answer(names, address) == Name("", "none")
    assert resolver.asked == []


async def test_private_addresses_are_asked_for(names: Names, resolver: FakeResolver) -> None:
    resolver.hosts["10.0.0.5"] = ("relay.example.net.",)
    resolver.back["relay.example.net"] = ("10.0.0.5",)
    assert await answer(names, "10.0.0.5") == Name("relay.example.net", "confirmed")


async def test_switched_off() -> None:
    names = Names(None)
    assert names.of("203.0.113.7") is None
    await names.run()


# ---- how often it is asked


@pytest.mark.parametrize(
    ("hosts", "lasts"),
    [(("a.example.",), LASTS), ((), NONE_LASTS), (ResolverError(), FAILURE_LASTS)],
)
async def test_answers_are_believed_for_a_while(
    names: Names, resolver: FakeResolver, clock: Hand, hosts: tuple[str, ...] | ResolverError, lasts: float
) -> None:
    resolver.hosts["203.0.113.7"] = hosts
    first = await answer(names, "203.0.113.7")
    clock.now += lasts - 1
    assert await answer(names, "203.0.113.7") == first
    assert resolver.asked.count("203.0.113.7") == 1
    clock.now += 1
    assert await answer(names, "203.0.113.7") == first
    assert resolver.asked.count("203.0.113.7") == 2


async def test_an_old_name_is_given_on_while_the_resolver_fails(
    names: Names, resolver: FakeResolver, clock: Hand
) -> None:
    resolver.hosts["203.0.113.7"] = ("a.example.",)
    assert await answer(names, "203.0.113.7") == Name("a.example", "unconfirmed")
    clock.now += LASTS
    assert names.of("203.0.113.7") == Name("a.example", "unconfirmed"), "until there is a new answer"
    resolver.hosts["203.0.113.7"] = ResolverError()
    assert await answer(names, "203.0.113.7") == Name("a.example", "unconfirmed")
    clock.now += FAILURE_LASTS
    resolver.hosts["203.0.113.7"] = ("b.example.",)
    assert await answer(names, "203.0.113.7") == Name("b.example", "unconfirmed")


async def test_a_few_at_once_and_each_once(names: Names, resolver: FakeResolver) -> None:
    resolver.go.clear()
    wished = [f"203.0.113.{host}" for host in range(1, 11)]
    async with running(names):
        for _ in range(3):  # the screen's clock
            for address in wished:
                assert names.of(address) is None
            await settled()
        assert resolver.asked == wished[:AT_ONCE]
        resolver.go.set()
    assert resolver.asked == wished, "first come, first served"
    assert resolver.most == AT_ONCE


async def test_one_after_the_other_in_time(
    names: Names, resolver: FakeResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 3600.0)
    for host in range(1, 11):
        names.of(f"203.0.113.{host}")
    async with running(names):
        pass
    assert resolver.asked == ["203.0.113.1"]


async def test_what_has_left_the_screen_is_not_asked_for(names: Names, resolver: FakeResolver, clock: Hand) -> None:
    names.of("203.0.113.1")
    names.of("203.0.113.2")
    clock.now += WISH_LASTS + 1
    names.of("203.0.113.2")
    names.of("203.0.113.3")
    async with running(names):
        pass
    assert resolver.asked == ["203.0.113.2", "203.0.113.3"]


async def test_the_oldest_of_too_many_wishes_goes(names: Names, resolver: FakeResolver) -> None:
    wished = [f"198.51.{number // 200}.{number % 200}" for number in range(WISHES + 5)]
    for address in wished:
        names.of(address)
    async with running(names):
        for _ in range(10):
            await settled()
    assert resolver.asked == wished[5:]


async def test_what_is_remembered_is_bounded(
    names: Names, resolver: FakeResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KNOWN", 3)
    for host in range(1, 6):
        await answer(names, f"203.0.113.{host}")
    assert names.of("203.0.113.5") == Name("", "none")
    assert names.of("203.0.113.3") == Name("", "none")
    assert names.of("203.0.113.2") is None


async def test_changes_are_counted(names: Names) -> None:
    before = names.changes
    await answer(names, "203.0.113.7")
    names.of("203.0.113.7")
    assert names.changes == before + 1


async def test_the_end_does_not_wait_for_the_resolver(names: Names, resolver: FakeResolver) -> None:
    resolver.go.clear()
    for host in range(1, 4):
        names.of(f"203.0.113.{host}")
    async with running(names):
        await settled()
        assert resolver.under_way == 3
    assert resolver.under_way == 0
    assert names.of("203.0.113.1") is None


# ---- what a host's name is


def _labels() -> Iterator[str]:
    yield "a" * 63
    yield from ("a", "a-b", "_dmarc", "xn--bcher-kva", "0", "4u")


@pytest.mark.parametrize("label", _labels())
def test_names(label: str) -> None:
    assert host_name(f"{label}.Example.NET.") == f"{label}.example.net"


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "a..b", ".a", "-a.example", "a-.example", "a" * 64 + ".example", "203.0.113.7", "7", "a.7",
        "a b.example", "a\n.example", "a.example\n", "\x1b[2J.example", "[red]a.example", "\\032.example",
        "bücher.example", "a.example/..", "a\u202eb.example", ".".join(["a" * 49] * 5) + ".abcd",
    ],
)  # fmt: skip
def test_no_names(text: str) -> None:
    assert host_name(text) == ""


def test_the_longest_name() -> None:
    longest = ".".join(["a" * 49] * 5) + ".abc"
    assert (len(longest), host_name(longest)) == (253, longest)


@given(st.text() | st.from_regex(r"[a-zA-Z0-9_.\-]{1,40}", fullmatch=True))
@example("a.example..")
def test_a_name_is_harmless(text: str) -> None:
    name = host_name(text)
    assert name == "" or name == text.removesuffix(".").lower()
    assert re.fullmatch(r"[a-z0-9_.-]{0,253}", name)
    assert host_name(name) == name
