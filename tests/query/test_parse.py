"""The filter language read: terms, faults with their places, what is still being typed."""

from collections.abc import Mapping

import pytest

from smtpwatch.query import Fault, Query, Read, Says, Strainer, sift

Row = Mapping[str, Says]

BOB: Row = {
    "src": "203.0.113.7", "tls": "1.3", "verdict": ("rejected",), "reason": "relay denied", "from": "a@example.com",
    "account": "bob", "cc": "RO", "asn": 64500, "age": 61.5, "size": 2_000_000, "port": 25, "code": 554,
    "dir": "inbound", "to": ("x@example.org", "y@example.org"), "reply": "554 5.7.1 Relay access denied", "helo": "",
    "text": "x 203.0.113.7 554 5.7.1 relay access denied",
}  # fmt: skip


def reads(row: Row) -> dict[str, Read[Row]]:
    return {name: (lambda each, name=name: each[name]) for name in row if name != "text"}  # type: ignore[misc]


def asked(query: Query, row: Row = BOB) -> bool:
    strainer: Strainer[Row] = Strainer(query, reads(row), lambda each: str(each["text"]))
    return strainer.steady is None or strainer.steady(row)


def passes(typed: str, row: Row = BOB, cursor: int | None = None) -> bool:
    query = sift(typed, cursor)
    assert query.faults == ()
    return asked(query, row)


@pytest.mark.parametrize(
    "typed",
    [
        "", "!", "  ", "src:203.0.113.7", "src:203.0.113.0/24", "src:203.0.113.9/24", "src:::ffff:203.0.113.7",
        "src:::ffff:203.0.113.0/120", "src:203.0.*", "src:192.0.2.1,203.0.113.0/24", "!src:198.51.100.0/24",
        "tls:1.3", "tls:TLSv1.3", "tls:tls1.3", "tls:1.*", "tls:1.2,1.3", "!tls:1.2", "VERDICT:Rejected",
        "reason:relay",
        'reason:"relay denied"', "reason:DENIED", "from:*@example.com", "from:?@example.com", "from:A@EXAMPLE.COM",
        "cc:ro", "asn:64500", "asn:AS64500", "asn:64*", "age:>60", "age:>1m", "age:<=61.5", "age:<1h", "size:>1M",
        "size:2000k", "port:25", "port:25,587", "code:5*", "code:>=500", "dir:in", "dir:inbound", "to:y@example.org",
        "!to:z@*", 'helo:""', "!helo:*", "relay access", '"relay access"', "!gmail", "/5\\.[67]\\.\\d/", "/^x 203/",
        "/relay (access )?denied$/", "!/gmail/", "src:203.0.113.7 !tls:1.2 relay", "reply:access",
    ],
)  # fmt: skip
def test_what_passes(typed: str) -> None:
    assert passes(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "src:203.0.113.70", "src:203.0.114.0/24", "!src:203.0.113.0/24", "src:::/0", "src:2001:db8::/32", "tls:1",
        "tls:1.2", "!tls:1.2,1.3", "verdict:accepted", "reason:unknown", "from:example.com", "from:*@example.co",
        "account:bo", "account:b?", "asn:6450", "age:>62", "age:61", "size:>2M", "port:587", "code:4*", "dir:out",
        "!to:*@example.org", 'account:""', "helo:*", "gmail", "!relay", '"access relay"', "/^relay/", "!/denied$/",
        "src:203.0.113.7 tls:1.2", "reply:accessed",
    ],
)  # fmt: skip
def test_what_does_not(typed: str) -> None:
    assert not passes(typed)


