"""A name server for one namespace: A, AAAA and PTR records that the test gives, and "no such name" for all else
(RFC 1035)."""

import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Self

from tests.hosts.namespaces import Namespace

ADDRESS = "127.0.0.1"
_HEADER = struct.Struct("!HHHHHH")
_ANSWERED, _NO_SUCH_NAME = 0x8580, 0x8583  # response, authoritative, recursion desired and available
_A, _PTR, _AAAA = 1, 12, 28
_POINTER_TO_QUESTION = 0xC00C


class NameServer:
    """Answers on 127.0.0.1, port 53, of a namespace, from the start of the `with` block to its end.

    `addresses`: of each name, IPv4 or IPv6. `names`: of each address, as labels, which may be any octets."""

    def __init__(
        self, namespace: Namespace, addresses: Mapping[str, str], names: Mapping[str, Sequence[bytes]] | None = None
    ) -> None:
        self._records: dict[str, tuple[int, bytes]] = {}
        for name, address in addresses.items():
            parsed = ip_address(address)
            self._records[name.lower()] = (_A if parsed.version == 4 else _AAAA, parsed.packed)
        for address, labels in (names or {}).items():
            host = b"".join(bytes((len(label),)) + label for label in (*labels, b""))
            self._records[ip_address(address).reverse_pointer] = (_PTR, host)
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
        question = query[_HEADER.size : at + 5]
        (asked,) = struct.unpack_from("!H", query, at + 1)
        record = self._records.get(".".join(labels).lower())
        found = record is not None and record[0] == asked
        flags = _NO_SUCH_NAME if record is None else _ANSWERED
        (number,) = struct.unpack_from("!H", query)
        answer = _HEADER.pack(number, flags, 1, found, 0, 0) + question
        if record is not None and found:
            kind, octets = record
            answer += struct.pack("!HHHIH", _POINTER_TO_QUESTION, kind, 1, 60, len(octets)) + octets
        return answer
