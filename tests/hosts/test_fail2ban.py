"""A real fail2ban with a configuration of its own, in a network namespace, whose actions run nft(8) there."""

import os
import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from smtpwatch.firewall import fail2ban
from smtpwatch.firewall.backend import BackendError, Change, Held, Wanted
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.fail2ban import Fail2ban
from smtpwatch.firewall.prefixes import Network
from tests.hosts import fail2ban_host
from tests.hosts.fail2ban_host import told
from tests.hosts.ipset_host import assert_in, net
from tests.hosts.namespaces import Namespace

pytestmark = [
    pytest.mark.xdist_group("fail2ban"),
    pytest.mark.needs("fail2ban-server", "fail2ban-client", "nft", "namespaces"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Namespace, Path]]:
    """A host with a fail2ban that runs, and the directory with its socket."""
    directory = tmp_path_factory.mktemp("fail2ban")
    with Namespace("fail2ban") as host, fail2ban_host.fail2ban(host, directory):
        yield host, directory


@pytest.fixture
def mail(lab: tuple[Namespace, Path]) -> Iterator[Fail2ban]:
    yield _jail(lab, "mail")
    assert _client(lab[1], "unban", "--all") == 0


def _client(directory: Path, *arguments: str) -> int:
    return told(directory / "sock", *arguments)


def _jail(lab: tuple[Namespace, Path], name: str) -> Fail2ban:
    return Fail2ban(name, lab[1] / "sock")


def _wanted(text: str, seconds: float | None = 60, scope: Scope = "smtp") -> Wanted:
    return Wanted(net(text), scope, seconds, "7")


def _ban(*texts: str) -> Change:
    return Change((25,), tuple(map(_wanted, texts)))


def _unban(*texts: str) -> Change:
    return Change((25,), (), tuple((net(text), "smtp") for text in texts))


def _held(backend: Fail2ban) -> set[Network]:
    return {network for network, _ in backend.read().entries}


def _kernel(lab: tuple[Namespace, Path], jail: str = "mail") -> str:
    """What the jail's action has made of it."""
    with lab[0].entered():
        assert_in(lab[0])
        return subprocess.run(
            ["nft", "list", "table", "inet", jail], capture_output=True, check=True, timeout=20
        ).stdout.decode()


def test_bans_are_made_read_back_and_taken_back(mail: Fail2ban, lab: tuple[Namespace, Path]) -> None:
    assert mail.read() == Held({}, "")
    texts = ["203.0.113.7", "203.0.114.0/24", "2001:db8:1::/48", "::1.2.3.4"]
    mail.apply(_ban(*texts))
    held = mail.read()
    assert (set(held.entries), held.trouble) == ({(net(text), "smtp") for text in texts}, "")
    for entry in held.entries.values():
        assert entry.expires is not None
        assert 590 < entry.expires <= 601, "the jail's time, not the one that was asked for"
        assert entry[1:] == (None, None, "")
    assert all(text in _kernel(lab) for text in texts)
    mail.apply(_unban("203.0.113.7", "2001:db8:1::/48", "::1.2.3.4", "203.0.113.99"))
    assert _held(mail) == {net("203.0.114.0/24")}
    assert "203.0.113.7" not in _kernel(lab)


def test_a_jail_that_bans_for_ever(mail: Fail2ban, lab: tuple[Namespace, Path]) -> None:
    ever = _jail(lab, "ever")
    ever.apply(_ban("203.0.113.7"))
    assert ever.read().entries[net("203.0.113.7"), "smtp"].expires is None
    assert _held(mail) == set()


def test_a_ban_that_has_ended_is_gone(mail: Fail2ban, lab: tuple[Namespace, Path]) -> None:
    brief = _jail(lab, "brief")
    brief.apply(_ban("203.0.113.7"))
    expires = brief.read().entries[net("203.0.113.7"), "smtp"].expires
    assert expires is not None
    assert expires <= 3
    limit = time.monotonic() + 8
    while _held(brief):
        assert time.monotonic() < limit
        time.sleep(0.2)
    brief.apply(_unban("203.0.113.7"))


def test_time_is_set_anew(mail: Fail2ban) -> None:
    def left() -> float:
        return mail.read().entries[net("203.0.113.7"), "smtp"].expires or 0

    mail.apply(_ban("203.0.113.7"))
    time.sleep(3)  # fail2ban tells whole seconds
    before = left()
    mail.apply(_ban("203.0.113.7", "203.0.113.8"))
    assert left() > before + 1
    assert _held(mail) == {net("203.0.113.7"), net("203.0.113.8")}


def test_a_network_that_is_not_there_takes_no_other_with_it(mail: Fail2ban) -> None:
    """As fail2ban would: it unbans all that lie in a network that it does not have."""
    mail.apply(_ban("203.0.113.7"))
    mail.apply(_unban("203.0.113.0/24"))
    assert _held(mail) == {net("203.0.113.7")}


