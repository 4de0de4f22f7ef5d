"""Clients of a Sendmail: their connections, logins, handshakes, and what they were refused."""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.sendmail.tokens import ADDRESS, NOBODY, Client, client, codes
from smtpwatch import events as ev
from smtpwatch.reasons import blocklist, reason

_RULESET = re.compile(r"ruleset=(\w+), arg1=", re.ASCII)
_PLAIN_ARGUMENT = re.compile(rf"<({ADDRESS})>")
_STAGES = {
    "check_relay": "CONNECT", "check_mail": "MAIL", "check_rcpt": "RCPT", "check_compat": "RCPT", "check_vrfy": "VRFY",
    "check_expn": "EXPN", "check_etrn": "ETRN", "check_data": "DATA", "check_eoh": "END-OF-MESSAGE",
    "check_eom": "END-OF-MESSAGE", "tls_client": "STARTTLS", "tls_rcpt": "RCPT", "srv_features": "CONNECT",
    "trust_auth": "AUTH", "authinfo": "AUTH", "ratecontrol": "CONNECT", "conncontrol": "CONNECT",
}  # fmt: skip
_TLS = re.compile(
    r"STARTTLS=(server|client), relay=(.+), version=([\w.]+), verify=(\w+), cipher=([\w-]+), bits=(\d{1,5})/\d+",
    re.ASCII,
)
_LOGGED_IN = re.compile(r"AUTH=server, relay=([^,]*), authid=([^,]*), mech=([\w-]+), bits=\d+", re.ASCII)
_LOGIN_FAILED = re.compile(r"AUTH failure \(([\w-]{1,20})\): ([^()]*)\(-?\d+\)", re.ASCII)
_LOST = re.compile(r"lost input channel from (.+) to \S+ after (\w+)", re.ASCII)
_TIMED_OUT = re.compile(r"timeout waiting for input from (.+) during ([\w. -]+)", re.ASCII)
_BEHAVED = re.compile(
    r"([^ \[]* ?\[[^\]\s]*\](?: \(may be forged\))?)"
    r"(?: did not issue \S+ during connection to (\S+)|: [pP]ossible SMTP (.*)|: ((?:VRFY|EXPN|ETRN) .*))",
    re.ASCII | re.DOTALL,
)
_PREGREETED = re.compile(r"rejecting commands from (.+) due to pre-greeting traffic.*")
_TCP_WRAPPED = re.compile(r"tcpwrappers \((\S*), (\S+)\) rejection")
_FILTERED = re.compile(r"Milter: (?:(connect|helo|from|to|data|eoh|eom|body|header|cmd)=?)")
_FILTER_CONNECT = re.compile(
    r"Milter: connect: host=.*, addr=(\S+), (rejecting commands|temp failing commands|shutdown)"
)
_FILTER_STAGES = {
    "connect": "CONNECT", "helo": "HELO", "from": "MAIL", "to": "RCPT", "cmd": "DATA", "data": "END-OF-MESSAGE",
    "eoh": "END-OF-MESSAGE", "eom": "END-OF-MESSAGE", "body": "END-OF-MESSAGE", "header": "END-OF-MESSAGE",
}  # fmt: skip
_UNDELIVERABLE = re.compile(rf"(?:<({ADDRESS})>|([^\s<>\"()\\]+))\.\.\. (.*)", re.DOTALL)
_TRUSTS = {"OK": "trusted", "FAIL": "untrusted"}
_FORGED = " (may be forged)"
_RELAY = ", relay="
_LOGIN_DEFERRED = (
    "generic failure (-1)",
    "temporary failure",
    "no mechanism available (-4)",
    "remote authentication server",
)


def connected(said: str, queue_id: str, head: Head) -> Facts:
    """`connect from name [address]`: LogLevel 12."""
    who = client(said.removeprefix("connect from "))
    return [ev.ClientConnected(*head, *who)] if who is not None else None


def checked(said: str, queue_id: str, head: Head) -> Facts:
    """`ruleset=check_rcpt, arg1=<..>, relay=name [address], reject=550 5.7.1 <..>... Relaying denied`."""
    match = _RULESET.match(said)
    if match is None:
        return None
    relay = said.find(_RELAY, match.end())
    # The argument is a stranger's, and the reply repeats it: where a relay is named twice, neither is sure.
    if relay < 0 or said.find(_RELAY, relay + 1) >= 0:
        return _ruling("", match[1], None, NOBODY, queue_id, head)
    who, end = _relay(said, relay + len(_RELAY))
    if who is None:
        who, end = NOBODY, len(said)
    plain = _PLAIN_ARGUMENT.fullmatch(said, match.end(), relay)
    return _ruling(said[end:], match[1], plain[1] if plain is not None else None, who, queue_id, head)


