"""Whom a Postfix relays for: its lists in every form, from programs that answer as its own do."""

from types import SimpleNamespace

import psutil
import pytest

from collectors.host import mta as mtas
from collectors.host import relay_found, trusted_found
from tests.collectors.host.relay_host import RelayHost

_PARENTS = "debug_peer_list,fast_flush_domains,mynetworks,relay_domains,smtpd_access_maps"


def test_each_setting(relay_host: RelayHost) -> None:
    relay_host.relays_postfix(
        mydestination="MX.example.net, localhost",
        virtual_alias_domains="alias.example",
        virtual_mailbox_domains="box.example MX.EXAMPLE.NET.",
        relay_domains="relay.example",
        mynetworks="127.0.0.0/8 [2001:db8::]/32",
        smtpd_authorized_xclient_hosts="192.0.2.1",
    )
    domains, networks = relay_host.told()
    assert domains == ["mx.example.net", "localhost", "alias.example", "box.example", "relay.example"]
    assert networks == ["127.0.0.0/8", "2001:db8::/32"], "who may name other clients is none that may relay"
    policy = relay_host.policy()
    assert (policy.mta, policy.instance) == ("postfix", "")


@pytest.mark.parametrize(
    ("parents", "value", "domains"),
    [
        (_PARENTS, "a.example", ["a.example", ".a.example"]),
        (_PARENTS, ".a.example", []),
        ("mynetworks", "a.example", ["a.example"]),
        ("mynetworks", ".a.example b.example", [".a.example", "b.example"]),
        (_PARENTS, "!b.a.example a.example", ["a.example", ".a.example"]),
        (_PARENTS, "!a.example a.example b.example", ["b.example", ".b.example"]),
        ("", "a.example !a.example", ["a.example"]),
    ],
)
def test_relay_domains(relay_host: RelayHost, parents: str, value: str, domains: list[str]) -> None:
    relay_host.relays_postfix(relay_domains=value, parent_domain_matches_subdomains=parents)
    assert relay_host.domains() == domains


def test_a_dot_means_nothing_elsewhere(relay_host: RelayHost) -> None:
    relay_host.relays_postfix(mydestination=".a.example b.example", parent_domain_matches_subdomains=_PARENTS)
    assert relay_host.domains() == ["b.example"]


def test_tables_of_addresses(relay_host: RelayHost) -> None:
    """A key that is a domain alone makes it one; "@domain" is but an address."""
    table = relay_host.file("virtual", "Bare.example anything", "a@bare.example x", "@at.example x", "# no.example x")
    relay_host.relays_postfix(virtual_alias_domains=f"texthash:{table} hash:{table} proxy:btree:{table}")
    relay_host.program("postmap", r"printf 'indexed.example\tx\na@indexed.example\tx\n'")
    assert relay_host.domains() == ["bare.example", "indexed.example"]
    assert relay_host.asked("postmap") == [f"-s hash:{table}", f"-s btree:{table}"]


def test_a_table_that_is_larger_than_any_of_networks(relay_host: RelayHost) -> None:
    keys = [f"user{number:06}@big.example x" for number in range(60_000)]
    table = relay_host.file("virtual", *keys, "big.example x")
    assert table.stat().st_size > trusted_found.TEXT_MAX
    relay_host.relays_postfix(virtual_alias_domains=f"hash:{table}")
    relay_host.program("postmap", f"tr ' ' '\t' < {table}")
    assert relay_host.domains() == ["big.example"]


def test_tables_in_relay_domains(relay_host: RelayHost) -> None:
    table = relay_host.file("relays", "a.example x", ".b.example x")
    relay_host.relays_postfix(relay_domains=f"texthash:{table}", parent_domain_matches_subdomains=_PARENTS)
    assert relay_host.domains() == ["a.example", ".a.example"]
    relay_host.relays_postfix(relay_domains=f"texthash:{table}", parent_domain_matches_subdomains="")
    assert relay_host.domains() == ["a.example", ".b.example"]


def test_what_is_excluded_by_files_and_tables(relay_host: RelayHost) -> None:
    table = relay_host.file("table", "a.example x")
    path = relay_host.file("file", "# z.example", "b.example !c.example", "", "d.example")
    relay_host.relays_postfix(mydestination=f"!texthash:{table} !{path} a.example b.example d.example e.example")
    assert relay_host.domains() == ["c.example", "e.example"]


