"""Queue listings: every form of line, damaged and forged ones, and a million of them."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.host.queue import (
    DOMAINS,
    HEAD,
    LONGEST,
    QUEUES,
    WORST,
    Domains,
    EximListing,
    Listing,
    PostfixListing,
    age_bucket,
)
from smtpwatch.events import AGE_LIMITS

_EMPTY = {"maildrop": 0, "incoming": 0, "active": 0, "deferred": 0, "hold": 0}
_NOW = 1_795_600_000.0

# As Postfix 3.8 wrote them.
_DEFERRED = (
    rb'{"queue_name": "deferred", "queue_id": "34EBC226791", "arrival_time": 1795599306, "message_size": 420, '
    rb'"forced_expire": false, "sender": "\"we ird\\\"x\"@x.example", "recipients": [{"address": "one@slow.example", '
    rb'"delay_reason": "connect to 127.0.0.1[127.0.0.1]:2526: Connection refused"}, {"address": "two@SLOW.example", '
    rb'"delay_reason": "connect to 127.0.0.1[127.0.0.1]:2526: Connection refused"}]}'
)
_HELD = (
    rb'{"queue_name": "hold", "queue_id": "4XyZ1a2b3c", "arrival_time": 1795599000, "message_size": 5, '
    rb'"forced_expire": false, "sender": "MAILER-DAEMON", "recipients": [{"address": "\"a b@c\"@other.example"}]}'
)
# Before 3.5 nothing was said of forced expiry.
_OLD = (
    rb'{"queue_name": "active", "queue_id": "4XyZ1a2b3c*", "arrival_time": 1795599100, "message_size": 7, '
    rb'"sender": "a@x.example", "recipients": [{"address": "root"}]}'
)

# As Exim 4.97 writes it (src/queue.c, queue_list): minutes up to 90, hours up to 72, then days.
_EXIM = b"""\
 0m   331 1xW9P7-00054R-22 <"x> *** frozen ***"@slow.example>
          one@slow.example

25m   240 1xW9P7-00054P-1x <> *** frozen ***
        D one@slow.example
          two@Slow.example

 2h   320 1xW9P7-00054T-26 <root@mx.example.net> (user)
          "a b@c"@other.example
       +D local@mx.example.net

 4d  3.6K 1xW9P7-00000005aBc-1s1X <bob@example.com>
          one@slow.example

 0m       1xW9P7-00054U-22 <bob@example.com>
          one@slow.example

      1xW9P7-00054V-1x
    *** spool format error: size=0 ***

 1m   12M 1xW9P7-00054W-1x <a@example.com>
    *** spool format error: size=30 ***

      1xW9P7-00054X-1x
    *** spool read error: Permission denied ***

"""


def _fed(listing: Listing, octets: bytes) -> Listing:
    listing.feed(octets)
    listing.finish()
    return listing


def _postfix(*lines: bytes) -> Listing:
    return _fed(PostfixListing(_NOW), b"".join(line + b"\n" for line in lines))


def _facts(listing: Listing) -> tuple[object, ...]:
    return (
        listing.counts, listing.oldest, listing.domains.worst(), listing.octets, listing.damaged, listing.cut,
    )  # fmt: skip


# ---- Postfix


def test_postfix() -> None:
    listing = _postfix(_DEFERRED, _HELD, _OLD, _DEFERRED.replace(b"1795599306", b"1795599305"))
    assert _facts(listing) == (
        {**_EMPTY, "deferred": 2, "hold": 1, "active": 1},
        {"deferred": 1795599305.0, "hold": 1795599000.0, "active": 1795599100.0},
        {"slow.example": 4, "": 1, "other.example": 1},
        420 + 420 + 5 + 7,
        0,
        0,
    )
    assert listing.messages == 4


def test_an_empty_queue() -> None:
    assert _facts(_postfix()) == (_EMPTY, {}, {}, 0, 0, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1_000])
def test_in_whatever_pieces(size: int) -> None:
    octets = b"\n".join([_DEFERRED, _HELD, b"", _OLD, b"no JSON", b""])
    listing = PostfixListing(_NOW)
    for at in range(0, len(octets), size):
        listing.feed(octets[at : at + size])
    listing.finish()
    assert _facts(listing) == _facts(_postfix(_DEFERRED, _HELD, _OLD, b"no JSON"))
    exim = EximListing(_NOW)
    for at in range(0, len(_EXIM), size):
        exim.feed(_EXIM[at : at + size])
    exim.finish()
    assert _facts(exim) == _facts(_fed(EximListing(_NOW), _EXIM))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"postqueue: warning: what is this", id="words"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(_DEFERRED.replace(b'"deferred"', b"7"), id="queue no text"),
        pytest.param(_DEFERRED.replace(b"1795599306", b'"soon"'), id="time no number"),
        pytest.param(_DEFERRED.replace(b"1795599306", b"1" * 400), id="time beyond all"),
        pytest.param(_DEFERRED.replace(b"arrival_time", b"arrived"), id="field missing"),
        pytest.param(b"\xff\xfe\x00", id="octets"),
        pytest.param(_DEFERRED[:60], id="cut in the head"),
    ],
)
def test_damaged(line: bytes) -> None:
    assert _facts(_postfix(line, _HELD)) == (*_facts(_postfix(_HELD))[:4], 1, 0)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(_DEFERRED[:200], id="cut"),
        pytest.param(_DEFERRED.replace(b"two@S", b"two@\xff"), id="not UTF-8"),
        pytest.param(_DEFERRED.replace(b'"two@SLOW.example"', b"2"), id="recipient no text"),
    ],
)
def test_damaged_where_the_message_is_known(line: bytes) -> None:
    """It counts, and nothing is known of its recipients."""
    assert _facts(_postfix(line)) == (
        {**_EMPTY, "deferred": 1}, {"deferred": 1795599306.0}, {}, 420, 1, 0,
    )  # fmt: skip


def test_a_last_line_without_an_end() -> None:
    assert _facts(_fed(PostfixListing(_NOW), _HELD + b"\n" + _DEFERRED)) == (*_facts(_postfix(_HELD))[:4], 1, 0)


def test_a_sender_who_writes_json() -> None:
    """A line's own fields are told, not those in a quoted sender; also where the line is damaged."""
    forged = rb"\", \"queue_name\": \"hold\", \"message_size\": 99999, \"recipients\": [], \"x\": \""
    line = _DEFERRED.replace(b"we ird", forged)
    assert json.loads(line)["queue_name"] == "deferred"
    assert _facts(_postfix(line)) == _facts(_postfix(_DEFERRED))
    assert _postfix(line[:-1]).counts == {**_EMPTY, "deferred": 1}
    assert _postfix(line[:-1]).octets == 420


