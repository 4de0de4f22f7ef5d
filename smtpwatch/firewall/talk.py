"""What the console and the gate say to each other: msgpack, each message after its length."""

from __future__ import annotations

import asyncio
from struct import Struct as Layout
from typing import Any

import msgspec

from smtpwatch.config import Config
from smtpwatch.firewall.block import Block
from smtpwatch.firewall.prefixes import Network, as_network
from smtpwatch.firewall.request import Answer, Request

HEADER = Layout("=I")
LONGEST = 64 << 20  # octets of one message: a request for a million networks


class Talk(msgspec.Struct, frozen=True, tag=True):
    """All messages."""


class Start(Talk, frozen=True):
    """To the gate, first of all: the settings, and who acts."""

    config: Config
    who: str
    uid: int


class Call(Talk, frozen=True):
    """To the gate: do something. The answer has the same `number`."""

    number: int


class Plan(Call, frozen=True):
    """Tell what a block would come to."""

    request: Request


class Cut(Call, frozen=True):
    """Cut networks off: block them."""

    request: Request


class Verify(Call, frozen=True):
    """Look what has come of an act."""

    act: str


class Unblock(Call, frozen=True):
    """Let in again."""

    networks: tuple[Network, ...]


class Undo(Call, frozen=True):
    """Take an act back."""

    act: str


class Watch(Talk, frozen=True):
    """To the gate: look at the firewall every so many seconds, or less often where that takes long."""

    seconds: float


class Ready(Talk, frozen=True):
    """From the gate: what blocks, or the `problem` why nothing can. `notes` are for the admin, a line each."""

    backend: str
    keeps_time: bool
    problem: str
    notes: tuple[str, ...] = ()


class Answered(Talk, frozen=True):
    """From the gate: what came of a call; `problem` where there is no answer."""

    number: int
    answer: Answer | None
    problem: str = ""


class Changed(Talk, frozen=True):
    """From the gate: blocks that are not what they were; those that are forgotten; what is wrong with the rules."""

    blocks: tuple[Block, ...]
    forgotten: tuple[Network, ...]
    problem: str


class Noted(Talk, frozen=True):
    """From the gate: what its guard can not read now, a line each."""

    notes: tuple[str, ...]


ToGate = Start | Plan | Cut | Verify | Unblock | Undo | Watch
FromGate = Ready | Answered | Changed | Noted


def _network(_type: type, value: Any) -> Network:
    """Networks are the only type that msgspec does not know."""
    return as_network(str(value))


_ENCODER = msgspec.msgpack.Encoder(enc_hook=str)
TO_GATE: msgspec.msgpack.Decoder[ToGate] = msgspec.msgpack.Decoder(ToGate, dec_hook=_network)
FROM_GATE: msgspec.msgpack.Decoder[FromGate] = msgspec.msgpack.Decoder(FromGate, dec_hook=_network)


def framed(message: ToGate | FromGate) -> bytes:
    """A message as it is sent."""
    octets = _ENCODER.encode(message)
    return HEADER.pack(len(octets)) + octets


async def received(reader: asyncio.StreamReader) -> bytes:
    """The next message. Raises asyncio.IncompleteReadError once the other side has gone, ValueError for a length that
    no message has."""
    (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
    if length > LONGEST:
        raise ValueError(f"a message of {length} octets")
    return await reader.readexactly(length)
