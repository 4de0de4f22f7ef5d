"""TCP sockets as the kernel lists them, and their end: sock_diag(7), what ss(8) and `ss -K` are made of.

Asked directly since it is asked between a key and its answer: 0.1 ms, where a process takes some milliseconds."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Collection, Iterable, Iterator
from struct import Struct
from typing import NamedTuple, Self

from smtpwatch.firewall.namespaces import inside

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
SOCK_DESTROY = 21  # linux/sock_diag.h
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3  # linux/netlink.h
REQ_BYTECODE, BC_JMP, BC_S_GE, BC_S_LE = 1, 1, 2, 3  # linux/inet_diag.h

ESTABLISHED, SYN_SENT, SYN_RECV, TIME_WAIT, CLOSE, LISTEN = 1, 2, 3, 6, 7, 10  # net/tcp_states.h
CONNECTED = 0xFFF & ~(1 << LISTEN | 1 << TIME_WAIT | 1 << CLOSE)
"""A mask of all states of a connection that can still carry something."""

_HEADER = Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_REQUEST = Struct("=BBBxI48s")  # inet_diag_req_v2: family, protocol, extensions, states, id
_MESSAGE = Struct("=BBxx2s2s16s16s12s4x4x4xII")  # inet_diag_msg: family, state, id, ..., uid, inode
_ATTRIBUTE = Struct("=HH")  # nlattr: length, type
_CONDITION = Struct("=BBHxxH")  # inet_diag_bc_op, and another for the port: code, how far to go on if so, if not, port
_JUMP = Struct("=BBH")
_ERROR = Struct("=i")
_MAPPED = bytes(10) + b"\xff\xff"
_NO_ID = bytes(48)
_ENDS = Struct("=2s2s16s16sI8s")  # inet_diag_sockid: ports, addresses (ours first), interface, cookie
_ANY_COOKIE = b"\xff" * 8  # INET_DIAG_NOCOOKIE, twice
_ROOM = 1 << 18  # octets of one read; the kernel sends at most 32 kB


class Connection(NamedTuple):
    """A socket. The peer is given as a number with its family, IPv4 also where the socket is an IPv6 one."""

    state: int
    local_port: int
    peer_version: int
    peer: int
    inode: int
    family: int
    id: bytes
    """What the kernel knows it by: ports, addresses, interface, cookie."""


class Owner(NamedTuple):
    """Whose a socket is: the user id that made it, as the one who asks counts users, and its inode, which is that of
    the descriptors of the processes that have it open."""

    uid: int
    inode: int


class SocketsError(Exception):
    """The kernel does not say, or may not end them; the message is one line for the admin."""


class Sockets:
    """The TCP sockets of one network namespace: ours, or the one at `path`. Raises SocketsError."""

    def __init__(self, path: str = "") -> None:
        try:
            self._netlink = inside(path, self._open) if path else self._open()
        except OSError as error:
            raise SocketsError(f"sockets: {error.strerror}") from None

    @staticmethod
    def _open() -> socket.socket:
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ask no more."""
        self._netlink.close()

    def connections(self, states: int = CONNECTED, ports: Collection[int] = ()) -> Iterator[Connection]:
        """Those in these states, of both families; on these local ports alone, if any are given: the kernel passes over
        the others, of which there may be thousands. Raises SocketsError."""
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, states, _NO_ID)
            self._send(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request + _on(ports))
            yield from self._listed()

    def owner(self, local: tuple[bytes, int], peer: tuple[bytes, int], interface: int = 0) -> Owner | None:
        """Whose the connection between these ends is, each a packed address and a port; None if there is none here, or
        nobody has it open any more. A socket that is bound to an interface is found by its index alone. The kernel
        looks into its table at one place, however many there are. Raises SocketsError."""
        family = socket.AF_INET if len(peer[0]) == 4 else socket.AF_INET6
        ends = _ENDS.pack(
            local[1].to_bytes(2, "big"), peer[1].to_bytes(2, "big"), local[0], peer[0], interface, _ANY_COOKIE
        )  # fmt: skip
        self._send(SOCK_DIAG_BY_FAMILY, 0, _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, ends))
        answer = self._netlink.recv(_ROOM)
        if _HEADER.unpack_from(answer)[1] == NLMSG_ERROR:
            number = -_ERROR.unpack_from(answer, _HEADER.size)[0]
            if number == errno.ENOENT:
                return None
            raise SocketsError(f"sockets: {os.strerror(number)}")
        _family, state, *_, uid, inode = _MESSAGE.unpack_from(answer, _HEADER.size)
        # Where there is no such connection, the kernel answers with who listens at our end, if anyone does.
        return Owner(uid, inode) if inode and state != LISTEN else None

    def end(self, connections: Iterable[Connection]) -> int:
        """End each with a reset, as `ss -K` does; returns how many were there still. Raises SocketsError where the
        kernel cannot (CONFIG_INET_DIAG_DESTROY) or we may not (CAP_NET_ADMIN)."""
        ended = 0
        for each in connections:
            request = _REQUEST.pack(each.family, socket.IPPROTO_TCP, 0, 1 << each.state, each.id)
            self._send(SOCK_DESTROY, NLM_F_ACK, request)
            number = self._acknowledged()
            if number == 0:
                ended += 1
            elif number != errno.ENOENT:  # gone meanwhile
                raise SocketsError(f"a session cannot be ended: {os.strerror(number)}")
        return ended

    def _send(self, kind: int, flags: int, request: bytes) -> None:
        header = _HEADER.pack(_HEADER.size + len(request), kind, NLM_F_REQUEST | flags, 0, 0)
        try:
            self._netlink.send(header + request)
        except OSError as error:
            raise SocketsError(f"sockets: {error.strerror}") from None

    def _acknowledged(self) -> int:
        """The error number that the kernel answers with, 0 for success."""
        answer = self._netlink.recv(_ROOM)
        return -int(_ERROR.unpack_from(answer, _HEADER.size)[0])

    def _listed(self) -> Iterator[Connection]:
        while True:
            answer = self._netlink.recv(_ROOM)
            at = 0
            while at < len(answer):
                length, kind, *_ = _HEADER.unpack_from(answer, at)
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    number = -_ERROR.unpack_from(answer, at + _HEADER.size)[0]
                    raise SocketsError(f"sockets: {os.strerror(number)}")
                yield _connection(answer, at + _HEADER.size)
                at += (length + 3) & ~3


