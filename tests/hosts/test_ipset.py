"""What ipset with iptables holds, and what stands beside it, in network namespaces of the test's own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import pytest

from smtpwatch.firewall.backend import BackendError, Change, Held, Wanted
from tests.hosts.ipset_host import MAIL, Firewall, change, firewall_host, net, until, wanted

pytestmark = pytest.mark.needs("ipset", "iptables", "namespaces")


@pytest.fixture(params=["nft", "legacy"])
def firewall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firewall]:
    with firewall_host(tmp_path, request.param) as made:
        yield made


# ---- what is held


def test_nothing_of_ours_is_empty_and_no_error(firewall: Firewall) -> None:
    firewall.run("ipset", "create", "theirs", "hash:net")
    firewall.run("iptables", "-t", "raw", "-A", "PREROUTING", "-s", "203.0.113.1", "-j", "ACCEPT")
    assert firewall.read() == Held({}, "", frozenset())


def test_what_is_applied_is_read_back(firewall: Firewall) -> None:
    firewall.apply(
        change(
            wanted("203.0.113.7", tag="act 12"),
            wanted("203.0.113.0/24", "all", None, "13"),
            wanted("2001:db8::/32", seconds=2_147_483, tag=""),
            wanted("::1.2.3.4", "all"),
        )
    )
    held = firewall.read()
    assert held.trouble == ""
    assert set(held.entries) == {
        (net("203.0.113.7"), "smtp"), (net("203.0.113.0/24"), "all"),
        (net("2001:db8::/32"), "smtp"), (net("::1.2.3.4"), "all"),
    }  # fmt: skip
    first = held.entries[net("203.0.113.7"), "smtp"]
    assert first.expires is not None
    assert 590 < first.expires <= 600
    assert first[1:] == (0, 0, "act 12")
    assert held.entries[net("203.0.113.0/24"), "all"] == (None, 0, 0, "13")
    assert (held.entries[net("2001:db8::/32"), "smtp"].expires or 0) > 2_147_400
    assert held.entries[net("2001:db8::/32"), "smtp"].tag == ""


def test_the_ports_are_those_of_the_latest_change(firewall: Firewall) -> None:
    firewall.apply(change(wanted("203.0.113.7")))
    firewall.apply(Change((MAIL, 465), (wanted("203.0.113.8"),)))
    saved = firewall.run("ipset", "save", "smtpwatch-ports").splitlines()
    assert saved[1:] == ["add smtpwatch-ports 25", "add smtpwatch-ports 465"]


def test_removal_leaves_the_others_and_does_not_miss_what_is_gone(firewall: Firewall) -> None:
    firewall.apply(change(wanted("203.0.113.7"), wanted("203.0.113.0/24"), wanted("203.0.113.7", "all")))
    firewall.apply(change(remove=(("203.0.113.7", "smtp"), ("203.0.113.99", "smtp"), ("2001:db8::/64", "all"))))
    assert set(firewall.read().entries) == {(net("203.0.113.0/24"), "smtp"), (net("203.0.113.7"), "all")}


def test_removal_where_nothing_of_ours_is(firewall: Firewall) -> None:
    firewall.apply(Change((MAIL,), (), ((net("203.0.113.7"), "smtp"),)))
    assert firewall.run("ipset", "list", "-n") == ""
    assert firewall.read() == Held({}, "", frozenset())


def test_what_has_expired_is_gone_and_its_removal_no_error(firewall: Firewall) -> None:
    firewall.apply(change(wanted("203.0.113.7", seconds=1), wanted("203.0.113.8")))
    time.sleep(1.3)
    assert set(firewall.read().entries) == {(net("203.0.113.8"), "smtp")}
    firewall.apply(change(remove=(("203.0.113.7", "smtp"),)))


def test_time_is_set_anew_with_the_counters_kept(firewall: Firewall) -> None:
    firewall.apply(change(wanted("203.0.113.7", seconds=100, tag="1")))
    firewall.run("ipset", "-exist", "add", "smtpwatch-smtp4", "203.0.113.7", "packets", "5", "bytes", "300")
    firewall.apply(change(wanted("203.0.113.7", seconds=900, tag="2")._replace(there=True)))
    entry = firewall.read().entries[net("203.0.113.7"), "smtp"]
    assert entry.expires is not None
    assert 890 < entry.expires <= 900
    assert entry[1:] == (5, 300, "2")
    firewall.apply(change(wanted("203.0.113.7", seconds=None)._replace(there=True)))
    assert firewall.read().entries[net("203.0.113.7"), "smtp"] == (None, 5, 300, "7")


def test_a_new_block_starts_counting_at_nothing(firewall: Firewall) -> None:
    """The kernel gives the place of a member that has expired, counters and all, to the next."""
    firewall.apply(change(wanted("203.0.113.7", seconds=1)))
    with_counters = ("timeout", "1", "packets", "5", "bytes", "300")
    firewall.run("ipset", "-exist", "add", "smtpwatch-smtp4", "203.0.113.7", *with_counters)
    time.sleep(1.3)
    firewall.apply(change(wanted("203.0.113.7")))
    assert firewall.read().entries[net("203.0.113.7"), "smtp"][1:3] == (0, 0)


def test_ten_thousand_in_one_go(firewall: Firewall) -> None:
    many = [Wanted(ip_network((0x0A000000 + number, 32)), "smtp", 600, str(number)) for number in range(10_000)]
    firewall.apply(change(*many))
    held = firewall.read()
    assert (len(held.entries), held.trouble) == (10_000, "")
    firewall.apply(Change((MAIL,), (), tuple((each.network, each.scope) for each in many[1:])))
    assert set(firewall.read().entries) == {(many[0].network, "smtp")}


def test_what_ipset_cannot_hold_changes_nothing(firewall: Firewall) -> None:
    for each in (wanted("0.0.0.0/0"), wanted("203.0.113.7", seconds=2_147_484), wanted("203.0.113.7", tag='"x')):
        with pytest.raises(BackendError, match="ipset cannot hold"):
            firewall.apply(change(wanted("203.0.113.9"), each))
    assert firewall.run("ipset", "list", "-n") == ""


def test_the_commands_are_what_is_run(firewall: Firewall) -> None:
    asked = change(wanted("203.0.113.7"), wanted("2001:db8::/32", "all"))
    with firewall.inside():
        commands = firewall.backend.commands(asked)
    assert [each.partition(" <<")[0] for each in commands] == [
        "ipset -exist restore", "iptables-restore -w 5 --noflush", "ip6tables-restore -w 5 --noflush",
    ]  # fmt: skip
    with firewall.inside():
        for each in commands:
            subprocess.run(["sh", "-c", each], check=True, env={"PATH": firewall.path}, timeout=20)
    held = firewall.read()
    assert (len(held.entries), held.trouble) == (2, "")
    with firewall.inside():
        again = firewall.backend.commands(change(wanted("203.0.113.8")))
    assert len(again) == 1, "the rules are there already"


# ---- beside others


def test_what_is_not_ours_stays_as_it_is(firewall: Firewall) -> None:
    firewall.run("ipset", "create", "smtpwatch-theirs", "hash:net")
    firewall.run("ipset", "add", "smtpwatch-theirs", "198.51.100.0/24")
    for program, source in (("iptables", "198.51.100.1"), ("ip6tables", "2001:db8:9::1")):
        for table, chain in (("raw", "PREROUTING"), ("raw", "OUTPUT"), ("filter", "INPUT"), ("mangle", "PREROUTING")):
            firewall.run(program, "-t", table, "-A", chain, "-s", source, "-j", "ACCEPT")
        firewall.run(program, "-t", "raw", "-N", "THEIRS")
        firewall.run(program, "-t", "raw", "-A", "PREROUTING", "-j", "THEIRS")
    firewall.run("iptables", "-t", "raw", "-A", "PREROUTING", "-m", "set", "--match-set", "smtpwatch-theirs", "src")
    before = firewall.all_of_it()
    both = (wanted("203.0.113.7"), wanted("2001:db8::/32"))
    firewall.apply(change(*both))
    assert firewall.read().trouble == ""
    firewall.apply(change(wanted("203.0.113.8", "all"), remove=(("203.0.113.7", "smtp"), ("2001:db8::/32", "smtp"))))
    ours = ("SMTPWATCH", *(f"smtpwatch-{name}" for name in ("smtp4", "all4", "smtp6", "all6", "ports")))
    after = firewall.all_of_it()
    assert len(after) > len(before)
    assert [line for line in after if not any(name in line for name in ours)] == before


def test_a_rule_that_stands_before_ours_is_told_and_ours_goes_first_again(firewall: Firewall) -> None:
    firewall.apply(change(wanted("203.0.113.7"), wanted("2001:db8::/32")))
    firewall.run("iptables", "-t", "raw", "-I", "PREROUTING", "-s", "203.0.113.0/24", "-j", "ACCEPT")
    wrong = "another rule stands before ours in raw PREROUTING: -A PREROUTING -s 203.0.113.0/24 -j ACCEPT"
    assert firewall.read().trouble == wrong
    firewall.run("iptables", "-t", "raw", "-I", "PREROUTING", "-s", "203.0.113.9", "-j", "ACCEPT")
    assert firewall.read().trouble.endswith("-A PREROUTING -s 203.0.113.9/32 -j ACCEPT (and 1 more)")
    firewall.apply(change(wanted("203.0.113.8")))
    assert firewall.read().trouble == ""
    base = [line for line in firewall.run("iptables", "-t", "raw", "-S").splitlines() if "-A PREROUTING" in line]
    assert base == [
        "-A PREROUTING -j SMTPWATCH",
        "-A PREROUTING -s 203.0.113.9/32 -j ACCEPT",
        "-A PREROUTING -s 203.0.113.0/24 -j ACCEPT",
    ]
    firewall.run("ip6tables", "-t", "raw", "-I", "PREROUTING", "-j", "ACCEPT")
    assert "raw PREROUTING of ip6tables: -A PREROUTING -j ACCEPT" in firewall.read().trouble


def test_rules_and_sets_that_are_gone_are_told(firewall: Firewall) -> None:
    firewall.apply(change(wanted("203.0.113.7")))
    firewall.run("iptables", "-t", "raw", "-A", "SMTPWATCH", "-j", "RETURN")
    assert firewall.read().trouble == "our chain holds a rule that is not ours: -A SMTPWATCH -j RETURN"
    firewall.run("iptables", "-t", "raw", "-D", "SMTPWATCH", "1")
    assert firewall.read().trouble.startswith("our chain lacks a rule in table raw of iptables: -A SMTPWATCH -p tcp")
    firewall.run("iptables", "-t", "raw", "-F", "PREROUTING")
    firewall.apply(change(wanted("203.0.113.7")))
    assert firewall.read().trouble == ""
    firewall.run("iptables", "-t", "raw", "-F", "PREROUTING")
    assert firewall.read().trouble == "the jump to our chain is gone from raw PREROUTING"
    firewall.run("iptables", "-t", "raw", "-F", "SMTPWATCH")
    firewall.run("iptables", "-t", "raw", "-X", "SMTPWATCH")
    held = firewall.read()
    assert held.trouble == "our chain is gone from table raw of iptables"
    assert set(held.entries) == {(net("203.0.113.7"), "smtp")}
    until(lambda: "smtpwatch-ports" not in _tried(firewall, "ipset", "destroy", "smtpwatch-ports"))
    assert firewall.read().trouble == "the set smtpwatch-ports is gone"


def _tried(firewall: Firewall, *arguments: str) -> str:
    with suppress(subprocess.CalledProcessError):
        firewall.run(*arguments)
    return firewall.run("ipset", "list", "-n")


def test_a_set_of_our_name_that_is_anothers(firewall: Firewall) -> None:
    firewall.run("ipset", "create", "smtpwatch-smtp4", "hash:ip")
    firewall.run("ipset", "add", "smtpwatch-smtp4", "198.51.100.1")
    before = firewall.all_of_it()
    with pytest.raises(BackendError, match="already exists; nothing was changed"):
        firewall.apply(change(wanted("203.0.113.7")))
    assert firewall.all_of_it() == before
    assert firewall.read() == Held({}, "the set smtpwatch-smtp4 is not one of ours: its type is hash:ip", frozenset())
