"""Why a client was refused: the class of a reply, by words that mail servers use and its enhanced code (RFC 3463)."""

from __future__ import annotations

import re
from functools import lru_cache

from smtpwatch.events import Reason

_Table = tuple[tuple[Reason, tuple[str, ...]], ...]

_PHRASES: _Table = (
    ("resources", (r"temporary authentication failure", r"tls not available", r"tls currently unavailable")),
    ("relay denied", (
        r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted|not allowed|prohibited|restricted)",
        r"(?:not permitted|unable|not allowed) to relay", r"do(?:es)? not relay",
        r"relaying (?:to|through) .* prohibited", r"rcpthosts", r"is not a relay", r"no relaying", r"open relay",
    )),
    ("TLS required", (
        r"must issue a starttls", r"(?:start)?tls (?:is |encryption )?(?:is )?(?:required|needed)", r"only over tls",
        r"(?:session )?encryption (?:is )?(?:required|needed)", r"requires? (?:start)?tls",
    )),
    ("auth required", (
        r"authentication (?:is )?required", r"must (?:issue an )?auth", r"not authenticated", r"need to authenticate",
        r"auth(?:entication|enticate)? (?:command )?first", r"please log ?in", r"login (?:is )?required",
        r"not logged in", r"smtp auth is required",
    )),
    ("auth failed", (
        r"authentication (?:credentials )?(?:failed|failure|invalid|unsuccessful)", r"incorrect authentication",
        r"(?:invalid|bad) (?:authentication )?credentials", r"username and password not accepted",
        r"auth(?: \w+)? failed", r"authorization failed", r"invalid (?:login|password|username)",
    )),
    ("protocol", (
        r"(?:send|say|use|expected|expecting) (?:helo|ehlo)", r"improper use of smtp command pipelining", r"smtplf",
        r"bare (?:<?[cl]f>?|newline|line ?feed)",
    )),
    ("greylist", (r"gr[ae]y-?list", r"gr[ae]ylisting")),
    ("DMARC", (r"\bdmarc\b", r"\bspf (?:or|and|nor) dkim\b")),
    ("SPF", (r"\bspf\b", r"openspf")),
    ("DKIM", (r"\bdkim\b",)),
    ("blocklist", (
        r"blocked using", r"(?:black|block)[ -]?list", r"\bdns ?[bw]l\b", r"\brbl\b", r"spamhaus", r"spamcop",
        r"barracuda", r"sorbs", r"uceprotect", r"abuseat", r"listed (?:at|in|by|on)\b",
        r"found in (?:dnsbl )?[\w-]+\.[\w.-]+",
    )),
    ("rate", (
        r"too many", r"rate[ -]?limit", r"limit exceeded", r"throttl", r"excessive", r"too (?:fast|quickly|much mail)",
        r"unusual rate", r"(?:connection|message|sending) (?:rate|limit)",
        r"exceeded .*(?:connections|per (?:minute|hour|day))",
    )),
    ("mailbox full", (r"mailbox (?:is )?full", r"quota", r"insufficient .*mailbox", r"mailbox size")),
    ("HELO", (r"\bhelo\b", r"\behlo\b", r"syntactically invalid argument")),
    ("sender", (
        r"sender (?:address )?(?:rejected|verif|unknown|domain|denied|must)", r"verify sender", r"sender address",
        r"domain of sender", r"bad sender", r"envelope[ -]sender", r"badmailfrom", r"send as this sender",
        r"not owned by user", r"mail from .* (?:not allowed|denied|rejected)", r"no valid sender", r"reverse[ -]path",
    )),
    ("client", (
        r"client host rejected", r"cannot find your", r"reverse (?:dns|hostname|lookup)", r"\bptr\b", r"reputation",
        r"(?:host|host name|hostname) lookup", r"(?:access denied|prohibited) for client", r"rejected connection",
        r"banned sending ip", r"sending ip", r"the ip you", r"fix reverse", r"your (?:host|ip)\b",
        r"not accepting connections", r"connection (?:refused|rejected)",
    )),
    ("unknown user", (
        r"(?:user|recipient|mailbox|local part|alias) (?:is )?unknown",
        r"unknown (?:or illegal )?(?:user|recipient|local part|alias)",
        r"no such (?:user|recipient|mailbox|address|person|account)", r"unroute?able address",
        r"does(?: not|n't) exist",
        r"recipient (?:address )?(?:not found|rejected: (?:un|domain not found|user|no such|host not found))",
        r"recipientnotfound", r"recipient .* not found", r"invalid (?:recipient|mailbox)", r"no mailbox",
        r"mailbox (?:unavailable|not found)", r"(?:undeliverable|unverified) address", r"address unknown", r"as\(2018",
        r"account (?:is )?(?:disabled|inactive)", r"not a (?:known|valid) (?:user|recipient|mailbox)",
        r"mailing list expansion",  # OpenSMTPD, of an address that its table does not have
    )),
    ("size", (
        r"message (?:size|too (?:big|large|long))", r"size (?:limit )?exce", r"exceed\w* .*(?:size|databytes)",
        r"maximum .*size", r"databytes",
    )),
    ("content", (
        r"spam", r"\bvirus", r"malware", r"infected", r"\bcontent\b", r"attachment", r"phish", r"unsolicited",
        r"message (?:was )?(?:rejected|blocked|header|body)", r"security (?:issue|risk)", r"forbidden file",
    )),
    ("protocol", (
        r"syntax", r"pipelin", r"synchroni[sz]ation", r"bad sequence", r"(?:not |un)implemented", r"unrecogni[sz]ed",
        r"command not", r"protocol error", r"line too long", r"need fully-qualified",
        r"(?:invalid|bad|improper|wrong) command", r"nested mail", r"multi-recipient bounce", r"not advertised",
        r"malformed", r"need (?:mail|rcpt)", r"(?:mail|rcpt) first", r"bad address",
    )),
    ("resources", (
        r"insufficient (?:system|disk)", r"(?:server )?configuration (?:error|problem)", r"local (?:problem|error)",
        r"lookup (?:failure|error)", r"system (?:storage|resources)", r"server (?:ports )?busy", r"ports busy",
        r"queue file", r"try (?:again )?later", r"temporar", r"timeout", r"cannot open",
        r"service (?:currently |not )?(?:un)?available", r"unable to read", r"internal error", r"local data error",
        r"disk space", r"verification problem", r"out of memory",
    )),
)  # fmt: skip
"""In order, the first that matches wins: what names its cause exactly comes before what may be said of anything. Each
is a phrase as a server's own code has it, or as admins commonly write it in their tables."""

