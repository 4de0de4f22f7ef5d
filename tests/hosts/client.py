"""An SMTP client that does exactly what it is told, wrong things too, and remembers what it saw.

smtplib is one of the peers in the tests; this one is for what smtplib refuses to do: pipeline, chunk, reset, interrupt.
"""

import socket
import ssl
import struct
from ipaddress import ip_address
from types import TracebackType
from typing import NamedTuple, Self

_TIMEOUT = 10.0  # seconds; every reply of a local Postfix takes milliseconds


class Reply(NamedTuple):
    """`text` has the lines without their codes, joined by \\n."""

    code: int
    text: str

    @property
    def queue_id(self) -> str | None:
        """The id that Postfix gave the message, from "2.0.0 Ok: queued as ID" (smtpd(8))."""
        _, found, rest = self.text.partition("queued as ")
        return rest.split()[0] if found else None


class Client:
    """One connection from `source` to `server`:`port`. To be made inside Namespace.entered().

    Leaving the `with` block closes it (FIN) where nothing else did."""

    def __init__(
        self, server: str, port: int = 25, *, source: str = "", tls: ssl.SSLContext | None = None, name: str = ""
    ) -> None:
        """`tls` set: TLS from the first octet (RFC 8314), with `name` as SNI."""
        family = socket.AF_INET6 if ip_address(server).version == 6 else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_STREAM)
        plain.settimeout(_TIMEOUT)
        if source:
            plain.bind((source, 0))
        plain.connect((server, port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own: tuple[str, int] = plain.getsockname()[:2]
        self.ip, self.port = own
        self.server, self.server_port = server, port
        self._socket: socket.socket = plain
        self._buffer = b""
        if tls is not None:
            self._wrap(tls, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def tls(self) -> tuple[str, str] | None:
        """(version, cipher) as OpenSSL names them."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return None
        cipher, version = self._socket.cipher(), self._socket.version()
        assert cipher is not None
        assert version is not None
        return version, cipher[0]

    def _wrap(self, context: ssl.SSLContext, name: str) -> None:
        self._socket = context.wrap_socket(self._socket, server_hostname=name)

    def send(self, octets: bytes) -> None:
        """As they are, in one write."""
        self._socket.sendall(octets)

    def reply(self) -> Reply:
        """The next whole reply (RFC 5321, 4.2). Raises EOFError where the server has closed."""
        lines: list[str] = []
        while True:
            line = self._line().decode()
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), "\n".join(lines))

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            more = self._socket.recv(65536)
            if not more:
                raise EOFError("the server closed the connection")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def command(self, line: str) -> Reply:
        """Send one line and wait for its reply."""
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def starttls(self, context: ssl.SSLContext, name: str) -> Reply:
        """STARTTLS and the handshake (RFC 3207)."""
        reply = self.command("STARTTLS")
        self._wrap(context, name)
        return reply

    def message(self, text: bytes) -> Reply:
        """DATA, the message and its final dot; `text` must need no dot-stuffing."""
        self.command("DATA")
        self.send(text + b"\r\n.\r\n")
        return self.reply()

    def end_of_stream(self) -> bytes:
        """What the server still sends until it closes."""
        rest, self._buffer = self._buffer, b""
        while more := self._socket.recv(65536):
            rest += more
        return rest

    def quit(self) -> Reply:
        """QUIT, then wait for the server to close, as a polite client does."""
        reply = self.command("QUIT")
        self.end_of_stream()
        self.close()
        return reply

    def reset(self) -> None:
        """Drop the connection with RST (socket(7), SO_LINGER of 0)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """FIN."""
        self._socket.close()
