"""Mail filters that log to syslog, run beside a test's Postfix: each with a /dev of its own, whose log is the test's.

Needs root, for a mount namespace; the machine's own /dev/log is neither read nor written.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.hosts.namespaces import Namespace

_LIMIT = 10.0  # seconds; they start in less than one
_LONGEST = 65_536  # octets of one datagram
# A shell that gives a program, its arguments, a /dev with nothing but the usual few devices and a log socket ($1).
_PRIVATE_DEV = """\
set -e
mkdir "$1.dev"
mount --make-rprivate /
mount --bind /dev "$1.dev"
mount -t tmpfs tmpfs /dev
for device in null zero full random urandom; do
    touch /dev/$device
    mount --bind "$1.dev/$device" /dev/$device
done
umount "$1.dev"
rmdir "$1.dev"
ln -s "$1" /dev/log
shift
exec "$@"
"""


class Filter:
    """A program that answers on `port` of the namespace's loopback (0: on none), from the start of the `with` block to
    its end. "{directory}" in its `arguments` is a directory of its own, which holds `files` (name to content) and
    belongs to `user`. `daemon`: the file in which it leaves its process id, if it goes to the background."""

    def __init__(
        self,
        namespace: Namespace,
        arguments: Sequence[str],
        *,
        port: int = 0,
        files: dict[str, str] | None = None,
        user: str = "root",
        daemon: str = "",
    ) -> None:
        self._namespace = namespace
        self._arguments = arguments
        self._port = port
        self._files = files or {}
        self._user = user
        self._daemon = daemon

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="filter-"))
        self._log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._lines: list[str] = []
        try:
            self._lay_out()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process = getattr(self, "process", None)
        if process is not None:
            process.terminate()
            process.wait()
            process.stdin.close()
            self._end_daemon()
        self._log.close()
        shutil.rmtree(self.directory)

    def _end_daemon(self) -> None:
        """It is nobody's child any more; it is its own directory that names it."""
        path = self.directory / self._daemon
        if not self._daemon or not path.exists():
            return
        number = int(path.read_text())
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)
        limit = time.monotonic() + _LIMIT
        while Path(f"/proc/{number}").exists() and time.monotonic() < limit:
            time.sleep(0.02)

    @property
    def lines(self) -> list[str]:
        """What it has sent to syslog so far: "<22>Nov 25 10:00:00 program[1]: text"."""
        while True:
            try:
                self._lines.append(self._log.recv(_LONGEST, socket.MSG_DONTWAIT).decode(errors="backslashreplace"))
            except BlockingIOError:
                return self._lines

    def say(self, text: str) -> None:
        """To its standard input, for a program that speaks there."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait(self, words: str, count: int = 1) -> bool:
        """Whether `count` lines that hold `words` came within some seconds."""
        limit = time.monotonic() + _LIMIT
        while sum(words in line for line in self.lines) < count:
            if time.monotonic() > limit:
                return False
            time.sleep(0.02)
        return True

    def _lay_out(self) -> None:
        for name, content in self._files.items():
            (self.directory / name).write_text(content.replace("{directory}", str(self.directory)))
            (self.directory / name).chmod(0o600)
            shutil.chown(self.directory / name, self._user)
        shutil.chown(self.directory, self._user)
        path = self.directory / "log"
        self._log.bind(str(path))
        path.chmod(0o666)

    def _start(self) -> None:
        arguments = [argument.replace("{directory}", str(self.directory)) for argument in self._arguments]
        command = ("unshare", "--mount", "sh", "-c", _PRIVATE_DEV, "sh", str(self.directory / "log"), *arguments)
        self.process = subprocess.Popen(
            self._namespace.command(*command),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        limit = time.monotonic() + _LIMIT
        while self._port and not self._answers():
            # One that goes to the background ends well before its child listens.
            ended = self.process.poll() if self._daemon else self.process.poll() is not None
            if ended or time.monotonic() > limit:
                raise RuntimeError(f"{arguments[0]} did not start: {self.lines}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        with self._namespace.entered(), socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0


KEY_BITS = "1024"


def make_key(directory: Path) -> tuple[str, str]:
    """A key for DKIM: its PEM, and the public half as a key record has it (RFC 6376, 3.6.1)."""
    path = directory / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-out", path, KEY_BITS], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", path, "-pubout"], check=True, capture_output=True, text=True)
    pem = path.read_text()
    path.unlink()
    return pem, "".join(public.stdout.splitlines()[1:-1])
