"""fail2ban's jails: what is asked of fail2ban-client, and what comes of it when it fails."""

import time
from ipaddress import ip_network
from pathlib import Path

import pytest

from smtpwatch.firewall import fail2ban
from smtpwatch.firewall.backend import BackendError, Change, Entry, Wanted
from smtpwatch.firewall.fail2ban import Fail2ban
from tests.firewall.programs import HANGS, LIMIT, Programs

_IGNORED = "These IP addresses/networks are ignored:\n|- 127.0.0.0/8\n`- ::1"
_LEAST_ARGUMENTS = 128 << 10  # octets, execve(2)
_ACTION = "[ $4 = touch ] && echo 'nft add set inet t s \\\\{ type ipv4_addr\\\\; \\\\}'"
_FOREVER = "2026-12-01 04:18:24 + -1 = 9999-12-31 23:59:59"


class Jail(Programs):
    """fail2ban-client with a jail whose bans are a file."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.banned = directory / "banned"
        self.banned.touch()
        self.backend = Fail2ban("mail", path=self.path, limit=LIMIT)
        self.answer()

    def answer(self, **scripts: str) -> None:
        """Scripts by what they answer; what is not given goes well."""
        told = {
            "get_mail_banip": f"cat {self.banned}",
            "get_mail_ignoreip": f"echo '{_IGNORED}'",
            "get_mail_actions": "echo 'The jail mail has the following actions:'; echo 'touch, python'",
            "get_mail_action": _ACTION.replace("ipv4_addr", "ipv4_addr\\\\\\\\; flags interval"),
            "set_mail_banip": f"shift 3; for each; do printf '%s \\t{_FOREVER}\\n' $each >>{self.banned}; done",
            "set_mail_unbanip": f'shift 3; for each; do sed -i "\\\\|^$each |d" {self.banned}; done',
        } | scripts
        cases = "\n".join(f"{words}) {script};;" for words, script in told.items())
        self.put(fail2ban.PROGRAM, f"case $1_$2_$3 in\n{cases}\nesac")

    def held(self) -> set[str]:
        return {str(network) for network, _ in self.backend.read().entries}

    def told(self) -> list[str]:
        """What the jail was told to do so far."""
        return [each.words for each in self.asked() if " set " in each.words]


@pytest.fixture
def jail(tmp_path: Path) -> Jail:
    return Jail(tmp_path)


def _ban(*texts: str, remove: tuple[str, ...] = ()) -> Change:
    add = tuple(Wanted(ip_network(text), "all", 60, "7") for text in texts)
    return Change((25,), add, tuple((ip_network(text), "all") for text in remove))


@pytest.mark.parametrize("name", ["", "-x", "a b", "a;b", "a\n", "ä", "a/b", "*"])
def test_what_can_be_no_jails_name(name: str) -> None:
    with pytest.raises(BackendError, match="no name of a jail"):
        Fail2ban(name)


def test_bans_and_unbans(jail: Jail) -> None:
    jail.backend.apply(_ban("203.0.113.7", "203.0.114.0/24", "2001:db8::/32"))
    jail.backend.apply(_ban("203.0.113.8", remove=("203.0.114.0/24", "203.0.113.99", "203.0.113.8")))
    client = "fail2ban-client set mail"
    assert jail.told() == [
        f"{client} banip 203.0.113.7 203.0.114.0/24 2001:db8::/32",
        f"{client} banip 203.0.113.8",
        f"{client} unbanip 203.0.114.0/24",
    ]
    assert jail.held() == {"203.0.113.7/32", "203.0.113.8/32", "2001:db8::/32"}


def test_the_socket_is_named_where_it_is_given(jail: Jail) -> None:
    backend = Fail2ban("mail", Path("/run/f2b.sock"), jail.path, LIMIT)
    jail.put(fail2ban.PROGRAM, "")
    backend.read()
    assert jail.asked()[-1].words == "fail2ban-client -s /run/f2b.sock get mail banip --with-time"
    assert backend.commands(_ban("203.0.113.7")) == ["fail2ban-client -s /run/f2b.sock set mail banip 203.0.113.7"]


def test_arguments_stay_below_what_linux_takes(jail: Jail) -> None:
    many = [
        str(ip_network((0x20010DB8 << 96 | 0xFFFF << 80 | number << 32 | 0xFFFFFFFF, 128))) for number in range(2600)
    ]
    change = _ban(*many)
    commands = jail.backend.commands(change)
    assert sum(len(each.split()) - 4 for each in commands) == 2600
    assert len(commands) < 10
    assert max(map(len, commands)) < _LEAST_ARGUMENTS / 2, "the environment takes room too"
    jail.backend.apply(change)
    assert len(jail.held()) == 2600


def test_ends_are_in_the_hosts_own_time(jail: Jail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the zone of the admin's terminal."""
    east = tmp_path / "localtime"  # tzfile(5): one type of time, 9 hours east
    east.write_bytes(
        b"TZif" + b"\0" * 16 + b"".join(n.to_bytes(4) for n in (0, 0, 0, 0, 1, 4)) + (32400).to_bytes(4) + b"\0\0JST\0"
    )
    monkeypatch.setattr(fail2ban, "LOCAL", east)
    monkeypatch.setenv("TZ", "EST5EDT")
    time.tzset()
    try:
        end = int(time.time()) + 500
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(end + 32400))
        jail.banned.write_text(f"203.0.113.7 \t2026-12-01 04:18:24 + 600 = {text}\n203.0.113.8 \t{_FOREVER}\n")
        entries = jail.backend.read().entries
    finally:
        monkeypatch.undo()
        time.tzset()
    expires = entries[ip_network("203.0.113.7"), "smtp"].expires
    assert expires is not None
    assert 490 < expires <= 500
    assert entries[ip_network("203.0.113.8"), "smtp"] == Entry(None, None, None, "")