def test_a_message_with_too_many_recipients() -> None:
    """It is counted, its recipients are not, and what is kept of it is little."""
    listing = PostfixListing(_NOW)
    listing.feed(_DEFERRED[:-2])
    more = b', {"address": "a@slow.example", "delay_reason": "none"}' * 1_000
    tracemalloc.start()
    for _ in range(8 * LONGEST // len(more)):
        listing.feed(more)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    listing.feed(b"]}\n" + _HELD + b"\n")
    listing.finish()
    assert peak < 3 * LONGEST
    assert _facts(listing) == (
        {**_EMPTY, "deferred": 1, "hold": 1}, {"deferred": 1795599306.0, "hold": 1795599000.0}, {"other.example": 1},
        425, 0, 1,
    )  # fmt: skip


def test_a_long_line_of_nothing() -> None:
    assert _facts(_postfix(b"x" * (LONGEST + 1), _HELD)) == (*_facts(_postfix(_HELD))[:4], 1, 0)
    assert _DEFERRED.index(b"sender") < HEAD


def test_queues_without_end() -> None:
    lines = [_HELD.replace(b"hold", f"queue{number}".encode()) for number in range(1_000)]
    listing = _postfix(*lines)
    assert len(listing.counts) == QUEUES
    assert listing.damaged == 1_000 - (QUEUES - len(_EMPTY))


# ---- Exim


def test_exim() -> None:
    assert _facts(_fed(EximListing(_NOW), _EXIM)) == (
        {"queued": 5, "frozen": 1, "unreadable": 2},
        {"queued": _NOW - 4 * 86_400, "frozen": _NOW - 25 * 60},
        {"slow.example": 4, "other.example": 1},
        331 + 240 + 320 + 3_686 + 12 * (1 << 20),
        0,
        0,
    )


def test_an_empty_exim() -> None:
    assert _facts(_fed(EximListing(_NOW), b"")) == ({"queued": 0, "frozen": 0}, {}, {}, 0, 0, 0)


@pytest.mark.parametrize(
    "line",
    [
        "exim: what is this",
        "0m",
        " 0m   331",
        " 0x   331 1xW9P7-00054R-22 <a@b>",
        " 0m   331 nothing <a@b>",
        "\x00\xff",
    ],
)
def test_damaged_exim(line: str) -> None:
    damaged = _fed(EximListing(_NOW), line.encode("latin-1") + b"\n" + _EXIM)
    assert _facts(damaged) == (*_facts(_fed(EximListing(_NOW), _EXIM))[:4], 1, 0)


@pytest.mark.parametrize(
    "sender",
    [
        '"x> *** frozen ***"@slow.example',
        '" 9d  9.9M 1xW9P7-00054R-22 <x>"@slow.example',
        '"          a@other.example"@slow.example',
    ],
)
def test_an_exim_sender_who_forges(sender: str) -> None:
    text = f" 3m   331 1xW9P7-00054R-22 <{sender}>\n          {sender}\n\n"
    assert _facts(_fed(EximListing(_NOW), text.encode())) == (
        {"queued": 1, "frozen": 0}, {"queued": _NOW - 180}, {"slow.example": 1}, 331, 0, 0,
    )  # fmt: skip


# ---- how long it has waited


def _by_age(*buckets: int) -> tuple[int, ...]:
    """One recipient in each of these buckets."""
    return tuple(buckets.count(at) for at in range(len(AGE_LIMITS) + 1))


@pytest.mark.parametrize(
    ("minutes", "bucket"), [(-5, 0), (0, 0), (4.9, 0), (5, 1), (9, 1), (10, 2), (1279, 8), (1280, 9)]
)
def test_buckets_are_those_of_qshape(minutes: float, bucket: int) -> None:
    assert age_bucket(minutes * 60) == bucket


def test_ages_of_postfix() -> None:
    """Deferred 694 s ago, held 1,000 s, active 900 s; a recipient without a domain is in the sum alone."""
    assert _postfix(_DEFERRED, _HELD, _OLD).domains.ages() == {
        "": _by_age(2, 2, 2, 2),
        "slow.example": _by_age(2, 2),
        "other.example": _by_age(2),
    }
    assert _postfix().domains.ages() == {}


def test_ages_of_exim() -> None:
    assert _fed(EximListing(_NOW), _EXIM).domains.ages() == {
        "": _by_age(0, 0, 3, 5, 9),
        "slow.example": _by_age(0, 0, 3, 9),
        "other.example": _by_age(5),
    }


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=300))
def test_ages_are_those_of_a_naive_count(recipients: list[tuple[int, int]]) -> None:
    domains = Domains()
    for number, age in recipients:
        domains.add(f"a@{number}.example", age)
    told = domains.ages()
    if recipients:
        assert told.pop("") == _by_age(*(age for _, age in recipients))
    assert told == {
        domain: _by_age(*(age for number, age in recipients if domain == f"{number}.example"))
        for domain in domains.worst()
    }


