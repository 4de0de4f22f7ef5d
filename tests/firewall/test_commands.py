"""`smtpwatch block`, `unblock` and `blocks`: what is said, asked and returned."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smtpwatch.cli import main
from smtpwatch.config import Config
from smtpwatch.firewall import commands
from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.commands import ASKS, DONE, FAILED, REFUSED
from smtpwatch.firewall.guard import Protected
from tests.firewall.fakes import NOW, Scene, nets

ADMIN, BRIDGE = nets("198.51.100.1", "172.17.0.0/16")


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(
        tmp_path / "journal",
        Protected(ADMIN, "ssh", "the client of this SSH session"),
        Protected(BRIDGE, "container", "containers of this host"),
    )

    @contextmanager
    def opened(config: Config) -> Iterator[Acts]:
        yield made.another()

    monkeypatch.setattr(commands, "opened", opened)
    monkeypatch.setattr(commands, "recent_log", lambda *_: [])
    return made


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main([*arguments, "--geo", "none"])
    return code, capsys.readouterr().out


def test_words_that_are_no_text_are_written_as_they_can_be(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(capsys, "block", "203.0.113.7", "--why", "a\udcffb\x1b[31m")
    assert code == DONE and "a\\u{dcff}b\\e[31m" in run(capsys, "blocks")[1]


def test_restored_and_merged(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "block", "203.0.113.1", "203.0.113.2", "203.0.113.3")
    scene.firewall.held.clear()
    code, told = run(capsys, "blocks", "--merge", "--restore")
    assert code == DONE and scene.blocked() == ["203.0.113.0/30"] and "203.0.113.0/30" in told


def test_blocked_and_let_in_again(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.sessions.live = {nets("203.0.113.7")[0]: 2}
    assert run(capsys, "block", "203.0.113.7") == (
        DONE, "blocked 203.0.113.7 for 1 h on 25, 465, 587; verified (fake), 2 sessions ended\n",
    )  # fmt: skip
    assert run(capsys, "unblock", "203.0.113.7") == (DONE, "let in again: 203.0.113.7\n")
    assert run(capsys, "unblock", "203.0.113.7") == (FAILED, "not blocked: 203.0.113.7\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "for 1 h on 25, 465, 587;"), (("--for", "10m"), "for 10 min on"), (("--for", "1d"), "for 1 day on"),
        (("--for", "ever"), "until removed on"), (("--all-ports",), "for 1 h on all ports;"),
    ],
)  # fmt: skip
def test_times_and_ports(
    scene: Scene, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    assert words in run(capsys, "block", "203.0.113.7", *options)[1]


def test_refused(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "block", "198.51.100.1", "--keep") == (
        REFUSED, "refused: 198.51.100.1 is the client of this SSH session\n",
    )  # fmt: skip
    scene.protected += [Protected(each, "allowlist", "dear") for each in nets(*(f"203.0.113.{at}" for at in range(9)))]
    code, said = run(capsys, "block", "203.0.113.0/24")
    assert code == REFUSED and len(said.splitlines()) == 6 and said.endswith("refused: for 4 more reasons\n")


def test_asks_where_nobody_can_answer(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "block", "172.17.0.5")
    assert code == ASKS and scene.blocked() == []
    assert said == (
        "careful: 172.17.0.5 is in 172.17.0.0/16, containers of this host\n"
        "not blocked: say --yes, and it ends by itself after 60 s; or --keep\n"
    )
    code, said = run(capsys, "block", "172.17.0.5", "--yes")
    assert code == DONE and "for 60 s, unless it is kept (--keep); verified" in said
    code, said = run(capsys, "block", "172.17.0.5", "--keep")
    assert code == DONE and "for 1 h on" in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "blocked"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_asks_who_is_there(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str, blocked: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    code, said = run(capsys, "block", "172.17.0.5")
    assert said.startswith(
        "Block 172.17.0.5 for 1 h on 25, 465, 587?\n"
        "  careful: 172.17.0.5 is in 172.17.0.0/16, containers of this host\n"
        "  it ends by itself after 60 s, unless it is kept (--keep)\n[y/N] "
    )
    assert code == (DONE if blocked else ASKS) and scene.blocked() == (["172.17.0.5/32"] if blocked else [])


def test_json_asks_nothing(scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    code, said = run(capsys, "block", "172.17.0.5", "--json")
    told = json.loads(said)
    assert code == ASKS and told["outcome"] == "asks" and scene.blocked() == []
    assert told["findings"] == [
        ["172.17.0.5/32", "container", "172.17.0.5 is in 172.17.0.0/16, containers of this host"]
    ]


def test_a_firewall_with_times_of_its_own(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.firewall.keeps_time = False
    code, said = run(capsys, "block", "203.0.113.7", "--for", "10m", "--all-ports")
    assert code == DONE and "blocked 203.0.113.7 for as long, and on the ports, that fake has set; verified" in said
    assert run(capsys, "block", "172.17.0.5")[0] == ASKS
    assert run(capsys, "block", "172.17.0.5", "--yes")[0] == DONE
    assert {scope for _network, scope in scene.firewall.held} == {"smtp"}
    assert all(wanted.seconds is None for change in scene.firewall.changes for wanted in change.add)


def test_a_firewall_that_fails(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.firewall.fail = "nft: \x1b[2J"
    assert run(capsys, "block", "203.0.113.7") == (FAILED, "failed: nft: \\e[2J\n")


def test_a_firewall_that_says_yes_and_does_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.firewall.deaf = True
    assert run(capsys, "block", "203.0.113.7") == (FAILED, "failed: 1 of 1 networks are not in the firewall\n")


def test_dry_run(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "block", "203.0.113.7", "172.17.0.5", "198.51.100.1", "--dry-run")
    assert code == ASKS and scene.blocked() == [] and not scene.path.exists()
    assert said.splitlines() == [
        "# 198.51.100.1 is the client of this SSH session",
        "# 172.17.0.5 is in 172.17.0.0/16, containers of this host",
        "fake 2 0",
        "ss --kill --tcp dst 203.0.113.7/32 and '( sport = :25 or sport = :465 or sport = :587 )'",
        "ss --kill --tcp dst 172.17.0.5/32 and '( sport = :25 or sport = :465 or sport = :587 )'",
    ]
    assert "ss --kill --tcp dst 203.0.113.7/32\n" in run(capsys, "block", "203.0.113.7", "--dry-run", "--all-ports")[1]


def test_the_list(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "blocks") == (DONE, "nothing is blocked\n")
    run(capsys, "block", "203.0.113.7", "--why", "relay \x1b[31m tries")
    run(capsys, "block", "172.17.0.5", "--yes")
    scene.firewall.held[nets("2001:db8::/64")[0], "smtp"] = (None, "")
    scene.firewall.packets = 1234
    code, said = run(capsys, "blocks")
    rows = [line.split(maxsplit=6) for line in said.splitlines()[1:]]
    assert code == DONE and sorted(row[0] for row in rows) == ["172.17.0.5", "2001:db8::/64", "203.0.113.7"]
    assert "203.0.113.7                60 min      1,234 verified  ada          relay \\e[31m tries" in said
    assert "172.17.0.5                   60 s      1,234 probation ada" in said
    assert "2001:db8::/64                   -      1,234 verified  another      not in the journal" in said
    rows_ = [json.loads(line) for line in run(capsys, "blocks", "--json")[1].splitlines()]
    (one,) = [row for row in rows_ if row["network"] == "203.0.113.7/32"]
    assert (one["scope"], one["until"], one["who"], one["dropped"], one["state"], one["gone"], one["probation"]) == (
        "smtp", NOW + 3600, "ada", 1234, "verified", False, False,
    )  # fmt: skip


def test_only_mine_are_let_in(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    from smtpwatch.firewall.request import Request

    run(capsys, "block", "203.0.113.7")
    scene.another("bob").block(Request(nets("203.0.113.8")))
    assert run(capsys, "unblock", "--mine") == (DONE, "let in again: 203.0.113.7\n")
    assert scene.blocked() == ["203.0.113.8/32"]
    assert run(capsys, "unblock", "--mine") == (DONE, "nothing is blocked\n")


def test_what_else_may_have_been_meant(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "block", "203.0.113.0/24")
    assert run(capsys, "unblock", "203.0.113.7") == (
        FAILED, "not blocked: 203.0.113.7; 203.0.113.0/24, which holds it, is\n",
    )  # fmt: skip
    assert run(capsys, "unblock", "203.0.0.0/16") == (FAILED, "not blocked: 203.0.0.0/16; in it are: 203.0.113.0/24\n")


@pytest.mark.parametrize(
    "arguments",
    [("block",), ("block", "bob"), ("block", "1.2.3.4", "--for", "x"), ("unblock",), ("unblock", "bob"),
     ("unblock", "1.2.3.4", "--mine"), ("block", "--from", "/nowhere")],
)  # fmt: skip
def test_wrong_usage(scene: Scene, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert run(capsys, *arguments)[0] == 2 and scene.blocked() == []


def test_switched_off(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("block", "203.0.113.7"), ("unblock", "203.0.113.7"), ("blocks",)):
        assert main([*arguments, "--no-block"]) == FAILED
        assert "switched off" in capsys.readouterr().err


def test_neighbours_merged(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    for at in range(4):
        run(capsys, "block", f"203.0.113.{at}")
    assert main(["blocks", "--merge", "--geo", "none"]) == DONE
    told = capsys.readouterr()
    assert "4 blocks are 203.0.113.0/30 now" in told.err and told.out.splitlines()[1].startswith("203.0.113.0/30 ")
    assert scene.blocked() == ["203.0.113.0/30"]
    assert main(["blocks", "--merge", "--geo", "none"]) == DONE
    assert "no neighbours could be one network" in capsys.readouterr().err


def test_what_is_gone_is_restored(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "block", "203.0.113.7", "--why", "spam")
    scene.firewall.held.clear()
    assert main(["blocks", "--geo", "none"]) == DONE
    told = capsys.readouterr()
    assert "gone" in told.out and "1 of them is not in the firewall: smtpwatch blocks --restore" in told.err
    assert main(["blocks", "--restore", "--geo", "none"]) == DONE
    told = capsys.readouterr()
    assert "verified" in told.out and "spam" in told.out and told.err == "" and scene.blocked() == ["203.0.113.7/32"]


def test_an_act_that_was_given_up_is_no_success(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> list[object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "recent_log", interrupted)
    assert run(capsys, "block", "203.0.113.7")[0] == FAILED and scene.blocked() == []


def test_a_wider_block_that_still_holds_it_is_told(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "block", "203.0.113.7", "203.0.113.0/24")
    assert run(capsys, "unblock", "203.0.113.7") == (
        FAILED, "let in again: 203.0.113.7, but 203.0.113.0/24, which holds it, is still blocked\n",
    )  # fmt: skip


def test_a_part_that_was_refused_shows_in_the_exit_code(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, "block", "203.0.113.7", str(ADMIN))
    assert code == REFUSED and "refused: 198.51.100.1" in told and "blocked 203.0.113.7 for 1 h" in told
    assert scene.blocked() == ["203.0.113.7/32"]


def test_a_dry_run_as_json(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, "block", "203.0.113.7", "--dry-run", "--json")
    assert code == DONE and json.loads(told)["networks"] == ["203.0.113.7/32"] and scene.blocked() == []


@pytest.mark.parametrize("time", ["30d", "0s", "0.5s"])
def test_times_that_no_firewall_holds(scene: Scene, capsys: pytest.CaptureFixture[str], time: str) -> None:
    assert main(["block", "203.0.113.7", "--for", time]) == 2
    assert "between 1s and 23d, or `ever`" in capsys.readouterr().err and scene.blocked() == []


@pytest.mark.parametrize("command", [["block", "203.0.113.7"], ["unblock", "203.0.113.7"], ["blocks", "--restore"]])
@pytest.mark.parametrize("played", [["--demo"], ["-r", "/dev/null"]])
def test_what_is_played_blocks_nobody(
    scene: Scene, capsys: pytest.CaptureFixture[str], command: list[str], played: list[str]
) -> None:
    assert main([*played, *command]) == 2
    assert "neither with --demo nor with -r" in capsys.readouterr().err and not scene.firewall.changes


def test_without_a_standard_input(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert run(capsys, "block", "172.17.0.5")[0] == ASKS
    assert main(["block", "--from", "-"]) == 2
    assert "standard input is closed" in capsys.readouterr().err


def test_a_list_that_windows_has_saved(scene: Scene, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbf203.0.113.7\r\n")
    assert run(capsys, "block", "--from", str(tmp_path / "list"))[0] == DONE
    assert scene.blocked() == ["203.0.113.7/32"]


def test_what_was_not_read_of_the_logs_is_told(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def recent(config: object, host: str, now: float, since: float, note: Callable[[str], None]) -> list[object]:
        assert now - since == 4 * 3600
        note("/var/log/mail.log: Permission denied")
        return []

    monkeypatch.setattr(commands, "recent_log", recent)
    main(["block", "203.0.113.7", "--geo", "none"])
    told = capsys.readouterr().err
    assert "good mail of the last 4 hours is not all known: /var/log/mail.log: Permission denied" in told


def test_what_is_refused_is_not_asked_about(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, "block", "172.17.0.5", str(ADMIN.network_address), "127.0.0.1")
    assert code == ASKS and [line.split()[:2] for line in told.splitlines()[:3]] == [
        ["refused:", "198.51.100.1"], ["refused:", "127.0.0.1"], ["careful:", "172.17.0.5"],
    ]  # fmt: skip


def test_of_several_acts_the_worst_is_the_exit_code(
    scene: Scene, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = [("203.0.113.7", "one"), (str(ADMIN.network_address), "two")]
    lines = [json.dumps({"network": network, "until": None, "why": why}) for network, why in rows]
    (tmp_path / "list").write_text("\n".join(lines))
    scene.firewall.fail = "no room"
    assert run(capsys, "block", "--from", str(tmp_path / "list"))[0] == FAILED
