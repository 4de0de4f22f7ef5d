"""The nftables backend: what it writes and reads, against the real nft in a namespace, and nonsense instead of one."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from smtpwatch.firewall import tool
from smtpwatch.firewall.backend import BackendError, Change, Entry, Kind, Wanted, kinds
from smtpwatch.firewall.nftables import Nftables, held, mask, transaction
from tests.firewall.fakes import nets
from tests.hosts.namespaces import Namespace
from tests.hosts.walled import assert_confined

ONE, NETWORK, SIX = nets("203.0.113.7", "203.0.113.0/24", "2001:db8:7::/64")
CHANGE = Change(
    (25, 465),
    (Wanted(ONE, "smtp", 3600.0, "a1"), Wanted(NETWORK, "smtp", None, "a1"), Wanted(SIX, "all", 60.0, "a1")),
)


def test_only_our_own_table_is_ever_named() -> None:
    for each in transaction(CHANGE._replace(remove=((ONE, "all"),))):
        (what,) = each.values()
        (inner,) = what.values()
        assert (inner["family"], inner.get("table") or inner["name"]) == ("inet", "smtpwatch")
        assert set(each) <= {"add", "flush", "delete"} and "ruleset" not in what


@pytest.mark.parametrize(
    ("kind", "netmask"),
    [
        (Kind("smtp", 4, 24), "255.255.255.0"),
        (Kind("smtp", 4, 17), "255.255.128.0"),
        (Kind("smtp", 6, 32), "ffff:ffff::"),
    ],
)
def test_masks(kind: Kind, netmask: str) -> None:
    assert mask(kind) == netmask


def fake(path: Path, script: str) -> Nftables:
    program = path / "nft"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Nftables(str(program))


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'Error: Could not process rule: Operation not permitted' >&2; exit 1", "Could not process rule"),
        ("exit 3", "exit status 3"),
        ("kill -9 $$", "exit status"),
    ],
)
def test_an_nft_that_fails_is_told_in_its_own_words(tmp_path: Path, script: str, why: str) -> None:
    nft = fake(tmp_path, script)
    for act in (lambda: nft.apply(CHANGE), nft.read):
        with pytest.raises(BackendError, match=why) as caught:
            act()
        assert not caught.value.unsure


def test_an_nft_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtpwatch.firewall.nftables.run", partial(tool.run, limit=0.2))
    with pytest.raises(BackendError, match="nft hangs") as caught:
        fake(tmp_path, "exec sleep 30").apply(CHANGE)
    assert caught.value.unsure


def test_no_nft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtpwatch.firewall.nftables.find", lambda name: None)
    with pytest.raises(BackendError, match="nft is not installed"):
        Nftables().apply(CHANGE)
    with pytest.raises(BackendError, match="cannot be run: No such file"):
        Nftables("/nowhere/nft").read()


def test_what_nft_says_reaches_no_terminal_raw(tmp_path: Path) -> None:
    with pytest.raises(BackendError) as caught:
        fake(tmp_path, r"printf 'Error: \033[2J\n' >&2; exit 1").read()
    assert str(caught.value) == "nft: Error: \\e[2J"


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "{}", "null", '{"nftables": null}', '{"nftables": [1]}', '{"nftables": [{"set": {}}]}', "table inet x {",
     '{"nftables": [{"set": {"name": "smtp4_32", "elem": [5]}}]}',
     '{"nftables": [{"set": {"name": "smtp4_32", "elem": ["rubbish"]}}]}',
     '{"nftables": [{"set": {"name": "smtp4_99", "elem": ["192.0.2.1"]}}]}'],
)  # fmt: skip
def test_another_versions_answer_is_not_understood(answer: str) -> None:
    with pytest.raises(BackendError, match="not understood"):
        held(answer.encode())


def table(
    *rules: tuple[str, list[dict[str, Any]]],
    hook: str = "prerouting",
    chain: bool = True,
    ports: tuple[int, ...] = (25,),
    **flags: str,
) -> bytes:
    objects: list[dict[str, Any]] = [
        {"table": {"name": "smtpwatch", **flags}},
        {"set": {"name": "ports", **({"elem": list(ports)} if ports else {})}},
        {"set": {"name": "smtp4_32", "elem": ["192.0.2.1"]}},
    ]
    if chain:
        objects.append({"chain": {"name": "prerouting", "hook": hook, "type": "filter"}})
    objects += [{"rule": {"chain": chain_, "expr": expr}} for chain_, expr in rules]
    return json.dumps({"nftables": objects}).encode()


Rule = tuple[str, list[dict[str, Any]]]
JUMP: Rule = ("prerouting", [{"match": {"right": "@ports"}}, {"jump": {"target": "smtp"}}])
ALL: Rule = ("prerouting", [{"jump": {"target": "all"}}])
ACCEPT: Rule = ("prerouting", [{"accept": None}])
DROP: Rule = ("smtp", [{"match": {"right": "@smtp4_32"}}, {"drop": None}])


@pytest.mark.parametrize(
    ("listed", "trouble"),
    [
        (table(JUMP, ALL, DROP), ""),
        (table(JUMP, ALL, DROP, chain=False), "our chain is gone"),
        (table(JUMP, ALL, DROP, ports=()), "the set of mail's ports is empty"),
        (table(JUMP, ALL, DROP, flags="dormant"), "our table is switched off"),
        (table(ACCEPT, JUMP, ALL, DROP), "a rule that is not ours stands in our chain prerouting"),
        (table(JUMP, ALL, ("smtp", [{"return": None}]), DROP), "a rule that is not ours stands in our chains"),
        (table(JUMP, ALL, DROP, hook="input"), "our chain hangs on the hook input, not on prerouting"),
        (table(ALL, DROP), "the rule that leads to the blocks of ports smtp is gone"),
        (table(JUMP, ALL), "the rule that drops what is in smtp4_32 is gone"),
        (table(JUMP, ALL, ("smtp", [{"match": {"right": "@smtp4_32"}}, {"accept": None}])), "the rule that drops"),
        (
            table(JUMP, ALL, ("smtp", [{"match": {"right": "@smtp4_32"}}, {"match": {"right": 1}}, {"drop": None}])),
            "the rule",
        ),
    ],
)
def test_what_is_wrong_with_the_rules_is_told(listed: bytes, trouble: str) -> None:
    assert held(listed).trouble.startswith(trouble) and bool(held(listed).trouble) is bool(trouble)


RUN = """
import json, sys
from tests.firewall.test_nftables import changes, Nftables
for name in sys.argv[1:]:
    Nftables().apply(changes()[name])
