"""The admin's command, with real ones: good, hanging, talkative, missing and failing."""

import json
import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.alert import Alert, Finding, Severity, Subject
from smtpwatch.triage.alerts import Alerts, News
from smtpwatch.triage.facts import HookFacts
from smtpwatch.triage.hook import TOGETHER, WAITING, Hook
from smtpwatch.triage.hook_run import SAID
from tests.triage.told import NOW

LIMIT = 20.0  # seconds, on a machine that is busy
AT_ONCE = 0.5  # seconds that nothing may take that the screen waits for; a start takes 2 ms
STEP = 0.02  # seconds between looks
HOSTILE = "\x1b]0;owned\x07\x1b[2J; $(touch /tmp/owned) `id` \u202e\n--help"

Make = Callable[..., Hook]
Script = Callable[[str], Path]


def finding(name: str = "bob", severity: Severity = Severity.WARNING, says: str = "it is so") -> Finding:
    return Finding(NOW, "brute-force", Subject("account", name), severity, says)


def raised(number: int = 1, severity: Severity = Severity.WARNING, says: str = "it is so") -> News:
    return News(Alert(finding(f"bob{number}", severity, says), number), "raised")


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A program of the admin's, in sh or with a first line of its own."""

    def written(text: str) -> Path:
        path = tmp_path / "tell-alert"
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return written


@pytest.fixture
def make() -> Iterator[Make]:
    """Hooks, ended at the end."""
    hooks: list[Hook] = []

    def made(*command: str | Path, clock: Callable[[], float] = time.monotonic, **limits: Any) -> Hook:
        hooks.append(Hook(Thresholds(on_alert=tuple(map(str, command)), **limits), clock))
        return hooks[-1]

    yield made
    for hook in hooks:
        hook.stop()


def until(hook: Hook, holds: Callable[[], bool]) -> None:
    """Poll until it does."""
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, hook.problem
        time.sleep(STEP)
        hook.poll()


def done(hook: Hook) -> None:
    """Poll until nothing runs."""
    until(hook, lambda: not hook._runs and not hook._waiting)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# ---- what it gets


def test_it_gets_the_alert(make: Make, script: Script, tmp_path: Path) -> None:
    out, arguments = tmp_path / "out", tmp_path / "arguments"
    hook = make(script(f'cat >>{out}; printf "%s\\n" "$0" "$@" >{arguments}'), "to", "me & you")
    hook.take([raised(says=HOSTILE)])
    done(hook)
    assert hook.problem == ""
    (line,) = out.read_text().splitlines()
    assert line.isprintable()
    facts = msgspec.json.decode(line, type=HookFacts, strict=True)
    assert (facts.event, facts.rule, facts.says, facts.left_out) == ("raised", "brute-force", HOSTILE, 0)
    assert arguments.read_text().splitlines() == [str(tmp_path / "tell-alert"), "to", "me & you"]
    assert not Path("/tmp/owned").exists()


def test_the_one_in_readme(make: Make, script: Script, tmp_path: Path) -> None:
    """With a sendmail that writes down what it gets."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    text = textwrap.dedent(f"    #!{readme.partition('    #!')[2].partition('### ')[0]}")
    sendmail, mail = tmp_path / "sendmail", tmp_path / "mail"
    sendmail.write_text(f'#!/bin/sh\n(echo "$@"; cat) >{mail}\n')
    sendmail.chmod(0o755)
    assert text.count("/usr/sbin/sendmail") == 1
    text = text.replace("/usr/sbin/sendmail", str(sendmail)).replace("/usr/bin/python3", sys.executable)
    hook = make(script(text), "postmaster@example.com")
    hook.take([raised()])
    done(hook)
    assert (hook.problem, mail.exists()) == ("", False), "it is not critical"
    hook.take([raised(2, Severity.CRITICAL, "all is lost\r\nBcc: x@else.example")])
    done(hook)
    assert hook.problem == ""
    head, _, body = mail.read_text().partition("\n\n")
    assert head.startswith("-i -t\nTo: postmaster@example.com\nSubject: smtpwatch: brute-force\n")
    assert "Bcc" not in head and "all is lost" in body


PROBE = f"""#!{sys.executable} -I
import json, os, sys
def target(number):
    try:
        return os.readlink(f"/proc/self/fd/{{number}}")
    except OSError:
        return None
