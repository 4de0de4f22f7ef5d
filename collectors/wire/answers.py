"""What a reply means for the dialogue, by the command it answers (RFC 5321, 4.3.2)."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from collectors.queue_ids import queue_id
from collectors.wire import proxy
from collectors.wire.envelope import by_code
from collectors.wire.tls import looks_like_client_hello
from smtpwatch import events as ev

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

BAD_SEQUENCE = 503


def _hello(dialogue: Dialogue, verb: str, code: int, text: str) -> None:
    if code < 300:
        dialogue.pipelining = "PIPELINING" in text.upper()
        dialogue.lmtp = verb == "LHLO"
        dialogue.end_envelope("reset")


def _ehlo(dialogue: Dialogue, data: Any, code: int, enhanced: str | None, text: str) -> None:
    _hello(dialogue, "EHLO", code, text)


def _lhlo(dialogue: Dialogue, data: Any, code: int, enhanced: str | None, text: str) -> None:
    _hello(dialogue, "LHLO", code, text)


def _unknown(dialogue: Dialogue, data: Any, code: int, enhanced: str | None, text: str) -> None:
    client = dialogue.client
    if code == 354 and client.mode == client.lines:  # the server took for DATA what we did not
        client.begin_content()


def _mail(dialogue: Dialogue, sender: Any, code: int, enhanced: str | None, text: str) -> None:
    if code < 300:
        dialogue.open_envelope(sender)
        return
    if code != BAD_SEQUENCE:
        _was_over(dialogue)  # else this would be a nested MAIL
    if dialogue.envelope is None:
        dialogue.emit(ev.MessageDecided, sender, False, by_code(code), None, None, None, None, 0, 0, 0)


def _rcpt(dialogue: Dialogue, recipient: Any, code: int, enhanced: str | None, text: str) -> None:
    if dialogue.envelope is None and code < 300 and dialogue.lossy:
        dialogue.open_envelope(None)  # accepted, so there is one; its MAIL was not seen
    if code == BAD_SEQUENCE:
        _was_over(dialogue)
    if dialogue.envelope is not None:
        dialogue.envelope.recipient(code)
    dialogue.emit(ev.RecipientDecided, recipient, code, enhanced, text)


def _was_over(dialogue: Dialogue) -> None:
    """The server says that no transaction is open: then what we did not see was MAIL's refusal, or the end."""
    if dialogue.envelope is not None and (dialogue.envelope.presumed or dialogue.envelope.unsure):
        dialogue.end_envelope("unknown")


def _data(dialogue: Dialogue, content: Any, code: int, enhanced: str | None, text: str) -> None:
    client, envelope = dialogue.client, dialogue.envelope
    if envelope is not None:
        envelope.stopped = code if code >= 400 else None
    if content is not None:
        client.overtook(content, code)
    elif code == 354:
        client.begin_content()
        client.release()
    else:
        client.mode = client.lines
        client.release()


def _end_of_data(dialogue: Dialogue, size: Any, code: int, enhanced: str | None, text: str) -> None:
    envelope = dialogue.envelope
    if envelope is None:
        return
    envelope.octets += size or 0
    envelope.answered(code, enhanced, text)
    if dialogue.pending and dialogue.pending[0][0] == "." and dialogue.lmtp:
        return
    answer = envelope.answer
    assert answer is not None
    outcome = by_code(answer[0])
    dialogue.end_envelope(outcome, queue_id(answer[2]) if outcome == "accepted" else None)


def _bdat(dialogue: Dialogue, chunk: Any, code: int, enhanced: str | None, text: str) -> None:
    envelope = dialogue.envelope
    if chunk is None or envelope is None:
        return
    size, last = chunk
    envelope.octets += size
    if last:
        if dialogue.lmtp:  # one for each recipient follows, and only now are all of them decided
            dialogue.pending[:0] = [(".", None)] * (envelope.accepted - 1)
        _end_of_data(dialogue, None, code, enhanced, text)
    elif code >= 400:
        envelope.stopped = code


def _rset(dialogue: Dialogue, data: Any, code: int, enhanced: str | None, text: str) -> None:
    if code < 300:
        dialogue.end_envelope("reset")


def _starttls(dialogue: Dialogue, data: Any, code: int, enhanced: str | None, text: str) -> None:
    if code == 220:
        dialogue.end_envelope("reset")
        held = dialogue.client.held
        if held and not looks_like_client_hello(held):
            dialogue.odd("data after STARTTLS", f"{len(held)} octets sent in clear before the handshake")
            dialogue.client.drop_held()  # as the server must (RFC 3207, 4.2)
        dialogue.start_tls(implicit=False)
    else:
        dialogue.client.mode = dialogue.client.lines
    dialogue.client.release()


def _auth(dialogue: Dialogue, mechanism: Any, code: int, enhanced: str | None, text: str) -> None:
    mechanism = mechanism or "unknown"
    if code == 334:
        dialogue.pending.insert(0, ("AUTH", mechanism))
        dialogue.client.mode = dialogue.client.credentials
    else:
        dialogue.emit(ev.AuthAttempted, mechanism, "success" if code < 300 else "failure", False)
        dialogue.client.mode = dialogue.client.lines
    dialogue.auth_tried = True
    dialogue.client.release()


def _cancelled(dialogue: Dialogue, mechanism: Any, code: int, enhanced: str | None, text: str) -> None:
    dialogue.emit(ev.AuthAttempted, mechanism, "aborted", False)
    dialogue.client.mode = dialogue.client.lines
    dialogue.client.release()


def _quit(dialogue: Dialogue, data: Any, code: int, enhanced: str | None, text: str) -> None:
    dialogue.quits()


def _xclient(dialogue: Dialogue, data: Any, code: int, enhanced: str | None, text: str) -> None:
    if code != 220:
        return
    dialogue.end_envelope("reset")
    try:
        address = str(ip_address((data or b"").decode("ascii", "replace")))
    except ValueError:
        return  # [UNAVAILABLE], or no ADDR
    dialogue.name_source(proxy.Named(address, 0, "XCLIENT"))


Answer = Callable[["Dialogue", Any, int, "str | None", str], None]

ANSWERS: dict[str, Answer] = {
    "?": _unknown,
    "": _unknown,
    "EHLO": _ehlo,
    "HELO": _ehlo,
    "LHLO": _lhlo,
    "MAIL": _mail,
    "RCPT": _rcpt,
    "DATA": _data,
    ".": _end_of_data,
    "BDAT": _bdat,
    "RSET": _rset,
    "STARTTLS": _starttls,
    "AUTH": _auth,
    "*": _cancelled,
    "QUIT": _quit,
    "XCLIENT": _xclient,
}
