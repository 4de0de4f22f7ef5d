"""`<=`: a message has come in."""

from __future__ import annotations

import re
from typing import Literal

from collectors.logs.addresses import MAILBOX
from collectors.logs.exim.client import WORD, Client, cipher, client
from collectors.logs.head import Facts, Head
from smtpwatch import events as ev

_SENDER = re.compile(rf"(<>|{WORD})(?: R=([\w-]++))?(?: DS)?( H=)?", re.ASCII)
# In Exim's order. What a client chose freely (certificate, Message-ID, subject) comes after what Exim says of it, but
# for the certificate's name: see `_clear`.
_FIELDS = re.compile(
    r"(?: TFO\*?)?(?: U=(?P<user>\S++))?(?: P=(?P<protocol>\S++))?(?: L[-.*]*+)?(?: Ci=\w++)?"
    r'(?: X=(?P<tls>\S++))?(?: CV=(?P<verified>\w++))?(?P<dn> DN="(?:[^"\\]|\\.)*+")?(?: SNI=\S++)?'
    r"(?: A=(?P<by>[^\s:]++)(?::(?P<account>[^\s:]++)(?::\S++)?)?)?(?: PRDR)?(?: PRX=\S++)?(?: K)? S=(?P<size>\d{1,15})"
    r"(?: M8S=\d++)?(?: DKIM=\S++)?(?: ARC)?(?: RT=\S++)?(?: Q=\S++)?"
    rf'(?: id\*?=(?P<id>{WORD}))?(?: T="(?P<subject>(?:[^"\\]|\\.)*+)")?(?: Ci=\w++)?'
    rf"(?: from <{MAILBOX}>)?(?: for (?P<recipients>.*))?$",
    re.ASCII | re.DOTALL,
)
_RECIPIENT = re.compile(WORD, re.ASCII)
_AFTER_DN = re.compile(r'" (?:SNI=|A=|K |S=|PRDR|PRX=)')
_SUBJECT = ' T="'
_TRUST = {"yes": "verified", "dane": "verified"}


def arrival(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`<= a@b.example H=(c.example) [192.0.2.1] P=esmtps X=TLS1.3:...:256 CV=no A=plain:user S=262 id=x@y`, at `at`."""
    begun = _SENDER.match(text, at)
    if begun is None:
        return None
    sender = "" if begun[1] == "<>" else begun[1]
    who = client(text, begun.end()) if begun[3] else None
    if begun[3] and who is None:  # a HELO that passes for the rest of the line: all that is certain came before it
        return [ev.MessageReceived(*_without_subject(text, head), "", 0, "", queue_id, "smtp", sender)]
    at = who.end if who is not None else begun.end()
    fields = _FIELDS.match(text, at)
    if fields is None or not _clear(text, at, fields, who):
        if who is None:
            return None
        place = (who.source, who.port, who.name)
        return [ev.MessageReceived(*_without_subject(text, head), *place, queue_id, "smtp", sender, helo=who.helo)]
    return _facts(_without_subject(text, head, fields), queue_id, sender, begun[2] or "", who, fields)


def faked(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`(=`: accepted, and the client told otherwise (control = fakereject). The reply is not logged."""
    facts = arrival(text, head, queue_id, at)
    if not facts or not isinstance(received := facts[-1], ev.MessageReceived):
        return facts
    where = (received.source, received.client_port, received.name)
    refused = ev.Refused(
        *head[:5], received.text, *where, "END-OF-MESSAGE", 0, "", "policy", "", "", received.sender, queue_id=queue_id
    )
    return [*facts, refused]


def _clear(text: str, at: int, fields: re.Match[str], who: Client | None) -> bool:
    """Whether neither an ident reply (RFC 1413) nor a certificate's name may have written the fields after it: Exim
    quotes neither."""
    if who is not None and (who.ident or fields["user"]) and text.count(" P=", at) != 1:
        return False
    return fields["dn"] is None or _AFTER_DN.search(text, fields.end("dn")) is None


def _facts(
    head: Head, queue_id: str, sender: str, reference: str, who: Client | None, fields: re.Match[str]
) -> list[ev.Event]:
    _, protocol, tls, verified, _, by, account, size, message_id, _, recipients = fields.groups("")
    origin: Literal["smtp", "local", "bounce", "other"] = "smtp"
    user, place, helo = "", ("", 0, ""), None
    facts: list[ev.Event] = []
    if who is not None:
        place, helo = (who.source, who.port, who.name), who.helo
        if tls:
            facts.append(ev.TlsEstablished(*head, *place, *cipher(tls), _TRUST.get(verified, "")))
        if account:
            facts.append(ev.LoginTried(*head, *place, who.service, "success", account, by, "", queue_id))
    else:
        user = fields["user"] or ""
        origin = "local" if user or protocol.startswith("local") else "other"
        if reference and not sender:
            origin = "bounce"
            facts.append(ev.NoticeSent(*head, reference, "other", queue_id))
    facts.append(
        ev.MessageReceived(
            *head, *place, queue_id, origin, sender, tuple(_RECIPIENT.findall(recipients)), int(size), message_id or
            None, account, by, protocol, helo, None, user,
        )
    )  # fmt: skip
    return facts


def _without_subject(text: str, head: Head, fields: re.Match[str] | None = None) -> Head:
    """The head for facts of this line: a message's subject is nobody's business, and is left out of the text."""
    if _SUBJECT not in text:
        return head
    if fields is None:
        return (*head[:5], text[: text.find(_SUBJECT)])
    start, end = fields.span("subject")
    return head if start < 0 else (*head[:5], text[: start - len(_SUBJECT)] + text[end + 1 :])
