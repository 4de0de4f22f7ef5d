"""Lines of Dovecot's auth process, which also answers Postfix and Exim: "passwd-file(bob,203.0.113.7,<session>):
unknown user".

They come with auth_verbose = yes. The name that was tried comes first within the brackets and may hold anything if
auth_username_chars allows it; address, mechanism, "master" and session id follow it and are Dovecot's own. So each
part is taken from the right, and the message, one of a known few, from the line's end. 2.4 puts the brackets before
the colon: "auth(bob,203.0.113.7,sasl:plain)<session>: passwd-file: unknown user".

With auth_verbose_passwords the password that was given follows the message: of such a line nothing is kept.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.dovecot.peer import port_of
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev

_WORKER = re.compile(r"conn unix:\S+ \(pid=\d+,uid=\d+\): auth-worker<\d+>: ", re.ASCII)
_DATABASE = re.compile(r"([a-z0-9-]{1,40})\(", re.ASCII)
_NAMED = re.compile(r"(.*)\)(?:<\d+>)?(?:<([A-Za-z0-9+/=]*)>)?", re.ASCII | re.DOTALL)
_SHORT = re.compile(r"(?:request \[\d+\]: )?[a-z0-9-]{1,40}: (.*)", re.ASCII | re.DOTALL)
_MESSAGES = (
    "Password mismatch", "unknown user", "Unknown user", "invalid credentials", "Invalid credentials",
    "Account disabled", "User disabled", "Password expired", "Login user is disabled",
)  # fmt: skip
_PAM = "pam_authenticate() failed: "
_FORBIDDEN = "Username character disallowed by auth_username_chars: "
_MECHANISMS = frozenset(
    ("plain", "login", "cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256", "apop", "ntlm", "otp", "rpa", "gssapi",
     "external", "xoauth2", "oauthbearer")
)  # fmt: skip
_UNNAMED = "?,"  # in place of a name that was refused for its characters, which then ends the line


def passdb(service: str, text: str, head: Head) -> Facts:
    """The facts of a line of auth or auth-worker."""
    if "given password" in text:
        return NOTHING
    _, _, named = service.partition("(")
    if named and named != "default)" and not named[:-1].isdecimal():
        return _by_service(named, text, head)
    match = _WORKER.match(text)
    if match is not None:
        text = text[match.end() :]
    return _by_database(text, head)


def _by_database(text: str, head: Head) -> Facts:
    start = _DATABASE.match(text)
    if start is None:
        return None
    if start[1] in _MECHANISMS:
        return _forbidden(start[1].upper(), text, start.end(), head)
    at = _message(text, start[1])
    return None if at < 0 else _failed(*_split(text[start.end() : at]), "", text[at + 3 :], head)


def _message(text: str, database: str) -> int:
    """Where "): " and a known message begin, -1 if there is none."""
    for message in _MESSAGES:
        if text.endswith(message) and text.endswith("): ", 0, -len(message)):
            return len(text) - len(message) - 3
    at = text.rfind("): ") if database == "pam" else -1
    return at if text.startswith(_PAM, at + 3) else -1


def _forbidden(mechanism: str, text: str, start: int, head: Head) -> Facts:
    at = text.find("): " + _FORBIDDEN, start)
    if at < 0 or not text.startswith(_UNNAMED, start):
        return None
    return _failed(*_split(text[start:at]), mechanism, text[at + 3 :], head)


def _split(who: str) -> tuple[str, str]:
    """The session id taken off."""
    if not who.endswith(">"):
        return who, ""
    name, _, session = who[:-1].rpartition(",<")
    return name, session


def _by_service(named: str, text: str, head: Head) -> Facts:
    who = _NAMED.fullmatch(named)
    match = _SHORT.fullmatch(text)
    if who is None or match is None:
        return None
    message = match[1]
    if message not in _MESSAGES:
        # A name with ": " puts its own words here; then the end of the true brackets follows them.
        known = message.startswith(_PAM) or (message.startswith(_FORBIDDEN) and named.startswith(_UNNAMED))
        if not known or ",sasl:" in message:
            return None
    return _failed(who[1], who[2] or "", "", message, head)


def _failed(who: str, session: str, mechanism: str, message: str, head: Head) -> Facts:
    who = who.removesuffix(",master")
    name, comma, last = who.rpartition(",")
    if comma and last.startswith("sasl:"):
        mechanism = last[5:].upper()
        who = name
        name, comma, last = who.rpartition(",")
    source = address(last) if comma else ""
    account = name if source else who
    if message.startswith(_FORBIDDEN):
        message, _, given = message.partition(" (username: ")
        account = given[:-1]
    account = "" if account == "?" else account
    port = port_of(source, session)
    return (ev.LoginTried(*head, source, port, "", "auth", "failure", account, mechanism, message),)
