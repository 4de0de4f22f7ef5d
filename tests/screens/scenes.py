"""Traffic for tests of the screen and for the screenshots: sessions of every kind, and an app that shows them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from smtpwatch import events as ev
from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.rules import RULES

START = 1_772_361_600.0  # 2026-03-01 10:40:00 UTC
NOW = START + 67
SENSOR, HOST = "wire", "mx1.example.net"
SERVER = "192.0.2.1"
SLOW = 60.0  # seconds between ticks in tests: they tick by hand
QUIET = Thresholds(off=tuple(rule.name for rule in RULES))  # for scenes that are about something else than alerts

RELAY_DENIED = "5.7.1 <a@example.org>: Relay access denied"


class Dialogue:
    """Writes the events of one session, `step` seconds apart."""

    def __init__(
        self, number: int, source: str, start: float, port: int = 25, direction: ev.Direction = "inbound",
        server: str = SERVER, step: float = 0.1,
    ) -> None:  # fmt: skip
        self.events: list[ev.Event] = []
        self._common = (SENSOR, HOST, number, source)
        self._time, self._step = start, step
        self._add(ev.SessionOpened, start, 40_000 + number, server, port, direction)

    def _add(self, kind: Callable[..., ev.Event], *fields: object) -> "Dialogue":
        self.events.append(kind(self._time, *self._common, *fields))
        self._time += self._step
        return self

    def greeting(self, code: int = 220, text: str = "mx1.example.net ESMTP") -> "Dialogue":
        return self._add(ev.Greeting, code, text)

    def hello(self, name: str, extensions: str = "\nSIZE 52428800\nSTARTTLS") -> "Dialogue":
        return self.says("EHLO", name).answer("EHLO", 250, f"mx1.example.net{extensions}")

    def says(self, verb: str, argument: str = "") -> "Dialogue":
        return self._add(ev.Command, verb, argument)

    def answer(self, to: str, code: int, text: str) -> "Dialogue":
        return self._add(ev.Reply, to, code, None, text)

    def tls(self, version: str = "TLSv1.3", group: str | None = "x25519") -> "Dialogue":
        """The last that the wire shows of a session: what follows is encrypted."""
        self.says("STARTTLS").answer("STARTTLS", 220, "2.0.0 Ready to start TLS")
        ciphers = ("TLS_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
        offered = ("TLSv1.3", "TLSv1.2") if version == "TLSv1.3" else (version,)
        self._add(
            ev.TlsOffered, False, offered, ciphers, ("X25519MLKEM768", "x25519", "secp256r1"), "mx1.example.net", (),
            "ja3", "t13d1516h2_8daaf6152771_b186095e22b6",
        )  # fmt: skip
        return self._add(ev.TlsNegotiated, version, ciphers[version != "TLSv1.3"], group, None, "ja3s", False, False)

    def tls_fails(self) -> "Dialogue":
        self.says("STARTTLS").answer("STARTTLS", 220, "2.0.0 Ready to start TLS")
        return self._add(ev.TlsFailed, "server", "protocol_version", "no common version")

    def auth(self, outcome: ev.AuthOutcome) -> "Dialogue":
        return self._add(ev.AuthAttempted, "PLAIN", outcome, False)

    def mail(self, sender: str, *recipients: str, refused: bool = False) -> "Dialogue":
        self.says("MAIL", f"FROM:<{sender}>").answer("MAIL", 250, "2.1.0 Ok")
        self._add(ev.TransactionOpened, sender)
        for recipient in recipients:
            code, text = (554, RELAY_DENIED) if refused else (250, "2.1.5 Ok")
            self.says("RCPT", f"TO:<{recipient}>").answer("RCPT", code, text)
            self._add(ev.RecipientDecided, recipient, code, None, text)
        if refused:
            return self._add(ev.MessageDecided, sender, True, "rejected", None, None, None, None, 0, len(recipients), 0)
        return self.says("DATA").answer("DATA", 354, "End data with <CR><LF>.<CR><LF>")

    def accepted(self, sender: str, recipients: int, queue_id: str = "4XyZ1a2b3c") -> "Dialogue":
        text = f"2.0.0 Ok: queued as {queue_id}"
        self.answer(".", 250, text)
        return self._add(
            ev.MessageDecided, sender, True, "accepted", 250, "2.0.0", text, queue_id, recipients, 0, 4_096
        )

    def odd(self, kind: str, detail: str) -> "Dialogue":
        return self._add(ev.Oddity, kind, detail)

    def carried(self, client: int, server: int) -> "Dialogue":
        return self._add(ev.SessionProgress, client, server)

    def closed(self, by: ev.ClosedBy = "quit", octets: int = 4_096, partial: str | None = None) -> "Dialogue":
        return self._add(ev.SessionClosed, self._time, by, octets, 900, partial, True)


def status(
    state: ev.Health = "running", reason: str = "", at: float = START, dropped: int = 0, shed: int = 0
) -> ev.SensorStatus:
    """What the wire sensor says of itself."""
    received = 0 if state in ("starting", "failed") else 120_431
    return ev.SensorStatus(at, SENSOR, HOST, state, reason, received, dropped, shed, {}, ("eth0", "lo"))


def busy_evening() -> list[ev.Event]:
    """Sessions of every kind, live and ended."""
    dialogues = [
        Dialogue(1, "203.0.113.7", NOW - 3).greeting().hello("ylmf-pc").mail(
            "a@example.com", *["a@example.org"] * 12, refused=True).carried(1_204, 600),
        Dialogue(2, "192.0.2.17", NOW - 9, 587, "submission", step=0.02).greeting().hello("[10.0.0.5]").mail(
            "bob@example.net", *["list@example.org"] * 50).carried(812_000, 4_000),
        Dialogue(3, SERVER, NOW - 1, 25, "outbound", "198.51.100.25").greeting(220, "mx.example.org ready").tls(),
        Dialogue(4, "2001:db8:7:1234:5678:9abc:def0:25", NOW - 45).greeting().hello("out3.bigmail.example").tls(
            "TLSv1.2", "secp256r1").carried(48_000, 3_100),
        Dialogue(5, "198.51.100.23", NOW - 61, 587, "submission").greeting().hello("User").auth("failure").answer(
            "AUTH", 535, "5.7.8 Error: authentication failed"),
        Dialogue(6, "198.51.100.77", NOW - 20).greeting().odd("early talker", "spoke before the greeting").hello(
            "friend"),
        Dialogue(7, "203.0.113.80", NOW - 6).greeting().hello("mail.partner.example").mail(
            "bill@partner.example", "carol@example.net").accepted("bill@partner.example", 1).closed(),
        Dialogue(8, "203.0.113.99", NOW - 12).greeting().hello("old.example.com").tls_fails().closed("rst", 300),
        Dialogue(9, "192.0.2.200", NOW - 30).greeting().hello("relay.example.com").closed(
            "timeout", 120, "packets missing"),
        Dialogue(10, "203.0.113.8", NOW - 4).greeting(
            554, "5.7.1 Service unavailable; blocked using zen.example").closed(),
    ]  # fmt: skip
    events = [event for dialogue in dialogues for event in dialogue.events]
    return sorted([status(), *events], key=lambda event: event.time)


def hostile() -> list[ev.Event]:
    """A peer whose every word is made to harm a terminal."""
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/] \u202etxt.exe\u202c 漢字かな \x9b31m"
    dialogue = Dialogue(1, "203.0.113.66", NOW - 5).greeting(220, evil).hello(evil, f"\n{evil}")
    dialogue.mail(evil, evil, refused=True).odd("odd", evil).answer("RCPT", 550, evil)
    return [status(), *dialogue.events]


def many(live: int) -> Iterator[ev.Event]:
    """`live` open sessions, opened one after the other."""
    for number in range(live):
        source = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
        yield ev.SessionOpened(
            START + number / live, SENSOR, HOST, number, source, START + number / live, 1_025, SERVER, 25, "inbound"
        )


class Feed:
    """Hands batches to an app, as the bus does."""

    def __init__(self, events: Sequence[ev.Event]) -> None:
        self._batches = deque([events])

    def take(self) -> Sequence[ev.Event]:
        """The oldest batch, empty if none waits."""
        return self._batches.popleft() if self._batches else ()

    def put(self, events: Sequence[ev.Event]) -> None:
        """One more batch."""
        self._batches.append(events)


def app(events: Sequence[ev.Event], config: Config | None = None, now: float = NOW) -> tuple[SmtpWatch, Feed]:
    """An app that has those events waiting, on a clock that stands at `now`, and its feed."""
    feed = Feed(events)
    config = config or Config(refresh=SLOW, pane="sessions", alerts=QUIET)
    watch = SmtpWatch(config, HOST, feed.take, lambda: now)
    watch.wake()
    return watch, feed
