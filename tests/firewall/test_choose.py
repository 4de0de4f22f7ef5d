"""Which backend is taken, and what doctor is told of each."""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest

from smtpwatch.firewall import choose as chosen
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.choose import Setting, available, choose
from smtpwatch.firewall.fail2ban import Fail2ban
from smtpwatch.firewall.ipset import IpsetIptables
from smtpwatch.firewall.nftables import Nftables
from tests.firewall.programs import HANGS, LIMIT, Programs
from tests.hosts.namespaces import Namespace

_VERSIONS = {
    "nft": "nftables v1.0.6 (Lester Gooch #5)",
    "iptables": "iptables v1.8.9 (nf_tables)",
    "ipset": "ipset v7.17, protocol version: 7",
    "fail2ban-client": "Fail2Ban v1.0.2",
}
_LISTED = "-P PREROUTING ACCEPT"
_NFT_REFUSES = "echo 'Operation not permitted (you must be root)' >&2; exit 1"
_NEEDS_ROOT = "needs root (or CAP_NET_ADMIN)"


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """All of them, and all answer."""
    made = Programs(tmp_path)
    for name in _VERSIONS:
        _put(made, name, f"echo '{_LISTED}'")
    return made


def _put(programs: Programs, name: str, script: str) -> None:
    programs.put(name, f"[ $1 = --version ] && echo '{_VERSIONS[name]}' && exit\n{script}")


def _says(programs: Programs) -> dict[str, tuple[bool, str]]:
    return {name: (usable, says) for name, usable, says, _silent in available(programs.path)}


def test_versions_are_told_in_a_few_words(programs: Programs) -> None:
    assert list(_says(programs).items()) == [
        ("nftables", (True, "nft 1.0.6")),
        ("iptables", (True, "iptables 1.8.9 (nf_tables), ipset 7.17")),
        ("fail2ban", (True, "fail2ban 1.0.2")),
    ]
    programs.put("ipset", "echo version three")
    assert _says(programs)["iptables"] == (True, "iptables 1.8.9 (nf_tables), ipset of an unknown version")


def test_nftables_comes_first_then_iptables(programs: Programs) -> None:
    assert isinstance(choose("auto", "", programs.path), Nftables)
    assert "nft -j list tables" in [each.words for each in programs.asked()], "the kernel is asked"
    _put(programs, "nft", "echo 'netlink: Error: cache initialization failed' >&2; exit 1")
    assert isinstance(choose("auto", "", programs.path), IpsetIptables)
    programs.drop("nft")
    backend = choose("auto", "", programs.path)
    assert isinstance(backend, IpsetIptables)
    backend.read()
    assert programs.asked()[-1].words == "ipset list -n", "it finds its programs in the same place"


def test_fail2ban_is_taken_only_when_asked_for(programs: Programs) -> None:
    for name in ("nft", "ipset"):
        programs.drop(name)
    with pytest.raises(
        BackendError, match=r"^there is no firewall to block with: install nftables, or iptables and ipset"
    ):
        choose("auto", "mail", programs.path)
    assert isinstance(choose("fail2ban", "mail", programs.path), Fail2ban)
    with pytest.raises(BackendError, match="no name of a jail"):
        choose("fail2ban", "", programs.path)


@pytest.mark.parametrize(("setting", "kind"), [("nftables", Nftables), ("iptables", IpsetIptables)])
def test_what_is_asked_for_by_name_is_taken(programs: Programs, setting: Setting, kind: type) -> None:
    backend = choose(setting, "", programs.path)
    assert isinstance(backend, kind)
    assert backend.name == setting


@pytest.mark.parametrize(
    ("setting", "program", "package"),
    [
        ("nftables", "nft", "nftables"),
        ("iptables", "ipset", "iptables and ipset"),
        ("fail2ban", "fail2ban-client", "fail2ban"),
    ],
)
def test_what_is_not_installed(programs: Programs, setting: Setting, program: str, package: str) -> None:
    programs.drop(program)
    says = f"{program} not installed: install {package}"
    assert _says(programs)[setting] == (False, says)
    with pytest.raises(BackendError, match=f"^{setting} cannot be used: {says}$"):
        choose(setting, "mail", programs.path)


def test_without_the_right(programs: Programs) -> None:
    _put(programs, "nft", _NFT_REFUSES)
    programs.put("ipset", "echo 'ipset v7.17: Kernel error received: Operation not permitted' >&2; exit 1")
    says = _says(programs)
    assert says["nftables"] == (False, f"nft 1.0.6: {_NEEDS_ROOT}")
    assert says["iptables"] == (False, _NEEDS_ROOT)
    with pytest.raises(BackendError) as raised:
        choose("auto", "", programs.path)
    assert str(raised.value) == f"no firewall can be used: nftables: nft 1.0.6: {_NEEDS_ROOT}; iptables: {_NEEDS_ROOT}"
    programs.drop("ipset")
    with pytest.raises(
        BackendError, match=r"^no firewall can be used: nftables: nft 1.0.6: needs root \(or CAP_NET_ADMIN\)$"
    ):
        choose("auto", "", programs.path)


def test_a_kernel_that_does_not_answer(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "LIMIT", LIMIT)
    _put(programs, "nft", HANGS)
    _put(programs, "iptables", "echo 'iptables v1.8.9 (legacy): no table raw' >&2; exit 3")
    says = _says(programs)
    assert says["nftables"] == (False, "nft 1.0.6: nft hangs: no answer within 0 s")
    assert says["iptables"] == (False, "iptables 1.8.9 (nf_tables), ipset 7.17: iptables: no table raw")


def test_a_fail2ban_that_does_not_run(programs: Programs) -> None:
    said = "2026-12-01 04:18:22,829 fail2ban  [1]: ERROR   Failed to access socket path: /s. Is fail2ban running?"
    _put(programs, "fail2ban-client", f"echo '{said}' >&2; exit 255")
    says = "fail2ban 1.0.2: fail2ban-client: Failed to access socket path: /s. Is fail2ban running?"
    assert _says(programs)["fail2ban"] == (False, says)


def test_every_setting_is_known(programs: Programs) -> None:
    assert {choose(setting, "mail", programs.path).name for setting in get_args(Setting)} == {
        "nftables", "iptables", "fail2ban",
    }  # fmt: skip


_SCRIPT = "from smtpwatch.firewall.choose import available\nfor each in available()[:2]: print(*each[1:3])"


@pytest.mark.needs("nft", "ipset", "iptables", "setpriv", "namespaces")
def test_real_programs_with_and_without_the_right() -> None:
    """Without it: still root, but without any capability."""
    with Namespace("choose") as host:
        may = host.run(sys.executable, "-c", _SCRIPT).stdout.decode()
        powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
        may_not = host.run(*powerless, sys.executable, "-c", _SCRIPT).stdout.decode()
    version = r"\d+\.[\d.]+"
    assert re.fullmatch(rf"True nft {version}\nTrue iptables {version}( \(\w+\))?, ipset {version}\n", may)
    assert re.fullmatch(rf"(False (.* {version}: )?{re.escape(_NEEDS_ROOT)}\n){{2}}", may_not)
