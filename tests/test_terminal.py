"""The demo on a real terminal: tmux, real keys, and what is on the screen then."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LIMIT = 30.0  # seconds after which something is not going to appear
LOOK = 0.1
FIXED = ("NO_COLOR", "COLUMNS", "LINES")  # what would decide colour and size whatever the terminal is

pytestmark = [pytest.mark.needs("tmux"), pytest.mark.xdist_group("terminal")]


class Tmux:
    """A terminal of its own, on a server of its own."""

    def __init__(self, directory: Path, command: list[str], size: tuple[int, int] = (80, 24), **env: str) -> None:
        self._base = ["tmux", "-S", str(directory / "tmux"), "-f", os.devnull]
        width, height = size
        wanted = {"TERM": "tmux-256color", "LC_ALL": "C.UTF-8", "TZ": "UTC", **env}
        assignments = [f"{name}={value}" for name, value in wanted.items()]
        self._run(
            "new-session", "-d", "-x", str(width), "-y", str(height),
            shlex.join(["env", *(f"--unset={name}" for name in FIXED), *assignments, *command]),
        )  # fmt: skip

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._base, *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
        return done.stdout

    def screen(self, *flags: str) -> str:
        """What is shown."""
        return self._run("capture-pane", "-p", *flags)

    def keys(self, *keys: str, typed: str = "") -> None:
        """Press keys by tmux's names; `typed` as it is."""
        for key in keys:
            self._run("send-keys", key)
        if typed:
            self._run("send-keys", "-l", typed)

    def until(self, seen: Callable[[str], bool], what: str) -> str:
        """The screen once that is on it."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            shown = self.screen()
            if seen(shown):
                return shown
            time.sleep(LOOK)
        pytest.fail(f"never seen: {what}\n{self.screen()}")

    def shows(self, *words: str) -> str:
        """The screen once all these are on it."""
        return self.until(lambda shown: all(word in shown for word in words), " and ".join(words))

    def hides(self, word: str) -> str:
        """The screen once that is not on it any longer."""
        return self.until(lambda shown: word not in shown, f"a screen without {word}")

    def resize(self, width: int, height: int) -> None:
        """Another size."""
        self._run("resize-window", "-x", str(width), "-y", str(height))

    @property
    def alive(self) -> bool:
        """The program has not ended."""
        return bool(self._run("list-sessions"))

    def close(self) -> None:
        """End all."""
        self._run("kill-server")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Tmux]:
    """The demo at 80x24."""
    tmux = Tmux(tmp_path, [sys.executable, "-m", "smtpwatch", "--demo"])
    yield tmux
    tmux.close()


def test_from_the_burst_to_its_source(demo: Tmux) -> None:
    demo.shows("203.0.113.7 ", "Why", "relay denied", "● wire", "● log", "● host", "RO")
    demo.keys("2", "g")
    demo.shows("offenders in", "203.0.113.0/24")
    demo.keys("/", typed="203.0.113")
    demo.hides("198.51.100.0/24")
    demo.keys("Enter", "Enter")
    demo.shows("/src:203.0.113.0/24", "203.0.113.7 ", "EXAMPLE-HOST")
    demo.keys("Home", "Down", "Up", "Enter")
    demo.shows("AS64500", "why refused", "what came of it")
    demo.keys("End")
    demo.shows("C> ", "S< ")
    demo.keys("Escape")
    demo.shows("/src:203.0.113.0/24")
    demo.keys("Escape")
    demo.shows("offenders in", "/203.0.113")
    demo.hides("/src:203.0.113.0/24")


def test_a_filter_goes_along(demo: Tmux) -> None:
    demo.keys("3")
    demo.shows("client", "ylmf-pc")
    demo.keys("/", typed="tsl:1.3 x")
    demo.shows("tsl: no such field; tls?")
    demo.keys("C-u", typed="account:bo")
    demo.keys("Tab")
    demo.shows("account:bob")
    demo.keys("Enter")
    demo.shows("/account:bob", "587")
    demo.keys("4")
    demo.shows("queue id", "/account:bob", "bob")
    demo.hides("newsletter")
    demo.keys("Escape")
    demo.hides("/account:bob")


def test_from_a_log_line_to_its_session(demo: Tmux) -> None:
    demo.keys("9")
    demo.shows("program", "NOQUEUE: reject")
    demo.keys("/", typed="reason:unknown prog:smtpd")
    demo.keys("Enter")
    demo.shows("/reason:unknown", "NOQUEUE")
    demo.keys("Up", "Enter")
    demo.shows("the line as it was logged", "Refused", "reason")
    demo.shows("o: its transcript")
    demo.keys("o")
    demo.shows("L: postfix/smtpd", "550 5.1.1")
    demo.keys("Escape")
    demo.shows("the line as it was logged")
    demo.keys("Escape")
    demo.shows("program")


def test_every_pane_has_something_true_to_show(demo: Tmux) -> None:
    for key, words in {
        "1": ("source", "Why", "TLS", "client"),
        "2": ("198.51.100.20", "VN"),
        "3": ("client", "HELO"),
        "4": ("queue id", "sent"),
        "5": ("bigmail.example", "defer"),
        "6": ("Sessions", "STARTTLS", "AUTH without TLS"),
        "9": ("dovecot", "qmgr"),
    }.items():
        demo.keys(key)
        shown = demo.shows(*words)
        assert all(len(line) <= 80 for line in shown.splitlines())


def test_freeze_resize_help_and_quit(demo: Tmux) -> None:
    demo.shows("203.0.113.7 ")
    demo.keys("Space")
    demo.until(lambda shown: shown.startswith("+"), "what waits")
    demo.keys("Space", "?")
    demo.shows("This table", "Everywhere")
    demo.keys("Escape")
    demo.resize(120, 40)
    demo.shows("Messages and refusals, 10 min", "Accounts", "TLS in")
    demo.keys("z")
    demo.hides("Accounts")
    demo.keys("z", "+")
    demo.shows("Messages and refusals, 1 min")
    demo.keys("q")
    end = time.monotonic() + LIMIT
    while demo.alive and time.monotonic() < end:
        time.sleep(LOOK)
    assert not demo.alive


@pytest.mark.parametrize("how", ["NO_COLOR", "theme"])
def test_no_colour_at_all(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-m", "smtpwatch", "--demo", *(["--theme", "mono"] if how == "theme" else [])]
    tmux = Tmux(tmp_path, command, (120, 40), **({"NO_COLOR": "1"} if how == "NO_COLOR" else {}))
    try:
        tmux.shows("203.0.113.7 ")
        for key in "1234569":
            tmux.keys(key)
            time.sleep(0.5)
            escapes = {part.partition("m")[0] for part in tmux.screen("-e").split("\x1b[")[1:]}
            codes = {code for each in escapes for code in each.split(";") if code}
            assert codes <= {"0", "1", "2", "4", "7", "22", "24", "27", "39", "49"}, codes
    finally:
        tmux.close()
