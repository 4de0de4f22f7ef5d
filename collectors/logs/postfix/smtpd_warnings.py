"""What smtpd(8) warns of: failed logins, limits, odd clients. Other warnings are a service's troubles.

Each has a form of its own, and most hold a client's words: what is not exactly of its form says nothing of a client.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.postfix.tokens import client, trouble
from smtpwatch import events as ev

_ACCOUNT = ", sasl_username="
# Of Postfix's SASL glue, Dovecot's auth and Cyrus's saslauthd: we could not tell.
_DEFERRED = ("temporary", "Temporary", "Connection lost to", "generic failure", "Internal authentication")
# What libsasl2 and its plugins say of a failed login, without the client: Postfix's own line says it again, with the
# client. What follows is a stranger's in part.
_CYRUS = tuple(
    f"SASL authentication failure: {why}"
    for why in (
        "Password verification failed", "no secret in database", "incorrect digest response", "realm changed",
        "client response doesn't match", "Couldn't find mech ", "username too long", "bad userid authenticated",
        "Can only find author/en", "Can only find author ", "need authentication name", "invalid authentication",
    )
)  # fmt: skip
_AUTHENTICATION = re.compile(r"([\w-]{1,20}) authentication (aborted$|failed:) ?", re.ASCII)

_LIMIT = re.compile(
    r"(Connection concurrency|Connection rate|Message delivery request rate|Recipient address rate|"
    r"New TLS session rate|AUTH command rate) limit exceeded: (\d+) from (\S+) for service \S+$"
)
_STAGES = {"M": "MAIL", "R": "RCPT", "N": "STARTTLS", "A": "AUTH"}
_NO_TLS = re.compile(
    r"((?:Refusing (?:STARTTLS|TLS service) request|Wrapper-mode request dropped) from )(\S+) for service "
)
_ODD = re.compile(r"(non-SMTP command|Illegal address syntax) from (\S+?)(?:: (.*)| (in .*))$", re.DOTALL)
_LONG = re.compile(r"(\S+): request (longer than .*)$", re.DOTALL)
_BDAT = re.compile(
    r"\w+: (malformed BDAT command syntax|null BDAT request|BDAT request|"
    r"too much BDAT content -- disabling further input) from (\S+?)(?:: (.*)| (exceeds .*))?$",
    re.DOTALL,
)


def service_of(program: str) -> str:
    """Postfix's own names for its two kinds of smtpd: what master.cf's -o syslog_name usually says."""
    return "submission" if "submission" in program or "smtps" in program else "smtp"


def _login_failed(said: str, head: Head) -> Facts:
    """`name[address]: SASL LOGIN authentication failed: why, sasl_username=bob` (smtpd_sasl_glue.c). The mechanism is
    the client's word, too, and may be anything in quotes: then nothing after it is believed."""
    peer, _, rest = said.partition(": SASL ")
    who = client(peer)
    if who is None:
        return None
    service = service_of(head[3])
    match = _AUTHENTICATION.match(rest)
    if match is None:
        return [ev.LoginTried(*head, *who, service, "failure")] if " authentication " in rest else None
    mechanism = match[1]
    if match[2] == "aborted":
        return [ev.LoginTried(*head, *who, service, "failure", "", mechanism, "aborted by the client")]
    why, _, account = rest[match.end() :].partition(_ACCOUNT)
    outcome: ev.LoginOutcome = "deferred" if why.startswith(_DEFERRED) else "failure"
    if account == "(unavailable)":
        account = ""
    return [ev.LoginTried(*head, *who, service, outcome, account, mechanism, why)]


def _limited(said: str, head: Head) -> Facts:
    match = _LIMIT.match(said)
    who = client(match[3]) if match is not None else None
    if match is None or who is None:
        return None
    stage = _STAGES.get(match[1][0], "CONNECT")
    return [ev.Refused(*head, *who, stage, 0, "", "rate", f"{match[1]} limit exceeded: {match[2]}")]


def _misnamed(said: str, head: Head) -> Facts:
    """`hostname host.example does not resolve to address 192.0.2.1: Name or service not known`."""
    name, _, rest = said.partition(" does not resolve to address ")
    source = address(rest.partition(": ")[0])
    if not source or not name.startswith("hostname ") or " " in (name := name[9:]):
        return None
    return [ev.ClientOddity(*head, source, 0, "", "name does not resolve to address", name)]


def _odd(said: str, head: Head) -> Facts:
    """`non-SMTP command from name[address]: GET / HTTP/1.1`, and addresses that are none."""
    match = _ODD.match(said)
    who = client(match[2]) if match is not None else None
    if match is None or who is None:
        return _odd_bdat(said, head)
    kind = "not SMTP" if match[1][0] == "n" else "bad address"
    return [ev.ClientOddity(*head, *who, kind, match[3] or match[4] or "")]


def _odd_bdat(said: str, head: Head) -> Facts:
    match = _BDAT.match(said)
    who = client(match[2]) if match is not None else None
    if match is None or who is None:
        return _no_tls(said, head)
    return [ev.ClientOddity(*head, *who, "bad BDAT", match[3] or match[1] + (f" {match[4]}" if match[4] else ""))]


def _no_tls(said: str, head: Head) -> Facts:
    """`Refusing STARTTLS request from name[address] for service smtp`: our certificate is not in order."""
    match = _NO_TLS.match(said)
    who = client(match[2]) if match is not None else None
    if match is None or who is None:
        return _no_etrn(said, head)
    return [ev.TlsTroubled(*head, *who, match[1].removesuffix(" from "))]


def _no_etrn(said: str, head: Head) -> Facts:
    """`reject: ETRN example.org... from name[address]`: the client's word comes first, and the client ends the line."""
    if not said.startswith("reject: ETRN "):
        return None
    who = client(said[said.rfind(" from ") + 6 :])
    return None if who is None else [ev.Refused(*head, *who, "ETRN", 0, "", "policy", "")]


def _long(said: str, head: Head) -> Facts:
    match = _LONG.match(said)
    who = client(match[1]) if match is not None else None
    return None if match is None or who is None else [ev.ClientOddity(*head, *who, "long line", match[2])]


_WARNINGS: tuple[tuple[str, Callable[[str, Head], Facts]], ...] = (
    (": SASL ", _login_failed),
    (" limit exceeded: ", _limited),
    (" does not resolve to address ", _misnamed),
    (": request longer than ", _long),
    (" from ", _odd),
)
"""What a warning must hold to be of a kind, and the reader of that kind."""


def warning(text: str, head: Head) -> Facts:
    """A line of smtpd that begins with "warning: "."""
    said = text[9:]
    if said.startswith(_CYRUS):
        return NOTHING
    for words, known in _WARNINGS:
        if words in said:
            facts = known(said, head)
            if facts is not None:
                return facts
    return trouble(text, head)
