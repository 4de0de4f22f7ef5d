"""A mail server out of an unpacked Debian package, in namespaces of its own: its files seem to be installed, its /var,
/run and /dev are empty ones, and its accounts are those that the test gives it. The machine's own files are not
touched.

Nothing is left to undo: the mounts end with the last process that sees them. Needs root and util-linux.
"""

import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Self

from tests.hosts.namespaces import Namespace

UNPACKED = Path(__file__).parents[2] / ".cache" / "debian"
"""Where `make debian` puts the packages of tests/debian-unpacked.txt."""

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
HOST = "mx"
_STAMP = len("Nov 25 09:06:01 ")
_END = b"end of the log"
_PATIENCE = 10.0  # seconds; a mail server is up, or has logged what it did, within one


class Confined:
    """The file system view for one server, and the lines that it logs through /dev/log.

    `packages` are laid over /usr; `etc` are files of /etc by name, which take the place of the machine's or join them;
    `prepare` is a shell script that runs within the view before the server does."""

    def __init__(
        self,
        namespace: Namespace,
        packages: Sequence[str],
        etc: Mapping[str, str],
        prepare: str,
        private: Collection[str] = (),
    ) -> None:
        self.namespace = namespace
        self._packages = packages
        self._etc = etc
        self._prepare = prepare
        self._private = private
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="confined-"))
        try:
            self._lay_out()
        except BaseException:
            shutil.rmtree(self.directory)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(_END, str(self.directory / "dev" / "log"))
        self._reader.join()
        self._log.close()
        shutil.rmtree(self.directory)

    def _lay_out(self) -> None:
        self.directory.chmod(0o755)
        for name in ("etc", "etc-work", "dev", "out"):
            (self.directory / name).mkdir()
        for name, content in self._etc.items():
            path = self.directory / "etc" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o600 if name in self._private else 0o644)
        self._log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._log.bind(str(self.directory / "dev" / "log"))
        os.chmod(self.directory / "dev" / "log", 0o666)  # noqa: PTH101
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def script(self) -> str:
        """What makes the view, for a shell in a mount namespace of its own."""
        here = shlex.quote(str(self.directory))
        laid = ":".join(str(UNPACKED / package / "usr") for package in self._packages)
        devices = "".join(f"touch {here}/dev/{name}; mount --bind /dev/{name} {here}/dev/{name}\n" for name in _DEVICES)
        return (
            "set -e\n"
            f"mount -t overlay overlay -o lowerdir={shlex.quote(laid)}:/usr /usr\n"
            f"mount -t overlay overlay -o lowerdir={here}/etc:/etc /etc\n"
            f"{devices}mount --rbind {here}/dev /dev\n"
            "mount -t tmpfs -o mode=755 tmpfs /var; mount -t tmpfs -o mode=755 tmpfs /run\n"
            "ln -s /run /var/run; mkdir -p /var/lib /var/spool /var/mail\n"
            f"{self._prepare}\n"
        )

    def start(self, *command: str) -> None:
        """Run the server, in the foreground, inside."""
        shell = f"{self.script()}exec {shlex.join(command)}"
        said = (self.directory / "out" / "said").open("wb")
        with said:
            self._process = self.namespace.popen(
                "unshare", "--mount", "--uts", "sh", "-c", shell, stdout=said.fileno(), stderr=said.fileno()
            )

    def said(self) -> str:
        """What the server wrote to its terminal."""
        return (self.directory / "out" / "said").read_text()

    def _read(self) -> None:
        """A local syslog, in a thread: the kernel holds few datagrams (net.unix.max_dgram_qlen), and servers wait."""
        while True:
            datagram = self._log.recv(1 << 16)
            if datagram == _END:
                return
            sent = datagram.decode("utf-8", "backslashreplace").rstrip("\n\0")
            stamped = sent.partition(">")[2]  # its priority is not written to a file, and its host is
            self._lines.append(f"{stamped[:_STAMP]}{HOST} {stamped[_STAMP:]}")

    def lines(self) -> list[str]:
        """Every line logged so far, as a local syslog writes it: "Nov 25 09:06:01 mx smtpd[123]: ..."."""
        return self._lines.copy()

    def until(self, found: Callable[[list[str]], bool]) -> list[str]:
        """The lines, as soon as `found` is true of them."""
        limit = time.monotonic() + _PATIENCE
        while not found(self.lines()):
            if time.monotonic() > limit:
                raise TimeoutError("\n".join((self.said(), *self._lines)))
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError("\n".join((self.said(), *self._lines)))
            time.sleep(0.02)
        return self.lines()
