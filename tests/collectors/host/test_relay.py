"""Whom the mail servers relay for: of which of them it is told, and when."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.host import mta as mtas
from collectors.host import opensmtpd, relay_exim, relay_postfix, trusted_found
from collectors.host.opensmtpd import OpenSmtpd
from collectors.host.relay import EVERY, LOOK, PATIENCE, REST, Looking, relay_policies
from collectors.host.relay_found import Domains, Policy
from collectors.host.sensor import HostSensor
from smtpwatch import sensors
from smtpwatch.config import Config
from smtpwatch.events import AnyEvent, Event, RelayPolicy, SensorStatus
from smtpwatch.outbox import HEADER, Outbox
from tests.collectors.host.relay_host import RelayHost

_LIMIT = 10.0  # seconds
_NOW = 1_790_000_000.0
_HOST = "mx.example.net"
_RULE = "match from any for domain a.example action x"


def _policy(domain: str = "a.example", instance: str = "", troubled: bool = False) -> Policy:
    return Policy("postfix", instance, (domain,), ("10.0.0.0/8",), True, "", troubled)


def _event(policy: Policy, now: float) -> RelayPolicy:
    return RelayPolicy(now, "host", _HOST, "postfix", policy.instance, policy.domains, policy.networks, True, "")


# ---- which servers


def test_no_mail_server(relay_host: RelayHost) -> None:
    assert relay_host.policies() == ()


def test_as_the_core_asks(relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch) -> None:
    relay_host.relays_postfix(mydestination="a.example", mynetworks="10.0.0.0/8")
    monkeypatch.setattr("collectors.host.relay.relay_policies", relay_host.policies)
    assert sensors.relay_policies(_HOST, _NOW) == (_event(_policy(), _NOW),)


def test_all_that_are_set_up(relay_host: RelayHost) -> None:
    relay_host.relays_postfix(mydestination="a.example")
    relay_host.relays_exim(local_domains="b.example", relay_to_domains="")
    relay_host.relays_opensmtpd("match from any for domain c.example action x")
    assert [(policy.mta, policy.domains) for policy in relay_host.policies()] == [
        ("postfix", ("a.example",)), ("exim", ("b.example",)), ("opensmtpd", ("c.example",)),
    ]  # fmt: skip


@pytest.mark.parametrize("running", [True, False])
def test_those_that_run_alone(relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch, running: bool) -> None:
    relay_host.relays_exim(local_domains="b.example", relay_to_domains="")
    relay_host.relays_opensmtpd(_RULE)
    exim = mtas.Mta("exim", "", (str(relay_host.programs / "exim4"), "-bpr"), not running)
    monkeypatch.setattr("collectors.host.relay.mail_servers", lambda path: [exim])
    smtpd = OpenSmtpd(f"{relay_host.directory}/smtpd.conf", running)
    monkeypatch.setattr(opensmtpd, "opensmtpd", lambda path: smtpd)
    assert [policy.mta for policy in relay_host.policies()] == ["opensmtpd" if running else "exim"]


class _Process:
    """As psutil tells of one. No process has that number."""

    pid = 1 << 23

    def __init__(self, executed: str | None, *arguments: str, name: str = "smtpd", uid: int = 0) -> None:
        self._executed, self._arguments, self._name, self._uid = executed, arguments, name, uid

    def name(self) -> str:
        return self._name

    def exe(self) -> str:
        if self._executed is None:
            raise psutil.AccessDenied(self.pid)
        return self._executed

    def cmdline(self) -> list[str]:
        return list(self._arguments)

    def uids(self) -> object:
        return type("uids", (), {"real": self._uid})


_DEFAULT, _OTHER = "smtpd.conf", "/etc/other.conf"


@pytest.mark.parametrize(
    ("process", "configuration"),
    [
        (_Process("{}/smtpd", "{}/smtpd", "-F"), _DEFAULT),
        (_Process("{}/smtpd", "smtpd", "-F", "-f", _OTHER), _OTHER),
        (_Process("{}/smtpd", "smtpd", f"-f{_OTHER}"), _OTHER),
        (_Process(None, "{}/smtpd", "-f", _OTHER), _OTHER),
        (_Process("", "{}/smtpd"), _DEFAULT),
        (_Process("{}/smtpd", "smtpd: lookup", uid=901), None),
        (_Process("/home/evil/smtpd", "{}/smtpd", "-f", "/home/evil/x"), None),
        (_Process("/usr/lib/postfix/sbin/smtpd", "smtpd", "-n", "smtp"), None),
        (_Process(None, "smtpd", "-n", "smtp"), None),
        (_Process(None), None),
        (_Process("{}/smtpd", "{}/smtpd", name="other"), None),
    ],
)
def test_a_running_opensmtpd(
    relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch, process: _Process, configuration: str | None
) -> None:
    relay_host.relays_opensmtpd("listen on all")  # no rule: that it runs is enough
    process._executed = process._executed and process._executed.format(relay_host.programs)
    process._arguments = tuple(argument.format(relay_host.programs) for argument in process._arguments)
    monkeypatch.setattr(psutil, "process_iter", lambda: iter([process]))
    found = opensmtpd.opensmtpd(str(relay_host.programs))
    expected = str(relay_host.directory / configuration) if configuration else ""
    assert found == (OpenSmtpd(expected, True) if configuration else None)


def test_an_opensmtpd_that_does_not_run(relay_host: RelayHost) -> None:
    assert opensmtpd.opensmtpd(str(relay_host.programs)) is None
    relay_host.program("smtpd")
    assert opensmtpd.opensmtpd(str(relay_host.programs)) is None, "no configuration"
    relay_host.relays_opensmtpd("no rule of", "# match")
    assert opensmtpd.opensmtpd(str(relay_host.programs)) is None, "another program's"
    relay_host.relays_opensmtpd(f"  {_RULE}")
    assert opensmtpd.opensmtpd(str(relay_host.programs)) == OpenSmtpd(f"{relay_host.directory}/smtpd.conf", False)
    (relay_host.programs / "smtpd").unlink()
    assert opensmtpd.opensmtpd(str(relay_host.programs)) is None, "what an uninstalled one has left"


# ---- when


class _Scene:
    """A Looking, and what it finds there each time."""

    def __init__(self, *rounds: Sequence[Policy]) -> None:
        self._rounds = iter(rounds)
        self.looks = 0
        self.looking = Looking(_HOST, self._look)

    def _look(self) -> Sequence[Policy]:
        self.looks += 1
        return next(self._rounds)

    def at(self, now: float, done: float = 0.0) -> Sequence[RelayPolicy]:
        """What is told after a poll at `now`, with whatever that begins, which ends `done` seconds later."""
        told = list(self.looking.poll(now))
        assert not told
        end = time.monotonic() + _LIMIT
        while self.looking._looking:
            assert time.monotonic() < end
            if self.looking._seen.empty():
                time.sleep(0.005)
            else:
                told += self.looking.poll(now + done)
        return told


def test_at_the_start_and_every_ten_minutes() -> None:
    scene = _Scene(*[[_policy()]] * 20)
    assert scene.at(_NOW) == [_event(_policy(), _NOW)]
    assert scene.at(_NOW + LOOK - 1) == []
    assert scene.looks == 1
    for minute in range(1, 10):
        assert scene.at(_NOW + LOOK * minute) == []
    assert scene.looks == 10
    assert scene.at(_NOW + EVERY) == [_event(_policy(), _NOW + EVERY)]


def test_at_once_when_it_has_changed() -> None:
    """The one server that it has changed for; one that comes back is told of again."""
    one, other, changed = _policy(), _policy(instance="/etc/x"), _policy("b.example")
    scene = _Scene([one, other], [changed, other], [other], [changed, other])
    assert len(scene.at(_NOW)) == 2
    assert scene.at(_NOW + 60) == [_event(changed, _NOW + 60)]
    assert scene.at(_NOW + 120) == []
    assert scene.at(_NOW + 180) == [_event(changed, _NOW + 180)]


def test_a_look_that_takes_long_is_not_repeated_soon() -> None:
    scene = _Scene([_policy()], [_policy()])
    scene.at(_NOW, done=9.0)
    scene.at(_NOW + 9 + REST * 9 - 1)
    assert scene.looks == 1
    scene.at(_NOW + 9 + REST * 9)
    assert scene.looks == 2


def test_what_fails_is_not_tried_again_soon() -> None:
    scene = _Scene([_policy(troubled=True)], [_policy()], [_policy()])
    scene.at(_NOW)
    scene.at(_NOW + PATIENCE - 1)
    assert scene.looks == 1
    assert len(scene.at(_NOW + PATIENCE)) == 1
    assert scene.at(_NOW + PATIENCE + LOOK) == [], "that it is better is nothing to tell"


def test_the_system_does_not_say_what_runs() -> None:
    """It is tried again, and what was told is not forgotten."""
    rounds = iter([_policy()])
    broken = [False]

    def look() -> Sequence[Policy]:
        if broken[0]:
            raise psutil.AccessDenied
        return [next(rounds)]

    scene = _Scene()
    scene.looking = Looking(_HOST, look)
    assert len(scene.at(_NOW)) == 1
    broken[0] = True
    assert scene.at(_NOW + LOOK) == []
    rounds = iter([_policy()])
    broken[0] = False
    assert len(scene.at(_NOW + LOOK + PATIENCE)) == 1


def test_the_clock_was_set_back() -> None:
    scene = _Scene([_policy()], [_policy()])
    scene.at(_NOW)
    scene.looking.at_once(_NOW - 1_000_000)
    assert len(scene.at(_NOW - 1_000_000)) == 1


# ---- any text

_PIECES = st.sampled_from(
    [":", "::", "<;", "!", "+a", "hash:", "cidr:", "{", "}", "[", "]", "/", ".a", "*.", "@", "@[]", "dsearch;/", " ",
     ",", "lsearch;/", "\\n", "\0"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=20).map("".join)))
def test_no_text_does_harm(text: str) -> None:
    domains = Domains()
    for below in ("", "all", "dotted"):
        relay_postfix._List("postfix", "relay_domains", ("/nowhere/postmap",), domains, below).take(text)
    relay_exim._List("exim", "local_domains", "/nowhere/exim", domains, "").take(text)
    assert all(len(note) <= trusted_found.NOTE_MAX + 1 for note in domains.notes())
    assert all(domain == domain.lower() and domain.isprintable() for domain in domains.domains())


# ---- in the sensor


class _Console:
    """The console's end of a HostSensor that runs in a thread."""

    def __init__(self, looking: Looking) -> None:
        self._sock, theirs = socket.socketpair()
        theirs.setblocking(False)
        self._buffer = b""
        self.events: list[Event] = []
        sensor = HostSensor(Config(), _HOST, Outbox(theirs, "host", _HOST), time.time, list, looking=looking)
        self._thread = threading.Thread(target=self._run, args=(sensor,))
        self._thread.start()

    def _run(self, sensor: HostSensor) -> None:
        with pytest.raises(BrokenPipeError):
            sensor.run()

    def wait(self, enough: Callable[[Sequence[Event]], bool]) -> None:
        end = time.monotonic() + _LIMIT
        while not enough(self.events):
            self._sock.settimeout(max(0.01, end - time.monotonic()))
            self._buffer += self._sock.recv(1 << 16)
            while len(self._buffer) >= HEADER.size:
                size = HEADER.unpack_from(self._buffer)[0] + HEADER.size
                if len(self._buffer) < size:
                    break
                body, self._buffer = self._buffer[HEADER.size : size], self._buffer[size:]
                self.events += msgspec.msgpack.decode(body, type=list[AnyEvent])

    def close(self) -> None:
        self._sock.close()
        self._thread.join(_LIMIT)
        assert not self._thread.is_alive()


