"""What a command does besides waiting for its reply, where it does more (RFC 5321, 4.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from collectors.wire import commands

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue


def _data(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("DATA", None))
    dialogue.client.wait_for("DATA")


def _auth(dialogue: Dialogue, mechanism: Any, argument: bytes) -> None:
    dialogue.pending.append(("AUTH", mechanism))
    dialogue.client.wait_for("AUTH")


def _starttls(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("STARTTLS", None))
    dialogue.client.wait_for("STARTTLS")


def _bdat(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    chunk = commands.chunk(argument)
    dialogue.pending.append(("BDAT", chunk))
    if chunk is not None:
        dialogue.client.begin_chunk(chunk[0])


def _xclient(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("XCLIENT", commands.xclient_address(argument)))


def _quit(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("QUIT", None))
    dialogue.quits()


# Commands that are more than a line with a reply: what follows may be no commands, or their argument matters.
TURNS: dict[str, Callable[[Dialogue, Any, bytes], None]] = {
    "DATA": _data,
    "AUTH": _auth,
    "STARTTLS": _starttls,
    "BDAT": _bdat,
    "XCLIENT": _xclient,
    "QUIT": _quit,
}