_VAGUE: _Table = (
    ("policy", (
        r"access denied", r"rejected", r"denied", r"prohibit", r"not allowed", r"administrative", r"policy", r"refused",
        r"not accept", r"not (?:permitted|authori[sz]ed)", r"blocked", r"banned",
    )),
)  # fmt: skip
"""Phrases that say less than an enhanced code does."""

_ENHANCED: dict[str, Reason] = {
    "1.1": "unknown user", "1.2": "unknown user", "1.3": "protocol", "1.6": "unknown user", "1.7": "sender",
    "1.8": "sender", "1.10": "unknown user", "2.1": "unknown user", "2.2": "mailbox full", "2.3": "size",
    "3.1": "resources",
    "3.4": "size", "5.0": "protocol", "5.1": "protocol", "5.2": "protocol", "5.3": "rate", "5.4": "protocol",
    "7.8": "auth failed", "7.9": "auth failed", "7.10": "TLS required", "7.11": "TLS required", "7.20": "DKIM",
    "7.21": "DKIM", "7.22": "DKIM", "7.23": "SPF", "7.24": "SPF", "7.25": "client", "7.26": "DMARC", "7.27": "sender",
    "7.28": "rate", "7.54": "relay denied", "7.57": "auth required", "7.60": "sender",
}  # fmt: skip
"""RFC 3463 and its registry, and Exchange's own, without the class (4 or 5)."""


def _compiled(table: _Table) -> tuple[tuple[Reason, re.Pattern[str]], ...]:
    return tuple((name, re.compile("|".join(phrases), re.IGNORECASE)) for name, phrases in table)


_PATTERNS = _compiled(_PHRASES)
_VAGUE_PATTERNS = _compiled(_VAGUE)

_BLOCKLIST = re.compile(
    r"(?:blocked using|listed (?:at|in|by|on)|is in|rejected by|found in|list at) "
    r"(?:dnsbl |domain )?([\w-]+(?:\.[\w-]+)+)",
    re.ASCII | re.IGNORECASE,
)
LONGEST = 500  # characters of a reply that are searched
_WITH_ADDRESSES = 2_000  # and before the addresses in it are taken out
_ADDRESSED = re.compile(r'<(?!LF>|CR>)(?:"(?:[^"\\]|\\.)*"|[^"<>])*>:? ?|\[[0-9a-fA-F:.]+\]')


def reason(enhanced: str, reply: str) -> Reason:
    """The class of a refusal. Addresses in the reply, which are the client's words, decide nothing."""
    return classified(enhanced, reply)[0]


def classified(enhanced: str, reply: str) -> tuple[Reason, str]:
    """The class of a refusal, and the DNS list that it names, "" for none."""
    if "<" in reply or "[" in reply:
        reply = _ADDRESSED.sub("", reply[:_WITH_ADDRESSES])
    return _classified(enhanced[2:], reply[:LONGEST])


@lru_cache(4_096)  # a server says few things over and over
def _classified(detail: str, reply: str) -> tuple[Reason, str]:
    why = _class(detail, reply)
    listed = _BLOCKLIST.search(reply) if why == "blocklist" else None
    return why, listed[1] if listed is not None else ""


def _class(detail: str, reply: str) -> Reason:
    for name, pattern in _PATTERNS:
        if pattern.search(reply):
            return name
    known = _ENHANCED.get(detail)
    if known is not None:
        return known
    for name, pattern in _VAGUE_PATTERNS:
        if pattern.search(reply):
            return name
    return "policy" if detail in ("7.0", "7.1") else "other"


def blocklist(reply: str) -> str:
    """The DNS list that a refusal names, "" if it names none."""
    match = _BLOCKLIST.search(reply[:LONGEST])
    return match[1] if match is not None else ""
