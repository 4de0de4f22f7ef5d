"""ipset with iptables does all of a change or nothing: failures in the middle of it, in network namespaces."""

import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from smtpwatch.firewall.backend import BackendError, Change, Held, Wanted
from smtpwatch.firewall.tool import find
from tests.hosts.ipset_host import Firewall, change, firewall_host, net, wanted

pytestmark = pytest.mark.needs("ipset", "iptables", "namespaces")


@pytest.fixture(params=["nft", "legacy"])
def firewall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firewall]:
    with firewall_host(tmp_path, request.param) as made:
        yield made


_FAILS = """
if [ "$2" = restore ] && [ ! -e {flag} ]; then
    touch {flag}
    {{ head -n {lines}; echo add smtpwatch-nowhere 203.0.113.1; }} | {ipset} "$@"
    exit
fi
exec {ipset} "$@"
"""


def _failing(firewall: Firewall, lines: int) -> None:
    """The next restore fails after that many lines."""
    flag = firewall.directory / "failed"
    flag.unlink(missing_ok=True)
    firewall.instead("ipset", _FAILS.format(flag=flag, lines=lines, ipset=find("ipset")))


@pytest.mark.parametrize("lines", [1, 6, 2000])
def test_a_failure_in_the_middle_leaves_nothing(firewall: Firewall, lines: int) -> None:
    many = [Wanted(ip_network((0x0A000000 + number, 32)), "smtp", 600, "1") for number in range(5000)]
    _failing(firewall, lines)
    with pytest.raises(BackendError, match="does not exist; nothing was changed") as raised:
        firewall.apply(change(*many))
    assert not raised.value.unsure
    assert firewall.run("ipset", "list", "-n") == ""
    assert firewall.read() == Held({}, "", frozenset())


def test_a_failure_in_the_middle_leaves_what_was_there(firewall: Firewall) -> None:
    firewall.apply(change(wanted("203.0.113.1", tag="a"), wanted("203.0.113.2", seconds=None, tag="b")))
    for member, packets in (("203.0.113.1", "4"), ("203.0.113.2", "9")):
        timeout = ("timeout", "500" if packets == "4" else "0", "comment", "c")
        firewall.run(
            "ipset", "-exist", "add", "smtpwatch-smtp4", member, *timeout, "packets", packets, "bytes", packets
        )
    time.sleep(1.1)
    there = wanted("203.0.113.1", seconds=900, tag="x")._replace(there=True)
    new = [wanted("203.0.113.3"), wanted("2001:db8::/32")]
    asked = Change((465,), (there, *new), ((net("203.0.113.2"), "smtp"),))
    with firewall.inside():
        written = firewall.backend.commands(asked)[0].splitlines()
    assert "del smtpwatch-smtp4 203.0.113.2" in written
    _failing(firewall, len(written) - 2)  # without the command itself, and END: all of it is done
    with pytest.raises(BackendError, match="nothing was changed"):
        firewall.apply(asked)
    held = firewall.read()
    assert held.trouble == ""
    assert set(held.entries) == {(net("203.0.113.1"), "smtp"), (net("203.0.113.2"), "smtp")}
    first = held.entries[net("203.0.113.1"), "smtp"]
    assert first.expires is not None
    assert 450 < first.expires < 500, "what remained of its time"
    assert first[1:] == (4, 4, "c")
    assert held.entries[net("203.0.113.2"), "smtp"] == (None, 9, 9, "c")
    assert firewall.run("ipset", "save", "smtpwatch-ports").splitlines()[1:] == [
        "add smtpwatch-ports 25", "add smtpwatch-ports 587",
    ]  # fmt: skip
    assert "smtpwatch-smtp6" not in firewall.run("ipset", "list", "-n")


@pytest.mark.parametrize("program", ["iptables-restore", "ip6tables-restore"])
def test_rules_that_cannot_be_put_leave_nothing(firewall: Firewall, program: str) -> None:
    firewall.run("iptables", "-t", "raw", "-A", "PREROUTING", "-s", "198.51.100.1", "-j", "ACCEPT")
    before = firewall.all_of_it()
    firewall.instead(program, "cat >/dev/null; echo line 3 failed >&2; exit 1")
    with pytest.raises(BackendError, match=f"{program}: line 3 failed; nothing was changed") as raised:
        firewall.apply(change(wanted("203.0.113.7"), wanted("2001:db8::/32")))
    assert not raised.value.unsure
    assert firewall.all_of_it() == before


def test_what_cannot_be_taken_back_is_said_to_be_unsure(firewall: Firewall) -> None:
    real = find("ipset")
    firewall.instead("ipset", f'[ "$2" = restore ] && {{ head -n 6 | {real} "$@"; echo no >&2; exit 1; }}; {real} "$@"')
    with pytest.raises(
        BackendError, match="ipset: no; what was done of it could not be taken back: ipset: no"
    ) as raised:
        firewall.apply(change(wanted("203.0.113.7")))
    assert raised.value.unsure


def test_no_ipv6_here_is_an_error_only_where_it_is_asked_for(firewall: Firewall) -> None:
    firewall.instead("ip6tables", "echo 'ip6tables v1: Address family not supported' >&2; exit 3")
    firewall.apply(change(wanted("203.0.113.7")))
    held = firewall.read()
    assert (set(held.entries), held.trouble) == ({(net("203.0.113.7"), "smtp")}, "")
    before = firewall.all_of_it()
    with pytest.raises(BackendError, match=r"IPv6 cannot be blocked here: ip6tables: .*Address family not supported"):
        firewall.apply(change(wanted("203.0.113.8"), wanted("2001:db8::/32")))
    assert firewall.all_of_it() == before
    firewall.apply(change(remove=(("203.0.113.7", "smtp"), ("2001:db8::/32", "smtp"))))
    assert firewall.read()[:2] == ({}, "")
