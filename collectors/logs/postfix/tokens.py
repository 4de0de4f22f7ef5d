"""What Postfix's services write alike: clients, queue ids, TLS summaries, envelopes, warnings."""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev

NOQUEUE = "NOQUEUE"

Client = tuple[str, int, str]
"""(source, client_port, name), as the fields of a ClientEvent."""

# With and without SNI, which Postfix logs only if it is one of its own names. "key-exchange" and what follows came with
# TLS 1.3 and Postfix 3.4.
_SUITE = re.compile(r"([\w.]+) with cipher ([\w-]+) \((\d{1,6})/\d+ bits\)(?: key-exchange ([^ ]+(?: \([^)]*\))?))?")
_TRUST = {"Anonymous": "anonymous", "Untrusted": "untrusted", "Trusted": "trusted", "Verified": "verified"}
_CODES = re.compile(r"(?:([2-5]\d\d)(?:[ -]|$))?(?:([245]\.\d{1,3}\.\d{1,3})(?=[ :;]|$))?", re.ASCII)
_SEVERITIES: dict[str, ev.Severity] = {"warning:": "warning", "error:": "error", "fatal:": "fatal", "panic:": "panic"}


@lru_cache(8_192)  # a visit's lines name its client three times or more
def client(token: str) -> Client | None:
    """A client as `name[address]` or `name[address]:port`, None for what is none. The name is one that the server has
    verified, or "unknown": a blank in it means that other words have come to stand before a stranger's."""
    bracket = token.find("[")
    close = token.find("]", bracket)
    if close < 0 or " " in token:
        return None
    source = address(token[bracket + 1 : close])
    name = token[:bracket]
    if not source and token[bracket:] != "[unknown]":
        return None
    if name == "unknown":
        name = ""
    if close + 1 == len(token):
        return source, 0, name
    port = token[close + 2 :]
    if token[close + 1] != ":":
        return None
    if port.isascii() and port.isdecimal():
        return source, int(port[:6]), name
    return (source, 0, name) if port == "unknown" else None  # behind a proxy that did not say


def first_word(text: str, at: int = 0) -> str:
    """What stands before the next blank."""
    blank = text.find(" ", at)
    return text[at:] if blank < 0 else text[at:blank]


def is_queue_id(word: str) -> bool:
    """A queue id: a short one is all in upper case; a long one (enable_long_queue_ids) begins with the time, which is a
    digit until 2090. No other word that Postfix writes before a colon is like either."""
    return 5 <= len(word) <= 25 and word.isalnum() and word.isascii() and (word[0] <= "9" or word.isupper())


def code_of(reply: str) -> tuple[int, str]:
    """(code, enhanced code) that a reply begins with; 0 and "" for none."""
    return _codes(reply[:16])


def enhanced_of(reply: str) -> str:
    """The RFC 3463 code at the start of `reply`, "" for none."""
    return _codes(reply[:16])[1] if reply[1:2] == "." else ""


@lru_cache(1_024)  # a server has some tens of them
def _codes(start: str) -> tuple[int, str]:
    match = _CODES.match(start)
    return (int(match[1] or 0), match[2] or "") if match is not None else (0, "")


def tls(text: str, head: Head) -> Facts:
    """`Trusted TLS connection established to mx.example.org[192.0.2.1]:25: TLSv1.3 with cipher ...`."""
    trust, between, rest = text.partition(" TLS connection ")
    peer, colon, what = rest.partition(": ")
    words = peer.split(" ")
    suite = _suite(what)
    if not between or not colon or suite is None or trust not in _TRUST or words[0] not in ("established", "reused"):
        return None
    if len(words) not in (3, 5) or (len(words) == 5 and words[3] != "to"):  # SNI comes as another "to"
        return None
    version, cipher, bits, group = suite
    if words[1] == "to":
        return [ev.TlsEstablished(*head, "", 0, "", version, cipher, bits, _TRUST[trust], group, words[2])]
    who = client(words[2]) if words[1] == "from" else None
    return None if who is None else [ev.TlsEstablished(*head, *who, version, cipher, bits, _TRUST[trust], group)]


