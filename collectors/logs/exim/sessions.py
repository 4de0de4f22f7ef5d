"""Clients that come and go, and what they do that is no mail: lines that begin with Exim's own words."""

from __future__ import annotations

import re
from collections.abc import Callable

from collectors.logs.addresses import MAILBOX, address
from collectors.logs.exim.client import Client, client
from collectors.logs.exim.refusals import refused
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev

_COMMANDS = re.compile(r" C=([A-Z,.]+)$")
_TOO_MANY = re.compile(r" dropped: (too many [a-z ]+?)(?: \(last |$)")
_UNEXPECTED = re.compile(r"unexpected (?:disconnection|EOF) while reading SMTP command from ")
_TIMED_OUT = re.compile(r"SMTP command timeout on (?:TLS )?connection from ")
_INVALID = re.compile(r"rejected ([A-Z]{4}) from ")
_SYNTAX = re.compile(r'SMTP (syntax|protocol) error in "')
_SYNCHRONISATION = re.compile(
    r"(SMTP protocol synchronization error \((?:input sent without waiting for greeting|"
    r'next input sent too soon: pipelining was(?: not)? advertised)\)): rejected (?:connection from H=|")'
)
_BY_ADDRESS = re.compile(
    rf"(?:unqualified (sender|recipient|verify) rejected: |rejected MAIL FROM:)<({MAILBOX})> H=", re.DOTALL
)
_TOO_MANY_RECIPIENTS = re.compile(
    rf"too many recipients: (?:message rejected|excess temporarily rejected): sender=<({MAILBOX})> H=", re.DOTALL
)
_NO_ADDRESS = re.compile(r"no IP address found for host ([\w.:-]+) \(during SMTP connection from ", re.ASCII)
_MISNAMED = re.compile(r"([0-9A-Fa-f:.]{2,45}) does not match any IP address for ")
_AFTER_HANDSHAKE = ("(recv)", "(send)", "(SSL_read)", "(SSL_write)", "(gnutls_record_")


def session(text: str, head: Head) -> Facts:
    """A line about a client's connection, None for any other."""
    known = _FIRST.get(text[: text.find(" ")])
    facts = known(text, head) if known is not None else None
    if facts is None and " does not match any IP address for " in text:
        return _misnamed(text, head)
    return facts


def _place(who: Client) -> tuple[str, int, str]:
    return who.source, who.port, who.name


def _gone(head: Head, who: Client, reason: str, stage: str = "") -> Facts:
    """A session that has ended badly: no other line tells of its end."""
    return [
        ev.ClientLost(*head, *_place(who), reason, stage),
        ev.ClientDisconnected(*head, *_place(who), reason),
    ]


def _smtp(text: str, head: Head) -> Facts:
    if text.startswith("SMTP connection from "):
        return _connection(text, head)
    if text.startswith("SMTP call from "):
        who = client(text, 15)
        match = _TOO_MANY.match(text, who.end) if who is not None else None
        return None if who is None or match is None else _gone(head, who, match[1])
    if text.startswith("SMTP protocol sync"):
        return _unsynchronised(text, head)
    if text.startswith("SMTP data timeout (message abandoned) on connection from "):
        who = client(text, 57)
        return None if who is None else _gone(head, who, "timeout", "DATA")
    if (match := _TIMED_OUT.match(text)) is not None:
        who = client(text, match.end())
        return None if who is None else _gone(head, who, "timeout")
    if (match := _SYNTAX.match(text)) is not None:
        return _erred(text, head, f"{match[1]} error", match.end())
    return None


def _connection(text: str, head: Head) -> Facts:
    """`SMTP connection from [192.0.2.1]:1234 I=[192.0.2.2]:25 (TCP/IP connection count = 1)`, and how it ended."""
    who = client(text, 21)
    if who is None:
        return None
    rest = text[who.end :]
    if rest.startswith(" (TCP/IP connection count = ") or rest == " (via inetd)":
        return [ev.ClientConnected(*head, *_place(who), who.server, who.server_port)]
    rest = rest.removeprefix(" (via inetd)")
    if rest == " closed by QUIT":
        return [ev.ClientDisconnected(*head, *_place(who), "quit")]
    if rest.startswith((" closed by ", " closed after ")):
        return [ev.ClientDisconnected(*head, *_place(who), rest[1:])]
    if rest == " lost" or rest.startswith((" lost D=", " lost (error: ", " TLS lost")):
        return _gone(head, who, "lost connection")
    if rest.startswith(" lost while reading message data"):
        return _gone(head, who, "lost connection", "DATA")
    return None


def _erred(text: str, head: Head, kind: str, at: int) -> Facts:
    """`SMTP syntax error in "FOO bar" H=[192.0.2.1] unrecognized command`. The command comes first, unquoted."""
    if text.count('" H=', at) != 1:
        return NOTHING
    who = client(text, text.index('" H=', at) + 4)
    return NOTHING if who is None else [ev.ClientOddity(*head, *_place(who), kind, text[who.end + 1 :])]


