"""ipset with iptables: what is asked of the programs, and what comes of it when they fail."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from smtpwatch.firewall.backend import BackendError, Change, Entry, Held, Kind, Wanted
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.prefixes import Network
from tests.firewall.ipset_files import EMPTY, HASH, IN_FORCE, RESTORE, RULES, Host
from tests.firewall.programs import HANGS

_LISTED = "ipset list -n"
_LOOK = ["iptables -w 5 -t raw -S", "ip6tables -w 5 -t raw -S", _LISTED]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def _blocked(host: Host) -> None:
    """One IPv4 network is blocked, with all that belongs to it."""
    host.set("smtpwatch-ports", "25")
    host.set("smtpwatch-smtp4", '203.0.113.7 timeout 90 packets 3 bytes 180 comment "12"')
    host.set("smtpwatch-all4")
    host.rules(4, IN_FORCE.format(4))


def _wanted(text: str, scope: Scope = "smtp", seconds: float | None = 600, tag: str = "7") -> Wanted:
    return Wanted(ip_network(text), scope, seconds, tag)


def _change(*add: Wanted, remove: str = "") -> Change:
    return Change((25,), add, ((ip_network(remove), "smtp"),) if remove else ())


_KEY: tuple[Network, Scope] = (ip_network("203.0.113.7"), "smtp")

# ---- what is asked


def test_sets_first_then_the_rules_that_name_them(host: Host) -> None:
    host.backend.apply(_change(_wanted("203.0.113.0/24", "all", None, ""), _wanted("203.0.113.7", tag="act 12")))
    assert host.words() == [*_LOOK, RESTORE, "iptables-restore -w 5 --noflush"]
    assert host.fed() == [
        "create smtpwatch-smtp4 hash:net family inet maxelem 1048576 timeout 0 counters comment",
        "create smtpwatch-all4 hash:net family inet maxelem 1048576 timeout 0 counters comment",
        "create smtpwatch-ports bitmap:port range 0-65535",
        "add smtpwatch-ports 25",
        "add smtpwatch-all4 203.0.113.0/24 timeout 0 packets 0 bytes 0",
        'add smtpwatch-smtp4 203.0.113.7 timeout 600 packets 0 bytes 0 comment "act 12"',
    ]
    assert host.fed("iptables-restore -w 5 --noflush") == [
        "*raw", ":SMTPWATCH - [0:0]", *RULES.format(4).splitlines(), "-I PREROUTING 1 -j SMTPWATCH", "COMMIT",
    ]  # fmt: skip


def test_rules_that_are_there_are_not_written_again(host: Host) -> None:
    _blocked(host)
    host.backend.apply(_change(_wanted("203.0.113.8")))
    assert host.words()[-1] == RESTORE
    host.rules(4, IN_FORCE.format(4).replace("-A PREROUTING", "-A PREROUTING -s 1.2.3.4 -j ACCEPT\n-A PREROUTING", 1))
    host.backend.apply(_change(_wanted("203.0.113.8")))
    moved = ["*raw", "-D PREROUTING -j SMTPWATCH", "-I PREROUTING 1 -j SMTPWATCH", "COMMIT"]
    assert host.fed("iptables-restore -w 5 --noflush") == moved


def test_only_our_own_sets_are_looked_at(host: Host) -> None:
    host.set("theirs", "198.51.100.1")
    host.set("smtpwatch-theirs", "198.51.100.1")
    _blocked(host)
    assert set(host.backend.read().entries) == {_KEY}
    saved = {words for words in host.words() if words.startswith("ipset save")}
    assert saved == {f"ipset save smtpwatch-{name}" for name in ("smtp4", "all4", "ports")}


def test_any_number_of_members_takes_one_process(host: Host) -> None:
    many = [Wanted(ip_network((0x0A000000 + number, 32)), "smtp", 600, "1") for number in range(10_000)]
    host.backend.apply(_change(*many))
    assert host.words().count(RESTORE) == 1
    assert len(host.fed()) == 10_004


def test_the_time_is_a_whole_second_at_least(host: Host) -> None:
    host.backend.apply(_change(_wanted("203.0.113.7", seconds=0.2), _wanted("203.0.113.8", seconds=59.6)))
    assert [line.split()[4] for line in host.fed()[-2:]] == ["1", "60"]


def test_only_what_is_there_is_removed(host: Host) -> None:
    _blocked(host)
    host.backend.apply(_change(remove="203.0.113.8"))
    assert host.words() == [*_LOOK, *(f"ipset save smtpwatch-{name}" for name in ("ports", "smtp4"))]
    host.backend.apply(_change(remove="203.0.113.7"))
    assert host.fed() == ["del smtpwatch-smtp4 203.0.113.7"]
    host.backend.apply(_change(_wanted("203.0.113.7"), remove="203.0.113.7"))
    assert not [line for line in host.fed() if line.startswith("del")], "what is wanted stays"


def test_what_stands_keeps_its_family_in_force(host: Host) -> None:
    """The sets hold IPv6 already, says the caller; its rules are gone."""
    standing = frozenset({Kind("smtp", 6, 64)})
    host.backend.apply(_change(_wanted("203.0.113.7"))._replace(standing=standing))
    assert host.words()[-1] == "ip6tables-restore -w 5 --noflush"
    host.drop("ip6tables")
    host.backend.apply(_change(_wanted("203.0.113.7"))._replace(standing=standing))
    assert host.words()[-1] == "iptables-restore -w 5 --noflush"


@pytest.mark.parametrize("tag", ['1"', "1\nflush", "x" * 256, "\x1b[2J"])
def test_a_tag_that_ipset_cannot_hold_reaches_no_program(host: Host, tag: str) -> None:
    with pytest.raises(BackendError, match="ipset cannot hold the comment"):
        host.backend.apply(_change(_wanted("203.0.113.7", tag=tag)))
    assert host.words() == _LOOK


def test_the_commands_where_nothing_may_be_looked_at(host: Host) -> None:
    host.put("iptables", "echo 'iptables v1.8.9 (nf_tables): Permission denied (you must be root)' >&2; exit 4")
    first, second = host.backend.commands(_change(_wanted("203.0.113.8"), remove="203.0.113.7"))
    assert first.startswith("ipset -exist restore <<'END'\ncreate smtpwatch-smtp4 ")
    assert first.endswith("\ndel smtpwatch-smtp4 203.0.113.7\nEND")
    assert second.startswith("iptables-restore -w 5 --noflush <<'END'\n*raw\n")


# ---- what is told


def test_what_other_versions_write_is_read(host: Host) -> None:
    _blocked(host)
    host.set(
        "smtpwatch-smtp4", "203.0.113.7 timeout 90", how="hash:net family inet hashsize 1024 maxelem 65536 timeout 0"
    )
    host.set("smtpwatch-all4", "203.0.113.0/24 packets 1 bytes 2", how="hash:net family inet counters")
    host.rules(4, "# Warning: iptables-legacy tables present, use iptables-legacy to see them\n" + IN_FORCE.format(4))
    around: tuple[Network, Scope] = (ip_network("203.0.113.0/24"), "all")
    assert host.backend.read() == Held(
        {_KEY: Entry(90, None, None, ""), around: Entry(None, 1, 2, "")}, "", frozenset({25})
    )


@pytest.mark.parametrize(
    "line", ["203.0.113.7 nomatch timeout 90", "203.0.113 timeout 9", "here timeout 9", "203.0.113.7 timeout soon"]
)
def test_members_that_are_not_understood(host: Host, line: str) -> None:
    _blocked(host)
    host.set("smtpwatch-smtp4", line)
    with pytest.raises(BackendError, match="ipset answers in a way that is not understood"):
        host.backend.read()


def test_answers_that_are_not_understood(host: Host) -> None:
    _blocked(host)
    (host.directory / "sets" / "smtpwatch-smtp4").write_text("Name: smtpwatch-smtp4\n")
    with pytest.raises(BackendError, match="ipset answers in a way that is not understood: 'Name: smtpwatch-smtp4'"):
        host.backend.read()
    for answer in ("", "Chain PREROUTING (policy ACCEPT)\n", EMPTY + "target prot\n"):
        host.rules(4, answer)
        with pytest.raises(BackendError, match="iptables answers in a way that is not understood"):
            host.backend.read()


def test_rules_that_are_not_for_ipv6_are_trouble_where_it_holds_something(host: Host) -> None:
    host.set("smtpwatch-ports", "25")
    host.set("smtpwatch-all6")
    host.set("smtpwatch-smtp6")
    host.put("ip6tables", "echo 'ip6tables v1.8.9 (legacy): no table raw' >&2; exit 3")
    assert host.backend.read() == Held({}, "", frozenset({25}))
    host.set("smtpwatch-smtp6", "2001:db8::/32 timeout 0")
    held = host.backend.read()
    assert set(held.entries) == {(ip_network("2001:db8::/32"), "smtp")}
    assert held.trouble == "ip6tables: no table raw"


# ---- programs that fail


@pytest.mark.parametrize("name", ["ipset", "iptables", "iptables-restore"])
def test_a_program_that_is_not_installed(host: Host, name: str) -> None:
    host.drop(name)
    with pytest.raises(BackendError, match=f"^{name} is not installed"):
        host.backend.apply(_change(_wanted("203.0.113.7")))
    if name != "iptables-restore":
        with pytest.raises(BackendError, match=f"^{name} is not installed"):
            host.backend.read()


def test_ip6tables_that_is_not_installed(host: Host) -> None:
    host.drop("ip6tables")
    host.backend.apply(_change(_wanted("203.0.113.7")))
    with pytest.raises(BackendError, match="IPv6 cannot be blocked here: ip6tables is not installed"):
        host.backend.apply(_change(_wanted("203.0.113.7"), _wanted("2001:db8::/32")))
    assert host.words().count(RESTORE) == 1


@pytest.mark.parametrize("name", ["ipset", "iptables", "ip6tables"])
def test_a_program_that_hangs_before_anything_is_done(host: Host, name: str) -> None:
    host.put(name, HANGS)
    for act in (host.backend.read, lambda: host.backend.apply(_change(_wanted("203.0.113.7")))):
        with pytest.raises(BackendError, match=f"^{name} hangs"):
            act()
    assert RESTORE not in host.words()


def test_a_restore_that_hangs_is_taken_back(host: Host) -> None:
    done = host.directory / "done"
    made = f"echo 'create smtpwatch-smtp4 {HASH.format('inet')}' >{host.directory}/sets/smtpwatch-smtp4"
    host.ipset(f"[ -e {done} ] || {{ touch {done}; {made}; {HANGS}; }}")
    with pytest.raises(BackendError, match=r"^ipset hangs: .*; nothing was changed$") as raised:
        host.backend.apply(_change(_wanted("203.0.113.7")))
    assert not raised.value.unsure
    assert host.fed() == ["destroy smtpwatch-smtp4"]


def test_a_restore_that_hangs_each_time_is_unsure(host: Host) -> None:
    _blocked(host)
    host.ipset(HANGS)
    with pytest.raises(BackendError, match="could not be taken back: ipset hangs") as raised:
        host.backend.apply(_change(_wanted("203.0.113.8")))
    assert raised.value.unsure


def test_what_is_in_use_yet_is_tried_again(host: Host) -> None:
    done = host.directory / "done"
    made = f"echo 'create smtpwatch-smtp4 {HASH.format('inet')}' >{host.directory}/sets/smtpwatch-smtp4"
    busy = "echo 'ipset v7.17: Set cannot be destroyed: it is in use by a kernel component' >&2; exit 1"
    host.ipset(f"grep -q destroy $fed || {made}; [ $(ls {done}* | wc -l) -ge 3 ] || {{ touch {done}$n; {busy}; }}")
    host.put("iptables-restore", "echo no >&2; exit 1")
    with pytest.raises(BackendError, match=r"; nothing was changed$"):
        host.backend.apply(_change(_wanted("203.0.113.7")))
    assert host.words().count(RESTORE) == 4


def test_what_was_there_is_put_back_with_what_remains(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """7 was re-timed, 8 was removed, 9 was for ever, 10 expired meanwhile."""
    _blocked(host)
    ends = {7: 90, 8: 80, 9: 0, 10: 20}
    lines = [f'203.0.113.{last} timeout {end} packets 3 bytes 180 comment "a"' for last, end in ends.items()]
    host.set("smtpwatch-smtp4", *lines)
    host.set("smtpwatch-ports", "25", "26")
    after = "\n".join(f"add smtpwatch-smtp4 203.0.113.{last} timeout 600" for last in (7, 9, 10, 11))
    (host.directory / "after").write_text(f"create smtpwatch-smtp4 {HASH.format('inet')}\n{after}\n")
    done = host.directory / "done"
    fails = f"cp {host.directory}/after {host.directory}/sets/smtpwatch-smtp4; echo no >&2; exit 1"
    host.ipset(f"[ -e {done} ] || {{ touch {done}; {fails}; }}")
    clock = iter((1000.0, 1030.2))
    monkeypatch.setattr("smtpwatch.firewall.ipset.time.monotonic", lambda: next(clock))
    add = [_wanted(f"203.0.113.{last}") for last in (7, 9, 10, 11)]
    with pytest.raises(BackendError, match=r"^ipset: no; nothing was changed$"):
        host.backend.apply(_change(*add, remove="203.0.113.8"))
    assert sorted(host.fed()) == [
        "add smtpwatch-ports 25",
        "add smtpwatch-ports 26",
        'add smtpwatch-smtp4 203.0.113.7 timeout 60 comment "a"',
        'add smtpwatch-smtp4 203.0.113.8 timeout 50 packets 3 bytes 180 comment "a"',
        'add smtpwatch-smtp4 203.0.113.9 timeout 0 comment "a"',
        "del smtpwatch-smtp4 203.0.113.10",
        "del smtpwatch-smtp4 203.0.113.11",
    ]


def test_rules_are_put_back_as_they_were(host: Host) -> None:
    """ip6tables fails when iptables has been done."""
    _blocked(host)
    others = ["-A PREROUTING -s 198.51.100.1/32 -j ACCEPT", "-A SMTPWATCH -j RETURN"]
    host.rules(4, f"{EMPTY}-N SMTPWATCH\n{others[0]}\n-A PREROUTING -j SMTPWATCH\n{others[1]}\n")
    after = IN_FORCE.format(4).replace(" SMTPWATCH\n-A SMTP", f" SMTPWATCH\n{others[0]}\n-A SMTP", 1)
    (host.directory / "after").write_text(after)
    host.put("iptables-restore", f"cp {host.directory}/after {host.directory}/rules4")
    host.put("ip6tables-restore", "echo no >&2; exit 1")
    with pytest.raises(BackendError, match=r"^ip6tables-restore: no; nothing was changed$"):
        host.backend.apply(_change(_wanted("203.0.113.8"), _wanted("2001:db8::/32")))
    assert host.fed("iptables-restore -w 5 --noflush") == [
        "*raw", ":SMTPWATCH - [0:0]", others[1],
        "-D PREROUTING -j SMTPWATCH", "-I PREROUTING 2 -j SMTPWATCH", "COMMIT",
    ]  # fmt: skip


def test_an_error_of_many_lines_is_told_in_one(host: Host) -> None:
    said = "# Warning: legacy tables\niptables-restore v1.8.9 (nf_tables): \nline 3: CHAIN_ADD failed\n\033[2J"
    (host.directory / "said").write_text(said)
    host.put("iptables-restore", f"cat {host.directory}/said >&2; exit 4")
    with pytest.raises(BackendError) as raised:
        host.backend.apply(_change(_wanted("203.0.113.7")))
    assert str(raised.value) == "iptables-restore: line 3: CHAIN_ADD failed \\e[2J; nothing was changed"
