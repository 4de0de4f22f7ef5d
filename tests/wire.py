"""A TCP connection made by a script: packets for the wire tests, with whatever went wrong with them."""

import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from collectors.wire.frames import raw_ip
from collectors.wire.pipeline import Pipeline
from smtpwatch.config import Config
from smtpwatch.events import Event
from smtpwatch.state.facts import SessionFacts, session_facts
from smtpwatch.state.messages import Messages
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MASK = 0xFFFFFFFF


class Packet(NamedTuple):
    """An IP packet at a time; `wire` is its length before the capture cut it."""

    time: float
    data: bytes
    wire: int


class Wire:
    """Builds one connection's packets; each call adds some. `step` seconds pass between packets."""

    def __init__(
        self,
        client: str = "203.0.113.7",
        server: str = "192.0.2.25",
        port: int = 25,
        client_port: int = 40000,
        client_isn: int = 1000,
        server_isn: int = 90000,
        start: float = 1_700_000_000.0,
        step: float = 0.01,
    ) -> None:
        self.addresses = {True: ip_address(client), False: ip_address(server)}
        self.ports = {True: client_port, False: port}
        self.next = {True: client_isn, False: server_isn}
        self.now = start
        self.step = step
        self.packets: list[Packet] = []

    def packet(
        self, client: bool, payload: bytes = b"", flags: int = ACK, seq: int | None = None, cut: int | None = None
    ) -> None:
        """One packet; `seq` None: the next octets. `cut`: payload octets that the capture kept."""
        source, target = self.addresses[client], self.addresses[not client]
        number = self.next[client] if seq is None else seq
        ack = self.next[not client] if flags & ACK else 0
        tcp = struct.pack(
            "!HHIIBBHHH", self.ports[client], self.ports[not client], number & MASK, ack & MASK, 0x50, flags, 1024, 0, 0
        )
        body = tcp + payload
        if source.version == 4:
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 6, 0, source.packed, target.packed)
        else:
            header = struct.pack("!IHBB16s16s", 6 << 28, len(body), 6, 64, source.packed, target.packed)
        whole = header + body
        kept = whole if cut is None else whole[: len(header) + 20 + cut]
        self.packets.append(Packet(self.now, kept, len(whole)))
        self.now += self.step
        if seq is None:
            self.next[client] = (number + len(payload) + bool(flags & SYN) + bool(flags & FIN)) & MASK

    def open(self) -> "Wire":
        """The three-way handshake."""
        self.packet(True, flags=SYN)
        self.packet(False, flags=SYN | ACK)
        self.packet(True)
        return self

    def client(self, payload: bytes, cut: int | None = None) -> "Wire":
        """Octets from the client, and their acknowledgement."""
        self.packet(True, payload, ACK | PSH, cut=cut)
        self.packet(False)
        return self

    def server(self, payload: bytes, cut: int | None = None) -> "Wire":
        """Octets from the server, and their acknowledgement."""
        self.packet(False, payload, ACK | PSH, cut=cut)
        self.packet(True)
        return self

    def close(self, by_client: bool = True) -> "Wire":
        """FIN from one side, then the other."""
        self.packet(by_client, flags=FIN | ACK)
        self.packet(not by_client, flags=FIN | ACK)
        self.packet(by_client)
        return self

    def reset(self, by_client: bool = True) -> "Wire":
        """RST."""
        self.packet(by_client, flags=RST | ACK)
        return self

    def script(self, text: str) -> "Wire":
        """Lines `C: ...` and `S: ...`, one segment each with CRLF; `\\n` inside a line is CRLF too, so it makes one
        segment of several lines."""
        for line in text.strip().splitlines():
            side, _, said = line.strip().partition(": ")
            payload = said.replace("\\n", "\r\n").encode() + b"\r\n"
            (self.client if side == "C" else self.server)(payload)
        return self

    def drop(self, *indexes: int) -> "Wire":
        """Lose packets, by their place in `packets`."""
        self.packets = [packet for index, packet in enumerate(self.packets) if index not in indexes]
        return self

    def only(self, client: bool) -> "Wire":
        """Keep the packets of one side."""
        port = struct.pack("!H", self.ports[True])
        offset = 20 if self.addresses[True].version == 4 else 40
        self.packets = [packet for packet in self.packets if (packet.data[offset : offset + 2] == port) is client]
        return self


def events_of(packets: Iterable[Packet], config: Config | None = None, local: Sequence[str] = ()) -> list[Event]:
    """The events that a capture of `packets` gives."""
    pipeline = Pipeline(config or Config(), "mx.example.net", local)
    pipeline.packets((packet.time, packet.data, 0, len(packet.data), packet.wire, raw_ip) for packet in packets)
    pipeline.finish()
    return list(pipeline.batch)


def sessions_of(
    packets: Iterable[Packet], config: Config | None = None, local: Sequence[str] = ()
) -> list[SessionFacts]:
    """The facts of the sessions that carried SMTP, in the order of their first packets."""
    ended: list[Session] = []
    sessions = Sessions(ended.append)
    for event in events_of(packets, config, local):
        sessions.apply(event)
    return [
        session_facts(session, Messages()) for session in sorted(ended, key=lambda session: session.id) if session.smtp
    ]


def session_of(wire: Wire, config: Config | None = None, local: Sequence[str] = ()) -> SessionFacts:
    """The facts of the one session that `wire` is."""
    (session,) = sessions_of(wire.packets, config, local)
    return session
