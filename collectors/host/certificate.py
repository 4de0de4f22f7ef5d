"""Our own mail server asked for its certificate, at the ports that it listens on: in TLS 1.3 the wire hides it.

What is asked is this host alone, like a client that looks in: greeting, EHLO, STARTTLS, the handshake, QUIT; no mail,
no login. It cannot but leave the lines of a short session in the mail log, and if the wire is watched, that session is
seen there too. The certificate is looked at, not trusted. Of a server that has one for RSA and one for ECDSA, it is the
one that is chosen for us, as a rule the ECDSA one. `certificates = false` and --no-certificates leave all this out.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from queue import Empty, SimpleQueue

import psutil

from collectors.certificate import read, seen
from smtpwatch.config import Config
from smtpwatch.events import CertificateSeen
from smtpwatch.ports_asked import PortAsked

SENSOR = "host"

EVERY = 6 * 3_600.0  # seconds: a renewed certificate shows in time, and the log has few lines of us
UNTIL_SOME = 300.0  # seconds until listeners are looked for again where there are none: that asks nobody
LIMIT = 5.0  # seconds for all that one listener has to say
LISTENERS = 32  # asked at most: a host has a handful, for each port and address
REPLY_LINES = 100  # of one reply; an EHLO has about ten
REPLY_OCTETS = 16_384  # of one reply; of a line RFC 5321 allows 512

IMPLICIT_TLS = 465  # RFC 8314, 3.3; the others begin in clear
NAME = "smtpwatch.localhost"  # in EHLO: tells the log's reader who that was (RFC 6761, 6.3: localhost is always us)

Address = IPv4Address | IPv6Address


class _UnwillingError(Exception):
    """The server does not do what it takes; says why."""


def listeners(ports: Iterable[int]) -> list[tuple[str, int]]:
    """Where somebody listens on `ports` here, as (address, port), loopback first: the address that the listener is
    bound to, loopback for one bound to all. Raises psutil.AccessDenied where only root may know."""
    wanted = frozenset(ports)
    bound: dict[int, set[Address]] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted:
            address = ip_address(connection.laddr.ip.partition("%")[0])
            bound.setdefault(connection.laddr.port, set()).add(getattr(address, "ipv4_mapped", None) or address)
    found = {(_reached(address, there), port) for port, there in bound.items() for address in there}
    # A link-local address is of no use without its interface.
    usable = [place for place in found if not place[0].is_link_local]
    usable.sort(key=lambda place: (place[1], not place[0].is_loopback, place[0].version, place[0].packed))
    return [(str(address), port) for address, port in usable[:LISTENERS]]


def _reached(address: Address, there: set[Address]) -> Address:
    """Where a listener on `address` is asked; `there` are all addresses bound on its port."""
    if not address.is_unspecified:
        return address
    # Who listens for both by two sockets is one server all the same.
    both = any(each.version == 4 and each.is_unspecified for each in there)
    return IPv4Address("127.0.0.1") if both else IPv6Address("::1")


def ask(server: str, port: int, host: str, clock: Callable[[], float]) -> PortAsked:
    """Ask the listener on `server` and `port`, as a client that wants `host` (SNI). Takes LIMIT seconds at most."""
    try:
        der = _shown(server, port, host)
    except _UnwillingError as error:
        return PortAsked(server, port, None, str(error))
    except TimeoutError:
        return PortAsked(server, port, None, f"no answer within {LIMIT:.0f} s")
    except ssl.SSLError as error:
        return PortAsked(server, port, None, f"no handshake: {error.reason or error.strerror or 'failed'}")
    except OSError as error:
        return PortAsked(server, port, None, error.strerror or "the connection broke")
    certificate = read(der)
    if certificate is None:
        return PortAsked(server, port, None, "shows no certificate that can be read")
    return PortAsked(server, port, seen(certificate, clock(), SENSOR, host, server, port, "asked"), "")


def ask_all(config: Config, host: str, clock: Callable[[], float]) -> Iterator[PortAsked]:
    """Ask every listener on the watched ports, one after the other. Raises psutil.AccessDenied."""
    for server, port in listeners(config.ports):
        yield ask(server, port, host, clock)


def _context() -> ssl.SSLContext:
    """Takes whatever the server has: this is looking, not trusting."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # also a key that is too short by now
    return context