@lru_cache(1_024)  # a server negotiates few
def _suite(what: str) -> tuple[str, str, int, str] | None:
    """(version, cipher, bits, group) of `TLSv1.3 with cipher NAME (256/256 bits) key-exchange X25519 ...`."""
    match = _SUITE.match(what)
    return None if match is None else (match[1], match[2], int(match[3]), match[4] or "")


def handshake_failed(text: str, head: Head) -> Facts:
    """`SSL_accept error from name[address]: -1` and `SSL_connect error to name[address]:25: lost connection`."""
    accepting = text.startswith("SSL_accept error from ")
    if not accepting and not text.startswith("SSL_connect error to "):
        return housekeeping(text)
    rest = text[22 if accepting else 21 :]
    peer = first_word(rest).removesuffix(":")
    why = rest[len(peer) :].removeprefix(": ")
    if not accepting:
        return [ev.TlsTroubled(*head, "", 0, "", why, peer)]
    who = client(peer)
    return None if who is None else [ev.TlsTroubled(*head, *who, why)]


def trouble(text: str, head: Head) -> Facts:
    """A line that begins with warning:, error:, fatal: or panic:, None for others. The queue id may come next."""
    word = first_word(text)
    severity = _SEVERITIES.get(word)
    if severity is None:
        return None
    said = text[len(word) + 1 :]
    if said.startswith("TLS library problem: "):  # says again what made a handshake fail, but not whose
        return [ev.TlsTroubled(*head, "", 0, "", said)]
    match = _QUEUE_ID.match(said)
    return [ev.ServiceTrouble(*head, severity, said, match[1] if match is not None else "")]


# Both kinds as Postfix makes them, so that no other word before a colon is taken for one.
_QUEUE_ID = re.compile(r"([0-9A-F]{6,20}|[0-9BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz]{10,25}): ")


def either(facts: Facts, text: str) -> Facts:
    """`facts`, or, if the line was not understood so far, what housekeeping makes of it."""
    return housekeeping(text) if facts is None else facts


def housekeeping(text: str) -> Facts:
    """Lines about the service itself that tell nothing of mail: NOTHING for those, None for others."""
    if text.startswith(_HOUSEKEEPING) or "has changed -- restarting" in text[-40:] or _OF_PEER.match(text):
        return NOTHING
    return None


_HOUSEKEEPING = (
    "statistics: ", "initializing the ", "setting up TLS connection ", "cache ", "table ", "close database ",
    "daemon started", "reload ", "terminating on signal", "master exit time ", "ignoring status update",
    "starting the Postfix", "stopping the Postfix", "refreshing the Postfix", "aborting the Postfix",
    "waiting for the Postfix", "the Postfix mail system is", "Postfix is running",
    "certificate verification failed for ", "client certificate verification failed for ",
    "server certificate verification failed for ", "certificate peer name verification failed for ",
    "Server certificate could not be verified", "subject_CN=", "subject=", "issuer=", "SSL3 alert ", "SSL_accept:",
    "SSL_connect:", "TLS SNI ", "using backwards-compatible default setting", "discarding EHLO keywords: ",
    "Host offered STARTTLS: [", "flushing",
    "SMTPS wrappermode (TCP port 465) requires setting ", "cannot load Certification Authority data", "TLSRPT: ",
    "skipping address family ", "ignoring DNS RR: ", "database ", "name_mask: ", "ctable_locate", "watchdog",
)  # fmt: skip

_OF_PEER = re.compile(
    r"\S{1,600}: (?:re-using session with|subject_CN=|raw public key|Matched |matched peername|SNI hostname|"
    r"TLS cipher list|Issuing session ticket|Decrypting session ticket|looking up session|reloaded session|"
    r"save session|remove session|Reusing old session|depth=|verify=|certificate verification |replacing |"
    r"discarding EHLO keywords|line \d+: using backwards-)"
)
"""What a higher log level, or a filter of the admin's, adds: it begins with the peer, or the file, that it is about."""
