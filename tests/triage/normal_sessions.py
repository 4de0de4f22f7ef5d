"""One session of a normal day as wire and log tell it, event by event as Postfix and the wire's collector do."""

from __future__ import annotations

from itertools import count
from random import Random

from smtpwatch import events as ev
from tests.triage.normal_people import HERE

HOST = "mx"
Events = list[ev.Event]

_EHLO = "mx.ours.example\nPIPELINING\nSIZE 10240000\nSTARTTLS\n8BITMIME"
_PROCESSES = 100  # smtpd's, used again and again


class Clients:
    """Makes sessions. Times are those of their beginnings; a log's stamps have whole seconds."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._sessions = count(1)
        self._ids = count(0x4A0000)
        self._pids = count()

    def _scanner(self) -> str:
        """What those who look call themselves: some search engines of the net, and many who run the same tool."""
        return self.random.choice(("scanner.census.example", "zg-1.internet.example", "masscan", "localhost", "test"))

    def queue_id(self) -> str:
        """Another one."""
        return f"{next(self._ids):X}"

    def opened(self, time: float, source: str, port: int, helo: str) -> tuple[Events, tuple[str, str, int, str]]:
        """The beginning, up to the reply to EHLO; and what the head of each event of it has behind the time."""
        number = next(self._sessions)
        rest = "wire", HOST, number, source
        direction: ev.Direction = "inbound" if port == 25 else "submission"
        sport = 1_024 + self.random.randrange(60_000)
        return [
            ev.SessionOpened(time, *rest, time, sport, HERE, port, direction),
            ev.Greeting(time + 0.02, *rest, 220, "mx.ours.example ESMTP Postfix"),
            ev.Command(time + 0.04, *rest, "EHLO", helo),
            ev.Reply(time + 0.05, *rest, "EHLO", 250, None, _EHLO),
        ], rest

    def closed(self, time: float, rest: tuple[str, str, int, str]) -> ev.Event:
        """It says QUIT."""
        return ev.SessionClosed(time, *rest, time, "quit", 400, 700, None, True)

    def refused(
        self, time: float, source: str, helo: str, sender: str, recipient: str, code: int, enhanced: str, text: str
    ) -> Events:
        """In clear: one recipient, refused; the log has a line of it."""
        told, rest = self.opened(time, source, 25, helo)
        told += [
            ev.TransactionOpened(time + 0.1, *rest, sender),
            ev.RecipientDecided(time + 0.2, *rest, recipient, code, enhanced, text),
            self.closed(time + 0.3, rest),
        ]
        head, client = self._line(time), (source, 0, "")
        reason: ev.Reason = "blocklist" if "blocked" in text else "greylist" if code == 450 else "other"
        told += [
            ev.ClientConnected(*head, "connect from", *client),
            ev.Refused(
                *head, "reject: RCPT", *client, "RCPT", code, enhanced, reason, text, "", sender, recipient, helo
            ),
            ev.ClientDisconnected(*head, "disconnect", *client, "", {"ehlo": (1, 1), "mail": (1, 1), "rcpt": (0, 1)}),
        ]
        return told

    def silent(self, time: float, source: str) -> Events:
        """Somebody looks at who we are, and leaves."""
        told, rest = self.opened(time, source, 25, self._scanner())
        head, client = self._line(time), (source, 0, "")
        return [
            *told, self.closed(time + 0.2, rest),
            ev.ClientConnected(*head, "connect from", *client), ev.ClientDisconnected(*head, "disconnect", *client),
        ]  # fmt: skip

    def fails_tls(self, time: float, source: str) -> Events:
        """A scanner's handshake that has nothing in common with ours."""
        told, rest = self.opened(time, source, 25, self._scanner())
        failed = ev.TlsFailed(time + 0.2, *rest, "server", "handshake_failure", "no common cipher")
        return [*told, failed, self.closed(time + 0.3, rest)]

    def delivered(
        self, time: float, source: str, helo: str, sender: str, recipients: list[str], version: str
    ) -> Events:
        """A message for us. Under TLS (`version`, "" for none) only the log tells of it."""
        told, rest = self.opened(time, source, 25, helo)
        queue_id = self.queue_id()
        if version:
            told += self._tls(time, rest, version)
        else:
            told.append(ev.TransactionOpened(time + 0.1, *rest, sender))
            told += [ev.RecipientDecided(time + 0.2, *rest, each, 250, "2.1.5", "Ok") for each in recipients]
            ok = f"Ok: queued as {queue_id}"
            told.append(ev.MessageDecided(time + 0.6, *rest, sender, True, "accepted", 250, "2.0.0", ok, queue_id,
                                          len(recipients), 0, 9_000))  # fmt: skip
        told.append(self.closed(time + 0.8, rest))
        told += self._logged(time, source, queue_id, sender, len(recipients), version, "", "smtpd")
        for recipient in recipients:
            head = float(int(time + 2)), "log", HOST, "postfix/virtual", 900, f"{queue_id}: to="
            told.append(
                ev.Delivery(*head, queue_id, recipient, "sent", "2.0.0", "delivered to maildir", relay="virtual")
            )
        told.append(ev.MessageRemoved(float(int(time + 2)), "log", HOST, "postfix/qmgr", 800, "removed", queue_id))
        return told

    def submitted(self, time: float, source: str, account: str, recipients: list[str], failures: int = 0) -> Events:
        """A login on 587 under TLS, after so many that failed in sessions of their own, and a message."""
        told: Events = []
        for k in range(failures):
            told += self.failed_login(time + 40 * k, source, account)
        time += 40 * failures
        begun, rest = self.opened(time, source, 587, "[10.0.0.5]")
        queue_id = self.queue_id()
        told += [*begun, *self._tls(time, rest, "TLSv1.3"), self.closed(time + 2, rest)]
        told += self._logged(time, source, queue_id, account, len(recipients), "TLSv1.3", account, "submission/smtpd")
        for recipient in recipients:
            told += self.sent(time + 3, queue_id, recipient)
        told.append(ev.MessageRemoved(float(int(time + 9)), "log", HOST, "postfix/qmgr", 800, "removed", queue_id))
        return told

    def failed_login(self, time: float, source: str, account: str) -> Events:
        """One wrong password, under TLS."""
        told, rest = self.opened(time, source, 587, "[10.0.0.5]")
        told += [*self._tls(time, rest, "TLSv1.2"), self.closed(time + 2, rest)]
        head, client = self._line(time, "submission/smtpd"), (source, 0, "")
        commands = {"ehlo": (2, 2), "starttls": (1, 1), "auth": (0, 1), "quit": (1, 1)}
        return [
            *told,
            ev.ClientConnected(*head, "connect from", *client),
            ev.TlsEstablished(
                *head, "TLS connection established", *client, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", 256
            ),
            ev.LoginTried(
                *head, "SASL LOGIN authentication failed", *client, "submission", "failure", account, "LOGIN"
            ),
            ev.ClientDisconnected(float(int(time + 2)), *head[1:], "disconnect", *client, "", commands),
        ]

    def local(self, time: float, uid: int, sender: str, recipient: str) -> Events:
        """A program of this host's own sends a message."""
        queue_id = self.queue_id()
        head = float(int(time)), "log", HOST, "postfix/pickup", 700, f"{queue_id}: uid={uid}"
        return [
            ev.MessageReceived(*head, "", 0, "", queue_id, "local", sender=sender, uid=uid),
            ev.MessageQueued(*head[:3], "postfix/qmgr", 800, "from=", queue_id, sender, 1_200, 1),
            *self.sent(time + 1, queue_id, recipient),
        ]

    def sent(self, time: float, queue_id: str, recipient: str) -> Events:
        """To another host, which is a wire session of ours and a line; or into a mailbox of our own. Of a hundred
        deliveries some wait, and one finds nobody."""
        domain = recipient.partition("@")[2]
        luck = self.random.random()
        status: ev.DeliveryStatus = "sent"
        reply, code, enhanced = "250 2.0.0 Ok: queued as 4Zc0Ht6Lqhz1Yb", 250, "2.0.0"
        if luck < 0.01:
            status, code, enhanced = "bounced", 550, "5.1.1"
            reply = f"host mx.{domain}[198.51.100.9] said: 550 5.1.1 No such user here (in reply to RCPT TO command)"
        elif luck < 0.04:
            status, code, enhanced = "deferred", 450, "4.2.0"
            reply = (
                f"host mx.{domain}[198.51.100.9] said: 450 4.2.0 Greylisted, see later (in reply to RCPT TO command)"
            )
        address = f"10.200.{hash_of(domain) % 250}.9"
        head = float(int(time + 1)), "log", HOST, "postfix/smtp", 910 + self.random.randrange(50), f"{queue_id}: to="
        line = ev.Delivery(*head, queue_id, recipient, status, enhanced, reply, "", f"mx.{domain}", address, 25, 1.2,
                           (0.1, 0.0, 0.4, 0.7), code)  # fmt: skip
        rest = "wire", HOST, next(self._sessions), HERE
        return [
            ev.SessionOpened(time, *rest, time, 1_024 + self.random.randrange(60_000), address, 25, "outbound"),
            ev.Greeting(time + 0.1, *rest, 220, "ESMTP"),
            ev.Command(time + 0.2, *rest, "EHLO", "mx.ours.example"),
            ev.Reply(time + 0.3, *rest, "EHLO", 250, None, "mx\nSTARTTLS"),
            *self._tls(time, rest, "TLSv1.3"), self.closed(time + 0.9, rest), line,
        ]  # fmt: skip

    def _tls(self, time: float, rest: tuple[str, str, int, str], version: str) -> Events:
        cipher = "TLS_AES_256_GCM_SHA384" if version == "TLSv1.3" else "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
        return [
            ev.Command(time + 0.35, *rest, "STARTTLS", ""),
            ev.Reply(time + 0.36, *rest, "STARTTLS", 220, "2.0.0", "Ready to start TLS"),
            ev.TlsNegotiated(time + 0.4, *rest, version, cipher, "x25519", None, "", False, False),
        ]

    def _line(self, time: float, service: str = "smtpd") -> tuple[float, str, str, str, int]:
        return float(int(time)), "log", HOST, f"postfix/{service}", 10_000 + next(self._pids) % _PROCESSES

    def _logged(
        self, time: float, source: str, queue_id: str, sender: str, recipients: int, version: str, account: str, by: str
    ) -> Events:
        head, client = self._line(time, by), (source, 0, "")
        told: Events = [ev.ClientConnected(*head, "connect from", *client)]
        if version:
            told.append(ev.TlsEstablished(*head, "TLS connection established", *client, version, "AES256", 256))
        if account:
            told.append(
                ev.LoginTried(*head, "client=", *client, "submission", "success", account, "PLAIN", "", queue_id)
            )
        starttls = {"starttls": (1, 1)} if version else {}
        commands = {"ehlo": (1, 1), **starttls, "mail": (1, 1), "rcpt": (recipients, recipients), "data": (1, 1)}
        return [
            *told,
            ev.MessageReceived(*head, f"{queue_id}: client=", *client, queue_id, "smtp", account=account),
            ev.MessageQueued(*head[:3], "postfix/qmgr", 800, "from=", queue_id, sender, 9_000, recipients),
            ev.ClientDisconnected(float(int(time + 1)), *head[1:], "disconnect", *client, "", commands),
        ]


def hash_of(text: str) -> int:
    """The same in each run."""
    return sum(ord(char) * 31**k for k, char in enumerate(text[:12]))
