"""The name server of the demo's scene (RFC 1035): addresses and their names, mail exchangers, a blocklist (RFC 5782).

It answers on 127.0.0.1, port 53, of a namespace; what it does not know does not exist.
"""

import socket
import struct
import threading
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Self

from tests.hosts.namespaces import Namespace

ADDRESS = "127.0.0.1"
BLOCKLIST = "bl.example"
_HEADER = struct.Struct("!HHHHHH")
_ANSWERED, _NO_SUCH_NAME = 0x8580, 0x8583  # response, authoritative, recursion desired and available
_A, _PTR, _MX, _TXT, _AAAA = 1, 12, 15, 16, 28
_TTL = 60  # seconds
_POINTER_TO_QUESTION = 0xC00C

Records = dict[tuple[str, int], list[bytes]]


def records(hosts: Mapping[str, str], exchangers: Mapping[str, tuple[str, ...]], listed: Iterable[str]) -> Records:
    """Addresses of `hosts` and the names of these addresses; the hosts that take mail for a domain, best first; what
    BLOCKLIST lists."""
    made: Records = {}
    for name, address in hosts.items():
        parsed = ip_address(address)
        made.setdefault((name, _A if parsed.version == 4 else _AAAA), []).append(parsed.packed)
        made.setdefault((parsed.reverse_pointer, _PTR), [_encoded(name)])
    for domain, names in exchangers.items():
        made[domain, _MX] = [struct.pack("!H", 10 * at) + _encoded(name) for at, name in enumerate(names, 1)]
    for address in listed:
        name = f"{ip_address(address).reverse_pointer.rpartition('.')[0].rpartition('.')[0]}.{BLOCKLIST}"
        made[name, _A] = [socket.inet_aton("127.0.0.2")]
        text = f"Sends spam, see https://{BLOCKLIST}/{address}".encode()
        made[name, _TXT] = [bytes([len(text)]) + text]
    return made


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


class NameServer:
    """Answers from the start of the `with` block to its end."""

    def __init__(self, namespace: Namespace, known: Records) -> None:
        self._records = known
        self._names = {name for name, _ in known}
        with namespace.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind((ADDRESS, 53))
        self._ending = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._socket.sendto(b"", self._socket.getsockname())  # wakes it
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if self._ending:
                return
            if len(query) > _HEADER.size:
                self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], _HEADER.size
        while size := query[at]:
            labels.append(query[at + 1 : at + 1 + size].decode("ascii", "replace"))
            at += 1 + size
        name = ".".join(labels).lower()
        (asked,) = struct.unpack_from("!H", query, at + 1)
        found = self._records.get((name, asked), [])
        (number,) = struct.unpack_from("!H", query)
        flags = _ANSWERED if name in self._names else _NO_SUCH_NAME
        answer = _HEADER.pack(number, flags, 1, len(found), 0, 0) + query[_HEADER.size : at + 5]
        for each in found:
            answer += struct.pack("!HHHIH", _POINTER_TO_QUESTION, asked, 1, _TTL, len(each)) + each
        return answer