@pytest.fixture
def watch() -> Iterator[Callable[[Looking], _Console]]:
    consoles: list[_Console] = []

    def start(looking: Looking) -> _Console:
        consoles.append(_Console(looking))
        return consoles[-1]

    yield start
    for console in consoles:
        console.close()


def test_the_sensor_tells(relay_host: RelayHost, watch: Callable[[Looking], _Console]) -> None:
    relay_host.relays_postfix(mydestination="a.example", mynetworks="10.0.0.0/8")
    console = watch(Looking(_HOST, relay_host.policies))
    console.wait(lambda events: any(isinstance(event, RelayPolicy) for event in events))
    (told,) = (event for event in console.events if isinstance(event, RelayPolicy))
    assert told == _event(_policy(), told.time)


def test_a_program_that_hangs_keeps_neither_health_nor_end_waiting(
    relay_host: RelayHost, watch: Callable[[Looking], _Console]
) -> None:
    relay_host.relays_postfix()
    started = relay_host.directory / "started"
    relay_host.program("postconf", f"echo $$ > {started}; exec sleep 72")
    console = watch(Looking(_HOST, relay_host.policies))
    console.wait(lambda events: sum(isinstance(event, SensorStatus) for event in events) > 1)
    assert not any(isinstance(event, RelayPolicy) for event in console.events)
    pid = int(started.read_text())
    assert psutil.pid_exists(pid)
    began = time.monotonic()
    console.close()
    while psutil.pid_exists(pid):
        assert time.monotonic() < began + trusted_found.LIMIT / 2, "it was left behind"
        time.sleep(0.01)


def test_the_whole_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is nothing at all, nothing is told, and nothing goes wrong."""
    monkeypatch.setattr(mtas, "DEFAULT_DIRECTORIES", (str(tmp_path),))
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(()))
    assert relay_policies(os.devnull) == ()