@pytest.mark.parametrize(
    ("typed", "start", "end", "why"),
    [
        ("tsl:1.3", 0, 4, "tsl: no such field; tls?"),
        ("bob sender:x", 4, 11, "sender: no such field; from?"),
        ("NOQUEUE: x", 0, 8, "NOQUEUE: no such field; put a word with a colon in quotes"),
        ("src:999", 0, 7, "src:999: not an address or network"),
        ("a !src:1.2.3.4,x b", 3, 16, "src:x: not an address or network"),
        ("src:203.0.113.0/33", 0, 18, "src:203.0.113.0/33: not an address or network"),
        ("age:>x", 0, 6, "age:>x: not a number"),
        ("age:5k", 0, 6, "age:5k: not a number"),
        ("from: x", 0, 5, "from: no value"),
        ('from:"a b', 0, 9, 'from:"a b: no closing "'),
        ('x "a b', 2, 6, '"a b: no closing "'),
        ("/(/", 0, 3, "/(/: a ( without its )"),
        ("/a b", 0, 4, "/a b: no closing /"),
        ("//", 0, 2, "//: nothing between the slashes"),
        ("!/a**/", 0, 6, "!/a**/: a second *"),
        ("/(?=a)/", 0, 7, "/(?=a)/: only (...) and (?:...) are known"),
    ],
)
def test_faults_name_the_word_and_its_place(typed: str, start: int, end: int, why: str) -> None:
    assert sift(typed).faults == (Fault(start, end, why),)


def test_every_fault_is_told_and_the_rest_is_read() -> None:
    query = sift("tsl:1 account:bob src:x")
    assert [fault.start for fault in query.faults] == [0, 18] and query.fields == ("account",)


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ("tsl:1", ()), ("src:", ()), ("src:203.", ("src",)), ("src:203.0.113.0/", ("src",)), ("age:>", ()),
        ("age:>x", ()),
        ("/(", ()), ("/(a+", ()), ("/rel", ("",)), ('reason:"rel', ("reason",)), ('"relay acc', ("",)), ("!", ()),
        ("account:bo", ("account",)), ("tls:1.2,", ("tls",)), ("dir:i", ("dir",)),
    ],
)  # fmt: skip
def test_what_is_being_typed_is_no_fault(typed: str, fields: tuple[str, ...]) -> None:
    query = sift(typed, len(typed))
    assert query.faults == () and tuple(term.field for term in query.terms) == fields
    if fields and typed != "tls:1.2,":
        assert asked(query)


def test_only_the_term_at_the_cursor_is_being_typed() -> None:
    assert sift("tsl:1 src:203.", 14).faults == (Fault(0, 4, "tsl: no such field; tls?"),)
    assert sift("tsl:1 src:203.", 5).faults == (Fault(6, 14, "src:203.: not an address or network"),)
    assert passes("account:b", cursor=9) and not passes("account:b ", cursor=10)


def test_words_that_only_look_like_fields() -> None:
    row = {**BOB, "text": "x :587 dead:beef::1 2001:db8::1 noqueue: a:b"}
    assert passes(':587 dead:beef::1 2001:db8::1 "NOQUEUE: a:b"', row)


def test_addresses_of_both_families_and_networks_as_rows() -> None:
    row = {**BOB, "src": "2001:db8:7::/64"}
    assert passes("src:2001:db8::/32", row) and passes("src:2001:db8:7::/64", row) and passes("src:::/0", row)
    assert not passes("src:2001:db8:7::/65", row) and not passes("src:0.0.0.0/0", row)
    assert passes("src:203.0.113.7", {**BOB, "src": "::ffff:203.0.113.7"})
    assert not passes("src:203.0.113.7", {**BOB, "src": "not an address"})


def test_what_a_pane_cannot_tell_is_left_out_and_named() -> None:
    query = sift("tls:1.2 rate:>1 ja4:t13* bob")
    assert query.missing(["tls", "rate"]) == ("ja4",)
    strainer: Strainer[Row] = Strainer(query, {}, lambda each: str(each["text"]))
    assert strainer.steady is not None and strainer.steady({"text": "bob"})


def test_what_moves_is_asked_apart() -> None:
    strainer: Strainer[Row] = Strainer(sift("age:>60 account:bob"), reads(BOB), lambda each: "", ["age"])
    assert strainer.steady is not None and strainer.moving is not None
    assert strainer.steady({"account": "bob"}) and strainer.moving({"age": 61})


def test_controls_are_matched_as_they_are_shown() -> None:
    row = {**BOB, "helo": "\x1b[2J evil"}
    assert passes('helo:"\\\\e[2J evil"', row) and passes("helo:*evil", row)
