"""An Exim's trusted networks: its lists in every form, from a program that answers as it does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.host import exim_lists
from tests.collectors.host.trusted_host import NO_LIST, UNKNOWN, Host


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        ("", []),
        (": 127.0.0.1 : 10.0.0.0/8", ["127.0.0.1/32", "10.0.0.0/8"]),
        ("127.0.0.1:10.0.0.1", ["127.0.0.1/32", "10.0.0.1/32"]),
        ("::::1 : 2001::db8::::/32:10.0.0.1", ["::1/128", "2001:db8::/32", "10.0.0.1/32"]),
        ("<; ::1 ; 2001:db8::/32;10.0.0.1", ["::1/128", "2001:db8::/32", "10.0.0.1/32"]),
        (r"<\n ::1 \n 10.0.0.1", ["::1/128", "10.0.0.1/32"]),
        ("! 10.0.0.1 : !+other : !lsearch;/x : 10.0.0.0/8", ["10.0.0.0/8"]),
        ("10.1.2.3/8", ["10.0.0.0/8"]),
        ("@ : @[] : +include_unknown : +ignore_defer : 10.0.0.1", ["10.0.0.1/32"]),
        ("*", ["0.0.0.0/0", "::/0"]),
        ("localhost", ["127.0.0.1/32", "::1/128"]),
    ],
)
def test_an_exim_list(host: Host, value: str, networks: list[str]) -> None:
    host.relays(value)
    assert host.networks() == networks


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("*.example.com", "'*.example.com': neither address nor network"),
        ("net24-lsearch;/etc/nets", "'net24-lsearch;/etc/nets': neither address nor network"),
        ("10.0.0.0/255.0.0.0", "'10.0.0.0/255.0.0.0': neither address nor network"),
        ("[10.0.0.1]", "'[10.0.0.1]': neither address nor network"),
        ("10.1", "'10.1': neither address nor network"),
        (
            "${if eq{a}{b}{10.0.0.1 : 10.0.0.2 : x}}",
            "'${if eq{a}{b}{10.0.0.1 : 10.0.0.2 : x}}': neither address nor network",
        ),
        ("/nowhere", "/nowhere: No such file or directory"),
        ("+nothing", "no hostlist nothing"),
        ("+what ever", "'+what ever': not looked up"),
    ],
)
def test_what_exim_does_not_tell_is_noted(host: Host, item: str, why: str) -> None:
    host.relays(f"192.0.2.8 : {item} : 192.0.2.9")
    assert host.noted("192.0.2.8/32", "192.0.2.9/32") == f"exim: relay_from_hosts: {why}"


def test_named_lists(host: Host) -> None:
    """They may name others and themselves, and stand under the setting that led to them."""
    host.relays("+one : +two : 10.0.0.1", one="<; ::1 ; +two ; +relay_from_hosts", two="+one : 10.2.0.1")
    assert host.networks() == ["::1/128", "10.2.0.1/32", "10.0.0.1/32"]
    assert {each.setting for each in host.found().networks} == {"relay_from_hosts"}


def test_named_lists_without_end(host: Host) -> None:
    named = {f"n{number}": f"10.0.0.{number} : +n{number + 1}" for number in range(30)}
    host.relays("+n0", **named)
    assert host.noted(*(f"10.0.0.{number}/32" for number in range(exim_lists.LISTS - 1))) == (
        "exim: relay_from_hosts: '+n9': not looked up"
    )


def test_an_exim_file(host: Host) -> None:
    """A line is an item, and a comment begins anywhere."""
    path = host.file("nets", "10.1.0.0/16 # 10.9.0.1\n\n# 10.9.0.2\n2001:db8::1\n! 10.2.0.0/16\n")
    host.relays(f"{path}")
    assert host.networks() == ["10.1.0.0/16", "2001:db8::1/128"]
    host.relays(f"! {path}")
    assert host.networks() == ["10.2.0.0/16"]


@pytest.mark.parametrize(
    "lines",
    [
        [NO_LIST.format("relay_from_hosts"), UNKNOWN],
        ["domainlist relay_from_hosts = 10.0.0.0/8", UNKNOWN],
        [],
    ],
)
def test_an_exim_without_that_list(host: Host, lines: list[str]) -> None:
    host.exim(*lines, status=1 if NO_LIST.format("relay_from_hosts") in lines else 0)
    assert host.noted() == "exim: has no hostlist relay_from_hosts: which networks it trusts is not known"


def test_a_domain_list_of_the_same_name(host: Host) -> None:
    host.exim("domainlist relay_from_hosts = 10.9.0.0/16", "hostlist relay_from_hosts = 10.0.0.0/8", UNKNOWN, status=1)
    assert host.networks() == ["10.0.0.0/8"]


def test_a_hidden_list(host: Host) -> None:
    host.exim("hostlist relay_from_hosts = <value not displayable>", "hosts_proxy = 10.0.0.1")
    assert host.noted("10.0.0.1/32") == "exim: relay_from_hosts: is hidden from all but root"


def test_an_exim_that_fails(host: Host) -> None:
    host.program("exim4", "echo 'LOG: PANIC DIE' >&2; echo '  configuration error in line 1' >&2; exit 1")
    assert host.noted() == f"exim: {host.programs}/exim4: LOG: PANIC DIE; configuration error in line 1"


@given(st.lists(st.from_regex(r"[0-9a-f:.;/]{1,20}", fullmatch=True).map(str.strip), max_size=5))
def test_doubled_separators_are_undone(items: list[str]) -> None:
    """What Exim's own rule writes, it reads; an item that begins or ends with one needs a space beside it."""
    written = " : ".join(item.replace(":", "::") for item in items)
    assert list(exim_lists.items(written)) == (items or [""])
