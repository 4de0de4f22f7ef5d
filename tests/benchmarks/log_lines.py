"""A mail log to measure with: what a Debian host with Postfix, Dovecot and the usual filters writes in some hours.

The forms are those of real programs' lines; names, addresses and ids differ from line to line, as they do in life, and
a process serves many clients before the next one takes its place."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

HOST = "mx1"
PROCESSES = 60  # of each kind at a time
RENEWED = 0.02  # share of visits after which a process is a new one
PAUSE = 0.35  # seconds between two visits, at most

_TLS = (
    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 "
    "server-signature RSA-PSS (2048 bits) server-digest SHA256"
)
_CLIENT_TLS = (
    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) "
    "server-digest SHA256"
)


class _Visit:
    """What the lines of one visit share."""

    def __init__(self, chance: random.Random, pids: list[int]) -> None:
        if chance.random() < RENEWED:
            pids[chance.randrange(PROCESSES)] = chance.randrange(1_000, 4_000_000)
        self.pid = chance.choice(pids)
        self.ip = f"203.0.{chance.randrange(256)}.{chance.randrange(1, 255)}"
        self.port = chance.randrange(1_024, 65_536)
        self.id = f"{chance.getrandbits(44):011X}"
        self.n = chance.randrange(100_000)
        self.host = f"mail{self.n}.example.net[{self.ip}]"


def _accepted(v: _Visit) -> list[str]:
    return [
        f"postfix/smtpd[{v.pid}]: connect from {v.host}",
        f"postfix/smtpd[{v.pid}]: Anonymous TLS connection established from {v.host}: {_TLS}",
        f"policyd-spf[{v.pid + 3}]: prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip={v.ip}; "
        f"helo=mail{v.n}.example.net; envelope-from=bounce{v.n}@example.net; receiver=<UNKNOWN>",
        f"postfix/smtpd[{v.pid}]: {v.id}: client={v.host}",
        f"postfix/cleanup[{v.pid + 1}]: {v.id}: message-id=<{v.id}.{v.n}@mail.example.net>",
        f"opendkim[412]: {v.id}: DKIM verification successful",
        f"opendmarc[413]: {v.id}: example.net pass",
        f"postfix/qmgr[888]: {v.id}: from=<bounce{v.n}@example.net>, size={v.n * 3 + 900}, nrcpt=1 (queue active)",
        f"postfix/smtpd[{v.pid}]: disconnect from {v.host} ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7",
        f"dovecot: lmtp(user{v.n % 500})<{v.pid}><k{v.id}>: msgid=<{v.id}.{v.n}@mail.example.net>: saved mail to INBOX",
        f"postfix/lmtp[{v.pid + 2}]: {v.id}: to=<user{v.n % 500}@example.com>, relay=mx1.example.com[private/lmtp], "
        "delay=0.4, delays=0.3/0.01/0.02/0.07, dsn=2.0.0, "
        f"status=sent (250 2.0.0 <user{v.n % 500}@example.com> k{v.id} Saved)",
        f"postfix/qmgr[888]: {v.id}: removed",
    ]


def _relay_denied(v: _Visit) -> list[str]:
    return [
        f"postfix/smtpd[{v.pid}]: connect from unknown[{v.ip}]",
        f"postfix/smtpd[{v.pid}]: NOQUEUE: reject: RCPT from unknown[{v.ip}]: 554 5.7.1 <user{v.n}@example.org>: "
        f"Relay access denied; from=<a{v.n}@example.net> to=<user{v.n}@example.org> proto=ESMTP "
        f"helo=<h{v.n}.example.org>",
        f"postfix/smtpd[{v.pid}]: disconnect from unknown[{v.ip}] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4",
    ]


def _listed(v: _Visit) -> list[str]:
    return [
        f"postfix/postscreen[77]: CONNECT from [{v.ip}]:{v.port} to [192.0.2.25]:25",
        f"postfix/dnsblog[{v.pid}]: addr {v.ip} listed by domain zen.spamhaus.org as 127.0.0.4",
        f"postfix/postscreen[77]: DNSBL rank 3 for [{v.ip}]:{v.port}",
        f"postfix/postscreen[77]: NOQUEUE: reject: RCPT from [{v.ip}]:{v.port}: 550 5.7.1 Service unavailable; "
        f"client [{v.ip}] blocked using zen.spamhaus.org; from=<x{v.n}@example.net>, to=<user@example.com>, "
        f"proto=ESMTP, helo=<h{v.n}>",
        f"postfix/postscreen[77]: DISCONNECT [{v.ip}]:{v.port}",
    ]


def _guessed(v: _Visit) -> list[str]:
    return [
        f"postfix/submission/smtpd[{v.pid}]: connect from unknown[{v.ip}]",
        f"postfix/submission/smtpd[{v.pid}]: warning: unknown[{v.ip}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
        f"postfix/submission/smtpd[{v.pid}]: lost connection after AUTH from unknown[{v.ip}]",
        f"postfix/submission/smtpd[{v.pid}]: disconnect from unknown[{v.ip}] ehlo=1 auth=0/1 commands=1/2",
    ]


def _submitted(v: _Visit) -> list[str]:
    return [
        f"postfix/submission/smtpd[{v.pid}]: connect from unknown[{v.ip}]",
        f"postfix/submission/smtpd[{v.pid}]: Anonymous TLS connection established from unknown[{v.ip}]: {_TLS}",
        f"postfix/submission/smtpd[{v.pid}]: {v.id}: client=unknown[{v.ip}], sasl_method=PLAIN, "
        f"sasl_username=user{v.n % 500}",
        f"postfix/cleanup[{v.pid + 1}]: {v.id}: message-id=<{v.n}.{v.id}@laptop.example.com>",
        f"opendkim[412]: {v.id}: DKIM-Signature field added (s=mail, d=example.com)",
        f"postfix/qmgr[888]: {v.id}: from=<user{v.n % 500}@example.com>, size={v.n + 700}, nrcpt=2 (queue active)",
        f"postfix/submission/smtpd[{v.pid}]: disconnect from unknown[{v.ip}] ehlo=2 starttls=1 auth=1 mail=1 "
        "rcpt=2 data=1 quit=1 commands=9",
        f"postfix/smtp[{v.pid}]: Trusted TLS connection established to mx.example.net[192.0.2.99]:25: {_CLIENT_TLS}",
        f"postfix/smtp[{v.pid}]: {v.id}: to=<a{v.n}@example.net>, relay=mx.example.net[192.0.2.99]:25, delay=1.1, "
        "delays=0.02/0.01/0.5/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XyZ1a2b3czDc)",
        f"postfix/smtp[{v.pid}]: {v.id}: to=<b{v.n}@example.org>, relay=mx.example.org[192.0.2.98]:25, delay=11, "
        "delays=0.02/0.01/0.5/10, dsn=4.2.0, status=deferred (host mx.example.org[192.0.2.98] said: 450 4.2.0 "
        f"<b{v.n}@example.org>: Recipient address rejected: Greylisted (in reply to RCPT TO command))",
    ]


def _read(v: _Visit) -> list[str]:
    user = f"user{v.n % 500}@example.com"
    return [
        f"dovecot: imap-login: Login: user=<{user}>, method=PLAIN, rip={v.ip}, lip=192.0.2.1, mpid={v.pid}, TLS, "
        f"session=<k{v.id}>",
        f"dovecot: imap({user})<{v.pid}><k{v.id}>: Disconnected: Logged out in={v.n} out={v.n * 7} deleted=0 "
        "expunged=0 trashed=0 hdr_count=3 hdr_bytes=912 body_count=1 body_bytes=4012",
    ]


_KINDS: tuple[tuple[float, Callable[[_Visit], list[str]]], ...] = (
    (0.24, _accepted), (0.50, _relay_denied), (0.64, _listed), (0.78, _guessed), (0.86, _submitted), (1.0, _read),
)  # fmt: skip


def lines(seed: int = 1) -> Iterator[str]:
    """Lines without end, in order of time; the same for the same seed."""
    chance = random.Random(seed)
    pids = [chance.randrange(1_000, 4_000_000) for _ in range(PROCESSES)]
    now = 0.0
    while True:
        now += chance.random() * PAUSE
        day, second = divmod(int(now), 86_400)
        stamp = f"Oct {1 + day % 28:2d} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d} {HOST} "
        kind = chance.random()
        visit = _Visit(chance, pids)
        for line in next(make for most, make in _KINDS if kind <= most)(visit):
            yield f"{stamp}{line}\n"


def write(path: Path, count: int) -> None:
    """A file of so many lines."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(islice(lines(), count))
