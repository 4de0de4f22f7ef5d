"""Lines of Exim, and what they say. Those of ordinary mail are what Exim 4.96 wrote for tests/hosts/test_logs_exim.py;
others follow the Exim specification, chapter "Log files", or the messages in Exim's program."""

from collections.abc import Callable
from typing import Any

from collectors.logs.head import Head
from smtpwatch import events as ev

Made = Callable[[Head], ev.Event]
Case = tuple[str, list[Made] | None]


def made(kind: Callable[..., ev.Event], *fields: Any, **named: Any) -> Made:
    """An event to be, but for its head."""
    return lambda head: kind(*head, *fields, **named)


TLS13 = "ECDHE_X25519__ECDSA_SECP256R1_SHA256__AES_256_GCM"
X = f"X=TLS1.3:{TLS13}:256"
_C2 = ("192.0.2.2", 0, "")
_C2P = ("192.0.2.2", 40071, "")
_NAMED = ("192.0.2.9", 0, "client.example.net")
_HELO = "client.example.net"
ID = "1xW9Fr-0002Ui-0Z"
NEW_ID = "1sEdEt-00000001fW5-2iYm"

ARRIVALS: dict[str, Case] = {
    "unverified name": (
        f"{ID} <= alice@sender.example H=(client.example.net) [192.0.2.2] P=esmtp S=262 id=m1@sender.example",
        [made(ev.MessageReceived, *_C2, ID, "smtp", "alice@sender.example", (), 262, "m1@sender.example", "", "",
        "esmtp", _HELO)],
    ),
    "verified name": (
        f"{ID} <= alice@sender.example H=client.example.net [192.0.2.9] P=esmtp S=257 id=m1@sender.example",
        [made(ev.MessageReceived, *_NAMED, ID, "smtp", "alice@sender.example", (), 257, "m1@sender.example", "", "",
        "esmtp")],
    ),
    "verified name, other HELO, TLS": (
        f"{ID} <= a@b.example H=client.example.net (other.name) [192.0.2.9] P=esmtps {X} CV=no S=327 id=m1@b.example",
        [
            made(ev.TlsEstablished, *_NAMED, "TLS1.3", TLS13, 256),
            made(ev.MessageReceived, *_NAMED, ID, "smtp", "a@b.example", (), 327, "m1@b.example", "", "", "esmtps",
            "other.name"),
        ],
    ),
    "logged in": (
        f"{ID} <= a@b.example H=(client.example.net) [192.0.2.2] P=esmtpsa {X} CV=no A=plain_server:carol S=296 "
        "id=m@b",
        [
            made(ev.TlsEstablished, *_C2, "TLS1.3", TLS13, 256),
            made(ev.LoginTried, *_C2, "smtp", "success", "carol", "plain_server", "", ID),
            made(ev.MessageReceived, *_C2, ID, "smtp", "a@b.example", (), 296, "m@b", "carol", "plain_server",
            "esmtpsa", _HELO),
        ],
    ),
    "log_selector +all, port 465": (
        f"{ID} <= alice@sender.example H=(client.example.net) [192.0.2.2]:40071 I=[192.0.2.1]:465 P=esmtpsa L.- {X} "
        "CV=no "
        'A=plain_server:dave@example.org S=330 M8S=0 RT=0.000s id=m1@sender.example T="a \\"T=x\\" H=(z) [9.9.9.9]" '
        "from <alice@sender.example> for x@refused.example y@far.example",
        [
            made(ev.TlsEstablished, *_C2P, "TLS1.3", TLS13, 256),
            made(ev.LoginTried, *_C2P, "submission", "success", "dave@example.org", "plain_server", "", ID),
            made(
                ev.MessageReceived, *_C2P, ID, "smtp", "alice@sender.example", ("x@refused.example", "y@far.example"),
                330,
                "m1@sender.example", "dave@example.org", "plain_server", "esmtpsa", _HELO,
            ),
        ],
    ),
    "OpenSSL, a client's certificate, new id": (
        f'{NEW_ID} <= a@b.example H=mx.b.example [2001:DB8::1] P=esmtps X=TLSv1.3:TLS_AES_256_GCM_SHA384:256* CV=yes '
        'DN="CN=mx.b.example" SNI=mx.example.org K S=5 DKIM=b.example id="a b"@c T="x"',
        [
            made(ev.TlsEstablished, "2001:db8::1", 0, "mx.b.example", "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256,
            "verified"),
            made(
                ev.MessageReceived, "2001:db8::1", 0, "mx.b.example", NEW_ID, "smtp", "a@b.example", (), 5, '"a b"@c',
                "", "",
                "esmtps",
            ),
        ],
    ),
    "null sender": (
        f"{ID} <= <> H=(client.example.net) [192.0.2.2]:39753 I=[192.0.2.1]:25 P=esmtp L.- S=212 for info@example.org",
        [made(ev.MessageReceived, "192.0.2.2", 39753, "", ID, "smtp", "", ("info@example.org",), 212, None, "", "",
        "esmtp", _HELO)],
    ),
    "bounce": (
        f"1xW92X-00008y-1R <= <> R={ID} U=Debian-exim P=local S=1800",
        [
            made(ev.NoticeSent, ID, "other", "1xW92X-00008y-1R"),
            made(
                ev.MessageReceived, "", 0, "", "1xW92X-00008y-1R", "bounce", "", (), 1800, None, "", "", "local", None,
                None,
                "Debian-exim",
            ),
        ],
    ),
    "local": (
        f"{ID} <= a@b.example U=root P=local S=309 M8S=0 RT=0.001s id*=E1@mx.example.org T=\"'local one'\" from "
        "<a@b.example> "
        'for x@far.example "bob b"@example.org',
        [
            made(
                ev.MessageReceived, "", 0, "", ID, "local", "a@b.example", ("x@far.example", '"bob b"@example.org'),
                309,
                "E1@mx.example.org", "", "", "local", None, None, "root",
            )
        ],
    ),
    "mailauth": (
        f"{ID} <= a@b.example H=(c) [192.0.2.2] P=esmtpa A=login:carol:alice@sender.example S=1",
        [
            made(ev.LoginTried, *_C2, "smtp", "success", "carol", "login", "", ID),
            made(ev.MessageReceived, *_C2, ID, "smtp", "a@b.example", (), 1, None, "carol", "login", "esmtpa", "c"),
        ],
    ),
    "fake rejection": (
        f"{ID} (= a@b.example H=(c) [192.0.2.2] P=esmtp S=1",
        [
            made(ev.MessageReceived, *_C2, ID, "smtp", "a@b.example", (), 1, None, "", "", "esmtp", "c"),
            made(ev.Refused, *_C2, "END-OF-MESSAGE", 0, "", "policy", "", "", "a@b.example", queue_id=ID),
        ],
    ),
    "ident": (
        f"{ID} <= a@b.example H=(c) [192.0.2.2] U=joe P=esmtp S=1",
        [made(ev.MessageReceived, *_C2, ID, "smtp", "a@b.example", (), 1, None, "", "", "esmtp", "c")],
    ),
}  # fmt: skip

