"""What is found of trusted networks, and how programs and files are read for it: within limits of time and octets,
whatever they hold."""

import os
import re
import selectors
import signal
import stat
import subprocess
import time
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from collectors.host.mta import PROGRAMS
from smtpwatch.trusted import Trusted, TrustedNetwork

LIMIT = 10.0  # seconds for a program; it takes some hundredths
TEXT_MAX = 1 << 20  # octets of a program's output or a file: some 50,000 addresses, more than anyone trusts
SAID_MAX = 4_096  # octets kept of what a program complains of, the last ones
CHUNK = 1 << 16  # octets read at a time: what a pipe holds
NETWORKS = 100_000  # those kept of all servers; what asks for each packet's source must hold them all
NOTES = 100  # more than anyone reads
NOTE_MAX = 400  # characters of a note
SHOWN = 100  # characters of what is quoted in one

_running: set[subprocess.Popen[bytes]] = set()
"""Those that `run` waits for, in whichever thread."""

# ip_network would take a netmask or a lone number too, which no mail server takes for a length.
_ADDRESS = re.compile(r"([0-9A-Fa-f:]*[.:][0-9A-Fa-f:.]*)(?:/([0-9]{1,3}))?", re.ASCII)


class UnreadableError(Exception):
    """A program or a file cannot be read; the message is one line that says which, and why."""


class Ran(NamedTuple):
    """What a program wrote and complained of, and its exit status."""

    status: int
    output: str
    said: str

    @property
    def complaint(self) -> str:
        """What it complained of as one line, each sentence once."""
        lines = (line.strip() for line in self.said.splitlines())
        return "; ".join(dict.fromkeys(filter(None, lines))) or f"ended with status {self.status}"


class Notes:
    """What could not be read, in the order it was found, each once.

    `troubled`: a program has failed that may have written of it to the mail log, and would do so again."""

    def __init__(self) -> None:
        self.troubled = False
        self._notes: dict[str, None] = {}

    def note(self, server: str, text: str) -> None:
        """Something of `server` could not be read."""
        note = f"{server}: {text}"
        if len(note) > NOTE_MAX:
            note = f"{note[:NOTE_MAX]}…"
        if len(self._notes) < NOTES:
            self._notes[note] = None
        elif note not in self._notes:
            self._notes["more could not be read than is told here"] = None

    def notes(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._notes)


class Found(Notes):
    """Networks beside the notes, likewise."""

    def __init__(self) -> None:
        super().__init__()
        self._networks: dict[TrustedNetwork, None] = {}

    def add(self, server: str, setting: str, network: IPv4Network | IPv6Network) -> None:
        """`server` trusts `network`, by `setting`."""
        if len(self._networks) < NETWORKS:
            self._networks[TrustedNetwork(network, server, setting)] = None
        else:
            self.note(server, f"{setting}: more than {NETWORKS:,} networks; the others are left out")

    def all(self) -> Trusted:
        """All of them."""
        return Trusted(tuple(self._networks), self.notes())


def quoted(text: str) -> str:
    """Some text from outside, as it is told in a note."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def network_of(text: str, *, strict: bool) -> IPv4Network | IPv6Network | None:
    """The network of "address" or "address/length", None if it is something else. `strict`: bits beyond the length must
    not be set."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    try:
        return ip_network(text, strict)
    except ValueError:
        return None


def text_of(path: str, most: int = TEXT_MAX) -> str:
    """A file's text, of `most` octets. Raises UnreadableError."""
    if not path.startswith("/") or "\0" in path:
        raise UnreadableError(f"{quoted(path)}: not an absolute path")
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for its writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError(f"{path}: not a file")
            octets = file.read(most + 1)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None
    if len(octets) > most:
        raise UnreadableError(f"{path}: longer than {most:,} octets")
    return octets.decode("utf-8", "backslashreplace")


def run(*command: str, most: int = TEXT_MAX) -> Ran:
    """A program, run to its end. Raises UnreadableError if it cannot be started, hangs or writes more than `most`
    octets; its status is the caller's to judge."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": f"{PROGRAMS}:/bin", "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,  # so that its own children end with it
        )
    except OSError as error:
        raise UnreadableError(f"{command[0]}: {error.strerror}") from None
    except ValueError:  # an octet of zero: what is asked for comes from a configuration
        raise UnreadableError(f"{command[0]}: cannot be asked for {quoted(' '.join(command[1:]))}") from None
    _running.add(process)
    end = time.monotonic() + LIMIT
    try:
        output, said = _written(process, command[0], end, most)
        status = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise UnreadableError(f"{command[0]}: took longer than {LIMIT:.0f} s") from None
    finally:
        _running.discard(process)
        _end(process)
    return Ran(status, output.decode("utf-8", "backslashreplace"), said.decode("utf-8", "backslashreplace"))


def end_running() -> None:
    """End what `run` waits for in other threads, before this process ends: nobody would see to it any more."""
    for process in tuple(_running):
        _kill(process)


def _written(process: subprocess.Popen[bytes], name: str, end: float, most: int) -> tuple[bytes, bytes]:
    """What a process writes to its output and as complaints, until it closes both. Raises TimeoutExpired after `end`,
    UnreadableError."""
    output, said = bytearray(), bytearray()
    assert process.stdout is not None and process.stderr is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, output)
        selector.register(process.stderr, selectors.EVENT_READ, said)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if time.monotonic() > end:  # whoever never stops to write is ready for ever
                raise subprocess.TimeoutExpired(name, LIMIT)
            for key, _ in ready:
                octets = os.read(key.fd, CHUNK)
                key.data.extend(octets)
                if not octets:
                    selector.unregister(key.fileobj)
            if len(output) > most:
                raise UnreadableError(f"{name}: wrote more than {most:,} octets")
            del said[:-SAID_MAX]
    return bytes(output), bytes(said)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and its children, if it still runs."""
    if process.returncode is None:
        _kill(process)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Until it is waited for, its number is nobody else's."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
