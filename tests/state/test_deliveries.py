"""Deliveries folded from raw log lines of four mail servers, against a naive count, and under floods."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch.state.deliveries import DOMAINS, HOPS, Deliveries
from smtpwatch.state.destination import LATELY, LATEST, Destination
from tests.state import outbound
from tests.state.outbound import EXIM, OPENSMTPD, POSTFIX, SENDMAIL, START, delivery, folded, of, postfix

MX = "mx.far.example[198.51.100.25]"

Row = tuple[str, tuple[int, int, int, int], str, dict[str, tuple[int, int]], list[tuple[str, int]]]


def rows(deliveries: Deliveries, kind: str) -> list[Row]:
    """Name, counts (sent, deferred, bounced, expired), connection, reasons (deferred, bounced) and others of each."""
    return [
        (
            each.name,
            (each.sent, each.deferred, each.bounced, each.expired),
            each.connection,
            {name: (why.deferred, why.bounced) for name, why in each.ranked()},
            each.others.most(),
        )
        for each in deliveries.in_order(kind)
    ]


def secured(to: Destination | None) -> tuple[str, str, str] | None:
    """Version, trust and failure."""
    assert to is not None
    told = to.security()
    return None if told is None else (told.version, told.trust, told.failed)


def test_postfix() -> None:
    deliveries = folded(postfix(POSTFIX))
    assert deliveries.totals == {"sent": 2, "deferred": 4, "bounced": 2, "expired": 0}
    assert deliveries.local == {"sent": 2, "bounced": 1}
    assert deliveries.filtered == {"sent": 1, "deferred": 1}
    assert rows(deliveries, "domain") == [
        ("far.example", (1, 0, 1, 0), "ok", {"unknown user": (0, 1)}, [(f"{MX}:25", 2)]),
        ("slow.example", (0, 2, 0, 0), "timed out", {"timed out": (2, 0)}, [("mx.slow.example[198.51.100.41]:25", 2)]),
        ("none.example", (0, 0, 1, 0), "no host", {"no such host": (0, 1)}, []),
        ("old.example", (1, 0, 0, 0), "ok", {}, [("mx.old.example[198.51.100.50]:25", 1)]),
        ("shut.example", (0, 1, 0, 0), "unwelcome", {"rate limited": (1, 0)},
         [("mx.shut.example[198.51.100.70]:25", 1)]),
        ("weak.example", (0, 1, 0, 0), "no TLS", {"TLS failure": (1, 0)}, [("mx.weak.example[198.51.100.60]:25", 1)]),
    ]  # fmt: skip
    assert [row[:2] for row in rows(deliveries, "hop")] == [
        (f"{MX}:25", (1, 0, 1, 0)), ("mx.slow.example[198.51.100.41]:25", (0, 2, 0, 0)),
        ("mx.old.example[198.51.100.50]:25", (1, 0, 0, 0)), ("mx.shut.example[198.51.100.70]:25", (0, 1, 0, 0)),
        ("mx.weak.example[198.51.100.60]:25", (0, 1, 0, 0)),
    ]  # fmt: skip
    assert [(row[0], row[1], row[4]) for row in rows(deliveries, "reason")] == [
        ("timed out", (0, 2, 0, 0), [("slow.example", 2)]), ("TLS failure", (0, 1, 0, 0), [("weak.example", 1)]),
        ("no such host", (0, 0, 1, 0), [("none.example", 1)]), ("rate limited", (0, 1, 0, 0), [("shut.example", 1)]),
        ("unknown user", (0, 0, 1, 0), [("far.example", 1)]),
    ]  # fmt: skip
    tls = {each.name: secured(each) for each in deliveries.domains}
    assert tls == {
        "far.example": ("TLSv1.3", "verified", ""), "slow.example": None, "none.example": None,
        "old.example": ("", "", ""), "shut.example": None, "weak.example": ("", "", "lost connection"),
    }  # fmt: skip
    far = deliveries.get("domain", "far.example")
    assert far is not None and far.latest[0].queue_id == "A000000001" and far.last is far.latest[-1]
    assert far.delay.quantile(0.5) == pytest.approx(1.0, rel=0.1)
    assert [part.quantile(0.5) for part in far.parts] == [
        pytest.approx(seconds, rel=0.1) for seconds in (0.1, 0.01, 0.4, 0.5)
    ]


def test_exim() -> None:
    deliveries = folded(of("exim", EXIM))
    assert deliveries.totals == {"sent": 1, "deferred": 3, "bounced": 2, "expired": 0}
    assert deliveries.local == {"sent": 1, "bounced": 1}, "a domain with mailboxes here is our own"
    assert deliveries.filtered == {"sent": 1}
    assert rows(deliveries, "domain") == [
        ("far.example", (1, 0, 1, 0), "ok", {"unknown user": (0, 1)}, [(MX, 2)]),
        ("lost.example", (0, 2, 0, 0), "no DNS", {"no DNS answer": (1, 0), "retry pending": (1, 0)}, []),
        ("nowhere.example", (0, 0, 1, 0), "no host", {"no such host": (0, 1)}, []),
        ("slow.example", (0, 1, 0, 0), "timed out", {"timed out": (1, 0)}, [("mx.slow.example[198.51.100.41]", 1)]),
    ]
    assert secured(deliveries.get("domain", "far.example")) == ("TLS1.3", "verified", "")
    assert secured(deliveries.get("domain", "slow.example")) is None


def test_sendmail() -> None:
    deliveries = folded(of("sm-mta", SENDMAIL))
    assert (deliveries.local, deliveries.filtered) == ({"sent": 1}, {"sent": 1})
    assert rows(deliveries, "domain") == [
        ("down.example", (0, 1, 0, 0), "refused", {"connection refused": (1, 0)}, [("down.example", 1)]),
        ("far.example", (1, 0, 0, 0), "ok", {}, [(MX, 1)]),
    ]
    assert secured(deliveries.get("hop", MX)) == ("TLSv1.3", "trusted", "")


def test_opensmtpd() -> None:
    deliveries = folded(of("smtpd", OPENSMTPD))
    assert deliveries.totals == {"sent": 1, "deferred": 1, "bounced": 0, "expired": 1}
    assert rows(deliveries, "domain") == [
        ("far.example", (1, 0, 0, 0), "ok", {}, [(MX, 1)]),
        ("lost.example", (0, 1, 0, 0), "lost", {"connection lost": (1, 0)}, [("lost.example", 1)]),
        ("old.example", (0, 0, 0, 1), "", {"retries used up": (0, 1)}, [("mx.old.example[198.51.100.50]", 1)]),
    ]
    assert secured(deliveries.get("domain", "far.example")) is None, "it names no next hop with its handshakes"


def test_a_message_that_expires() -> None:
    """Postfix says so of the message; the recipients that it was last deferred for are those that lose it."""
    lines = POSTFIX + (
        "10:13:40 smtp[1]: A000000003: to=<z@far.example>, relay=mx.far.example[198.51.100.25]:25, delay=1, "
        f"delays=0/0/0/1, dsn=2.0.0, {outbound.OK}\n"
        "10:13:41 qmgr[1]: A000000003: from=<me@example.net>, status=expired, returned to sender\n"
        "10:13:42 qmgr[1]: A00000000C: from=<me@example.net>, status=expired, returned to sender\n"
    )
    deliveries = folded(postfix(lines))
    assert deliveries.totals == {"sent": 3, "deferred": 4, "bounced": 2, "expired": 1}
    assert {each.name: each.expired for each in deliveries.domains if each.expired} == {"slow.example": 1}
    assert {each.name: each.expired for each in deliveries.reasons if each.expired} == {"timed out": 1}


# ---- what stands out


def test_marks() -> None:
    events = [delivery(f"a@{name}.example", time=START + at) for at in range(20) for name in ("good", "some", "once")]
    events += [delivery("a@some.example", "deferred", "451 later", START + at, code=451) for at in range(5)]
    events += [delivery("a@bad.example", "deferred", "451 later", START, code=451)]
    events += [delivery("x@once.example", "bounced", "550 5.1.1 unknown user", START + 5, code=550)] * 9
    deliveries = folded(sorted(events, key=lambda event: event.time))

    def marks(now: float) -> dict[str, str]:
        return {each.name: each.mark(now) for each in (*deliveries.domains, *deliveries.reasons)}

    assert marks(START + 60) == {
        "good.example": " ", "some.example": "!", "once.example": " ", "bad.example": "x", "other": "!",
        "unknown user": " ",
    }  # fmt: skip
    assert set(marks(START + 2 * LATELY).values()) == {" "}


def test_rates() -> None:
    deliveries = folded(delivery(time=START + at) for at in range(120))
    to = deliveries.get("domain", "far.example")
    assert to is not None
    assert to.per_minute(START + 120) == pytest.approx(60.0)
    assert to.per_minute(START + 900, LATELY) == pytest.approx(8.0)
    assert to.failing(START + 120) == 0.0


def test_a_still_copy_stays() -> None:
    deliveries = folded(postfix(POSTFIX))
    to = deliveries.get("domain", "far.example")
    assert to is not None
    twin = to.still()
    before = (twin.sent, twin.per_minute(START + 60), len(twin.latest), twin.others.most(), twin.delay.quantile(0.5))
    for at in range(50):
        deliveries.apply(delivery("a@far.example", time=START + at, relay=f"mx{at}.far.example", delay=99.0))
    assert before == (
        twin.sent, twin.per_minute(START + 60), len(twin.latest), twin.others.most(), twin.delay.quantile(0.5),
    )  # fmt: skip
    assert to.sent == twin.sent + 50


# ---- the wire, where the log does not tell


def _session(number: int, address: str, *more: ev.Event) -> list[ev.Event]:
    opened = ev.SessionOpened(START, "wire", "mx1", number, "192.0.2.1", START, 40_000, address, 25, "outbound")
    return [opened, *more]


def _closed(number: int, closed_by: ev.ClosedBy, octets: int) -> ev.SessionClosed:
    return ev.SessionClosed(
        START + 9, "wire", "mx1", number, "192.0.2.1", START + 9, closed_by, 0, octets, None, octets > 0
    )


def test_the_wire_tells_of_connections() -> None:
    common = (START + 1, "wire", "mx1")
    us = "192.0.2.1"
    wire = [
        *_session(1, "198.51.100.1", ev.Greeting(*common, 1, us, 220, "hi"),
                  ev.TlsNegotiated(*common, 1, us, "TLSv1.2", "X", None, None, "", False, False)),
        *_session(2, "198.51.100.2", ev.Greeting(*common, 2, us, 220, "hi"),
                  ev.TransactionOpened(*common, 2, us, "a@b")),
        *_session(3, "198.51.100.3", ev.TlsFailed(*common, 3, us, "server", "handshake_failure", "no common version")),
        *_session(4, "198.51.100.4", ev.Greeting(*common, 4, us, 554, "no"), _closed(4, "fin", 10)),
        *_session(5, "198.51.100.5", _closed(5, "rst", 0)),
        *_session(6, "198.51.100.6", _closed(6, "timeout", 0)),
        ev.Greeting(*common, 99, us, 220, "of a session that is not ours"),
    ]  # fmt: skip
    attempts = [delivery(relay=f"mx{n}", address=f"198.51.100.{n}", time=START) for n in range(1, 8)]
    for events in ([*wire, *attempts], [*attempts, *wire]):
        hops = {each.name[2]: each for each in folded(events).hops}
        assert {name: (hop.connects(), secured(hop)) for name, hop in hops.items()} == {
            "1": ("ok", ("TLSv1.2", "", "")), "2": ("ok", ("", "", "")), "3": ("ok", ("", "", "no common version")),
            "4": ("unwelcome", None), "5": ("refused", None), "6": ("timed out", None), "7": ("ok", None),
        }  # fmt: skip


# ---- the queue, as the host tells of it


def _sample(waiting: dict[str, int], instance: str = "") -> ev.QueueSample:
    return ev.QueueSample(START, "host", "mx1", "postfix", instance, {"deferred": 9}, {}, waiting, 1, True, "")


def test_what_waits() -> None:
    deliveries = folded([
        *postfix(POSTFIX), _sample({"far.example": 3, "untried.example": 7, "": 2}),
        _sample({"far.example": 4}, "/etc/b"),
    ])  # fmt: skip
    assert {each.name: each.waiting for each in deliveries.domains if each.waiting is not None} == {
        "far.example": 7, "untried.example": 7,
    }  # fmt: skip
    assert deliveries.in_order("domain")[-1].name == "untried.example"
    deliveries.apply(_sample({}))
    assert {each.name: each.waiting for each in deliveries.domains if each.waiting is not None} == {"far.example": 4}
    deliveries.apply(delivery("a@late.example"))
    late = deliveries.get("domain", "late.example")
    assert late is not None and late.waiting is None


# ---- any number of them


_ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from([f"d{number}.example" for number in range(6)]),
        st.sampled_from(["sent", "deferred", "bounced", "expired", "deliverable"]),
        st.sampled_from(["mx1.example", "mx2.example"]),
        st.integers(0, 3_000),
    ),
    max_size=200,
)


@given(_ATTEMPTS)
def test_counts_are_those_of_a_naive_count(attempts: list[tuple[str, ev.DeliveryStatus, str, int]]) -> None:
    deliveries = folded(
        delivery(f"u@{domain}", status, "451 4.7.1 Greylisted", START + at, relay, code=451)
        for domain, status, relay, at in attempts
    )
    counted = [each for each in attempts if each[1] != "deliverable"]
    for kind, place in (("domain", 0), ("hop", 2)):
        naive = Counter((each[place], each[1]) for each in counted)
        told = Counter({
            (each.name.partition("[")[0], status): n
            for each in deliveries.table(kind)
            for status, n in (
                ("sent", each.sent), ("deferred", each.deferred), ("bounced", each.bounced), ("expired", each.expired),
            )
            if n
        })  # fmt: skip
        assert told == naive
    assert Counter(deliveries.totals) == Counter(each[1] for each in counted)
    assert sum(each.weight for each in deliveries.reasons) == sum(each[1] != "sent" for each in counted)


def test_big_ones_are_never_lost() -> None:
    """Ten times as many domains as there is room for, and three big ones among them."""
    many = 10 * DOMAINS
    deliveries = folded(
        each
        for number in range(many)
        for each in (
            delivery(f"u@d{number}.example", time=START + number / 100, relay=f"mx{number}.example"),
            delivery(
                f"u@big{number % 3}.example", "deferred", "451 later", START + number / 100, "big.example", code=451
            ),
        )
    )
    assert len(deliveries.domains) == DOMAINS and len(deliveries.hops) == HOPS
    big = deliveries.in_order("domain")[:3]
    assert sorted(each.name for each in big) == ["big0.example", "big1.example", "big2.example"]
    assert sum(each.deferred for each in big) == many
    assert deliveries.totals == {"sent": many, "deferred": many, "bounced": 0, "expired": 0}
    assert all(len(each.latest) <= LATEST for each in deliveries.domains)
