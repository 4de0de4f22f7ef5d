"""`H=...`: a client was refused something by an ACL, or warned of, outside or inside a message."""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX
from collectors.logs.exim.client import Client, client
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.reasons import blocklist, reason

_TLS = r'(?: X=\S++)?(?: CV=\w++)?( DN="(?:[^"\\]|\\.)*+")?(?: SNI=\S++)?'
_REFUSED = re.compile(
    rf"{_TLS}(?: F=<({MAILBOX})>)?(?: A=[^\s:]++(?::\S++)?)? (?:temporarily )?rejected ", re.ASCII | re.DOTALL
)
_AFTER_DN = re.compile(r'" (?:SNI=|F=<|A=|rejected |temporarily )')
_ADDRESSED = re.compile(rf"<({MAILBOX})>(?=:|$)", re.DOTALL)
_DISCARDED = re.compile(rf" F=<{MAILBOX}> RCPT .*?: discarded by ", re.DOTALL)
_VERIFIED = re.compile(rf" sender verify (?:fail|defer) for <({MAILBOX})>(?:: )?", re.DOTALL)
_WARNING = " Warning: "
_TLS_TO = " TLS error on connection "  # to a next hop: that of a client has the client in the middle

# What is refused, as Exim says it, and its stage; the longest first. After a stage that ends with a blank the client's
# own words follow.
_STAGES = (
    ("RCPT ", "RCPT"), ("MAIL ", "MAIL"), ("EHLO or HELO ", "EHLO"), ('connection in "connect" ACL', "CONNECT"),
    ("after DATA PRDR", "END-OF-MESSAGE"), ("after DATA", "END-OF-MESSAGE"), ("during MIME ACL checks",
    "END-OF-MESSAGE"), ("DKIM", "END-OF-MESSAGE"), ("DATA", "DATA"), ("AUTH ", "AUTH"), ("VRFY ", "VRFY"), ("EXPN ",
    "EXPN"), ("ETRN ", "ETRN"), ("STARTTLS", "STARTTLS"), ("VRFY", "VRFY"), ("EXPN", "EXPN"), ("ETRN", "ETRN"),
)  # fmt: skip
_BY_STAGE: dict[str, ev.Reason] = {"CONNECT": "client", "EHLO": "HELO"}
_VAGUE = ("policy", "other")


def refusal(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`H=(c.example) [192.0.2.1] F=<a@b> rejected RCPT <c@d>: relay not permitted`, from `at`."""
    who = client(text, at + 2)
    if who is None or who.ident:  # an ident reply may hold anything, and is not quoted
        return None
    end = who.end
    match = _REFUSED.match(text, end)
    if match is None:
        return _not_refused(text, head, queue_id, who)
    dn, sender = match.groups()
    if dn is not None and _AFTER_DN.search(text, match.end(1)) is not None:
        return None
    end = match.end()
    for words, stage in _STAGES:
        if text.startswith(words, end):
            return _refused(text, end + len(words), head, queue_id, who, stage, sender)
    return None


def _refused(text: str, at: int, head: Head, queue_id: str, who: Client, stage: str, sender: str | None) -> Facts:
    recipient: str | None = None
    if text[at - 1] == " ":
        addressed = _ADDRESSED.match(text, at) if stage in ("RCPT", "MAIL") else None
        if addressed is not None:
            at = addressed.end()
            if stage == "RCPT":
                recipient = addressed[1]
            else:
                sender = addressed[1]
        elif who.helo is not None and text.startswith(f"{who.helo}: ", at):
            at += len(who.helo)
        else:  # as the client wrote it: it may have colons of its own
            at = text.find(": ", at) if text.count(": ", at) == 1 else len(text)
    reply = text[at:].removeprefix(": ") if text.startswith(": ", at) else ""
    return [refused(head, who, stage, reply, sender, recipient, queue_id)]


def refused(
    head: Head,
    who: Client,
    stage: str,
    reply: str,
    sender: str | None = None,
    recipient: str | None = None,
    queue_id: str = "",
    warning: bool = False,
) -> ev.Refused:
    """The fact of a refusal. `reply` is Exim's log message, which may differ from what the client was told."""
    why = reason("", reply)
    if why in _VAGUE and not warning:  # an ACL's own words
        why = _BY_STAGE.get(stage, "policy")
    listed = blocklist(reply) if why == "blocklist" else ""
    return ev.Refused(
        *head, who.source, who.port, who.name, stage, 0, "", why, reply, listed, sender, recipient, who.helo,
        queue_id, warning,
    )  # fmt: skip


def _not_refused(text: str, head: Head, queue_id: str, who: Client) -> Facts:
    """What else Exim says of a client: that an ACL warns of it, that its sender's address cannot be verified (the
    refusal itself has a line of its own), that what it began was given up; or of a host that we are a client of."""
    end = who.end
    if text.startswith(_WARNING, end):
        return [refused(head, who, "", text[end + len(_WARNING) :], queue_id=queue_id, warning=True)]
    verified = _VERIFIED.match(text, end)
    if verified is not None:
        reply = text[verified.end() :]
        fact = ev.Refused(
            *head,
            who.source,
            who.port,
            who.name,
            "",
            0,
            "",
            "sender",
            reply,
            "",
            verified[1],
            None,
            who.helo,
            queue_id,
            True,
        )
        return [fact]
    if text.startswith(" incomplete transaction (", end):
        return NOTHING
    if _DISCARDED.match(text, end) is not None:
        return [ev.MessageHandled(*head, queue_id, "discard", text[end + 1 :])]
    if who.helo is None and text.startswith(_TLS_TO, end):
        return [ev.TlsTroubled(*head, "", 0, "", text[end + len(_TLS_TO) :], f"{who.name}[{who.source}]")]
    if queue_id and who.helo is None:  # a next hop that could not be reached: the delivery's own line says it again
        return NOTHING
    return None
