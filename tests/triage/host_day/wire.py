"""One session on the wire, event by event as the collector tells it."""

from __future__ import annotations

from math import ceil

from smtpwatch import events as ev
from tests.triage.host_day import hellos
from tests.triage.host_day.hellos import Hello
from tests.triage.host_day.telling import NAME, SERVER, Telling, Told

GREETING = f"{NAME} ESMTP Postfix (Debian/GNU)"
_OFFERED = (NAME, "PIPELINING", "SIZE 52428800", "VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN",
            "SMTPUTF8", "CHUNKING")  # fmt: skip
EHLO = "\n".join(_OFFERED)
THINKS = 0.0004  # seconds that smtpd takes for a reply without look-ups
PATIENCE = 300.0  # smtpd_timeout, while there is no stress
SEGMENT = 1_400  # octets of content in a packet, about


class Talk:
    """A session from its first packet on. `t` is how far it has come; `rtt` a round trip's seconds."""

    __slots__ = ("down", "out", "rest", "rtt", "start", "t", "told", "up")

    def __init__(
        self, told: Telling, time: float, source: str, port: int, rtt: float, server: str = SERVER
    ) -> None:  # fmt: skip
        rest = self.rest = "wire", "mx", next(told.sessions), source
        told.begun += 1
        direction: ev.Direction = "outbound" if source == SERVER else "inbound" if port == 25 else "submission"
        sport = (
            told.random.randrange(32_768, 61_000) if direction == "outbound" else told.random.randrange(1_025, 65_536)
        )
        self.out: list[Told] = [
            (time, ev.SessionOpened(time, *rest, time, sport, server, port, direction)),
        ]
        self.told, self.start, self.t, self.rtt = told, time, time, rtt
        self.up = self.down = 0

    def says(self, verb: str, argument: str = "", after: float | None = None) -> None:
        """The client's next command, a round trip after what it had heard."""
        t = self.t = self.t + (self.rtt if after is None else after)
        self.up += len(verb) + len(argument) + 3
        self.out.append((t, ev.Command(t, *self.rest, verb, argument)))

    def hears(self, to: str, code: int, enhanced: str | None, text: str, after: float = THINKS) -> None:
        """The server's reply to it."""
        t = self.t = self.t + after
        self.down += len(text) + 6 + 5 * text.count("\n")
        self.out.append((t, ev.Reply(t, *self.rest, to, code, enhanced, text)))

    def tell(self, event: type[ev.SessionEvent], *facts: object) -> None:
        """Something else, now."""
        self.out.append((self.t, event(self.t, *self.rest, *facts)))

    def greeted(self, at: float, text: str = GREETING) -> None:
        """The greeting leaves then."""
        self.t = at
        self.down += len(text) + 6
        self.tell(ev.Greeting, 220, text)

    def hello(self, name: str, offers: str = EHLO) -> None:
        """EHLO, and what the server offers."""
        self.says("EHLO", name)
        self.hears("EHLO", 250, None, offers)

    def starttls(self, hello: Hello) -> None:
        """TLS from here on: `t` is when both sides have finished."""
        self.says("STARTTLS")
        self.hears("STARTTLS", 220, "2.0.0", "2.0.0 Ready to start TLS")
        self.handshake(hello, implicit=False)

    def handshake(self, hello: Hello, implicit: bool) -> None:
        """Its hellos, and the rest of it in the dark."""
        self.offers(hello, implicit)
        self.t += 0.0011  # a signature
        self.out.append((self.t, hellos.negotiated(hello, self.t, self.rest, implicit)))
        self.t += self.rtt if hello.chosen[0] == "TLSv1.3" else 2 * self.rtt
        self.up += 80
        self.down += 1_100

    def offers(self, hello: Hello, implicit: bool) -> None:
        """The ClientHello comes."""
        self.t += self.rtt
        self.up += hello.octets
        self.out.append((self.t, hellos.offered(hello, self.t, self.rest, implicit)))

    def mail(self, sender: str, size: int = 0) -> None:
        """MAIL, accepted."""
        self.says("MAIL", f"FROM:<{sender}>" + (f" SIZE={size}" if size else ""))
        self.hears("MAIL", 250, "2.1.0", "2.1.0 Ok")
        self.tell(ev.TransactionOpened, sender)

    def rcpt(self, recipient: str, code: int, enhanced: str, text: str, after: float = THINKS) -> None:
        """RCPT, and what is said to it."""
        self.says("RCPT", f"TO:<{recipient}>")
        self.hears("RCPT", code, enhanced, text, after)
        self.tell(ev.RecipientDecided, recipient, code, enhanced, text)

    def data(self, octets: int, seconds: float) -> None:
        """DATA and the content, which takes so long."""
        self.says("DATA")
        self.hears("DATA", 354, None, "End data with <CR><LF>.<CR><LF>")
        self.says(".", f"{octets} octets", self.rtt + seconds)
        self.up += octets

    def quits(self, after: float | None = None) -> None:
        """QUIT in clear; the end is still to be told."""
        self.says("QUIT", after=after)
        self.hears("QUIT", 221, "2.0.0", "2.0.0 Bye", 0.0002)

    def waits(self, clear: bool) -> float:
        """Nothing more is said, until smtpd gives it up. Returns how long that was."""
        self.t += PATIENCE
        if clear:
            self.hears("", 421, "4.4.2", f"4.4.2 {NAME} Error: timeout exceeded", 0.0)
        return PATIENCE

    def closed(self, by: ev.ClosedBy = "fin", after: float = 0.0, idle: float = 0.0) -> float:
        """The end: it is all told now. Returns when that was. The last `idle` seconds were still."""
        t = self.t = self.t + after
        self._progress(idle + after)
        octets = self.up + self.down
        self.out.append((t, ev.SessionClosed(t, *self.rest, t, by, self.up, self.down, None, octets > 0)))
        self.told.tell(self.out)
        self.told.seen(t, 8 + ceil(octets / SEGMENT))
        return t

    def _progress(self, idle: float) -> None:
        """What a sensor tells once a second while octets flow."""
        passed = self.t - self.start - idle
        for second in range(1, min(20, int(passed) + 1)):
            t, part = self.start + second, second / passed
            facts = round(self.up * part), round(self.down * part)
            self.out.append((t, ev.SessionProgress(t, *self.rest, *facts)))
