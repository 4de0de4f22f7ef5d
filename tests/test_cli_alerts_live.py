"""`smtpwatch alerts` as it happens: on a log that grows, with the admin's command, and on the clock."""

import json
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.triage import command
from smtpwatch.triage.command import Telling
from smtpwatch.triage.facts import HookFacts
from tests.hosts.program import PROGRAM
from tests.test_cli import FAILED, LIMIT, OK, complaint, run
from tests.test_cli_alerts import ALONE, OURS, TOLD, Heard, brute_force
from tests.test_cli_alerts import _collector_as_it_was as _collector_as_it_was  # a fixture
from tests.test_cli_logs import Write, facts
from tests.test_cli_logs import write as write  # a fixture
from tests.triage.told import NOW, opened, session


class Following:
    """`smtpwatch alerts` on a log that grows; `lines` are read as they come."""

    def __init__(self, log: Path, *options: str) -> None:
        self._log = log
        self.process = subprocess.Popen(
            [PROGRAM, "alerts", "--sensors", "log", "--log", log, "--hostname", "mx", *ALONE, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._settle()

    def _settle(self) -> None:
        """Its sensor has opened the log."""
        end = time.monotonic() + LIMIT
        while not self._opened():
            assert time.monotonic() < end
            time.sleep(0.05)

    def _opened(self) -> bool:
        children = psutil.Process(self.process.pid).children()
        return any(str(self._log) == file.path for child in children for file in child.open_files())

    def write(self, octets: bytes) -> None:
        with self._log.open("ab") as file:
            file.write(octets)

    def line(self, error: bool = False) -> str:
        """The next one."""
        stream = self.process.stderr if error else self.process.stdout
        assert stream is not None
        assert select.select([stream], [], [], LIMIT)[0], "it comes at once"
        return stream.readline().decode()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, bytes, bytes]:
        """Exit code, and what else was printed."""
        self.process.send_signal(number)
        out, error = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, error


Follow = Callable[..., Following]


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    begun: list[Following] = []

    def begin(*options: str) -> Following:
        log = tmp_path / "mail.log"
        log.touch()
        begun.append(Following(log, *options))
        return begun[-1]

    yield begin
    for each in begun:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


def lately(source: str) -> bytes:
    """A brute force of the last seconds."""
    return brute_force(source, n=12, apart=1.0, start=time.time() - 15)


def test_live(follow: Follow) -> None:
    """At once; and it is over though nothing comes any more."""
    live = follow("--set", "alerts.quiet=3")
    live.write(lately("203.0.113.9"))
    raised = json.loads(live.line())
    assert (raised["event"], raised["state"], raised["rule"]) == ("raised", "open", "brute-force")
    over = json.loads(live.line())
    assert (over["event"], over["state"], over["number"]) == ("over", "over", raised["number"])
    assert over["over_at"] == over["last"] + 3
    assert live.stop() == (OK, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_as_text(follow: Follow, number: signal.Signals) -> None:
    live = follow("--text", "--severity", "warning")
    live.write(lately("203.0.113.9"))
    assert "warning  brute-force: 203.0.113.9: " in live.line()
    began = time.monotonic()
    assert live.stop(number) == (OK, b"", b"")
    assert time.monotonic() - began < LIMIT / 4


def test_live_the_command_is_run(follow: Follow, tmp_path: Path) -> None:
    out, tell = tmp_path / "out", tmp_path / "tell-alert"
    tell.write_text(f"#!/bin/sh\ncat >>{out}.new && mv {out}.new {out}\n")
    tell.chmod(0o755)
    live = follow("--severity", "critical", "--set", f'alerts.on_alert=["{tell}"]')
    live.write(lately("203.0.113.9"))
    end = time.monotonic() + LIMIT
    while not out.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    told = msgspec.json.decode(out.read_bytes(), type=HookFacts, strict=True)
    assert (told.event, told.rule, told.subject.name) == ("raised", "brute-force", "203.0.113.9")
    assert live.stop() == (OK, b"", b""), "it is not critical"


def test_live_the_command_fails(follow: Follow, tmp_path: Path) -> None:
    """Alerts are told all the same, and that it fails once."""
    live = follow("--set", f'alerts.on_alert=["{tmp_path}/no"]')
    for source in ("203.0.113.9", "198.51.100.9"):
        live.write(lately(source))
        assert json.loads(live.line())["subject"]["name"] == source
    said = f"smtpwatch: on_alert: {tmp_path}/no: No such file or directory\n"
    assert live.line(error=True) == said
    assert live.stop() == (OK, b"", b"")


def test_files_run_no_command(write: Write, tmp_path: Path) -> None:
    settings = f'alerts.on_alert=["/usr/bin/touch", "{tmp_path}/out"]'
    assert run("alerts", *OURS, "--set", settings, "-r", write("a.log", brute_force("203.0.113.9"))).returncode == TOLD
    assert not (tmp_path / "out").exists()


def in_clear(time_: float, outcome: str, code: int) -> list[ev.Event]:
    wire = session("203.0.113.7", time_, port=587)
    reply = wire.of(ev.Reply, time_ + 0.4, "AUTH", code, None, "said")
    return [*opened(wire), reply, wire.auth(time_ + 0.5, outcome), wire.closed(time_ + 1)]


def test_live_it_becomes_worse() -> None:
    """One that was not worth telling is, then; and the clock goes on where no events come."""
    played: list[list[ev.Event]] = [in_clear(NOW, "failure", 535), in_clear(NOW + 60, "success", 235), []]
    told = {}
    for least in ("notice", "critical"):
        heard = Heard()
        assert command.live(Config(), iter(played), Telling(heard.put, least, False)) == TOLD
        told[least] = [(each["event"], each["severity"], each["number"]) for each in facts(heard.octets)]
    worse = [("worse", "critical", 1), ("over", "critical", 1)]
    assert told == {"notice": [("raised", "warning", 1), *worse], "critical": worse}
    heard = Heard()
    command.live(Config(), iter(played), Telling(heard.put, "notice", True))
    raised, worse_, over = heard.octets.decode().splitlines()
    assert " warning  clear-login: 203.0.113.7 tried" in raised
    assert " critical clear-login: 203.0.113.7 logged in" in worse_
    assert " critical clear-login: over: 203.0.113.7 logged in" in over


def test_live_no_such_interface() -> None:
    assert "nope0" in complaint(run("alerts", "-i", "nope0"), FAILED)
