"""Where collectors and console meet: a supervised process for each collector, and files read in this one.

A sensor process gets its Config and sends batches (smtpwatch.outbox) on one socket; it ends when that is closed. The
console's end is Sensor: it starts the process, reads batches, and starts another one when the process dies.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from smtpwatch.config import Config
from smtpwatch.errors import CaptureError
from smtpwatch.events import AnyEvent, Event, PlainLine, RelayPolicy, SensorStatus
from smtpwatch.explained import Explained
from smtpwatch.heap import map_what_is_big
from smtpwatch.logs_checked import LogChecked
from smtpwatch.outbox import HEADER, Outbox
from smtpwatch.ports_asked import PortAsked
from smtpwatch.rights import go_first, not_allowed
from smtpwatch.trusted import Trusted

RECEIVE = 256 * 1024  # octets read at a time: what the console applies in a few milliseconds
SEND_BUFFER = 4 << 20  # octets asked for between sensor and console; the kernel may grant less
MESSAGE_MAX = 64 << 20  # octets; a longer message means that the sensor has gone mad
RESTART_AFTER = (1.0, 2.0, 5.0, 15.0, 30.0)  # seconds, by the number of failures in a row
STEADY = 60.0  # seconds of running after which failures are forgotten
GOODBYE = 2.0  # seconds a sensor gets to end by itself

RAW_IP = 12  # DLT_RAW: what a filter sees is the packet from its IP header on

NOT_ALLOWED = 77  # exit status (sysexits.h, EX_NOPERM): trying again is no use
FAILED = 70  # EX_SOFTWARE: it told why before it ended


class Assignment(msgspec.Struct):
    """What a sensor process is told first."""

    config: Config
    host: str
    plain: bool = False


class SensorLostError(Exception):
    """The sensor's octets make no sense or have ended."""