def _relay(said: str, at: int) -> tuple[Client | None, int]:
    """The client that stands at `at`, and where it ends. It may be one on this host, `root@localhost`."""
    bracket, comma = said.find("]", at), said.find(",", at)
    if comma >= 0 and not at < bracket < comma:
        return NOBODY, comma
    end = bracket + 1
    if said.startswith(_FORGED, end):
        end += len(_FORGED)
    return client(said[at:end]), end


def _ruling(ruled: str, rules: str, argument: str | None, who: Client, queue_id: str, head: Head) -> Facts:
    stage = _STAGES.get(rules, rules)
    if ruled.startswith((", discard", ", quarantine=")):
        action = "discard" if ruled.startswith(", discard") else "hold"
        return [ev.MessageHandled(*head, queue_id, action, f"{rules}: {ruled[2:]}")]
    reply = ruled[9:] if ruled.startswith(", reject=") else ""
    code, enhanced = codes(reply)
    why = reason(enhanced, reply)
    sender = argument if stage == "MAIL" else None
    recipient = argument if stage == "RCPT" else None
    listed = blocklist(reply) if why == "blocklist" else ""
    return [ev.Refused(*head, *who, stage, code, enhanced, why, reply, listed, sender, recipient, None, queue_id)]


def tls(said: str, queue_id: str, head: Head) -> Facts:
    """`STARTTLS=server, relay=name [address], version=TLSv1.3, verify=NO, cipher=..., bits=256/256`."""
    match = _TLS.fullmatch(said)
    if match is None:
        return _tls_failed(said, head)
    side, peer, version, verify, cipher, bits = match.groups()
    trust = _TRUSTS.get(verify, "")
    if side == "client":
        return [ev.TlsEstablished(*head, *NOBODY, version, cipher, int(bits), trust, "", peer)]
    who = client(peer)
    return [ev.TlsEstablished(*head, *who, version, cipher, int(bits), trust)] if who is not None else None


def _tls_failed(said: str, head: Head) -> Facts:
    if not said.startswith("STARTTLS=server, error: accept failed"):
        return NOTHING
    end = said.rfind(_RELAY)
    who = client(said[end + len(_RELAY) :]) if end > 0 else None
    why = said[len("STARTTLS=server, error: ") : end] if end > 0 else said[len("STARTTLS=server, error: ") :]
    return [ev.TlsTroubled(*head, *(who or NOBODY), why)]


def logged_in(said: str, queue_id: str, head: Head) -> Facts:
    """`AUTH=server, relay=name [address], authid=bob, mech=PLAIN, bits=0`."""
    match = _LOGGED_IN.fullmatch(said)
    who = client(match[1]) if match is not None else None
    if match is None or who is None:
        return NOTHING if said.startswith("AUTH=client") else None
    return [ev.LoginTried(*head, *who, "smtp", "success", match[2], match[3])]


def login_failed(said: str, queue_id: str, head: Head) -> Facts:
    """`AUTH failure (LOGIN): user not found (-20) SASL(-13): ..., user=bob, relay=name [address]`: the user's name,
    which not all versions have, may hold anything."""
    match = _LOGIN_FAILED.match(said)
    if match is None:
        return NOTHING if said.startswith(("AUTH error", "AUTH warning", "AUTH continue", "AUTH encode")) else None
    end = said.rfind(_RELAY)
    who = client(said[end + len(_RELAY) :]) if end >= 0 else None
    user = said.find(", user=", match.end(), end) if end >= 0 else -1
    account = said[user + 7 : end] if user >= 0 else ""
    why = said[match.start(2) : match.end()]
    outcome: ev.LoginOutcome = "deferred" if any(words in why for words in _LOGIN_DEFERRED) else "failure"
    return [ev.LoginTried(*head, *(who or NOBODY), "smtp", outcome, account, match[1], why, queue_id)]


def lost(said: str, queue_id: str, head: Head) -> Facts:
    """`lost input channel from name [address] to MTA after rcpt`."""
    match = _LOST.fullmatch(said)
    who = client(match[1]) if match is not None else None
    if match is None or who is None:
        return None
    return [ev.ClientLost(*head, *who, "lost connection", match[2].upper())]


def timed_out(said: str, queue_id: str, head: Head) -> Facts:
    """`timeout waiting for input from name [address] during server cmd read`."""
    match = _TIMED_OUT.fullmatch(said)
    who = client(match[1]) if match is not None else None
    return [ev.ClientLost(*head, *who, "timeout", match[2])] if match is not None and who is not None else NOTHING


