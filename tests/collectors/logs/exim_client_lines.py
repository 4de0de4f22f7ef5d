"""More lines of Exim: of clients that it refused. Their sources are those of exim_lines.py."""

from smtpwatch import events as ev
from tests.collectors.logs.exim_lines import Case, made

_C2 = ("192.0.2.2", 0, "")
_C2P = ("192.0.2.2", 40071, "")
_NAMED = ("192.0.2.9", 0, "client.example.net")
_HELO = "client.example.net"
_SYNC = "SMTP protocol synchronization error"

REFUSALS: dict[str, Case] = {
    "unknown user": (
        "H=(client.example.net) [192.0.2.2] F=<alice@sender.example> rejected RCPT <nobody@example.org>: Unknown user",
        [
            made(
                ev.Refused, *_C2, "RCPT", 0, "", "unknown user", "Unknown user", "", "alice@sender.example",
                "nobody@example.org", _HELO,
            )
        ],
    ),
    "relay, port and interface": (
        "H=(client.example.net) [192.0.2.2]:40071 I=[192.0.2.1]:25 F=<> rejected RCPT <x@far.example>: relay not "
        "permitted",
        [
            made(
                ev.Refused, *_C2P, "RCPT", 0, "", "relay denied", "relay not permitted", "", "", "x@far.example", _HELO
            )
        ],
    ),
    "in TLS, logged in": (
        "H=client.example.net [192.0.2.9] X=TLS1.3:ECDHE_X25519:256 CV=no SNI=mx F=<a@b.example> A=plain:carol "
        "temporarily rejected RCPT <x@far.example>: too many messages",
        [made(ev.Refused, *_NAMED, "RCPT", 0, "", "rate", "too many messages", "", "a@b.example", "x@far.example")],
    ),
    "blocklist": (
        "H=(client.example.net) [192.0.2.2] F=<a@b.example> rejected RCPT <bob@example.org>: rejected because "
        "192.0.2.2 is in a "
        "black list at dnsbl.example",
        [
            made(
                ev.Refused, *_C2, "RCPT", 0, "", "blocklist", "rejected because 192.0.2.2 is in a black list at "
                "dnsbl.example",
                "dnsbl.example", "a@b.example", "bob@example.org", _HELO,
            )
        ],
    ),
    "sender cannot be verified": (
        "H=(c) [192.0.2.2] sender verify fail for <a@b.example>: Unrouteable address",
        [
            made(
                ev.Refused, *_C2, "", 0, "", "sender", "Unrouteable address", "", "a@b.example", None, "c", "", True
            )
        ],
    ),
    "refused for its sender": (
        "H=(c) [192.0.2.2] F=<a@b.example> rejected RCPT <bob@example.org>: Sender verify failed",
        [
            made(
                ev.Refused, *_C2, "RCPT", 0, "", "sender", "Sender verify failed", "", "a@b.example",
                "bob@example.org", "c"
            )
        ],
    ),
    "HELO": (
        "H=(banned.host) [192.0.2.2] rejected EHLO or HELO banned.host: HELO banned",
        [made(ev.Refused, *_C2, "EHLO", 0, "", "HELO", "HELO banned", "", None, None, "banned.host")],
    ),
    "MAIL": (
        "H=(client.example.net) [192.0.2.2] rejected MAIL <x@banned.example>: by our rules",
        [made(ev.Refused, *_C2, "MAIL", 0, "", "policy", "by our rules", "", "x@banned.example", None, _HELO)],
    ),
    "MAIL for now": (
        "H=(client.example.net) [192.0.2.2] temporarily rejected MAIL <x@slow.example>: greylisted",
        [made(ev.Refused, *_C2, "MAIL", 0, "", "greylist", "greylisted", "", "x@slow.example", None, _HELO)],
    ),
    "connection": (
        'H=[192.0.2.66] rejected connection in "connect" ACL: your host is banned here',
        [made(ev.Refused, "192.0.2.66", 0, "", "CONNECT", 0, "", "client", "your host is banned here")],
    ),
    "EXPN": ("H=(c) [192.0.2.2] rejected EXPN bob", [made(ev.Refused, *_C2, "EXPN", 0, "", "policy", "", helo="c")]),
    "ETRN": ("H=(c) [192.0.2.2] rejected ETRN #x", [made(ev.Refused, *_C2, "ETRN", 0, "", "policy", "", helo="c")]),
    "AUTH": (
        "H=(c) [192.0.2.2] rejected AUTH PLAIN: not here",
        [made(ev.Refused, *_C2, "AUTH", 0, "", "policy", "not here", helo="c")],
    ),
    "MIME": (
        "H=(c) [192.0.2.2] F=<a@b.example> rejected during MIME ACL checks: attachment",
        [made(ev.Refused, *_C2, "END-OF-MESSAGE", 0, "", "content", "attachment", "", "a@b.example", None, "c")],
    ),
    "recipient without brackets": (
        "H=(c) [192.0.2.2] F=<a@b> rejected RCPT x@far.example: relay not permitted",
        [made(ev.Refused, *_C2, "RCPT", 0, "", "relay denied", "relay not permitted", "", "a@b", None, "c")],
    ),
    "discarded": (
        "H=(c) [192.0.2.2] F=<a@b> RCPT <x@y>: discarded by RCPT ACL: trap",
        [made(ev.MessageHandled, "", "discard", "F=<a@b> RCPT <x@y>: discarded by RCPT ACL: trap")],
    ),
    "warning": (
        "H=(c) [192.0.2.2] Warning: no DKIM signature",
        [made(ev.Refused, *_C2, "", 0, "", "DKIM", "no DKIM signature", "", None, None, "c", "", True)],
    ),
    "given up": ("H=(x) [192.0.2.2]:51807 I=[192.0.2.1]:25 incomplete transaction (QUIT) from <a@b.example>", []),
    "too many connections": (
        "Connection from [192.0.2.2]:40071 I=[192.0.2.1]:25 refused: too many connections from that IP address",
        [made(ev.Refused, *_C2P, "CONNECT", 0, "", "rate", "too many connections from that IP address")],
    ),
    "host_reject_connection": (
        "refused connection from H=client.example.net [192.0.2.9] (host_reject_connection)",
        [made(ev.Refused, *_NAMED, "CONNECT", 0, "", "client", "(host_reject_connection)")],
    ),
    "in reserve": (
        "temporarily refused connection from [192.0.2.2]: not in reserve list: connected=20 max=20 reserve=5",
        [
            made(
                ev.Refused, *_C2, "CONNECT", 0, "", "client", "not in reserve list: connected=20 max=20 reserve=5"
            )
        ],
    ),
    "invalid HELO": (
        "rejected HELO from [192.0.2.2]: syntactically invalid argument(s): a) [9.9.9.9]: b",
        [
            made(
                ev.Refused, *_C2, "HELO", 0, "", "HELO", "syntactically invalid argument(s)", helo="a) [9.9.9.9]: b"
            )
        ],
    ),
    "no HELO": (
        "rejected MAIL from [192.0.2.2]: no HELO/EHLO given",
        [made(ev.Refused, *_C2, "MAIL", 0, "", "HELO", "no HELO/EHLO given")],
    ),
    "size as announced": (
        "rejected MAIL FROM:<a@b.example> H=(c) [192.0.2.2]: message too big: size=2 max=1",
        [made(ev.Refused, *_C2, "MAIL", 0, "", "size", "message too big: size=2 max=1", "", "a@b.example", None, "c")],
    ),
    "unqualified": (
        "unqualified recipient rejected: <bob> H=(c) [192.0.2.2]",
        [made(ev.Refused, *_C2, "RCPT", 0, "", "protocol", "unqualified recipient rejected", "", None, "bob", "c")],
    ),
    "too many recipients": (
        "too many recipients: message rejected: sender=<a@b.example> H=(c) [192.0.2.2]",
        [
            made(
                ev.Refused, *_C2, "RCPT", 0, "", "rate", "too many recipients: message rejected: sender=", "",
                "a@b.example",
                None, "c",
            )
        ],
    ),
    "early talker": (
        f'{_SYNC} (input sent without waiting for greeting): rejected connection from H=[192.0.2.2] input="EHLO '
        'x\\r\\n"',
        [
            made(
                ev.Refused, *_C2, "CONNECT", 0, "", "protocol", f"{_SYNC} (input sent without waiting for greeting)"
            )
        ],
    ),
    "pipelining": (
        f'{_SYNC} (next input sent too soon: pipelining was not advertised): rejected "HELO x" H=(x) [192.0.2.2] next '
        'input="MAIL FROM:<a@b>\\r\\n"',
        [
            made(
                ev.Refused, *_C2, "", 0, "", "protocol",
                f"{_SYNC} (next input sent too soon: pipelining was not advertised)", helo="x",
            )
        ],
    ),
    "other hosts' words": ("H=(c) [192.0.2.2] something new", None),
    "no address": ("H=(c) rejected RCPT <x@y>: no", None),
}  # fmt: skip