class Sensor:
    """One collector's process, supervised. Time is an argument: `poll(now)` starts, restarts and reports. `plain`: log
    lines without facts are sent too.

    `receive` never blocks; wait on `fileno()` (-1 while there is no process)."""

    def __init__(self, name: str, config: Config, host: str, plain: bool = False) -> None:
        self.name = name
        self._config = config
        self._host = host
        self._plain = plain
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._buffer = bytearray()
        self._decoder = msgspec.msgpack.Decoder(list[AnyEvent | PlainLine])
        self._failures = 0
        self._started = 0.0
        self._start_at: float | None = 0.0
        self._reason = ""

    def fileno(self) -> int:
        """The socket to wait on, -1 for none."""
        return self._sock.fileno() if self._sock is not None else -1

    @property
    def given_up(self) -> bool:
        """It failed for a reason that trying again won't mend."""
        return self._process is None and self._start_at is None

    def poll(self, now: float) -> list[Event]:
        """Start the process if it is time to; returns the status to publish, if there is one."""
        if self._process is None and self._start_at is not None and now >= self._start_at:
            try:
                self._start(now)
            except OSError as error:
                return [self._try_again(now, f"cannot start it: {error}")]
            return [self._status(now, "starting", "")]
        return []

    def _start(self, now: float) -> None:
        self._started = now
        self._reason = ""
        self._buffer.clear()
        ours, theirs = socket.socketpair()
        self._sock = ours
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        with theirs:
            # -P: nothing is imported from the directory that root happens to be in.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "smtpwatch.sensors", self.name, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        body = msgspec.msgpack.encode(Assignment(self._config, self._host, self._plain))
        with suppress(BrokenPipeError):  # it is gone already: `receive` finds that out, and why
            ours.sendall(HEADER.pack(len(body)) + body)
        ours.setblocking(False)

    def receive(self, now: float) -> list[Event]:
        """The events that have come, and, if the process is gone, the status that says so."""
        if self._sock is None:
            return []
        try:
            data = self._sock.recv(RECEIVE)
        except BlockingIOError:
            return []
        except ConnectionError:
            data = b""
        try:
            if not data:
                raise SensorLostError("ended")
            self._buffer += data
            return self._events()
        except (SensorLostError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return [self._lost(now, str(error))]

    def _events(self) -> list[Event]:
        events: list[Event] = []
        view, at = self._buffer, 0
        while len(view) - at >= HEADER.size:
            size = HEADER.unpack_from(view, at)[0]
            if size > MESSAGE_MAX:
                raise SensorLostError(f"sent a message of {size:,} octets")
            end = at + HEADER.size + size
            if len(view) < end:
                break
            events += self._decoder.decode(memoryview(view)[at + HEADER.size : end])
            at = end
        del view[:at]
        for event in events:
            if isinstance(event, SensorStatus):
                self._reason = event.reason if event.state == "failed" else ""
        return events

    def _lost(self, now: float, error: str) -> Event:
        process = self._process
        assert process is not None
        self._end_process(process)
        assert process.stderr is not None
        said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        process.stderr.close()
        self._process = None
        if now - self._started > STEADY:
            self._failures = 0
        reason = self._reason or (said[-1] if said else f"{error}, status {process.returncode}")
        if process.returncode == NOT_ALLOWED:
            self._start_at = None
            return self._status(now, "failed", reason)
        return self._try_again(now, reason)

    def _try_again(self, now: float, reason: str) -> Event:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        delay = RESTART_AFTER[min(self._failures, len(RESTART_AFTER) - 1)]
        self._failures += 1
        self._start_at = now + delay
        return self._status(now, "failed", f"{reason}; trying again in {delay:.0f} s")

    def _end_process(self, process: subprocess.Popen[bytes]) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        try:
            process.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End the process."""
        self._start_at = None
        if self._process is not None:
            self._end_process(self._process)
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None

    def _status(self, now: float, state: str, reason: str) -> SensorStatus:
        return SensorStatus(now, self.name, self._host, state, reason, 0, 0, 0, {}, ())  # type: ignore[arg-type]


def check(config: Config, files: Sequence[Path]) -> str | None:
    """What is wrong with the interfaces or the filter of a live capture, in one line, None if nothing is."""
    if files:  # a file's filter is compiled for the link types in it
        return None
    if config.bpf:
        from collectors.wire.bpf import BpfError, compile_expression

        try:
            compile_expression(config.bpf, RAW_IP)
        except BpfError as error:
            return str(error)
    there = [name for _, name in socket.if_nameindex()]
    for name in config.interfaces:
        if name not in there:
            return f"no interface {name} (there are: {', '.join(there)})"
    return None


def read_files(
    paths: Sequence[Path], config: Config, host: str, now: float, plain: bool = False
) -> Iterator[Sequence[Event]]:
    """The events of captures and logs ("-": standard input), by time, in batches. What was not understood is told in
    a SensorStatus for each kind. `now` dates what standard input says without a year. `plain`: log lines without facts
    are events too.

    Raises CaptureError: at once if a file cannot be read at all, else after the events of all before the damage."""
    from collectors.logs import files as logs
    from collectors.merge import merged
    from collectors.octets import Octets
    from collectors.wire import files as wire
    from collectors.wire.capture_file import is_capture

    opened = [Octets(path) for path in paths]
    if len(opened) == 1 and not opened[0].head(1):
        raise CaptureError(f"{opened[0].name}: is empty")  # beside others it may be, as a log just rotated is
    kinds: dict[bool, list[Octets]] = {True: [], False: []}
    for octets in opened:
        kinds[is_capture(octets)].append(octets)
    damages: list[CaptureError] = []

    def sound(batches: Iterator[Sequence[Event]]) -> Iterator[Sequence[Event]]:
        try:
            yield from batches
        except CaptureError as error:
            damages.append(error)

    streams = []
    if kinds[True]:
        streams.append(sound(wire.read(kinds[True], config, host)))
    if kinds[False]:
        streams.append(sound(logs.read(kinds[False], config.zone(), host, now, plain)))
    yield from merged(streams)
    if damages:
        raise damages[0]


def explain(path: Path, config: Config, host: str, now: float) -> Iterator[Explained]:
    """Each line of a log ("-": standard input) with its facts. Raises CaptureError."""
    from collectors.logs.explain import explain as each
    from collectors.octets import Octets
    from collectors.wire.capture_file import is_capture

    octets = Octets(path)
    if is_capture(octets):
        raise CaptureError(f"{octets.name}: is a capture file; its events: smtpwatch events -r {path}")
    yield from each(octets, config.zone(), host, now)


def check_logs(config: Config, host: str, now: float) -> Iterator[LogChecked]:
    """Each log that would be followed, and what is made of its latest lines."""
    from collectors.logs.check import check as each

    yield from each(config, host, now)


def recent_log(
    config: Config, host: str, now: float, since: float, note: Callable[[str], None]
) -> Iterator[Sequence[Event]]:
    """What this host's logs tell of the time since then, as events; `note` is told, a line each, what was not read."""
    from collectors.logs.recent import recent

    yield from recent(config, host, now, since, note)


def ask_ports(config: Config, host: str) -> Iterator[PortAsked]:
    """Each listener of ours on the watched ports, asked for its certificate, which takes some seconds at most. Raises
    psutil.AccessDenied where only root may know who listens."""
    from collectors.host.certificate import ask_all

    yield from ask_all(config, host, time.time)


def trusted_networks() -> Trusted:
    """The client networks that this host's mail servers trust, which must never be blocked, and a line for each thing
    that could not be read. Asks the servers' programs, which takes a moment; a program that hangs is given up after
    some seconds."""
    from collectors.host.trusted import trusted_networks as find

    return find()


def relay_policies(host: str, now: float) -> tuple[RelayPolicy, ...]:
    """Whom each mail server of this host relays for, by its own configuration, as of `now`. Takes as long as
    trusted_networks does."""
    from collectors.host.relay import relay_policies as find

    return tuple(policy.event(now, host) for policy in find())


def _assignment(sock: socket.socket) -> Assignment:
    size = HEADER.unpack(sock.recv(HEADER.size, socket.MSG_WAITALL))[0]
    return msgspec.msgpack.decode(sock.recv(size, socket.MSG_WAITALL), type=Assignment)


def main() -> int:
    """A sensor process: `python -m smtpwatch.sensors NAME FD`."""
    map_what_is_big()
    name, sock = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    assignment = _assignment(sock)
    sock.setblocking(False)
    outbox = Outbox(sock, name, assignment.host)
    try:
        _collector(name, assignment.plain)(assignment.config, assignment.host, outbox, time.time)
    except BrokenPipeError:
        return 0
    except PermissionError:
        _tell_failure(outbox, name, assignment, not_allowed())
        return NOT_ALLOWED
    except (CaptureError, OSError) as error:
        _tell_failure(outbox, name, assignment, str(error))
        return FAILED
    return 0


Collector = Callable[[Config, str, Outbox, Callable[[], float]], None]
"""Runs until the console is gone: config, host, where events go, the clock. Raises BrokenPipeError then."""


def _collector(name: str, plain: bool) -> Collector:
    """The collector of that name, imported only in its own process."""
    if name == "log":
        from collectors.logs import sensor as log

        return partial(log.run, plain=plain)
    if name == "host":
        from collectors.host import sensor as host

        return host.run
    go_first()
    from collectors.wire import sensor as wire

    return wire.run


def _tell_failure(outbox: Outbox, name: str, assignment: Assignment, reason: str) -> None:
    try:
        outbox.urgent(SensorStatus(time.time(), name, assignment.host, "failed", reason, 0, 0, 0, {}, ()))
    except BrokenPipeError:
        os.write(2, b"the console is gone\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # Ctrl-C goes to the whole process group; the console ends us properly
        sys.exit(0)
