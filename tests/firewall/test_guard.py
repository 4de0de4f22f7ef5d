"""Who must never be blocked: every case, by the address itself, in a network, and holding it."""

import pytest

from smtpwatch.firewall.guard import Guard, Kind, Protected
from smtpwatch.firewall.prefixes import as_network
from tests.firewall.fakes import nets


def guard(*protected: tuple[str, Kind, str]) -> Guard:
    return Guard(Protected(as_network(text), kind, says) for text, kind, says in protected)


def judged(guard: Guard, *networks: str) -> list[tuple[str, bool, str]]:
    found = guard.judge([as_network(text) for text in networks])
    return [(finding.kind, finding.refuses, finding.says) for finding in found]


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("127.0.0.1", "loopback"), ("127.8.8.8", "loopback"), ("::1", "loopback"), ("0.0.0.0", "special"),
        ("224.0.0.1", "special"), ("ff02::1", "special"), ("255.255.255.255", "special"), ("fe80::1", "special"),
        ("::", "special"),
    ],
)  # fmt: skip
def test_what_is_never_a_source(network: str, kind: str) -> None:
    assert [(found[0], found[1]) for found in judged(guard(), network)] == [(kind, True)]


@pytest.mark.parametrize(
    ("network", "refused"),
    [
        ("203.0.0.0/16", False), ("203.0.0.0/15", True), ("0.0.0.0/0", True), ("2001:db8::/32", False),
        ("2001:d00::/24", True), ("::/0", True), ("::ffff:203.0.0.0/112", False), ("::ffff:203.0.0.0/111", True),
    ],
)  # fmt: skip
def test_too_wide(network: str, refused: bool) -> None:
    kinds = [kind for kind, _, _ in judged(guard(), network)]
    assert ("too wide" in kinds) is refused


def test_how_wide_is_said() -> None:
    assert judged(guard(), "203.0.0.0/15") == [("too wide", True, "203.0.0.0/15 is wider than /16: 131,072 addresses")]
    assert judged(guard(), "2001:d00::/31") == [("too wide", True, "2001:d00::/31 is wider than /32: 2^97 addresses")]


PROTECTED: list[tuple[Kind, bool]] = [
    ("own address", True), ("gateway", True), ("resolver", True), ("ssh", True), ("mynetworks", True),
    ("allowlist", True), ("proxy", True), ("container", False), ("ssh open", False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "refuses"), PROTECTED)
@pytest.mark.parametrize(("held", "holder"), [("203.0.113.9", "203.0.113.0/24"), ("2001:db8::9", "2001:db8::/64")])
def test_each_kind_of_what_is_protected(kind: Kind, refuses: bool, held: str, holder: str) -> None:
    single = guard((held, kind, "the very one"))
    assert judged(single, held) == [(kind, refuses, f"{held} is the very one")]
    assert judged(single, holder) == [(kind, refuses, f"{holder} holds {held}, the very one")]
    wide = guard((holder, kind, "trusted by all"))
    assert judged(wide, held) == [(kind, refuses, f"{held} is in {holder}, trusted by all")]
    assert judged(wide, holder) == [(kind, refuses, f"{holder} is trusted by all")]


def test_ipv4_written_as_ipv6_is_the_same_address() -> None:
    assert judged(guard(("::ffff:203.0.113.9", "ssh", "the admin")), "203.0.113.9") == [
        ("ssh", True, "203.0.113.9 is the admin")
    ]
    assert judged(guard(("203.0.113.9", "ssh", "the admin")), "::ffff:203.0.113.9") == [
        ("ssh", True, "203.0.113.9 is the admin")
    ]
    assert judged(guard(("203.0.113.9", "ssh", "the admin")), "::ffff:203.0.113.0/120") == [
        ("ssh", True, "203.0.113.0/24 holds 203.0.113.9, the admin")
    ]


def test_a_stranger_is_free_to_block() -> None:
    of_host = guard(("203.0.113.9", "ssh", "the admin"), ("10.0.0.0/8", "mynetworks", "trusted"))
    assert judged(of_host, "203.0.113.8", "203.0.113.10", "203.0.114.0/24", "2001:db8::/64", "11.0.0.0/16") == []


def test_refusals_come_first_and_each_of_several_is_told() -> None:
    of_host = guard(
        ("203.0.113.0/24", "container", "containers"), ("203.0.113.9", "ssh", "the admin"),
        ("203.0.113.9", "mynetworks", "trusted"), ("203.0.113.77", "resolver", "a resolver"),
    )  # fmt: skip
    found = judged(of_host, "203.0.113.0/24")
    assert [kind for kind, _, _ in found] == ["ssh", "mynetworks", "resolver", "container"]
    assert [kind for kind, _, _ in judged(of_host, "203.0.113.200", "203.0.113.77")] == [
        "resolver", "container", "container",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ("64:ff9b::/64", "64:ff9b::/64 holds 64:ff9b::/96, which stands for all of IPv4 (RFC 6052)"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201 stands for IPv4: 192.0.2.1 is on the list"),
        ("64:ff9b::192.0.2.0/120", "64:ff9b::c000:200/120 stands for IPv4: 192.0.2.0/24 holds 192.0.2.1, on the list"),
        ("64:ff9b::127.0.0.1", "64:ff9b::7f00:1 stands for IPv4: 127.0.0.1 is in 127.0.0.0/8, loopback"),
        ("64:ff9b::192.0.0.0/104", "64:ff9b::c000:0/104 stands for IPv4: 192.0.0.0/8 is wider than /16"),
        ("2002:c000:201::/48", "2002:c000:201::/48 stands for IPv4: 192.0.2.1 is on the list"),
        ("2002:c000:201:5::9", "2002:c000:201:5::9 stands for IPv4: 192.0.2.1 is on the list"),
    ],
)
def test_what_stands_for_an_ipv4_address_is_judged_as_that(network: str, says: str) -> None:
    found = Guard([Protected(nets("192.0.2.1")[0], "allowlist", "on the list")]).judge(nets(network))
    assert found[0].says.startswith(says) and found[0].refuses and str(found[0].network) == str(nets(network)[0])
    assert Guard().judge(nets("64:ff9b::203.0.113.7", "2002:cb00:7107::/48")) == []