def _unsynchronised(text: str, head: Head) -> Facts:
    match = _SYNCHRONISATION.match(text)
    if match is None:
        return None
    at: int | None = match.end()
    if text[match.end() - 1] == '"':  # a command that came too soon, as the client wrote it
        at = text.index('" H=', match.end()) + 4 if text.count('" H=', match.end()) == 1 else None
    who = client(text, at) if at is not None else None
    if who is None or who.ident:
        return [ev.Refused(*head, "", 0, "", "", 0, "", "protocol", match[1])]
    stage = "CONNECT" if at == match.end() else ""
    return [ev.Refused(*head, *_place(who), stage, 0, "", "protocol", match[1], helo=who.helo)]


def _unexpected(text: str, head: Head) -> Facts:
    match = _UNEXPECTED.match(text)
    who = client(text, match.end()) if match is not None else None
    return None if who is None else _gone(head, who, "lost connection")


def _no(text: str, head: Head) -> Facts:
    if text.startswith("no host name found for IP address "):
        source = address(text[34:].split(" ", 1)[0])
        return [ev.ClientOddity(*head, source, 0, "", "no host name", "")] if source else None
    if text.startswith("no MAIL in "):
        at = text.find("SMTP connection from ", 0, 40)
        who = client(text, at + 21) if at >= 0 else None
        if who is None:
            return None
        said = _COMMANDS.search(text, who.end)
        return [ev.ClientOddity(*head, *_place(who), "no MAIL", said[1] if said is not None else "")]
    match = _NO_ADDRESS.match(text)
    if match is not None:
        who = client(text, match.end())
        if who is not None and text[who.end :] == ")":
            return [ev.ClientOddity(*head, *_place(who), "name does not resolve to address", match[1])]
    return NOTHING if text.startswith("no IP address found for host ") else None


def _misnamed(text: str, head: Head) -> Facts:
    match = _MISNAMED.match(text)
    source = address(match[1]) if match is not None else ""
    if match is None or not source:
        return None
    return [ev.ClientOddity(*head, source, 0, "", "name does not resolve to address", text[match.end() :])]


def _connection_refused(text: str, head: Head) -> Facts:
    who = client(text, 16) if text.startswith("Connection from ") else None
    if who is None or not text.startswith(" refused: ", who.end):
        return None
    return [refused(head, who, "CONNECT", text[who.end + 10 :])]


def _refused_connection(text: str, head: Head) -> Facts:
    """`refused connection from [192.0.2.1] (host_reject_connection)`, or `temporarily refused ...: why`."""
    at = text.find("refused connection from ", 0, 40)
    if at < 0:
        return None
    at += 24
    who = client(text, at + 2 if text.startswith("H=", at) else at)
    return None if who is None else [refused(head, who, "CONNECT", text[who.end :].lstrip(": "))]


def _rejected(text: str, head: Head) -> Facts:
    match = _INVALID.match(text)
    if match is not None:
        who = client(text, match.end() + (2 if text.startswith("H=", match.end()) else 0))
        if who is None or not text.startswith(": ", who.end):
            return None
        reply, _, words = text[who.end + 2 :].partition("(s): ")  # the words are the client's
        helo = words if reply.endswith("invalid argument") else who.helo
        why: ev.Reason = "HELO" if match[1] != "MAIL" or "HELO" in reply else "protocol"
        reply = reply + "(s)" if words else reply
        return [ev.Refused(*head, *_place(who), match[1], 0, "", why, reply, helo=helo)]
    return _by_address(text, head)


def _by_address(text: str, head: Head) -> Facts:
    """Refusals that name the address before the client; Exim has checked its syntax: its quotes are in pairs."""
    match = _BY_ADDRESS.match(text) or _TOO_MANY_RECIPIENTS.match(text)
    who = client(text, match.end()) if match is not None else None
    if match is None or who is None or who.ident:
        return None
    reply = text[: text.find("<")].rstrip(": ")
    if match.re is _TOO_MANY_RECIPIENTS:
        return [ev.Refused(*head, *_place(who), "RCPT", 0, "", "rate", reply, sender=match[1], helo=who.helo)]
    if match[1]:
        sender, recipient = (match[2], None) if match[1] == "sender" else (None, match[2])
        stage = {"sender": "MAIL", "recipient": "RCPT"}.get(match[1], "VRFY")
        return [ev.Refused(*head, *_place(who), stage, 0, "", "protocol", reply, "", sender, recipient, who.helo)]
    return [refused(head, who, "MAIL", text[who.end :].lstrip(": "), match[2])]


def _tls(text: str, head: Head) -> Facts:
    """`TLS error on connection from (c.example) [192.0.2.1] (gnutls_handshake): ...`. Most that goes wrong later is a
    client that does not take leave of TLS."""
    at = text.find("connection from ", 0, 60)
    if not text.startswith("TLS error") or at < 0:
        return None
    who = client(text, at + 16)
    if who is None:
        return None
    why = text[who.end :].lstrip(": ")
    if why.startswith(_AFTER_HANDSHAKE) or "(SSL_" in text[:at]:
        return NOTHING
    return [ev.TlsTroubled(*head, *_place(who), why)]


_FIRST: dict[str, Callable[[str, Head], Facts]] = {
    "SMTP": _smtp, "unexpected": _unexpected, "no": _no, "Connection": _connection_refused, "refused":
    _refused_connection, "temporarily": _refused_connection, "rejected": _rejected, "unqualified": _by_address, "too":
    _by_address, "TLS": _tls,
}  # fmt: skip
