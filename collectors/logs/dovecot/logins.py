"""Lines of Dovecot's login processes: "Login: user=<bob>, method=PLAIN, rip=203.0.113.7, lip=192.0.2.1, TLS,
session=<..>".

`user` and `method` are the client's words, at most 80 octets and without control characters, but with any bracket and
comma; the mechanism is put in capitals first. What stands before ": user=<" and what follows rip= are Dovecot's own,
so a line is read from both ends: its kind from its beginning, the address from the last ", rip=". Where there is more
than one of these, the session id, which is the line's end, must name the same address.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.dovecot.peer import NOBODY, Peer, peer
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import Event, LoginOutcome

_ELEMENTS = re.compile(r": (?:method=|rip=)")
_TAIL = re.compile(
    r"([0-9a-fA-F.:]+)(?:, lip=[0-9a-fA-F.:]+)?(?:, mpid=\d+)?(?:, (?:secured|TLS.*?))?"
    r"(?:, session=<([A-Za-z0-9+/=]+)>)?",
    re.ASCII,
)
_CIPHER = re.compile(r", ((?:TLS|SSL)v[\d.]+) with cipher (\S+) \((\d+)/\d+ bits\)", re.ASCII)
_MECHANISMS = ("PLAIN", "LOGIN")
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}", re.ASCII)
_HANDSHAKING = ", TLS handshaking: "

_ENDS = (
    "Disconnected", "Aborted login", "Login aborted", "Client has quit the connection", "Remote closed connection",
    "Connection closed", "Logged out", "Too many invalid commands",
)  # fmt: skip
_FAILED = (
    "auth failed", "authorization failed", "user disabled", "password expired", "login disabled",
    "proxy dest auth failed",
)  # fmt: skip
_DEFERRED = ("auth service reported temporary failure", "internal failure", "auth process communication failure")
_NOT_TRIED = ("no auth attempts", "disconnected before auth was ready")
_LIMIT = "Maximum number of connections from user+IP exceeded"


_Client = tuple[str, int, str, str, str]
"""Who it was, from a line's elements: source, port, account, mechanism, "" and 0 for what is not said or cannot be
trusted; and the elements from rip= on. A plain tuple: one is made for each line."""


def _client(elements: str) -> _Client:
    if elements.startswith("rip="):
        source, port = _whose(elements, 4, True)
        return source, port, "", "", elements
    at = elements.rfind(", rip=")
    if at < 0:
        return "", 0, "", "", ""
    source, port = _whose(elements, at + 6, elements.find(", rip=") == at)
    account, mechanism = _name(elements[:at])
    return source, port, account, mechanism, elements[at + 2 :]


def _whose(elements: str, at: int, alone: bool) -> Peer:
    """The client whose address is at `at`; `alone`: the line has no other rip=."""
    match = _TAIL.fullmatch(elements, at)
    if match is None:
        return NOBODY
    told, session = match.groups()
    source = address(told)
    if session is None:
        return source, 0
    named = peer(session)
    if named[0] == source:
        return named
    return (source, 0) if alone else NOBODY


def _name(said: str) -> tuple[str, str]:
    """Account and mechanism of "user=<bob>, method=PLAIN", both the client's words."""
    if not said.startswith("user=<"):
        said = "user=<>, " + said
    if said.endswith(">"):
        return said[6:-1], ""
    user, _, mechanism = said.rpartition(">, method=")
    if mechanism not in _MECHANISMS and not _MECHANISM.fullmatch(mechanism):
        mechanism = ""
    return user[6:], mechanism


def login(service: str, text: str, head: Head) -> Facts:
    """The facts of a line of imap-login, pop3-login, managesieve-login or submission-login."""
    protocol = service.removesuffix("-login")
    if text.startswith("Login: user=<"):
        return _succeeded(protocol, text[7:], head)
    if text.startswith(_ENDS):
        return _ended(protocol, text, head)
    if text.startswith(("Started proxying to ", "proxy(")):
        return _proxied(protocol, text, head)
    if text.startswith(_LIMIT):
        said, client = _read(text)
        return (ev.Refused(*head, *client[:2], "", "AUTH", 0, "", "rate", said),)
    if text.startswith("Authenticate "):
        return NOTHING  # a mechanism it does not have; the session's end is told as well
    return None


def _read(text: str) -> tuple[str, _Client]:
    """What was said before the elements, and whom they tell of."""
    at = text.find(": user=<")
    if at < 0:
        match = _ELEMENTS.search(text)  # old versions leave out who has not been named
        at = match.start() if match is not None else len(text)
    return text[:at], _client(text[at + 2 :])


def _succeeded(protocol: str, elements: str, head: Head) -> Facts:
    client = _client(elements)
    tried = _tried(protocol, "success", client, "", head)
    match = _CIPHER.search(client[4]) if " with cipher " in client[4] else None
    if match is None:
        return (tried,)
    version, cipher, bits = match[1], match[2], int(match[3])
    return (ev.TlsEstablished(*head, *client[:2], "", version, cipher, bits), tried)


def _proxied(protocol: str, text: str, head: Head) -> Facts:
    """The login was accepted here, and handed on to another server."""
    said, client = _read(text)
    if "tarted proxying to " not in said:
        return NOTHING
    return (_tried(protocol, "success", client, "", head),)


def _ended(protocol: str, text: str, head: Head) -> Facts:
    said, client = _read(text)
    why = _why(said)
    if why.startswith(_FAILED):
        return (_tried(protocol, "failure", client, why, head),)
    if why.startswith(_DEFERRED):
        return (_tried(protocol, "deferred", client, why, head),)
    broken = client[4].find(_HANDSHAKING)
    if broken >= 0:
        reason = client[4][broken + len(_HANDSHAKING) :].partition(", session=<")[0]
        return (ev.TlsTroubled(*head, *client[:2], "", reason),)
    stage = "" if why.startswith(_NOT_TRIED) else "AUTH"
    return (ev.ClientLost(*head, *client[:2], "", why, stage),)


def _why(said: str) -> str:
    """What stands in brackets at the end."""
    at = said.rfind(" (")
    why = said[at + 2 : -1] if said.endswith(")") else said
    if why.isidentifier() and at > 0:  # 2.4 ends with a word for programs, as "(auth_failed)"
        end = at - 1
        why = said[said.rfind(" (", 0, at) + 2 : end] if said[end] == ")" else said[:at]
    return why


def _tried(protocol: str, outcome: LoginOutcome, client: _Client, reason: str, head: Head) -> Event:
    source, port, account, mechanism, _ = client
    return ev.LoginTried(*head, source, port, "", protocol, outcome, account, mechanism, reason)
