"""`smtpwatch alerts` on files: the rules without a screen."""

import gc
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.feed import from_files
from smtpwatch.triage import command
from smtpwatch.triage.command import Telling
from smtpwatch.triage.facts import AlertFacts
from tests.hosts.program import PROGRAM
from tests.test_cli import DAMAGED, FAILED, LIMIT, OK, USAGE, complaint, run
from tests.test_cli_logs import HOSTILE, PACKS, START, Write, facts, on_terminal, piped
from tests.test_cli_logs import write as write  # a fixture

TOLD = 6  # README, Alerts
NOTE = (
    "smtpwatch: which domains are ours is not known (domains = [...] in the settings, or --here): an open relay"
    " cannot be proven\n"
)
NOTE_HERE = NOTE.replace(", or --here", "")
OURS = ("--set", 'domains=["ours.example"]')
ALONE = ("--geo", "none")


def stamped(second: float, program: str, text: str, start: float = START) -> bytes:
    """A line of Postfix, so many seconds after the start."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + second))
    return f"{stamp}.{round((start + second) % 1 * 1e6):06d}+00:00 mx postfix/{program}: {text}\n".encode()


def failed_login(second: float, source: str, start: float = START) -> bytes:
    """A client fails to log in, under TLS."""
    who, smtpd = f"unknown[{source}]", f"submission/smtpd[{1_000 + int(second)}]"
    return b"".join(
        [
            stamped(second, smtpd, f"connect from {who}", start),
            stamped(second + 0.5, smtpd, f"warning: {who}: SASL LOGIN authentication failed: UGFzc3dvcmQ6", start),
            stamped(second + 0.9, smtpd, f"disconnect from {who} ehlo=2 starttls=1 auth=0/1 commands=3/4", start),
        ]
    )


def brute_force(source: str, first: float = 0.0, n: int = 15, apart: float = 10.0, start: float = START) -> bytes:
    return b"".join(failed_login(first + k * apart, source, start) for k in range(n))


def mail(second: float, queue_id: str, source: str, recipient: str, relay: str = "mx.else.example") -> bytes:
    """A message that comes, without a login, and leaves."""
    who = f"unknown[{source}]"
    return b"".join(
        [
            stamped(second, "smtpd[9]", f"connect from {who}"),
            stamped(second + 0.1, "smtpd[9]", f"{queue_id}: client={who}"),
            stamped(second + 0.2, "cleanup[8]", f"{queue_id}: message-id=<{queue_id}@else.example>"),
            stamped(second + 0.3, "qmgr[7]", f"{queue_id}: from=<a@theirs.example>, size=900, nrcpt=1 (queue active)"),
            stamped(second + 0.4, "smtpd[9]", f"disconnect from {who} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"),
            stamped(
                second + 1, "smtp[6]",
                f"{queue_id}: to=<{recipient}>, relay={relay}[198.51.100.25]:25, delay=1, delays=0.1/0/0.4/0.5,"
                " dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4Xabc)",
            ),
            stamped(second + 1.1, "qmgr[7]", f"{queue_id}: removed"),
        ]
    )  # fmt: skip


QUIET = b"".join(mail(10 * k, f"{k:010X}", "198.51.100.7", "bob@ours.example") for k in range(5))
RELAYED = mail(0, "0123456789", "203.0.113.9", "x@else.example")


# ---- files


def test_a_brute_force(write: Write) -> None:
    """Once, with its figures at the end."""
    path = write("mail.log", QUIET + brute_force("203.0.113.9", 60))
    ran = run("alerts", *OURS, *ALONE, "-r", path)
    assert (ran.returncode, ran.stderr) == (TOLD, b"")
    (line,) = ran.stdout.splitlines()
    alert = msgspec.json.decode(line, type=AlertFacts, strict=True)
    assert list(json.loads(line)) == list(AlertFacts.__struct_fields__)
    assert (alert.event, alert.rule, alert.severity, alert.state) == ("raised", "brute-force", "warning", "open")
    assert (alert.subject.kind, alert.subject.name, alert.sources) == ("source", "203.0.113.9", ["203.0.113.9"])
    assert alert.count == 15 and alert.first < alert.last
    assert START + 60 < alert.first < START + 220


def test_no_alert(write: Write) -> None:
    ran = run("alerts", *OURS, "-r", write("mail.log", QUIET))
    assert (ran.returncode, ran.stdout, ran.stderr) == (OK, b"", b"")


def test_it_is_over_where_the_file_goes_on(write: Write) -> None:
    later = mail(7_200, "AAAAAAAAAA", "198.51.100.7", "bob@ours.example")
    (alert,) = facts(run("alerts", *OURS, *ALONE, "-r", write("a.log", brute_force("203.0.113.9") + later)).stdout)
    assert (alert["event"], alert["state"]) == ("raised", "over")
    assert alert["last"] < alert["over_at"] < START + 7_200


def test_in_the_order_in_which_they_began(write: Write) -> None:
    """Also from several files, packed ones too."""
    first, second = brute_force("203.0.113.9", 50), brute_force("198.51.100.9", 3_000)
    paths = [write("mail.log", second), write("mail.log.1.gz", PACKS["gz"](first))]
    ran = run("alerts", *OURS, *ALONE, "-r", paths[0], "-r", paths[1])
    assert ran.returncode == TOLD
    assert [alert["subject"]["name"] for alert in facts(ran.stdout)] == ["203.0.113.9", "198.51.100.9"]
    assert piped(second, "alerts", *OURS, *ALONE, "-r", "-").stdout.count(b"\n") == 1


def test_parts_of_a_greater_one_are_not_told(write: Write) -> None:
    """Neighbours, one after the other, become their network."""
    log = b"".join(brute_force(f"203.0.113.{9 + k}", k + 1, apart=20) for k in range(4))
    rows = sorted(log.splitlines(keepends=True))
    told = facts(run("alerts", *OURS, *ALONE, "-r", write("mail.log", b"".join(rows))).stdout)
    assert {"kind": "network", "name": "203.0.113.0/24"} in [alert["subject"] for alert in told]
    assert not [alert for alert in told if alert["subject"]["kind"] == "source"]


def test_severity(write: Write) -> None:
    """The least that is told, and that counts."""
    path = write("mail.log", brute_force("203.0.113.9") + RELAYED)
    for least, rules in (
        ("notice", {"brute-force", "open-relay"}),
        ("warning", {"brute-force", "open-relay"}),
        ("critical", {"open-relay"}),
    ):
        ran = run("alerts", *OURS, *ALONE, "--severity", least, "-r", path)
        assert ran.returncode == TOLD
        assert {alert["rule"] for alert in facts(ran.stdout)} == rules
    path = write("less.log", brute_force("203.0.113.9"))
    ran = run("alerts", *OURS, *ALONE, "--severity", "critical", "-r", path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (OK, b"", b"")


def test_text(write: Write) -> None:
    path = write("mail.log", brute_force("203.0.113.9"))
    ran = run("alerts", "--text", *OURS, *ALONE, "-r", path)
    assert (ran.returncode, ran.stderr) == (TOLD, b"")
    (line,) = ran.stdout.decode().splitlines()
    day, clock, severity, rule, says = line.split(maxsplit=4)
    began = time.mktime(time.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S"))
    assert START < began < START + 200
    assert (severity, rule) == ("warning", "brute-force:")
    (alert,) = facts(run("alerts", *OURS, *ALONE, "-r", path).stdout)
    assert alert["says"] == says
    assert on_terminal("alerts", *OURS, *ALONE, "-r", path, code=TOLD) == ran.stdout.decode()
    assert facts(on_terminal("alerts", "--json", *OURS, *ALONE, "-r", path, code=TOLD).encode()) == [alert]


def test_a_damaged_file(write: Write) -> None:
    """What came before is judged."""
    packed = PACKS["gz"](brute_force("203.0.113.9") + QUIET * 200)
    path = write("mail.log.1.gz", packed[: len(packed) * 3 // 4])
    ran = run("alerts", *OURS, *ALONE, "-r", path)
    assert ran.returncode == DAMAGED
    assert ran.stderr.decode() == f"smtpwatch: {path}: damaged gzip: ends before its end marker\n"
    assert "brute-force" in [alert["rule"] for alert in facts(ran.stdout)]


def test_what_cannot_be_read(write: Write, tmp_path: Path) -> None:
    assert complaint(run("alerts", "-r", write("empty.log", b"")), FAILED).endswith("is empty")
    missing = tmp_path / "missing.log"
    assert complaint(run("alerts", "-r", missing), FAILED) == f"{missing}: No such file or directory"
    letter = write("letter.txt", b"Dear Sir\nor Madam\n")
    assert "neither a capture file" in complaint(run("alerts", "-r", letter), FAILED)


def test_strangers_words(write: Write) -> None:
    """They are in the evidence, and act on nothing."""
    text = (
        f"NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <{HOSTILE}@else.example>: Relay access denied; "
        f"from=<{HOSTILE}@theirs.example> to=<{HOSTILE}@else.example> proto=ESMTP helo=<{HOSTILE}>"
    )
    path = write("mail.log", b"".join(stamped(5 * k, "smtpd[5]", text) for k in range(12)))
    for arguments in (("alerts", *OURS, "-r", path), ("alerts", "--text", *OURS, "-r", path)):
        ran = run(*arguments)
        assert ran.returncode == TOLD
        assert all(line.isprintable() for line in ran.stdout.decode().splitlines())
        assert "203.0.113.9" in ran.stdout.decode()
        shown = on_terminal(*arguments, code=TOLD)
        assert all(char == "\n" or char.isprintable() for char in shown)


def test_a_reader_that_goes_away(write: Write) -> None:
    path = write("mail.log", brute_force("203.0.113.9"))
    with subprocess.Popen(
        [PROGRAM, "alerts", *OURS, "-r", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(LIMIT) == OK


# ---- which domains are ours


def test_an_open_relay_needs_to_know_our_domains(write: Write) -> None:
    path = write("mail.log", RELAYED)
    ran = run("alerts", "-r", path)
    assert (ran.returncode, ran.stdout, ran.stderr.decode()) == (OK, b"", NOTE)
    (alert,) = facts(run("alerts", *OURS, "-r", path).stdout)
    assert (alert["rule"], alert["severity"]) == ("open-relay", "critical")
    ran = run("alerts", *OURS, "--set", 'trusted=["203.0.113.0/24"]', "-r", path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (OK, b"", b"")
    ran = run("alerts", "--set", 'alerts.off=["open-relay"]', "-r", path)
    assert (ran.returncode, ran.stderr) == (OK, b""), "nobody wants to prove one"


class Heard:
    """What a command has put."""

    def __init__(self) -> None:
        self.octets = b""

    def put(self, octets: bytes) -> None:
        self.octets += octets

    @property
    def rules(self) -> list[str]:
        return [alert["rule"] for alert in facts(self.octets)]


def policy(domains: tuple[str, ...], complete: bool = True) -> ev.RelayPolicy:
    return ev.RelayPolicy(0.0, "host", "mx", "postfix", "/etc/postfix", domains, (), complete, "" if complete else "no")


def batches(path: Path) -> Iterator[Sequence[ev.Event]]:
    return from_files([path], Config(), "mx")


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    """The commands set it for a process of their own."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.parametrize(
    ("policies", "rules", "says"),
    [
        ((policy(("ours.example",)),), ["open-relay"], ""),
        ((policy(("else.example",)),), [], ""),
        ((), [], NOTE_HERE),
        ((policy(("ours.example",), False),), [], "smtpwatch: postfix /etc/postfix: no\n" + NOTE_HERE),
    ],
)  # fmt: skip
def test_here_the_mail_server_is_asked(
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    policies: tuple[ev.RelayPolicy, ...],
    rules: list[str],
    says: str,
) -> None:
    asked: list[tuple[str, float]] = []

    def answer(host: str, now: float) -> tuple[ev.RelayPolicy, ...]:
        asked.append((host, now))
        return tuple(msgspec.structs.replace(each, time=now) for each in policies)

    monkeypatch.setattr(command, "relay_policies", answer)
    heard = Heard()
    path = write("mail.log", RELAYED)
    code = command.from_files(Config(), batches(path), Telling(heard.put, "notice", False), "mx")
    assert (code, heard.rules) == (TOLD if rules else OK, rules)
    assert capsys.readouterr().err == says
    assert asked == [("mx", START)]


