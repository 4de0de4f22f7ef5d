"""Commands that get no reply: because the capture does not hold it, or because there was none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtpwatch import events as ev

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

_HELLO = ("EHLO", "HELO", "LHLO")


def resolve(dialogue: Dialogue, verb: str, data: Any) -> None:
    """A command whose reply is not to be seen: what it may have done is unknown."""
    if verb in _HELLO:
        dialogue.pipelining = None
        dialogue.emit(ev.ReplyUnseen, verb)
    elif verb == "MAIL":
        envelope = dialogue.open_envelope(data)
        envelope.presumed = envelope.unsure = True
    elif verb in ("RCPT", "DATA"):
        if verb == "RCPT":
            dialogue.emit(ev.RecipientDecided, data, None, None, "")
        if dialogue.envelope is not None:
            dialogue.envelope.unsure = True
    elif verb in ("AUTH", "*"):
        dialogue.emit(ev.AuthAttempted, data, "aborted" if verb == "*" else "unknown", False)
    elif verb == "RSET":
        dialogue.end_envelope("reset")
    elif verb == "." or (verb == "BDAT" and data is not None and data[1]):
        dialogue.end_envelope("unknown")


def resolve_all(dialogue: Dialogue) -> None:
    """None of the pending commands will get a reply that we see."""
    while dialogue.pending:
        resolve(dialogue, *dialogue.pending.pop(0))


def close(dialogue: Dialogue, sure: bool) -> None:
    """The connection is over; `sure`: all of it was captured and read, so that what was not seen did not happen."""
    if sure:
        _never_answered(dialogue)
    else:
        resolve_all(dialogue)
    envelope = dialogue.envelope
    if envelope is not None:
        dialogue.end_envelope(envelope.verdict() or ("abandoned" if sure else "unknown"))


def _never_answered(dialogue: Dialogue) -> None:
    for verb, data in dialogue.pending:
        if verb == "AUTH" and dialogue.client.is_challenged:
            dialogue.emit(ev.AuthAttempted, data, "aborted", False)
        elif verb == "RCPT":
            dialogue.emit(ev.RecipientDecided, data, None, None, "")
        elif verb in ("AUTH", "*"):
            resolve(dialogue, verb, data)
    dialogue.pending.clear()