facts = dict(
    environment=dict(os.environ), directory=os.getcwd(), leads=os.getsid(0) == os.getpid(),
    descriptors=[number for number in range(256) if target(number)], out=target(1), terminal=os.isatty(2),
)
with open(sys.argv[1], "w") as file:
    json.dump(facts, file)
"""


def test_it_gets_nothing_else(make: Make, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/tmp")
    out = tmp_path / "out"
    with Path("/etc/passwd").open() as ours:
        hook = make(script(PROBE), out)
        assert ours.fileno() > 2
        hook.take([raised()])
        done(hook)
    assert hook.problem == ""
    found = json.loads(out.read_text())
    assert set(found["environment"]) - {"LC_CTYPE"} == {"PATH", "HOME", "LANG"}  # Python sets LC_CTYPE itself
    assert all(part.startswith("/") for part in found["environment"]["PATH"].split(":"))
    assert (found["directory"], found["leads"], found["out"], found["terminal"]) == ("/", True, "/dev/null", False)
    assert found["descriptors"] == [0, 1, 2]


def test_what_it_is_run_for(make: Make, script: Script, tmp_path: Path) -> None:
    """Raised or worse; not for what is over, silenced or acknowledged; once for what is both at once."""
    out = tmp_path / "out"
    hook = make(script(f"cat >>{out}"), on_alert_per_minute=100)
    alerts = Alerts(quiet=60)

    def told() -> list[tuple[str, str]]:
        hook.take(alerts.take_news())
        done(hook)
        found = [(line["subject"]["name"], line["event"]) for line in lines(out)]
        out.unlink(missing_ok=True)
        return found

    bob = alerts.found(finding())
    assert told() == [("bob", "raised")]
    alerts.found(finding())
    assert told() == []
    alerts.found(finding(severity=Severity.CRITICAL))
    assert told() == [("bob", "worse")]
    eve = alerts.found(finding("eve", Severity.NOTICE))
    alerts.found(finding("eve", Severity.CRITICAL))
    assert told() == [("eve", "raised")]
    alerts.silence(eve, NOW + 1_000)
    alerts.acknowledge(bob)
    alerts.found(finding("eve", Severity.CRITICAL))
    alerts.found(finding("bob", Severity.CRITICAL))
    alerts.settle(NOW + 500)
    assert bob.state == eve.state == "over"
    assert told() == []
    alerts.found(finding("eve"))
    assert told() == []


def test_none_is_set(make: Make) -> None:
    hook = make()
    hook.take([raised()])
    hook.poll()
    hook.stop()
    assert hook.problem == ""


# ---- how many


def test_so_many_in_a_minute(make: Make, script: Script, tmp_path: Path) -> None:
    now, out = [1_000.0], tmp_path / "out"
    hook = make(script(f"cat >>{out}"), clock=lambda: now[0], on_alert_per_minute=3)
    hook.take([raised(number) for number in range(1, 6)])
    done(hook)
    assert [line["left_out"] for line in lines(out)] == [0, 0, 0]
    now[0] += 59.9
    hook.take([raised(6)])
    done(hook)
    assert len(lines(out)) == 3
    now[0] += 0.1
    for number in (7, 8):
        hook.take([raised(number)])
        done(hook)
    assert [(line["number"], line["left_out"]) for line in lines(out)[3:]] == [(7, 3), (8, 0)]


def test_the_worst_go_first(make: Make, script: Script, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hook = make(script(f"cat >>{out}"), on_alert_per_minute=1)
    hook.take([raised(1, Severity.NOTICE), raised(2), raised(3, Severity.CRITICAL)])
    done(hook)
    assert [line["number"] for line in lines(out)] == [3]


def test_so_many_at_once(make: Make, script: Script, tmp_path: Path) -> None:
    out, go = tmp_path / "out", tmp_path / "go"
    hook = make(script(f"cat >>{out}; until test -e {go}; do sleep 0.02; done"), on_alert_per_minute=100)
    hook.take([raised(number) for number in range(1, TOGETHER + 3)])
    until(hook, lambda: len(lines(out)) == TOGETHER)
    for _ in range(5):
        hook.poll()
        time.sleep(STEP)
    assert len(lines(out)) == len(hook._runs) == TOGETHER
    go.touch()
    done(hook)
    assert sorted(line["number"] for line in lines(out)) == list(range(1, TOGETHER + 3))
    assert {line["left_out"] for line in lines(out)} == {0}


def test_no_more_wait_than_there_is_room_for(make: Make, script: Script, tmp_path: Path) -> None:
    out, go = tmp_path / "out", tmp_path / "go"
    hook = make(script(f"cat >>{out}; until test -e {go}; do sleep 0.02; done"), on_alert_per_minute=1_000)
    hook.take([raised(number) for number in range(1, TOGETHER + 1)])
    hook.take([raised(number) for number in range(100, 100 + WAITING + 7)])
    assert len(hook._waiting) == WAITING
    go.touch()
    until(hook, lambda: len(lines(out)) >= 3 * TOGETHER)
    assert [line["left_out"] for line in lines(out) if line["left_out"]] == [7]


# ---- how long


def gone(pids: list[int]) -> bool:
    """None of them runs any more."""
    return all(not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in pids)


STUBBORN = """trap '' TERM
sh -c 'trap "" TERM; echo $$ >>{0}; while :; do sleep 0.1; done' &
sh -c 'echo $$ >>{0}; exec sleep 1000' &
echo $$ >>{0}
while :; do sleep 0.1; done"""


def test_one_that_hangs_is_ended_with_all_its_children(make: Make, script: Script, tmp_path: Path) -> None:
    out = tmp_path / "pids"
    hook = make(script(STUBBORN.format(out)), on_alert_limit=1.0)
    began = time.monotonic()
    hook.take([raised()])
    assert time.monotonic() - began < AT_ONCE
    until(hook, lambda: out.exists() and len(out.read_text().split()) == 3)
    pids = [int(word) for word in out.read_text().split()]
    done(hook)
    assert time.monotonic() - began >= 2.0, "asked first"
    assert hook.problem == f"on_alert: {tmp_path}/tell-alert: not done within 1 s, so it was ended"
    until(hook, lambda: gone(pids))


def test_one_that_hangs_may_tidy_up(make: Make, script: Script, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hook = make(script(f"trap 'echo tidy >{out}; exit 0' TERM; while :; do sleep 0.1; done"), on_alert_limit=0.5)
    hook.take([raised()])
    done(hook)
    assert out.read_text() == "tidy\n"
    assert "not done within 0.5 s" in hook.problem


def test_one_that_reads_nothing_keeps_nobody_waiting(make: Make, script: Script) -> None:
    hook = make(script("exec sleep 1000"), on_alert_limit=0.2)
    began = time.monotonic()
    hook.take([raised(says="x" * (4 << 20))])
    assert time.monotonic() - began < AT_ONCE
    done(hook)


def test_one_that_floods_standard_error(make: Make, script: Script, tmp_path: Path) -> None:
    """It is read as far as it goes, and keeps nobody waiting."""
    out = tmp_path / "out"
    hook = make(script(f"yes flood | head -n 1000000 >&2; echo the last >&2; echo done >{out}; exit 3"))
    hook.take([raised()])
    done(hook)
    assert out.exists()
    assert hook.problem.endswith("exit status 3: the last")


def test_one_that_never_ends_to_flood(make: Make, script: Script) -> None:
    hook = make(script("exec yes flood >&2"), on_alert_limit=0.5)
    hook.take([raised()])
    while hook._runs:
        time.sleep(STEP)
        began = time.monotonic()
        hook.poll()
        assert time.monotonic() - began < AT_ONCE
    assert hook.problem.endswith("not done within 0.5 s, so it was ended: flood")


def test_what_it_leaves_behind_is_its_own(make: Make, script: Script, tmp_path: Path) -> None:
    """A mailer that delivers in the background: the command itself has ended."""
    out = tmp_path / "pid"
    hook = make(script(f"sleep 1000 & echo $! >{out}"))
    hook.take([raised()])
    done(hook)
    pid = int(out.read_text())
    assert hook.problem == "" and not gone([pid])
    os.kill(pid, signal.SIGKILL)


# ---- what goes wrong


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (None, 0o755, "No such file or directory"),
        ("#!/bin/sh\n", 0o644, "Permission denied"),
        ("echo no first line\n", 0o755, "Exec format error"),
        ("#!/no/such/shell\n", 0o755, "No such file or directory"),
        ("#!/bin/sh\nexit 1\n", 0o755, "exit status 1"),
        ("#!/bin/sh\necho why >&2; echo because >&2; echo >&2; exit 7\n", 0o755, "exit status 7: because"),
        ("#!/bin/sh\nkill -9 $$\n", 0o755, "ended by signal 9"),
        ("#!/bin/sh\nprintf '\\033[2J\\302\\233x\\377' >&2; exit 1\n", 0o755, "exit status 1: \\e[2J\\x9bx\ufffd"),
        ("#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x >&2; exit 1\n", 0o755, f"exit status 1: {'x' * SAID}"),
    ],
)  # fmt: skip
def test_failures_are_told(make: Make, tmp_path: Path, text: str | None, mode: int, says: str) -> None:
    path = tmp_path / "tell-alert"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    hook = make(path)
    hook.take([raised()])
    done(hook)
    assert hook.problem == f"on_alert: {path}: {says}"
    assert hook.problem.isprintable()


def test_a_directory(make: Make, tmp_path: Path) -> None:
    hook = make(tmp_path)
    hook.take([raised()])
    assert hook.problem == f"on_alert: {tmp_path}: Permission denied"


def test_it_is_forgotten_once_it_works(make: Make, script: Script, tmp_path: Path) -> None:
    """And the alert that could not be told of is among those left out."""
    out = tmp_path / "out"
    hook = make(tmp_path / "tell-alert")
    hook.take([raised()])
    assert "No such file" in hook.problem
    script(f"cat >>{out}")
    hook.take([raised(2)])
    done(hook)
    assert hook.problem == ""
    assert [(line["number"], line["left_out"]) for line in lines(out)] == [(2, 1)]


# ---- the end


def test_at_the_end_the_quick_ones_are_let_finish(make: Make, script: Script, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hook = make(script(f"sleep 0.2; cat >{out}"))
    hook.take([raised()])
    hook.stop()
    assert lines(out)


def test_at_the_end_the_others_are_ended(make: Make, script: Script, tmp_path: Path) -> None:
    out = tmp_path / "pids"
    hook = make(script(STUBBORN.format(out)), on_alert_limit=600)
    hook.take([raised()])
    until(hook, lambda: out.exists() and len(out.read_text().split()) == 3)
    began = time.monotonic()
    hook.stop()
    assert time.monotonic() - began < 4.0
    pids = [int(word) for word in out.read_text().split()]
    until(hook, lambda: gone(pids))


def test_at_the_end_while_one_is_being_ended(make: Make, script: Script, tmp_path: Path) -> None:
    now, out = [0.0], tmp_path / "pids"
    hook = make(script(STUBBORN.format(out)), clock=lambda: now[0], on_alert_limit=5.0)
    hook.take([raised()])
    until(hook, lambda: out.exists() and len(out.read_text().split()) == 3)
    now[0] += 5.0
    hook.poll()
    hook.stop()
    pids = [int(word) for word in out.read_text().split()]
    until(hook, lambda: gone(pids))
