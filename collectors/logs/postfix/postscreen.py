"""postscreen(8), dnsblog(8) and tlsproxy(8): what is found out before an smtpd sees the client."""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.postfix.evidence import refused
from collectors.logs.postfix.tokens import NOQUEUE, client, either, handshake_failed, tls, trouble
from smtpwatch import events as ev

_CONNECT = re.compile(r"CONNECT from (\[\S+\]:\d+)(?: to \[(\S+)\]:(\d{1,5}))?$")
# The client stands before whatever it said.
_FINDING = re.compile(
    r"(PASS NEW|PASS OLD|(?:WHITE|ALLOW|BLACK|DENY)LISTED|(?:WHITE|ALLOW)LIST VETO|DISCONNECT) (\[\S+\]:\d+)$"
    r"|(PREGREET|HANGUP|BARE NEWLINE|COMMAND PIPELINING|COMMAND TIME LIMIT|COMMAND COUNT LIMIT|COMMAND LENGTH LIMIT|"
    r"NON-SMTP COMMAND|(?:DATA|BDAT) without valid RCPT)([ \d.a-z]*) from (\[\S+?\]:\d+)(?:$|:? (.*)$)"
    r"|DNSBL rank (-?\d{1,9}) for (\[\S+\]:\d+)$",
    re.DOTALL,
)
_LISTED = re.compile(r"addr (\S+) (?:listed|blocked) by domain (\S+)(?: as (\S+))?$")
_HANDSHAKE = re.compile(r"TLS handshake failed for service=(\S+) peer=(\S+)$")
_BUSY = "reject: connect from "


def parse(text: str, head: Head) -> Facts:
    """A line of postscreen."""
    if text.startswith("CONNECT from "):
        return _connected(text, head)
    if text.startswith(NOQUEUE):
        return _rejected(text[len(NOQUEUE) + 2 :], head)
    match = _FINDING.match(text)
    if match is not None:
        return _found(match, head)
    if text.startswith(_BUSY):
        return _rejected("reject: CONNECT" + text[len(_BUSY) - 6 :], head)
    if text.startswith("entering STRESS mode"):
        return [ev.ServiceTrouble(*head, "warning", text)]
    if text.startswith(("leaving STRESS mode", "[")):
        return NOTHING
    return either(trouble(text, head), text)


def tlsproxy(text: str, head: Head) -> Facts:
    """A line of tlsproxy, whose connections are those of postscreen, or of smtp, which logs them itself."""
    if text.startswith(("CONNECT ", "DISCONNECT ")):
        return NOTHING
    if " TLS connection " in text[:30]:
        return tls(text, head)
    if text.startswith("SSL_"):
        return handshake_failed(text, head)
    match = _HANDSHAKE.match(text)
    if match is None:
        return either(trouble(text, head), text)
    who = client(match[2])
    if who is None or match[1] == "smtp":  # of our own client, which says so itself
        return NOTHING
    return [ev.TlsTroubled(*head, *who, "handshake failed")]


def _connected(text: str, head: Head) -> Facts:
    match = _CONNECT.match(text)
    who = client(match[1]) if match is not None else None
    if match is None or who is None:
        return None
    return [ev.ClientConnected(*head, *who, address(match[2] or ""), int(match[3] or 0))]


def _found(match: re.Match[str], head: Head) -> Facts:
    short, short_from, what, how, what_from, said, rank, rank_from = match.groups()
    who = client(short_from or what_from or rank_from)
    if who is None:
        return None
    if short == "DISCONNECT":
        return [ev.ClientDisconnected(*head, *who)]
    if rank is not None:
        return [ev.Screened(*head, *who, "dnsbl", f"rank {rank}")]
    detail = " ".join(part for part in (how, said) if part).strip()
    return [ev.Screened(*head, *who, (short or what).lower(), detail)]


def _rejected(text: str, head: Head) -> Facts:
    """`reject: RCPT from [192.0.2.1]:1234: 550 5.7.1 ...; from=<a>, to=<b>, proto=ESMTP, helo=<c>`."""
    stage, _, rest = text.removeprefix("reject: ").partition(" from ")
    token, _, reply = rest.partition(": ")
    who = client(token)
    if who is None or not stage.isalpha():
        return None
    return [refused(reply, head, "", who, stage, 0, warning=False)]


def dnsblog(text: str, head: Head) -> Facts:
    """A line of dnsblog: `addr 192.0.2.1 listed by domain zen.example.org as 127.0.0.4`."""
    match = _LISTED.match(text)
    source = address(match[1]) if match is not None else ""
    if match is None or not source:
        return either(trouble(text, head), text)
    return [ev.Verdict(*head, "DNSBL", "listed", source=source, domain=match[2], detail=match[3] or "")]