@pytest.mark.parametrize(
    "table", ["regexp:/etc/x", "pcre:/etc/x", "mysql:/etc/x", "ldap:/etc/x", "proxy:pgsql:/etc/x", "static:all"]
)
def test_what_cannot_be_listed(relay_host: RelayHost, table: str) -> None:
    relay_host.relays_postfix(virtual_mailbox_domains=f"a.example {table}", mynetworks="10.0.0.1")
    policy = relay_host.policy()
    assert (policy.domains, policy.networks, policy.complete) == (("a.example",), ("10.0.0.1/32",), False)
    assert policy.note == f"virtual_mailbox_domains: {table!r}: a table of this type cannot be listed"
    assert not policy.troubled, "no program failed"


def test_a_cidr_table_has_no_domains(relay_host: RelayHost) -> None:
    relay_host.relays_postfix(mydestination="cidr:/nowhere a.example")
    assert relay_host.domains() == ["a.example"]


def test_an_indexed_table_that_cannot_be_listed(relay_host: RelayHost) -> None:
    """Its source is read, and the next look is not soon: postmap has told the mail log."""
    table = relay_host.file("table", "a.example x")
    relay_host.relays_postfix(virtual_mailbox_domains=f"cdb:{table}")
    relay_host.program("postmap", "exit 1")
    policy = relay_host.policy()
    assert (policy.domains, policy.complete, policy.troubled) == (("a.example",), True, True)


def test_services_of_their_own(relay_host: RelayHost) -> None:
    relay_host.relays_postfix(
        ["smtp/inet/relay_domains = b.example", "10025/inet/mynetworks = 10.8.0.0/16"],
        relay_domains="a.example", mynetworks="10.0.0.1",
    )  # fmt: skip
    assert relay_host.told() == (["a.example", "b.example"], ["10.0.0.1/32", "10.8.0.0/16"])


@pytest.mark.parametrize(
    ("settings", "literals"),
    [
        ({"inet_interfaces": "all"}, ["[127.0.0.1]", "[192.0.2.1]", "[ipv6:2001:db8::1]"]),
        ({"inet_interfaces": "loopback-only"}, ["[127.0.0.1]"]),
        ({"inet_interfaces": "192.0.2.9, mx.example.net [2001:db8::9]"}, ["[192.0.2.9]", "[ipv6:2001:db8::9]"]),
        ({"inet_interfaces": "192.0.2.9", "proxy_interfaces": "203.0.113.1"}, ["[192.0.2.9]", "[203.0.113.1]"]),
    ],
)
def test_addresses_as_domains(
    relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], literals: list[str]
) -> None:
    _have(monkeypatch, "127.0.0.1", "192.0.2.1", "2001:db8::1", "fe80::1%eth0")
    relay_host.relays_postfix(**settings)
    assert relay_host.domains() == literals


def _have(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """The host has these addresses."""
    found = [SimpleNamespace(family=10 if ":" in address else 2, address=address) for address in addresses]
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": [SimpleNamespace(family=17, address="02:00"), *found]})


def test_an_instance(relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch) -> None:
    relay_host.relays_postfix(mydestination="a.example texthash:/nowhere", mynetworks="10.0.0.1")
    server = mtas.postfix(str(relay_host.programs / "postqueue"), "/etc/postfix-out", True)
    monkeypatch.setattr("collectors.host.relay.mail_servers", lambda path: [server])
    policy = relay_host.policy()
    assert (policy.mta, policy.instance, policy.networks) == ("postfix", "/etc/postfix-out", ("10.0.0.1/32",))
    assert policy.note == "mydestination: /nowhere: No such file or directory", "whose it is stands beside it"
    assert all(line.startswith("-c /etc/postfix-out -x ") for line in relay_host.asked("postconf"))


def test_postconf_fails(relay_host: RelayHost) -> None:
    relay_host.relays_postfix()
    relay_host.program("postconf", "echo 'fatal: no main.cf' >&2; exit 1")
    policy = relay_host.policy()
    assert (policy.domains, policy.networks, policy.complete, policy.troubled) == ((), (), False, True)
    assert policy.note == f"{relay_host.programs}/postconf: fatal: no main.cf"


def test_everything_is_bounded(relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_found, "DOMAINS", 3)
    long = "x" * 300
    tables = " ".join(f"ldap:{number}" for number in range(9))
    relay_host.relays_postfix(mydestination=f"{long} a a b c d {tables}")
    policy = relay_host.policy()
    assert (policy.domains, policy.complete) == (("a", "b", "c"), False)
    first, second = policy.note.split("; mydestination: ")[:2]
    assert first.startswith("mydestination: 'xxx") and first.endswith("…': no domain")
    assert second == "more than 3 domains; the others are left out"
    assert policy.note.endswith("; and 6 more")
    assert "\n" not in policy.note