_DATA = "535 Incorrect authentication data"
LOGINS: dict[str, Case] = {
    "wrong password": (
        f"plain_server authenticator failed for (x.example) [192.0.2.2]: {_DATA} (set_id=carol)",
        [made(ev.LoginTried, *_C2, "smtp", "failure", "carol", "plain_server", _DATA)],
    ),
    "on the submission port": (
        f"login authenticator failed for (ylmf-pc) [192.0.2.2]:40071 I=[192.0.2.1]:587: {_DATA} "
        "(set_id=bob@example.org)",
        [made(ev.LoginTried, *_C2P, "submission", "failure", "bob@example.org", "login", _DATA)],
    ),
    "verified name": (
        f"plain_server authenticator failed for client.example.net (ylmf-pc) [192.0.2.9]: {_DATA} (set_id=carol)",
        [made(ev.LoginTried, *_NAMED, "smtp", "failure", "carol", "plain_server", _DATA)],
    ),
    "undecided": (
        "plain_server authenticator failed for (x.example) [192.0.2.2]: 435 Unable to authenticate at present "
        "(set_id=undecided): no answer",
        [
            made(
                ev.LoginTried, *_C2, "smtp", "deferred", "undecided", "plain_server",
                "435 Unable to authenticate at present: no answer",
            )
        ],
    ),
    "no account": (
        f"plain_server authenticator failed for (x) [192.0.2.2]: {_DATA}",
        [made(ev.LoginTried, *_C2, "smtp", "failure", "", "plain_server", _DATA)],
    ),
    "cancelled": (
        "login authenticator failed for (ylmf-pc) [192.0.2.2]: 501 Authentication cancelled",
        [made(ev.LoginTried, *_C2, "smtp", "failure", "", "login", "501 Authentication cancelled")],
    ),
    "blanks in the account": (
        f'plain_server authenticator failed for (x) [192.0.2.2]: {_DATA} (set_id=bo b")',
        [made(ev.LoginTried, *_C2, "smtp", "failure", 'bo b"', "plain_server", _DATA)],
    ),
}  # fmt: skip
