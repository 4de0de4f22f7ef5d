"""Mail hosts of the world for the demo's Postfix to deliver to: each has its own idea of TLS and of whom it takes mail
from. They keep nothing.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple, Self

from smtpwatch.queue_ids import queue_id
from tests.hosts.namespaces import Namespace

Policy = Callable[[str, str, float], str]
"""The reply to RCPT by sender, recipient and seconds since the scene began; "" accepts."""

GREYLIST = 12.0  # seconds
_TIMEOUT = 30.0  # seconds that a client may be silent
_INODE = 4_100_000  # of the first message
_TLS_HEADER = b"\x15\x03\x01\x00\x02\x02\x28"  # a fatal alert, handshake_failure, without having read anything


class Hop(NamedTuple):
    """`tls` None: STARTTLS is not offered. `offers` are lines of the reply to EHLO besides; `broken`: every handshake
    fails; `after_data`: the reply to a message, "" accepts."""

    name: str
    address: str
    policy: Policy
    tls: ssl.SSLContext | None = None
    offers: tuple[str, ...] = ("PIPELINING", "SIZE 52428800", "8BITMIME")
    broken: bool = False
    after_data: str = ""


def welcome(sender: str, recipient: str, now: float) -> str:
    """Takes everything."""
    return ""


def greylisting() -> Policy:
    """Takes mail only if it is sent again, GREYLIST seconds later or after that (RFC 6647)."""
    first: dict[tuple[str, str], float] = {}

    def policy(sender: str, recipient: str, now: float) -> str:
        since = now - first.setdefault((sender, recipient), now)
        return "" if since >= GREYLIST else f"450 4.2.0 <{recipient}>: Recipient address rejected: Greylisted"

    return policy


def limiting(often: int, seconds: float, until: float) -> Policy:
    """Takes `often` recipients in that many seconds, and puts off the others, `until` it has had a look."""
    taken: list[float] = []

    def policy(sender: str, recipient: str, now: float) -> str:
        if now < until and len(taken) >= often and now - taken[-often] < seconds:
            return "450 4.7.28 Unusual rate of unsolicited mail from your address, try again later"
        taken.append(now)
        return ""

    return policy


def choosy(known: tuple[str, ...]) -> Policy:
    """Takes mail for few users only."""

    def policy(sender: str, recipient: str, now: float) -> str:
        user = recipient.partition("@")[0]
        return "" if user in known else f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"

    return policy


class NextHop:
    """Serves as `hop`, on port 25 of its address, from the start of the `with` block to its end."""

    def __init__(self, namespace: Namespace, hop: Hop) -> None:
        self._hop = hop
        self._began = time.monotonic()
        self._number = _INODE
        family = socket.AF_INET6 if ip_address(hop.address).version == 6 else socket.AF_INET
        with namespace.entered():
            self._listener = socket.create_server((hop.address, 25), family=family, backlog=100)
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                return
            connection.settimeout(_TIMEOUT)
            self._connections.append(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            connection.sendall(f"220 {self._hop.name} ESMTP\r\n".encode())
            while self._dialogue(connection):
                connection.sendall(b"220 2.0.0 Ready to start TLS\r\n")
                if self._hop.broken:
                    connection.recv(4096)
                    connection.sendall(_TLS_HEADER)
                    return
                assert self._hop.tls is not None
                connection = self._hop.tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
        with suppress(OSError):
            connection.close()

    def _dialogue(self, connection: socket.socket) -> bool:
        """Until the client has gone, or wants TLS: True."""
        hop, secure = self._hop, isinstance(connection, ssl.SSLSocket)
        sender = ""
        with connection.makefile("rb") as lines:
            for line in lines:
                verb, _, argument = line.decode().strip().partition(" ")
                verb = verb.upper()
                address = argument.partition("<")[2].partition(">")[0]
                if verb == "EHLO":
                    offers = (*hop.offers, *(("STARTTLS",) if (hop.tls or hop.broken) and not secure else ()))
                    said = "".join(f"250-{each}\r\n" for each in (hop.name, *offers)) + "250 ENHANCEDSTATUSCODES"
                elif verb == "STARTTLS" and not secure and (hop.tls or hop.broken):
                    return True
                elif verb == "MAIL":
                    sender, said = address, "250 2.1.0 Ok"
                elif verb == "RCPT":
                    said = hop.policy(sender, address, time.monotonic() - self._began) or "250 2.1.5 Ok"
                elif verb == "DATA":
                    connection.sendall(b"354 End data with <CR><LF>.<CR><LF>\r\n")
                    said = self._message(lines)
                elif verb == "QUIT":
                    connection.sendall(b"221 2.0.0 Bye\r\n")
                    return False
                else:
                    said = "250 2.0.0 Ok" if verb in ("RSET", "NOOP") else "502 5.5.2 Command not recognized"
                connection.sendall(said.encode() + b"\r\n")
        return False

    def _message(self, lines: Iterable[bytes]) -> str:
        for line in lines:
            if line == b".\r\n":
                break
        self._number += 1
        return self._hop.after_data or f"250 2.0.0 Ok: queued as {queue_id(time.time(), self._number)}"