@pytest.mark.parametrize("text", ["198.51.100.7", "198.51.0.0/16", "2001:db8:5::/64"])
def test_what_the_jail_ignores_is_not_banned(mail: Fail2ban, text: str) -> None:
    with pytest.raises(BackendError, match="is in ignoreip of mail") as raised:
        mail.apply(_ban("203.0.113.7", text))
    assert not raised.value.unsure
    assert _held(mail) == set()


def test_every_address_at_once_is_refused(mail: Fail2ban) -> None:
    """fail2ban would ban 0.0.0.0 alone."""
    with pytest.raises(BackendError, match="fail2ban cannot hold ::/0: it takes it for one address"):
        mail.apply(Change((25,), (Wanted(ip_network("::/0"), "smtp", 60, ""),)))
    assert _held(mail) == set()


def test_networks_are_refused_by_an_action_that_bans_addresses_only(
    mail: Fail2ban, lab: tuple[Namespace, Path]
) -> None:
    narrow = _jail(lab, "narrow")
    with pytest.raises(BackendError, match=r"203.0.114.0/24 is a network, and fail2ban's action narrow bans single"):
        narrow.apply(_ban("203.0.113.7", "203.0.114.0/24"))
    assert _held(narrow) == set()
    narrow.apply(_ban("203.0.113.7"))
    assert "203.0.113.7" in _kernel(lab, "narrow")


def test_networks_and_fail2bans_own_nftables(mail: Fail2ban, lab: tuple[Namespace, Path]) -> None:
    """Until fail2ban 1.0 its action cannot, and fails in the log alone."""
    stock = _jail(lab, "stock")
    stock.apply(_ban("203.0.113.7"))
    try:
        stock.apply(_ban("203.0.114.0/24"))
    except BackendError as error:
        assert "bans single addresses only" in str(error)
        assert _held(stock) == {net("203.0.113.7")}
    else:
        assert "203.0.114.0/24" in _kernel(lab, "f2b-table")
    assert "203.0.113.7" in _kernel(lab, "f2b-table")


def test_no_such_jail(lab: tuple[Namespace, Path]) -> None:
    nosuch = _jail(lab, "nosuch")
    for act in (nosuch.read, lambda: nosuch.apply(_ban("203.0.113.7")), lambda: nosuch.apply(_unban("203.0.113.7"))):
        with pytest.raises(BackendError, match=r"^fail2ban-client: there is no jail nosuch$"):
            act()


def test_no_server(tmp_path: Path) -> None:
    none = Fail2ban("mail", tmp_path / "sock")
    for act in (none.read, lambda: none.apply(_ban("203.0.113.7"))):
        with pytest.raises(
            BackendError, match=r"^fail2ban-client: Failed to access socket path: .* Is fail2ban running"
        ):
            act()


def test_many_in_batches(mail: Fail2ban, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fail2ban, "BATCH", 20)
    texts = [f"203.0.113.{number}" for number in range(50)]
    mail.apply(_ban(*texts))
    assert _held(mail) == {net(text) for text in texts}
    mail.apply(_unban(*texts[1:]))
    assert _held(mail) == {net(texts[0])}


def test_a_failure_in_the_middle_leaves_what_was_there(
    mail: Fail2ban, lab: tuple[Namespace, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch of bans fails; or else the unbans, when all bans are made."""
    monkeypatch.setattr(fail2ban, "BATCH", 2)
    mail.apply(_ban("203.0.113.1", "203.0.113.2"))
    change = _ban("203.0.113.2", "203.0.113.3", "203.0.113.4")._replace(remove=((net("203.0.113.1"), "smtp"),))
    for word in ("203.0.113.4", "unbanip"):
        client = tmp_path / "fail2ban-client"
        flag = tmp_path / word
        client.write_text(
            f'#!/bin/sh\ncase "$*" in *{word}*) [ -e {flag} ] || {{ touch {flag}; echo no >&2; exit 255; }};; esac\n'
            'exec /usr/bin/fail2ban-client "$@"\n'
        )
        client.chmod(0o755)
        failing = Fail2ban("mail", lab[1] / "sock", path=f"{tmp_path}:{os.defpath}")
        with pytest.raises(BackendError, match=r"^fail2ban-client: no; nothing was changed$") as raised:
            failing.apply(change)
        assert not raised.value.unsure
        assert _held(mail) == {net("203.0.113.1"), net("203.0.113.2")}


def test_the_commands_are_what_is_run(mail: Fail2ban, lab: tuple[Namespace, Path]) -> None:
    mail.apply(_ban("203.0.113.1"))
    change = _ban("203.0.113.7", "2001:db8:1::/48")._replace(remove=((net("203.0.113.1"), "smtp"),))
    commands = mail.commands(change)
    client = f"fail2ban-client -s {lab[1] / 'sock'} set mail"
    assert commands == [f"{client} banip 203.0.113.7 2001:db8:1::/48", f"{client} unbanip 203.0.113.1"]
    for each in commands:
        subprocess.run(["sh", "-c", each], check=True, capture_output=True, timeout=20)
    assert _held(mail) == {net("203.0.113.7"), net("2001:db8:1::/48")}