def _shown(server: str, port: int, host: str) -> bytes:
    """The certificate (DER), b"" for none. Raises _UnwillingError, TimeoutError or OSError (ssl.SSLError too)."""
    until = time.monotonic() + LIMIT
    with socket.create_connection((server, port), LIMIT) as plain:
        if port != IMPLICIT_TLS:
            _begin(plain, until)
        plain.settimeout(_left(until))
        with _context().wrap_socket(plain, server_hostname=_name(host)) as secure:
            der = secure.getpeercert(binary_form=True) or b""
            with suppress(OSError, _UnwillingError):  # it has shown what was asked for; the rest is manners
                if port == IMPLICIT_TLS:
                    _reply(secure, until)
                _quit(secure, until)
            return der


def _name(host: str) -> str | None:
    """What a client would ask for (SNI); None: this host's name is none that TLS can ask for."""
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        return None
    return name if name.isprintable() and name.strip(".") == name != "" else None


def _begin(plain: socket.socket, until: float) -> None:
    """Up to where the handshake begins."""
    said = _reply(plain, until)
    if said[-1][:3] != b"220":
        _unwilling(plain, until, f"greets with {_shortly(said[-1])}")
    plain.sendall(f"EHLO {NAME}\r\n".encode())
    said = _reply(plain, until)
    if said[-1][:3] != b"250":
        _unwilling(plain, until, f"answers EHLO with {_shortly(said[-1])}")
    if not any(line[4:].strip().upper() == b"STARTTLS" for line in said[1:]):
        _unwilling(plain, until, "does not offer STARTTLS")
    plain.sendall(b"STARTTLS\r\n")
    said = _reply(plain, until)
    if said[-1][:3] != b"220":
        _unwilling(plain, until, f"answers STARTTLS with {_shortly(said[-1])}")


def _unwilling(sock: socket.socket, until: float, why: str) -> None:
    with suppress(OSError, _UnwillingError):
        _quit(sock, until)
    raise _UnwillingError(why)


def _quit(sock: socket.socket, until: float) -> None:
    sock.settimeout(_left(until))
    sock.sendall(b"QUIT\r\n")
    _reply(sock, until)


def _reply(sock: socket.socket, until: float) -> list[bytes]:
    """The lines of one reply. Raises _UnwillingError for what is none."""
    octets = b""
    while not (octets.endswith(b"\n") and octets[octets[:-1].rfind(b"\n") + 1 :][3:4] != b"-"):
        sock.settimeout(_left(until))
        more = sock.recv(4_096)
        if not more:
            raise _UnwillingError("closes the connection")
        octets += more
        if len(octets) > REPLY_OCTETS or octets.count(b"\n") > REPLY_LINES:
            raise _UnwillingError("does not speak SMTP")
    return octets.splitlines()


def _left(until: float) -> float:
    """Seconds until then. Raises TimeoutError if there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _shortly(line: bytes) -> str:
    return line[:80].decode("utf-8", "backslashreplace")


class Asking:
    """All listeners asked now and then, by a thread: one that does not answer keeps nobody waiting.

    `ask_all` asks them all and gives what each answered."""

    def __init__(self, ask_all: Callable[[], Iterable[PortAsked]]) -> None:
        self._ask_all = ask_all
        self._next = 0.0
        self._answers: SimpleQueue[PortAsked | None] = SimpleQueue()
        self._asking = False
        self._some = False

    def poll(self, now: float) -> Sequence[CertificateSeen]:
        """Begin if it is time to; the certificates that have come since."""
        found = []
        with suppress(Empty):
            while True:
                answer = self._answers.get_nowait()
                if answer is None:
                    self._asking = False
                    self._next = now + (EVERY if self._some else UNTIL_SOME)
                    continue
                self._some = True
                if answer.seen is not None:
                    found.append(answer.seen)
        if now >= self._next and not self._asking:
            self._asking, self._some = True, False
            # It must not keep the process when the console is gone.
            threading.Thread(target=self._ask, daemon=True).start()
        return found

    def at_once(self, now: float) -> None:
        """The clock was set back: what was planned by it no longer holds."""
        self._next = now

    def _ask(self) -> None:
        try:
            for answer in self._ask_all():
                self._answers.put(answer)
        except psutil.Error:  # who listens may not be known: the doctor tells so
            pass
        finally:
            self._answers.put(None)
