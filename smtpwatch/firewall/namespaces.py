"""Network namespaces beside ours whose traffic comes through us: containers on a bridge of this host."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import TypeVar

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_RTM_GETNSID = 90  # linux/rtnetlink.h
_NETNSA_NSID, _NETNSA_FD = 1, 3  # linux/net_namespace.h
_NLM_F_REQUEST = 1
_HEADER = Struct("=IHHII")
_FAMILY = Struct("=Bxxx")  # rtgenmsg, padded
_ATTRIBUTE = Struct("=HHi")


def inside(path: str, act: Callable[[], T]) -> T:
    """What `act` returns in the network namespace at `path`; a socket that it makes stays there. Raises OSError.

    It runs in a thread of its own, which alone changes its namespace and then is gone: nothing else can end up in the
    wrong one."""
    result: list[T] = []
    problem: list[OSError] = []

    def run() -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            finally:
                os.close(descriptor)
            result.append(act())
        except OSError as error:
            problem.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if problem:
        raise problem[0]
    return result[0]


def neighbours() -> Iterator[str]:
    """Paths of the namespaces that have a link to ours: the kernel gives these a number here, and no others."""
    seen = {_identity("/proc/thread-self/ns/net")}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as route:
        for process in Path("/proc").iterdir():
            path = f"{process}/ns/net"
            if not process.name.isdecimal() or (identity := _identity(path)) in seen:
                continue
            seen.add(identity)
            with suppress(OSError):  # it has ended meanwhile
                if _linked(route, path):
                    yield path


def _identity(path: str) -> str | None:
    """The same text for the same namespace; None if it is gone, or we may not know."""
    try:
        return os.readlink(path)  # noqa: PTH115 (half the time, and there may be thousands)
    except OSError:
        return None


def _linked(route: socket.socket, path: str) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        body = _FAMILY.pack(socket.AF_UNSPEC) + _ATTRIBUTE.pack(_ATTRIBUTE.size, _NETNSA_FD, descriptor)
        route.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETNSID, _NLM_F_REQUEST, 0, 0) + body)
        answer = route.recv(4096)
    finally:
        os.close(descriptor)
    if _HEADER.unpack_from(answer)[1] == 2:  # NLMSG_ERROR
        return False
    _length, kind, number = _ATTRIBUTE.unpack_from(answer, _HEADER.size + _FAMILY.size)
    return bool(kind == _NETNSA_NSID and number >= 0)