def bad_helo(said: str, queue_id: str, head: Head) -> Facts:
    """`invalid domain name (...) from name [address]`: it was told 501. What it said may hold anything."""
    end = said.rfind(") from ")
    who = client(said[end + 7 :]) if end > 0 else None
    if who is None or not said.startswith("invalid domain name ("):
        return None
    helo = said[len("invalid domain name (") : end]
    return [ev.Refused(*head, *who, "HELO", 0, "", "HELO", "", "", None, None, helo, queue_id)]


def behaved(said: str, queue_id: str, head: Head) -> Facts:
    """Lines that begin with the client: `name [address] did not issue ...`, `name [address]: possible SMTP attack`."""
    match = _BEHAVED.fullmatch(said)
    who = client(match[1]) if match is not None else None
    if match is None or who is None:
        return None
    if match[2] is not None:
        return [ev.ClientOddity(*head, *who, "no MAIL", match[2])]
    if match[3] is not None:
        return [ev.ClientOddity(*head, *who, "possible attack", match[3])]
    if match[4].endswith(" [rejected]"):
        return [ev.Refused(*head, *who, match[4][:4], 0, "", "policy", "", "", None, None, None, queue_id)]
    return NOTHING


def rejected_commands(said: str, queue_id: str, head: Head) -> Facts:
    """`rejecting commands from name [address] [address] due to pre-greeting traffic after 3 seconds`."""
    match = _PREGREETED.fullmatch(said)
    if match is None:
        return NOTHING if said.startswith("rejecting ") and said.endswith("before response") else None
    words = match[1]
    who = client(words) or client(words[: words.rfind(" [")])
    return [ev.ClientOddity(*head, *who, "early talker", "before the greeting")] if who is not None else None


def pipelined(said: str, queue_id: str, head: Head) -> Facts:
    """`unauthorized PIPELINING, sleeping, relay=name [address]`."""
    who = client(said[said.rfind(_RELAY) + len(_RELAY) :])
    if who is None or not said.startswith("unauthorized PIPELINING"):
        return None
    return [ev.ClientOddity(*head, *who, "pipelining", "")]


def tcp_wrapped(said: str, queue_id: str, head: Head) -> Facts:
    """`tcpwrappers (name, address) rejection`."""
    match = _TCP_WRAPPED.fullmatch(said)
    source = address(match[2]) if match is not None else ""
    if match is None or not source:
        return None
    return [ev.Refused(*head, source, 0, match[1], "CONNECT", 0, "", "client", "")]


def too_many(said: str, queue_id: str, head: Head) -> Facts:
    """`Too many recipients`."""
    if said != "Too many recipients":
        return NOTHING
    return [ev.Refused(*head, *NOBODY, "RCPT", 0, "", "rate", said, "", None, None, None, queue_id)]


def filtered(said: str, queue_id: str, head: Head) -> Facts:
    """`Milter: to=<..>, reject=550 5.7.1 ...`: a filter has refused something."""
    if said.startswith("Milter ("):
        failed = ": to error state" in said or ": timeout" in said or ": error " in said or ": init failed" in said
        return [ev.ServiceTrouble(*head, "warning", said, queue_id)] if failed else NOTHING
    connect = _FILTER_CONNECT.fullmatch(said)
    if connect is not None:
        source = address(connect[1].removeprefix("[").removesuffix("]"))
        return [
            ev.Refused(*head, source, 0, "", "CONNECT", 0, "", "policy", connect[2], "", None, None, None, queue_id)
        ]
    match = _FILTERED.match(said)
    at = said.find(", reject=") if match is not None else -1
    if match is None or at < 0:
        return NOTHING
    stage = _FILTER_STAGES[match[1]]
    argument = _PLAIN_ARGUMENT.fullmatch(said, match.end(), at)
    reply = said[at + 9 :] if said.find(", reject=", at + 1) < 0 else ""
    if not reply:
        argument = None
    code, enhanced = codes(reply)
    sender = argument[1] if argument is not None and stage == "MAIL" else None
    recipient = argument[1] if argument is not None and stage == "RCPT" else None
    why = reason(enhanced, reply)
    return [ev.Refused(*head, *NOBODY, stage, code, enhanced, why, reply, "", sender, recipient, None, queue_id)]


def undeliverable(said: str, queue_id: str, head: Head) -> Facts:
    """`<bob@example.org>... User unknown`: a recipient that was refused as it was named."""
    match = _UNDELIVERABLE.fullmatch(said)
    if match is None or not queue_id:
        return NOTHING if said.startswith("<") else None
    if not match[3].startswith(("User unknown", "No such user")):
        return NOTHING
    recipient = match[1] if match[1] is not None else match[2]
    return [
        ev.Refused(*head, *NOBODY, "RCPT", 0, "", "unknown user", match[3], "", None, recipient, None, queue_id)
    ]  # fmt: skip
