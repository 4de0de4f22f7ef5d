"""A reference for the wire tests: a made-up client and server that know what their session came to, and the ways of
a network.

It shares no code with what it tests. `Play` draws a dialogue and keeps the truth; `on_the_wire` makes packets of it.
"""

from dataclasses import dataclass, field
from random import Random

from smtpwatch.state.facts import SessionFacts
from tests.wire import ACK, FIN, MASK, PSH, Packet, Wire

TARPITTED = (421, 450, 451, 550, 554)


@dataclass
class Mail:
    """One transaction as the server knows it."""

    sender: str
    rcpts: list[tuple[str, int]] = field(default_factory=list)
    code: int | None = None
    reply: str | None = None
    queue_id: str | None = None
    outcome: str = ""
    refused: int | None = None
    """The code that DATA or BDAT got instead of being taken."""


@dataclass
class Truth:
    """What the session came to."""

    helo: str | None = None
    given: list[str] = field(default_factory=list)
    banner: str = ""
    mails: list[Mail] = field(default_factory=list)
    auth: list[tuple[str, str]] = field(default_factory=list)
    starttls: str = "none"
    quit: bool = False


class Play:
    """A dialogue drawn from `random`: `flights` are (from the client?, octets), each sent when all before it has
    arrived."""

    def __init__(self, random: Random, enhanced: bool = True) -> None:
        self.random = random
        self.enhanced = enhanced
        self.truth = Truth()
        self.flights: list[tuple[bool, bytes]] = []
        self._mail: Mail | None = None
        self._pipelining = False
        self._said = b""
        self._answered = b""
        self._number = 0
        self._run()

    # ---- flights

    def _say(self, line: bytes, reply: bytes, wait: bool = True) -> None:
        """A command and its reply; not `wait`: the next command may be in the same flight."""
        self._said += line
        self._answered += reply
        if wait or not self._pipelining or self.random.random() < 0.3:
            self._flush()

    def _flush(self) -> None:
        if self._said:
            self.flights.append((True, self._said))
        if self._answered:
            self.flights.append((False, self._answered))
        self._said = self._answered = b""

    def _reply(self, code: int, detail: str, text: str) -> tuple[bytes, str]:
        words = f"{code} {str(code)[0]}.{detail} {text}" if self.enhanced else f"{code} {text}"
        return words.encode() + b"\r\n", words

    def _name(self, stem: str) -> str:
        self._number += 1
        return f"{stem}{self._number}@example.com"

    # ---- the dialogue

    def _run(self) -> None:
        self.truth.banner = "220 mx.example.net ESMTP"
        self.flights.append((False, b"220 mx.example.net ESMTP\r\n"))
        self._hello()
        steps = (self._hello, self._auth, self._noise, self._rset, self._envelope, self._envelope, self._envelope)
        for _ in range(self.random.randint(0, 5)):
            self.random.choice(steps)()
        if self.random.random() < 0.8:
            self._say(b"QUIT\r\n", b"221 2.0.0 Bye\r\n")
            self.truth.quit = True
        self._flush()
        self._end("abandoned")

    def _hello(self) -> None:
        verb = self.random.choice(("EHLO", "HELO", "ehlo"))
        self._number += 1
        name = f"host{self._number}.example.com"
        self.truth.given.append(name)
        line = f"{verb} {name}\r\n".encode()
        if self.random.random() < 0.15:
            self._say(line, b"501 5.5.4 Invalid name\r\n" if self.enhanced else b"501 Invalid name\r\n")
            if len(self.truth.given) > 1 and self.truth.helo is None:
                self.truth.helo = None
            return
        self.truth.helo = name
        self._end("reset")
        if verb == "HELO":
            self._say(line, b"250 mx.example.net\r\n")
            self._pipelining = False
            return
        self._flush()
        self._pipelining = self.random.random() < 0.7
        offered = self.random.random() < 0.5
        lines = [
            "mx.example.net",
            "SIZE 1000000",
            *["PIPELINING"] * self._pipelining,
            *["STARTTLS"] * offered,
            "CHUNKING",
        ]
        reply = "".join(f"250{' ' if index == len(lines) - 1 else '-'}{line}\r\n" for index, line in enumerate(lines))
        self._say(line, reply.encode())
        if offered and self.truth.starttls == "none":
            self.truth.starttls = "offered"

    def _auth(self) -> None:
        code, outcome = self.random.choice(((235, "success"), (535, "failure")))
        reply = self._reply(code, "7.8" if code == 535 else "7.0", "the answer")[0]
        mechanism = self.random.choice(("PLAIN", "LOGIN", "CRAM-MD5"))
        if mechanism == "PLAIN":
            self._say(b"AUTH PLAIN AGJvYgBodW50ZXIy\r\n", reply)
        else:
            self._say(f"AUTH {mechanism}\r\n".encode(), b"334 PDEyMzQ=\r\n")
            if self.random.random() < 0.2:
                self._say(b"*\r\n", self._reply(501, "7.0", "cancelled")[0])
                outcome = "aborted"
            else:
                if mechanism == "LOGIN":
                    self._say(b"Ym9iYm9i\r\n", b"334 UGFzc3dvcmQ6\r\n")
                self._say(b"aHVudGVyMmh1bnRlcjI=\r\n", reply)
        self.truth.auth.append((mechanism, outcome))

    def _noise(self) -> None:
        line, code = self.random.choice(
            ((b"NOOP\r\n", 250), (b"VRFY x\r\n", 252), (b"XYZZY\r\n", 500), (b"HELP\r\n", 214))
        )
        self._say(line, self._reply(code, "0.0" if code < 300 else "5.2", "so")[0])

    def _rset(self) -> None:
        self._end("reset")
        self._say(b"RSET\r\n", self._reply(250, "0.0", "Ok")[0], wait=False)

    def _envelope(self) -> None:
        self._mail_from()
        for _ in range(self.random.randint(0, 3)):
            self._rcpt_to()
        choice = self.random.random()
        if choice < 0.2:
            return
        if choice < 0.75:
            self._data()
        else:
            self._bdat()

    def _mail_from(self) -> None:
        sender = self.random.choice((self._name("from"), ""))
        form = self.random.choice(
            ("MAIL FROM:<%s>\r\n", "mail from: <%s>\r\n", "MAIL FROM:<%s> SIZE=100 BODY=8BITMIME\r\n")
        )
        line = (form % sender).encode()
        if self._mail is not None:
            self._say(line, self._reply(503, "5.1", "nested MAIL command")[0], wait=False)
        elif self.random.random() < 0.15:
            code = self.random.choice((450, 550))
            self._say(line, self._reply(code, "7.1", "not you")[0], wait=False)
            self.truth.mails.append(Mail(sender, outcome="deferred" if code < 500 else "rejected"))
        else:
            self._mail = Mail(sender)
            self.truth.mails.append(self._mail)
            self._say(line, self._reply(250, "1.0", "Ok")[0], wait=False)

    def _rcpt_to(self) -> None:
        recipient = self._name("to")
        code = self.random.choice((250, 250, 250, 450, 550)) if self._mail is not None else 503
        if self._mail is not None:
            self._mail.rcpts.append((recipient, code))
        self._say(
            f"RCPT TO:<{recipient}>\r\n".encode(),
            self._reply(code, "1.5" if code == 250 else "1.1", "so")[0],
            wait=False,
        )

    def _taken(self) -> bool:
        return self._mail is not None and any(code == 250 for _, code in self._mail.rcpts)

    def _data(self) -> None:
        if not self._taken():
            code = self.random.choice((503, 554))
            self._say(b"DATA\r\n", self._reply(code, "5.1", "no valid recipients")[0])
            if self._mail is not None:
                self._mail.refused = code
            return
        self._say(b"DATA\r\n", b"354 End data with <CR><LF>.<CR><LF>\r\n")
        body = self.random.choice(
            (
                b"",
                b"Subject: x\r\n\r\nbody\r\n",
                b"\r\n..\r\nQUIT\r\n",
                b"MAIL FROM:<no@x>\r\n..dot\r\n250 ok\r\n",
                b"a.\r\n\r\n.. \r\n" * 9,
            )
        )
        reply = self._message_reply()
        self._say(body + b".\r\n", reply, wait=False)

    def _bdat(self) -> None:
        chunks = [self.random.choice((b"", b"QUIT\r\n", b"a\r\n.\r\nb")) for _ in range(self.random.randint(1, 3))]
        for index, chunk in enumerate(chunks):
            last = index == len(chunks) - 1
            line = b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if last else b"") + chunk
            if not self._taken():
                code = 554
                if last and self._mail is not None:
                    reply, self._mail.reply = self._reply(code, "5.1", "no valid recipients")
                    self._mail.code = code
                    self._say(line, reply)
                    self._end("rejected")
                else:
                    self._say(line, self._reply(code, "5.1", "no valid recipients")[0])
            elif last:
                self._say(line, self._message_reply(), wait=False)
            else:
                self._say(line, self._reply(250, "0.0", "so many octets")[0], wait=False)

    def _message_reply(self) -> bytes:
        mail = self._mail
        assert mail is not None
        code = self.random.choice((250, 250, 451, 554))
        if code == 250:
            self._number += 1
            mail.queue_id = f"4XQ{self._number}"
            reply, mail.reply = self._reply(250, "0.0", f"Ok: queued as {mail.queue_id}")
        else:
            reply, mail.reply = self._reply(code, "7.1", "not this")
        mail.code = code
        self._end({2: "accepted", 4: "deferred", 5: "rejected"}[code // 100])
        return reply

    def _end(self, outcome: str) -> None:
        mail, self._mail = self._mail, None
        if mail is None:
            return
        if outcome == "abandoned":
            codes = [code for _, code in mail.rcpts]
            if mail.refused is not None:
                outcome = "deferred" if mail.refused < 500 else "rejected"
            elif codes and 250 not in codes:
                outcome = "deferred" if min(codes) < 500 else "rejected"
        mail.outcome = outcome


def on_the_wire(play: Play, random: Random, largest: int = 1460, close: str = "server") -> Wire:
    """The packets of `play`, each flight cut into segments of 1 to `largest` octets and acknowledged."""
    wire = Wire(step=0.001, client_isn=random.getrandbits(32), server_isn=random.getrandbits(32)).open()
    for from_client, octets in play.flights:
        at = 0
        while at < len(octets):
            size = random.randint(1, largest)
            wire.packet(from_client, octets[at : at + size], ACK | PSH)
            at += size
        wire.packet(not from_client)
    if close == "rst":
        return wire.reset()
    wire.packet(close == "client", flags=FIN | ACK)
    wire.packet(close != "client", flags=FIN | ACK)
    wire.packet(close == "client")
    return wire


def disturbed(wire: Wire, random: Random) -> list[Packet]:
    """The same packets as a network with a cough shows them: some twice, some late, some sent again in other pieces."""
    first, rest = wire.packets[:3], wire.packets[3:]
    places = [
        (index + (random.uniform(0, 3) if random.random() < 0.2 else 0), packet) for index, packet in enumerate(rest)
    ]
    places += [(index + random.uniform(0, 4), packet) for index, packet in enumerate(rest) if random.random() < 0.1]
    places.sort(key=lambda place: place[0])
    start = first[0].time
    return [
        packet._replace(time=start + index * 0.0005)
        for index, packet in enumerate([*first, *(one for _, one in places)])
    ]


def resent(play: Play, random: Random) -> Wire:
    """`play` with each flight sent twice, cut differently, the second time from an octet inside the first."""
    wire = Wire(step=0.001, client_isn=random.getrandbits(32), server_isn=random.getrandbits(32)).open()
    for from_client, octets in play.flights:
        base = wire.next[from_client]
        for begin in (0, random.randint(0, len(octets) - 1)):
            at = begin
            while at < len(octets):
                size = random.randint(1, 80)
                wire.packet(from_client, octets[at : at + size], ACK | PSH, seq=(base + at) & MASK)
                at += size
        wire.next[from_client] = (base + len(octets)) & MASK
        wire.packet(not from_client)
    return wire.close(by_client=False)


def told(truth: Truth) -> dict[str, object]:
    """The facts that a whole capture must give."""
    return {
        "banner": truth.banner,
        "helo": truth.helo or (truth.given[-1] if truth.given else None),
        "transactions": [
            (mail.sender, mail.rcpts, mail.code, mail.reply, mail.queue_id, mail.outcome) for mail in truth.mails
        ],
        "auth": truth.auth,
        "starttls": truth.starttls,
    }


def seen(session: SessionFacts) -> dict[str, object]:
    """The same of what we say."""
    return {
        "banner": session.banner,
        "helo": session.helo,
        "transactions": [
            (
                each.mail_from,
                [(one.rcpt, one.code) for one in each.rcpts],
                each.code,
                each.reply,
                each.queue_id,
                each.outcome,
            )
            for each in session.transactions
        ],
        "auth": [(each.mechanism, each.outcome) for each in session.auth],
        "starttls": session.starttls,
    }


def false_claims(session: SessionFacts, truth: Truth) -> list[str]:
    """What `session` says that is not so; less than the truth is no claim."""
    claims = []
    if not _is_or_begins(session.banner, truth.banner):
        claims.append(f"banner {session.banner!r}")
    if session.helo is not None and not any(_is_or_begins(session.helo, name) for name in truth.given):
        claims.append(f"helo {session.helo!r}")
    if session.closed_by == "quit" and not truth.quit:
        claims.append("closed by quit")
    if session.starttls not in ("none", truth.starttls):
        claims.append(f"starttls {session.starttls}")
    auth = list(truth.auth)
    for attempt in session.auth:
        while auth and not (
            attempt.mechanism in ("unknown", auth[0][0]) and attempt.outcome in ("unknown", auth[0][1])
        ):
            auth.pop(0)
        if not auth:
            claims.append(f"auth {attempt}")
            break
        auth.pop(0)
    mails = list(truth.mails)
    for each in session.transactions:
        while mails and not _may_be(each, mails[0]):
            mails.pop(0)
        if not mails:
            claims.append(f"transaction {each}")
            break
        mails.pop(0)
    return claims


def _is_or_begins(told: str | None, true: str | None) -> bool:
    """Whether `told` claims no more than `true`: nothing, the same, or its beginning, marked as cut."""
    return told is None or told == true or (true is not None and told.endswith("…") and true.startswith(told[:-1]))


def _may_be(each: object, mail: Mail) -> bool:
    sender, rcpts, code, reply, queue_id, outcome = (
        getattr(each, name) for name in ("mail_from", "rcpts", "code", "reply", "queue_id", "outcome")
    )
    codes = dict(mail.rcpts)
    return (
        sender in (None, mail.sender)
        and all(one.rcpt is None or (one.rcpt in codes and one.code in (None, codes[one.rcpt])) for one in rcpts)
        and code in (None, mail.code)
        and _is_or_begins(reply, mail.reply)
        and queue_id in (None, mail.queue_id)
        and outcome in ("unknown", mail.outcome)
    )
