"""Whom an Exim relays for: its lists in every form, from a program that answers as it does."""

from types import SimpleNamespace

import psutil
import pytest

from tests.collectors.host.relay_host import RelayHost


def test_each_list(relay_host: RelayHost) -> None:
    relay_host.relays_exim(
        local_domains="@ : localhost : A.example",
        relay_to_domains="*.relay.example : b.example",
        relay_from_hosts="<; 127.0.0.1 ; ::1 ; 10.0.0.0/8",
    )
    assert relay_host.told() == (
        ["mx.example.net", "localhost", "a.example", ".relay.example", "b.example"],
        ["127.0.0.1/32", "::1/128", "10.0.0.0/8"],
    )
    policy = relay_host.policy()
    assert (policy.mta, policy.instance) == ("exim", "")
    asked = relay_host.asked("exim4")
    assert asked[:2] == ["-bP +local_domains +relay_to_domains primary_hostname", "-bP +relay_from_hosts"]


@pytest.mark.parametrize(
    ("value", "domains"),
    [
        ("", []),
        ("! a.example : a.example : b.example", ["b.example"]),
        ("a.example : ! a.example : b.example", ["a.example", "b.example"]),
        ("@", ["mx.example.net"]),
        ("<; a.example ; b.example", ["a.example", "b.example"]),
        ("+include_unknown : a.example", ["a.example"]),
        ("@[]", ["[127.0.0.1]", "[ipv6:2001:db8::1]"]),
    ],
)
def test_items(relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch, value: str, domains: list[str]) -> None:
    addresses = [SimpleNamespace(family=2, address="127.0.0.1"), SimpleNamespace(family=10, address="2001:db8::1")]
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"lo": addresses})
    relay_host.relays_exim(local_domains=value, relay_to_domains="")
    assert relay_host.domains() == domains


@pytest.mark.parametrize(
    "item",
    [
        "*", "*example.org", "^a\\.example$", "@mx_any", "@mx_primary/ignore=10.0.0.1", "mysql;select x",
        "partial-lsearch;/etc/x", "dsearch,filter=dir;/etc/x", "${lookup{$domain}lsearch{/x}}", "*.*.example",
    ],
)  # fmt: skip
def test_what_cannot_be_listed(relay_host: RelayHost, item: str) -> None:
    relay_host.relays_exim(local_domains=f"a.example : {item} : b.example", relay_to_domains="")
    policy = relay_host.policy()
    assert (policy.domains, policy.complete, policy.troubled) == (("a.example", "b.example"), False, False)
    assert policy.note == f"local_domains: {item!r}: which domains that is cannot be told"


def test_a_list_that_ends_with_what_it_leaves_out(relay_host: RelayHost) -> None:
    """To Exim, all else is in it."""
    relay_host.relays_exim(local_domains="a.example : ! b.example", relay_to_domains="")
    policy = relay_host.policy()
    assert policy.note == "local_domains: ends with '! b.example': what is not excluded is taken, whatever it is"
    assert not policy.complete


def test_files_and_named_lists(relay_host: RelayHost) -> None:
    path = relay_host.file("file", "b.example # ours", "!c.example", "", "*.d.example")
    relay_host.relays_exim(
        local_domains=f"{path} : c.example : +more : ! +less : g.example : h.example : +none : i.example",
        relay_to_domains="!+more : ! lsearch;/nowhere : e.example : f.example",
        more="e.example : +local_domains",
        less="g.example : ! h.example",
    )
    policy = relay_host.policy()
    assert policy.domains == ("b.example", ".d.example", "e.example", "h.example", "i.example", "f.example")
    assert policy.note == "; ".join((
        "local_domains: no domainlist none", "relay_to_domains: no domainlist none",
        "relay_to_domains: /nowhere: No such file or directory",
    ))  # fmt: skip


def test_look_ups_that_can_be_listed(relay_host: RelayHost) -> None:
    directory = relay_host.directory / "virtual"
    directory.mkdir()
    for name in ("a.example", "B.example", ".hidden"):
        (directory / name).touch()
    path = relay_host.file(
        "hosted", "# no.example", "c.example: x", '"d.example" y', "  continued", ".e.example", ": x"
    )
    relay_host.relays_exim(local_domains=f"dsearch;{directory} : lsearch; {path}", relay_to_domains="dsearch;/nowhere")
    policy = relay_host.policy()
    assert policy.domains == ("b.example", "a.example", "c.example", "d.example")
    assert policy.note == "relay_to_domains: '/nowhere': No such file or directory"


def test_without_the_lists(relay_host: RelayHost) -> None:
    relay_host.relays_exim(relay_to_domains="a.example")
    policy = relay_host.policy()
    assert (policy.domains, policy.complete) == (("a.example",), False)
    assert policy.note == "has no domainlist local_domains: which domains it takes mail for is not known"


def test_an_exim_that_fails(relay_host: RelayHost) -> None:
    relay_host.program("exim4", "echo '  configuration error in line 1' >&2; exit 1")
    policy = relay_host.policy()
    assert policy.note == f"{relay_host.programs}/exim4: configuration error in line 1"
    assert (policy.complete, policy.troubled) == (False, True)
