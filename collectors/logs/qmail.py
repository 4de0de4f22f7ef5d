"""qmail and what stands in front of it: whom rblsmtpd, tcpserver, CHKUSER and spamdyke refused, and logins by vchkpw.

Sources: the manual pages of ucspi-tcp, the documentation of spamdyke and of the CHKUSER patch, vpopmail's vchkpw(8).
vchkpw may be built to log the password that was tried: it is cut out of the text of a fact.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.reasons import reason

_RBL = re.compile(r"([0-9A-Fa-f.:]+) pid \d+(?: ([\w.-]+))?: ([45]\d\d) (.*)", re.ASCII | re.DOTALL)
_DENIED = re.compile(r"deny \d+ [^:\s]*:[0-9.]+:\d+ ([^:\s]*):([0-9.]+):[^:\s]*:(\d{0,5})", re.ASCII)
# All three parts in brackets are the client's words; one more bracket anywhere, and nothing is sure.
_CHKUSER = re.compile(
    r"(?:\d+\.\d+ )?CHKUSER rejected ([a-z ]+): from <([^<>]*)> remote <([^<>]*):([^<>:]*):([0-9A-Fa-f.]+)> "
    r"rcpt <([^<>]*)> : ([^<>]*)",
    re.ASCII,
)
_SPAMDYKE = re.compile(r"DENIED_(\w+) from: (\S*) to: (\S*) origin_ip: (\S+) origin_rdns: (\S*) auth: ", re.ASCII)
_SPAMDYKE_IP = re.compile(r" origin_ip: ([0-9A-Fa-f.:]+) ", re.ASCII)
_VCHKPW = re.compile(r"vchkpw(?:-(\w+))?: ", re.ASCII)
_BAD_IP = re.compile(r"421 badiprbl: ip ([0-9A-Fa-f.:]+) (?:rbl: )?(.*)", re.ASCII | re.DOTALL)

_OUTCOMES: tuple[tuple[str, ev.LoginOutcome], ...] = (
    ("password fail", "failure"), ("vpopmail user not found", "failure"), ("null password given", "failure"),
    ("null user name given", "failure"), ("invalid user/domain characters", "failure"), ("user not found", "failure"),
    ("No user found", "failure"), ("no user found", "failure"), ("system password fail", "failure"),
    ("pop access denied", "failure"), ("smtp access denied", "failure"), ("imap access denied", "failure"),
    ("login success", "success"), ("(PLAIN) login success", "success"), ("(LOGIN) login success", "success"),
    ("(CRAM-MD5) login success", "success"),
)  # fmt: skip
_TRIED = " (pass: '"

_RULES: tuple[tuple[str, ev.Reason], ...] = (
    ("RBL_MATCH", "blocklist"), ("RHSBL_MATCH", "blocklist"), ("GRAYLISTED", "greylist"), ("RELAYING", "relay denied"),
    ("AUTH_REQUIRED", "auth required"), ("EARLYTALKER", "protocol"), ("TOO_MANY_RECIPIENTS", "rate"),
    ("INVALID_RECIPIENT", "unknown user"), ("RDNS", "client"), ("BLACKLIST_IP", "client"), ("BLACKLIST_NAME", "client"),
    ("SENDER", "sender"), ("ZERO_RECIPIENTS", "protocol"),
)  # fmt: skip


def rblsmtpd(text: str, head: Head) -> Facts:
    """`192.0.2.1 pid 123 sbl.spamhaus.org: 451 http://...`, the list's name not in all versions."""
    match = _RBL.fullmatch(text)
    source = address(match[1]) if match is not None else ""
    if match is None or not source:
        return NOTHING if text.startswith(("fatal: ", "warning: ", "pid ")) else None
    reply = f"{match[3]} {match[4]}"
    return [ev.Refused(*head, source, 0, "", "CONNECT", int(match[3]), "", "blocklist", reply, match[2] or "")]