MESSAGES: dict[str, Case] = {
    "done": (f"{ID} Completed", [made(ev.MessageRemoved, ID)]),
    "done, with its time": (f"{NEW_ID} Completed QT=0.004s", [made(ev.MessageRemoved, NEW_ID)]),
    "frozen": (
        f"{ID} Frozen (delivery error message)",
        [made(ev.MessageHandled, ID, "hold", "Frozen (delivery error message)")],
    ),
    "frozen by an admin": (f"{ID} frozen by root", [made(ev.MessageHandled, ID, "hold", "frozen by root")]),
    "frozen by an ACL": (f"{ID} frozen by ACL", [made(ev.MessageHandled, ID, "hold", "frozen by ACL")]),
    "skipped": (f"{ID} Message is frozen", []),
    "unfrozen": (
        f"{ID} Unfrozen by forced delivery",
        [made(ev.MessageHandled, ID, "release", "Unfrozen by forced delivery")],
    ),
    "removed": (f"{ID} removed by root", [made(ev.MessageRemoved, ID, "removed by root")]),
    "cancelled": (f"{ID} cancelled by root", [made(ev.MessageHandled, ID, "cancel", "cancelled by root")]),
    "cancelled by its age": (
        f"{ID} cancelled by timeout_frozen_after",
        [made(ev.MessageHandled, ID, "cancel", "cancelled by timeout_frozen_after")],
    ),
    "an attempt that the next line tells of": (f"{ID} H=198.51.100.3 [198.51.100.3]:25 Connection refused", []),
    "one more such": (f"{ID} H=mx.y.example [198.51.100.3]: SMTP timeout after initial connection: Connection timed "
    "out", []),
    "no TLS with the next hop": (
        f"{ID} H=mx.y.example [198.51.100.3] TLS error on connection (gnutls_handshake): timed out",
        [made(ev.TlsTroubled, "", 0, "", "(gnutls_handshake): timed out", "mx.y.example[198.51.100.3]")],
    ),
    "queued": (f"{ID} no immediate delivery: queued by ACL", []),
    "being delivered": (f"{ID} Spool file is locked (another process is handling this message)", []),
    "delivered by decree": (f"{ID} address <x@far.example> marked delivered by root", []),
    "error ignored": (f"{ID} x@y.example: error ignored", []),
    "signature": (
        f"{ID} DKIM: d=b.example s=sel c=relaxed/relaxed a=rsa-sha256 b=2048 [verification succeeded]",
        [made(ev.Verdict, "DKIM", "pass", ID, domain="b.example", detail="verification succeeded")],
    ),
    "bad signature": (
        f"{ID} DKIM: d=b.example s=sel c=relaxed/relaxed a=rsa-sha256 b=2048 [verification failed - body hash "
        "mismatch]",
        [made(ev.Verdict, "DKIM", "fail", ID, domain="b.example", detail="verification failed - body hash mismatch")],
    ),
    "signature without its key": (
        f"{ID} DKIM: d=b.example s=sel c=relaxed/relaxed a=rsa-sha256 b=2048 [invalid - public key record "
        "(currently?) unavailable]",
        [
            made(
                ev.Verdict, "DKIM", "temperror", ID, domain="b.example",
                detail="invalid - public key record (currently?) unavailable",
            )
        ],
    ),
    "refused after DATA": (
        f"{ID} H=(client.example.net) [192.0.2.2] F=<alice@sender.example> rejected after DATA: This message "
        "contains spam",
        [
            made(
                ev.Refused, *_C2, "END-OF-MESSAGE", 0, "", "content", "This message contains spam", "",
                "alice@sender.example",
                None, _HELO, ID,
            )
        ],
    ),
    "warned of": (
        f"{ID} H=(client.example.net) [192.0.2.2] Warning: a subject to be warned of",
        [made(ev.Refused, *_C2, "", 0, "", "other", "a subject to be warned of", "", None, None, _HELO, ID, True)],
    ),
    "too big": (
        f'{ID} rejected from <"a> H=[9.9.9.9]"@b.example> H=(c) [192.0.2.2]: message too big: read=2 max=1',
        [
            made(
                ev.Refused, *_C2, "END-OF-MESSAGE", 0, "", "size", "message too big: read=2 max=1", "",
                '"a> H=[9.9.9.9]"@b.example', None, "c", ID,
            )
        ],
    ),
    "local_scan": (
        f"{ID} F=a@b.example H=(c) [192.0.2.2] P=esmtp temporarily rejected by local_scan(): greylisted",
        [made(ev.Refused, *_C2, "END-OF-MESSAGE", 0, "", "greylist", "greylisted", "", "a@b.example", None, "c", ID)],
    ),
    "gone before the reply": (
        f"{ID} SMTP connection lost after final dot H=(c) [192.0.2.2] P=esmtp",
        [made(ev.ClientLost, *_C2, "lost connection", "END-OF-MESSAGE")],
    ),
    "system error": (
        f"{ID} failed to open the spool file",
        [made(ev.ServiceTrouble, "error", "failed to open the spool file", ID)],
    ),
    "unknown words": (f"{ID} something new", None),
    "unknown flag": (f"{ID} <> a@b", None),
    "no more words": (f"{ID} Completedly", None),
}  # fmt: skip