def _on(ports: Collection[int]) -> bytes:
    """The attribute that has the kernel list those on these local ports alone; none for all. One question for each port
    would do too, but each takes the kernel as long as its table of sockets is large, however few are in it: 1 ms."""
    if not ports:
        return b""
    # Of each port: not below it, not above it, and then on to the end, which means yes. Beyond the end is no.
    condition, jump = _CONDITION.size, _JUMP.size
    block = 2 * condition + jump
    program = b"".join(
        _CONDITION.pack(BC_S_GE, condition, block, port)
        + _CONDITION.pack(BC_S_LE, condition, block - condition, port)
        + _JUMP.pack(BC_JMP, jump, block * after)
        for after, port in zip(reversed(range(len(ports))), ports, strict=True)
    )[:-jump]
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(program), REQ_BYTECODE) + program


def _connection(answer: bytes, at: int) -> Connection:
    family, state, sport, dport, source, destination, rest, _uid, inode = _MESSAGE.unpack_from(answer, at)
    id_ = sport + dport + source + destination + rest
    if family == socket.AF_INET:
        version, peer = 4, destination[:4]
    elif destination.startswith(_MAPPED):
        version, peer = 4, destination[12:]
    else:
        version, peer = 6, destination
    return Connection(
        state, int.from_bytes(sport, "big"), version, int.from_bytes(peer, "big"), inode, family, id_
    )  # fmt: skip