def tcpserver(text: str, head: Head) -> Facts:
    """`deny 123 mx.example.org:192.0.2.25:25 client.example.com:192.0.2.1::4321`. A name from the DNS has no colon."""
    match = _DENIED.fullmatch(text)
    source = address(match[2]) if match is not None else ""
    if match is None or not source:
        return NOTHING if text.startswith(("ok ", "pid ", "end ", "status: ", "fatal: ", "warning: ", "done")) else None
    return [ev.Refused(*head, source, int(match[3] or 0), match[1], "CONNECT", 0, "", "client", "")]


def smtpd(text: str, head: Head) -> Facts:
    """qmail-smtpd has no log of its own; what patches write: CHKUSER, badiprbl."""
    match = _CHKUSER.fullmatch(text)
    if match is not None:
        what, sender, helo, name, where, recipient, said = match.groups()
        source = address(where)
        if not source:
            return None
        stage = "MAIL" if "sender" in what else "RCPT"
        why: ev.Reason = "relay denied" if "relaying" in what else reason("", said)
        name = "" if name == "unknown" else name
        return [
            ev.Refused(
                *head, source, 0, name, stage, 0, "", why, said, "", sender.partition(":")[0], recipient or None, helo
            )
        ]  # fmt: skip
    listed = _BAD_IP.fullmatch(text)
    source = address(listed[1]) if listed is not None else ""
    if listed is not None and source:
        return [ev.Refused(*head, source, 0, "", "CONNECT", 421, "", "blocklist", text)]
    return NOTHING if " CHKUSER accepted " in text[:40] or text.startswith("CHKUSER accepted ") else None


def spamdyke(text: str, head: Head) -> Facts:
    """`DENIED_RBL_MATCH from: a@b to: c@d origin_ip: 192.0.2.1 origin_rdns: ... auth: (unknown) ...`."""
    if not text.startswith("DENIED_"):
        return NOTHING
    rule = text[7 : text.find(" ")]
    why = _why(rule)
    match = _SPAMDYKE.match(text)
    if match is not None and text.count(" origin_ip: ") == 1:
        _, sender, recipient, where, name = match.groups()
        name = "" if name == "(unknown)" else name
        source = address(where)
        if not source:
            return None
        return [
            ev.Refused(*head, source, 0, name, "", 0, "", why, "", "", _known(sender), _known(recipient))
        ]  # fmt: skip
    found = _SPAMDYKE_IP.findall(text)
    source = address(found[0]) if len(found) == 1 and text.count(" origin_ip: ") == 1 else ""
    return [ev.Refused(*head, source, 0, "", "", 0, "", why, "")]


def _why(rule: str) -> ev.Reason:
    for words, why in _RULES:
        if words in rule:
            return why
    return "policy"


def _known(word: str) -> str | None:
    return None if word == "(unknown)" else word


def vpopmail(text: str, head: Head) -> Facts:
    """`vchkpw-smtp: password fail bob@example.org:192.0.2.1`, logged by vpopmail."""
    match = _VCHKPW.match(text)
    return _login(text, match.end(), match[1] or "", head) if match is not None else NOTHING


def vchkpw(text: str, head: Head) -> Facts:
    """The same where vchkpw is the program itself."""
    return _login(text, 0, head[3].partition("-")[2], head)


def _login(text: str, at: int, service: str, head: Head) -> Facts:
    """`password fail (pass: 'secret') bob@example.org:192.0.2.1`: the address comes last, a stranger's words before."""
    words, outcome = next(((words, outcome) for words, outcome in _OUTCOMES if text.startswith(words, at)), ("", None))
    if outcome is None:
        return NOTHING
    start = at + len(words)
    colon = text.rfind(":")
    account = text[start + 1 : colon]
    where = text[colon + 1 :]
    source = address(where) if colon > start and "." in where else ""  # IPv6 cannot be told from a name before it
    if _TRIED[1:] in text:
        end = text.find("') ", start)
        sure = text.startswith(_TRIED, start) and end > 0 and text.find("') ", end + 1) < 0
        account = text[end + 3 : colon] if sure else ""
        head = (*head[:5], f"{text[:start]} (pass: ...) {account}:{where if source else ''}")
    return [ev.LoginTried(*head, source, 0, "", service, outcome, account, "", words)]