# ---- any octets, any number


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), st.integers(0, len(_DEFERRED)))
def test_no_octets_do_harm(octets: bytes, at: int) -> None:
    for listing in (PostfixListing(_NOW), EximListing(_NOW)):
        _fed(listing, _DEFERRED[:at] + octets + _DEFERRED[at:] + b"\n" + octets + b"\n" + _EXIM[at:])
        assert listing.octets >= 0
        assert all(count >= 0 for count in listing.counts.values())


def test_domains_are_never_too_many() -> None:
    """The great ones are exact as long as they are great from the start, and none is ever too high."""
    domains = Domains()
    for number in range(20 * DOMAINS):
        domains.add(f"a@{number}.example", 0)
        domains.add("a@great.example", number % 3)
        if number % 2 == 0:
            domains.add("a@second.example", 9)
    worst = domains.worst()
    assert list(worst)[:2] == ["great.example", "second.example"]
    assert (worst["great.example"], worst["second.example"]) == (20 * DOMAINS, 10 * DOMAINS)
    assert len(worst) == WORST
    assert max(list(worst.values())[2:]) == 1
    domains.add(f"a@{'x' * 300}", 0)
    assert all(len(domain) < 300 for domain in domains.worst())


def _million() -> Iterator[bytes]:
    """A listing of a million messages, each to a domain of its own but for every second."""
    for at in range(0, 1_000_000, 100):
        yield b"".join(
            b'{"queue_name": "deferred", "queue_id": "34EBC226791", "arrival_time": %d, "message_size": 420, '
            b'"forced_expire": false, "sender": "a@x.example", "recipients": [{"address": "one@%d.example", '
            b'"delay_reason": "connect to 127.0.0.1[127.0.0.1]:25: Connection refused"}]}\n'
            % (1795599306 + number, 0 if number % 2 else number)
            for number in range(at, at + 100)
        )


def test_a_million_messages() -> None:
    listing = PostfixListing(_NOW)
    lines = _million()
    for _ in range(1_000):  # by then it holds all that it ever will
        listing.feed(next(lines))
    tracemalloc.start()
    for number, piece in enumerate(lines):
        listing.feed(piece)
        if number == 200:  # being traced makes it slow
            grown = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    listing.finish()
    assert grown < 4 << 20
    assert listing.counts == {**_EMPTY, "deferred": 1_000_000}
    assert listing.oldest == {"deferred": 1795599306.0}
    assert listing.octets == 420_000_000
    assert listing.domains.worst()["0.example"] == 500_001
    assert listing.damaged == 0
