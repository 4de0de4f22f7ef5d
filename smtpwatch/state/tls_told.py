"""What one session, now that it has ended, has to say of TLS."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from smtpwatch import events as ev
from smtpwatch.state.session import Session
from smtpwatch.strength import CLEAR, group_name, level, version_name

Mode = Literal["STARTTLS", "implicit", "none", "failed", "unknown"]
"""How a session was secured. "unknown": what would tell is not in the capture, or is not logged."""

NO_HELLO = "no ClientHello after STARTTLS"
SHED = "detail was shed"
SUBMISSIONS = 465  # RFC 8314, 3.3: TLS from the first octet on


class Secured(NamedTuple):
    """`level` is one of smtpwatch.strength's, None where it is not known; `reason` why it failed, else ""."""

    mode: Mode
    version: str | None = None
    cipher: str | None = None
    group: str | None = None
    resumed: bool = False
    level: int | None = None
    reason: str = ""


NONE = Secured("none", level=CLEAR)
UNKNOWN = Secured("unknown")


def secured(session: Session) -> Secured:
    """How `session` was secured."""
    facts = session.tls
    if facts is None:
        return _without_hello(session)
    if facts.failed is not None:
        return Secured("failed", facts.version, facts.cipher, facts.group, reason=facts.failed)
    if facts.version is None:
        return UNKNOWN
    version = version_name(facts.version)
    implicit = facts.implicit or (session.sensor == "log" and session.server_port == SUBMISSIONS)
    group = group_name(facts.group) if facts.group else None
    mode: Mode = "implicit" if implicit else "STARTTLS"
    return Secured(mode, version, facts.cipher, group, bool(facts.resumed), level(version))


def _without_hello(session: Session) -> Secured:
    if session.sensor == "log":
        return _logged(session)
    if session.partial:  # packets are missing: a handshake may be among them
        return UNKNOWN
    if session.starttls in ("requested", "accepted"):
        return Secured("failed", reason=NO_HELLO)
    return NONE


def _logged(session: Session) -> Secured:
    """A log that says nothing of TLS may not be told to (Postfix's smtpd_tls_loglevel is 0 at first): only what it says
    at the end, or of a message, tells that there was none."""
    if session.server_port == SUBMISSIONS:
        return Secured("implicit")
    for visit in session.visits:
        if visit.commands:
            return Secured("STARTTLS") if visit.commands.get("starttls", (0, 0))[0] else NONE
        if visit.program.startswith("exim"):  # which tells with each message (RFC 3848)
            told = [line.protocol for line in visit.lines if isinstance(line, ev.MessageReceived) and line.protocol]
            if told:
                return UNKNOWN if told[-1].lower().rstrip("a").endswith("s") else NONE
    return UNKNOWN


def logins_in_clear(session: Session, mode: Mode) -> list[str]:
    """The mechanism of each AUTH that TLS did not cover."""
    if not session.auth:
        return []
    if session.sensor == "log":
        return [mechanism for mechanism, _ in session.auth] if mode == "none" else []
    if not session.dark:
        return [mechanism for mechanism, _ in session.auth]
    return [event.mechanism for event in session.transcript if type(event) is ev.AuthAttempted and not event.encrypted]


def troubled(session: Session) -> str:
    """Why the handshake failed in the log's words, where the wire could not see that it did; else ""."""
    return next((visit.tls.reason for visit in session.visits if type(visit.tls) is ev.TlsTroubled), "")


def offered(session: Session) -> ev.TlsOffered | None:
    """The latest ClientHello that was seen."""
    return next((event for event in reversed(session.transcript) if type(event) is ev.TlsOffered), None)


def refusal(session: Session) -> ev.Reply | None:
    """The reply that refused STARTTLS."""
    return next((reply for reply in _replies(session) if reply.to == "STARTTLS" and reply.code >= 300), None)


def greeted(session: Session) -> ev.Reply | None:
    """The latest reply in clear that told the server's extensions (RFC 5321, 4.1.1.1), if all of it was seen."""
    for reply in _replies(session):
        if reply.to == "EHLO" and reply.code < 300:
            return None if reply.text.endswith(ev.CUT) else reply
    return None


def _replies(session: Session) -> Iterator[ev.Reply]:
    return (event for event in reversed(session.transcript) if type(event) is ev.Reply)