seen = Nftables().read()
print(json.dumps([seen.trouble, sorted([str(n), s, *e] for (n, s), e in seen.entries.items())]))
"""


def changes() -> dict[str, Change]:
    """By name, so that a process in a namespace can be told which."""
    standing = kinds(CHANGE)
    return {
        "add": CHANGE,
        "again": Change((25,), (Wanted(ONE, "smtp", 60.0, "a2", there=True),), (), standing),
        "move": Change((25,), (Wanted(ONE, "all", None, "a3"),), ((ONE, "smtp"), (SIX, "smtp")), standing),
        "none": Change((25,), (), ((ONE, "smtp"), (NETWORK, "smtp"), (SIX, "all"), (ONE, "all")), standing),
    }


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace("nft") as made:
        assert_confined(made)
        yield made


def after(namespace: Namespace, *names: str) -> tuple[str, dict[tuple[str, str], Entry]]:
    done = namespace.run(sys.executable, "-c", RUN, *names)
    assert done.returncode == 0, done.stderr
    trouble, entries = json.loads(done.stdout)
    return trouble, {(network, scope): Entry(*rest) for network, scope, *rest in entries}


@pytest.mark.needs("namespaces", "nft")
class TestReal:
    """Against nft itself."""

    def test_nothing_of_ours(self, namespace: Namespace) -> None:
        assert after(namespace) == ("", {})

    def test_added(self, namespace: Namespace) -> None:
        trouble, entries = after(namespace, "add")
        assert trouble == "" and set(entries) == {(str(ONE), "smtp"), (str(NETWORK), "smtp"), (str(SIX), "all")}
        one, wide = entries[str(ONE), "smtp"], entries[str(NETWORK), "smtp"]
        assert one.expires is not None and 3590 <= one.expires <= 3600
        assert (one.packets, one.octets, one.tag) == (0, 0, "a1") and wide.expires is None

    def test_times_set_anew(self, namespace: Namespace) -> None:
        _, entries = after(namespace, "add", "again")
        one = entries[str(ONE), "smtp"]
        assert one.expires is not None and one.expires <= 60 and one.tag == "a2" and len(entries) == 3

    def test_the_same_twice(self, namespace: Namespace) -> None:
        assert after(namespace, "add", "add", "again", "again")[1].keys() == after(namespace)[1].keys()

    def test_moved_and_what_was_not_there_is_not_missed(self, namespace: Namespace) -> None:
        trouble, entries = after(namespace, "add", "move")
        assert trouble == "" and set(entries) == {(str(ONE), "all"), (str(NETWORK), "smtp"), (str(SIX), "all")}

    def test_all_taken_out(self, namespace: Namespace) -> None:
        assert after(namespace, "add", "none") == ("", {})

    def test_what_is_in_the_way_leaves_nothing_half_done(self, namespace: Namespace) -> None:
        for command in ("add table inet smtpwatch", "add set inet smtpwatch smtp4_24 { type ipv6_addr; }"):
            assert namespace.run("nft", *command.split()).returncode == 0
        done = namespace.run(sys.executable, "-c", RUN, "add")
        assert done.returncode == 1 and b"ToolError" in done.stderr
        assert b"smtp4_32" not in namespace.run("nft", "list", "table", "inet", "smtpwatch").stdout

    def test_others_are_left_alone(self, namespace: Namespace) -> None:
        theirs = "table inet filter {\nchain input {\ntype filter hook input priority 0\ntcp dport 25 accept\n}\n}\n"
        done = namespace.run("nft", theirs)
        assert done.returncode == 0, done.stderr
        before = namespace.run("nft", "list", "table", "inet", "filter").stdout
        after(namespace, "add", "again", "move", "none")
        assert namespace.run("nft", "list", "table", "inet", "filter").stdout == before

    def test_thousands_of_others_rules_cost_nothing_of_ours(self, namespace: Namespace, tmp_path: Path) -> None:
        rules = "\n".join(f"ip saddr 10.{at // 250}.{at % 250}.0/24 drop" for at in range(5_000))
        theirs = tmp_path / "theirs"
        theirs.write_text(f"table ip theirs {{\nchain input {{\ntype filter hook input priority 0\n{rules}\n}}\n}}\n")
        done = namespace.run("nft", "-f", theirs)
        assert done.returncode == 0, done.stderr
        assert len(after(namespace, "add")[1]) == 3


def test_the_networks_of_a_length_are_told_by_it() -> None:
    listed = json.dumps({"nftables": [{"set": {"name": "all6_64", "elem": ["2001:db8::"]}}]}).encode()
    assert list(held(listed).entries) == [(ip_network("2001:db8::/64"), "all")]


def test_sets_of_others_in_our_table_are_passed_over() -> None:
    listed = json.dumps({"nftables": [{"set": {"name": "mine", "elem": ["x"]}}, {"set": {"name": "smtp5_1"}}]}).encode()
    assert held(listed).entries == {}