def test_what_is_no_address_is_left_out(jail: Jail) -> None:
    jail.banned.write_text(f"some one \t{_FOREVER}\n203.0.113.7 \t{_FOREVER}\n\n")
    assert jail.held() == {"203.0.113.7/32"}


@pytest.mark.parametrize("answer", ["203.0.113.7 203.0.113.8", "Invalid command", "203.0.113.7 \tsoon"])
def test_an_answer_that_is_not_understood(jail: Jail, answer: str) -> None:
    """As that of a version that does not know --with-time."""
    jail.banned.write_text(answer)
    with pytest.raises(BackendError, match="fail2ban answers in a way that is not understood"):
        jail.backend.read()
    with pytest.raises(BackendError, match="fail2ban answers in a way that is not understood"):
        jail.backend.apply(_ban("203.0.113.9"))
    assert jail.told() == []


def test_the_error_is_found_among_warnings(jail: Jail) -> None:
    logged = "2026-12-01 04:18:25,214 fail2ban{} [1]: {}\n"
    said = logged.format(".configreader", "WARNING 'allowipv6' not defined")
    unknown = said + logged.format("", "ERROR   NOK: ('mail',)") + "Sorry but the jail 'mail' does not exist"
    jail.answer(get_mail_banip=f'echo "{unknown}" >&2; exit 255')
    with pytest.raises(BackendError, match=r"^fail2ban-client: there is no jail mail$"):
        jail.backend.read()
    jail.answer(get_mail_banip=f'echo "{said}{logged.format("", "ERROR   Permission denied to socket")}" >&2; exit 255')
    with pytest.raises(BackendError, match=r"^fail2ban-client: Permission denied to socket$"):
        jail.backend.read()


def test_no_client(jail: Jail) -> None:
    jail.drop(fail2ban.PROGRAM)
    with pytest.raises(BackendError, match="fail2ban is not installed"):
        jail.backend.read()
    assert jail.backend.commands(_ban(remove=("203.0.113.7",))) == ["fail2ban-client set mail unbanip 203.0.113.7"]


def test_a_client_that_hangs_leaves_it_unsure(jail: Jail) -> None:
    jail.answer(get_mail_banip=HANGS)
    with pytest.raises(BackendError, match="fail2ban-client hangs: no answer within 0 s") as raised:
        jail.backend.read()
    jail.answer(set_mail_banip=f"shift 3; printf '%s \\t{_FOREVER}\\n' $1 >>{jail.banned}; {HANGS}")
    with pytest.raises(
        BackendError, match=r"hangs: .*; it was taken back, but the server may still be at it"
    ) as raised:
        jail.backend.apply(_ban("203.0.113.7"))
    assert raised.value.unsure
    assert jail.held() == set()


def test_what_was_taken_but_not_done_is_an_error(jail: Jail) -> None:
    jail.backend.apply(_ban("203.0.113.1"))
    jail.answer(set_mail_banip="echo 1")
    with pytest.raises(
        BackendError, match=r"took the ban of 203.0.113.7, but mail does not have it; nothing was changed$"
    ):
        jail.backend.apply(_ban("203.0.113.7", remove=("203.0.113.1",)))
    assert jail.held() == {"203.0.113.1/32"}
    jail.answer(set_mail_unbanip="echo 1")
    with pytest.raises(BackendError, match=r"took 203.0.113.1 back, but mail still has it; nothing was changed$"):
        jail.backend.apply(_ban(remove=("203.0.113.1",)))


def test_unbans_that_fail_in_the_middle_are_banned_again(jail: Jail) -> None:
    jail.backend.apply(_ban("203.0.113.1", "203.0.113.2"))
    jail.answer(set_mail_unbanip=f"sed -i 1d {jail.banned}; echo no >&2; exit 1")
    with pytest.raises(BackendError, match=r"^fail2ban-client: no; nothing was changed$"):
        jail.backend.apply(_ban(remove=("203.0.113.1", "203.0.113.2")))
    assert jail.held() == {"203.0.113.1/32", "203.0.113.2/32"}
    assert jail.told()[-1] == "fail2ban-client set mail banip 203.0.113.1"


def test_what_cannot_be_taken_back_is_unsure(jail: Jail) -> None:
    bans = f"printf '%s \\t{_FOREVER}\\n' $4 >>{jail.banned}; exit 1"
    for unbans, said in (("exit 2", "fail2ban-client: exit status 2"), ("echo 1", "fail2ban took 203.0.113.7 back")):
        jail.banned.write_text("")
        jail.answer(set_mail_banip=bans, set_mail_unbanip=unbans)
        with pytest.raises(BackendError, match=f"could not be taken back: {said}") as raised:
            jail.backend.apply(_ban("203.0.113.7", "203.0.113.8"))
        assert raised.value.unsure


def test_a_network_needs_an_action_that_can_ban_it(jail: Jail) -> None:
    jail.backend.apply(_ban("203.0.114.0/24"))
    jail.answer(get_mail_action=_ACTION)
    with pytest.raises(BackendError, match=r"203.0.115.0/24 is a network, and fail2ban's action touch bans single"):
        jail.backend.apply(_ban("203.0.115.0/24"))
    jail.backend.apply(_ban("203.0.115.1"))
    assert jail.held() == {"203.0.114.0/24", "203.0.115.1/32"}