def test_too_many_to_tell(write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "HELD", 2)
    heard = Heard()
    log = b"".join(brute_force(f"203.{k}.113.9", 1_000 * k) for k in range(4))
    config = Config(domains=("ours.example",), alerts=Config().alerts)
    path = write("mail.log", log)
    assert command.from_files(config, batches(path), Telling(heard.put, "notice", False)) == TOLD
    assert [alert["subject"]["name"] for alert in facts(heard.octets)] == ["203.0.113.9", "203.1.113.9"]
    assert capsys.readouterr().err.startswith("smtpwatch: 2 more alerts are not told")


# ---- wrong usage


@pytest.mark.parametrize(
    "arguments", [("--severity", "bad"), ("--severity",), ("--json", "--text"), ("--nonsense",), ("file.log",)]
)
def test_wrong_options(arguments: tuple[str, ...]) -> None:
    ran = run("alerts", *arguments)
    assert (ran.returncode, ran.stdout) == (USAGE, b"")
    assert b"error: " in ran.stderr.splitlines()[-1]


def test_here_is_for_files() -> None:
    assert "--here is for files" in complaint(run("alerts", "--here"), USAGE)


@pytest.mark.parametrize("command_", ['["tell-alert"]', '["./tell-alert"]', '[""]'])
def test_a_command_without_its_path_is_refused(write: Write, command_: str) -> None:
    path = write("mail.log", QUIET)
    said = complaint(run("alerts", "--set", f"alerts.on_alert={command_}", "-r", path), USAGE)
    assert said.startswith("alerts.on_alert begins with the command's whole path: ")
    settings = write("settings.toml", f"[alerts]\non_alert = {command_}\n".encode())
    assert complaint(run("events", "--config", settings, "-r", path), USAGE) == said


def test_help() -> None:
    told = " ".join(run("alerts", "--help").stdout.decode().split())
    for code in (OK, FAILED, USAGE, DAMAGED, TOLD):
        assert f" {code} " in told.partition("exit codes:")[2]
    assert "alerts.on_alert is not run" in told
