"""What one SMTP session has come to: the picture that the table on screen, the detail view and `smtpwatch sessions`
read."""

from sys import intern
from typing import Any

from smtpwatch import events as ev
from smtpwatch.state import transcript
from smtpwatch.state.handshake import TlsFacts
from smtpwatch.state.party import FIGURES, Party
from smtpwatch.state.session_folds import FOLDS, progress
from smtpwatch.state.transaction import Transaction
from smtpwatch.state.visit import Visit

TRANSCRIPT_EVENTS = transcript.MOST
ONE_RUN = 1 << 40  # session numbers that a sensor may use between two starts

LOG = "log"
"""The sensor of sessions that only a log tells of."""


class Session:
    """One session as it stands. Counts of recipients and messages are over all its transactions."""

    __slots__ = (
        "_keepers",
        "_packed",
        "_told_of",
        "accepted",
        "account",
        "auth",
        "banner",
        "client",
        "client_port",
        "closed_by",
        "direction",
        "end",
        "failures",
        "greeted",
        "hello_given",
        "hello_taken",
        "hellos",
        "host",
        "key",
        "last_code",
        "last_reply",
        "messages",
        "named_port",
        "names",
        "names_known",
        "octets_client",
        "octets_server",
        "oddities",
        "partial",
        "parties",
        "passed",
        "refusals",
        "refused",
        "server",
        "server_port",
        "smtp",
        "source",
        "stage",
        "start",
        "starttls",
        "tls",
        "told",
        "transactions",
        "via",
        "visits",
        "wakeful",
    )  # fmt: skip

    def __init__(self, key: tuple[str, int], source: str, start: float) -> None:
        self.key = key
        """Its sensor, and a number: unique among all sessions of this console."""
        self.source = source
        """The client as an admin would block it; `client` is the TCP peer, `via` the proxy if there is one."""
        self.client = source
        self.client_port = 0
        self.via: str | None = None
        self.named_port = 0
        """The client's port as `via` named it; 0: not named."""
        self.server = ""
        self.server_port = 0
        self.direction: ev.Direction = "inbound"
        self.start = start
        self.end = start
        self.stage = "connect"
        """Where the dialogue stands: connect, greeting, the latest verb, TLS, or closed."""
        self.banner: str | None = None
        self.greeted: float | None = None
        """When the server first spoke, with a greeting or, on 465, in the handshake: from then on a process serves
        it."""
        self.hello_given: str | None = None
        self.hello_taken: str | None = None
        self.hellos: tuple[str | None, ...] = ()
        """Arguments of hellos that wait for their reply."""
        self.names: tuple[str, ...] = ()
        """Those that were given, in lower case; not all of them if not `names_known`."""
        self.names_known = True
        self.transactions: list[Transaction] = []
        self.accepted = 0
        self.refused = 0
        self.messages = 0
        """Messages accepted."""
        self.auth: list[tuple[str, ev.AuthOutcome]] | tuple[()] = ()
        self.account = ""
        """Whom the client logged in as; only a log tells."""
        self.refusals = self.failures = 0
        """Refusals and failed logins that only the log tells of: where the wire is dark, or saw nothing."""
        self.passed = False
        """Its client has logged in."""
        self.starttls = "none"
        self.tls: TlsFacts | None = None
        self.last_code: int | None = None
        self.last_reply = ""
        """The last reply but for a goodbye, which would hide what became of the mail."""
        self.closed_by: str | None = None
        """As SessionClosed has it; where only the log knows: quit, timeout, "lost", or "closed" for an end without
        more."""
        self.octets_client = 0
        self.octets_server = 0
        self.partial: str | None = None
        self.oddities: tuple[str, ...] = ()
        self.smtp = True
        self.host = ""
        """Where its sensor runs."""
        self._packed = b""
        self._told_of = 0
        """Its transcript, and how many events there are in it."""
        self.visits: list[Visit] = []
        """What the logs tell of this session, by service: postscreen's part, smtpd's part."""
        self.parties: list[Party] = []
        """Whose doings it counts among (Activity)."""
        self.told = [0] * FIGURES
        """What of it has been counted there, by Outcome, then REJECTED, PASSED and TLS."""
        self.wakeful = False
        """Its transcript does not tell all that it has come to, or the object itself is held elsewhere than among all
        sessions: it must stay as it is."""
        self._keepers = 1

    @property
    def sensor(self) -> str:
        """Who tells of it."""
        return self.key[0]

    @property
    def id(self) -> int:
        """Unique among all sessions of that sensor."""
        return self.key[1]

    @property
    def served(self) -> float:
        """When a process began to serve it, as far as that shows: it may have waited to be accepted."""
        return self.start if self.greeted is None else self.greeted

    @property
    def dark(self) -> bool:
        """TLS hides the dialogue from the wire, by now."""
        return self.tls is not None and self.tls.failed is None

    @property
    def over(self) -> bool:
        """It has ended."""
        return self.stage == "closed"

    @property
    def spoken(self) -> bool:
        """Either side has said something: a server may have known of it."""
        return self.smtp if self.over else self.stage != "connect"

    @property
    def queue_ids(self) -> list[str]:
        """Those that the wire saw in the server's replies."""
        return [each.queue_id for each in self.transactions if each.queue_id]

    @property
    def helo(self) -> str | None:
        """The last HELO, EHLO or LHLO argument that was accepted, else the last given."""
        return self.hello_given if self.hello_taken is None else self.hello_taken

    @property
    def transaction(self) -> Transaction | None:
        """The transaction under way, else the last one."""
        return self.transactions[-1] if self.transactions else None

    @property
    def trouble(self) -> bool:
        """The server's last word was a refusal, or something failed: the row deserves an eye."""
        failed = self.tls is not None and self.tls.failed is not None
        return failed or self.refused > 0 or (self.last_code or 0) >= 400

    def dissolve(self) -> None:
        """Let go of what refers back to it, lest it take a garbage collector to be rid of it."""
        for visit in self.visits:
            visit.session = None

    def kept(self) -> None:
        """One more keeps it, beside whom it was made for."""
        self._keepers += 1

    def let_go(self) -> None:
        """One of those who kept it has no more use for it. With the last it dissolves, not before: a log may still tell
        what came of it."""
        self._keepers -= 1
        if not self._keepers:
            self.dissolve()

    @property
    def shared(self) -> bool:
        """More than one keeps it."""
        return self._keepers > 1

    def apply(self, event: ev.SessionEvent) -> None:
        """Take in one event of this session."""
        self.end = event.time
        named = event.source != self.source
        if named:
            self.source = event.source
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)
        octets = transcript.packed(event, self.client)
        if octets:
            if not self.host:
                self.host = intern(event.host)
            self._packed += octets
            self._told_of += 1
            if self._told_of == transcript.MOST + transcript.ROOM:
                self._packed = transcript.latest(self._told_of, self._packed)
                self._told_of = transcript.MOST
                self.wakeful = True
        elif named or (fold is not None and fold is not progress):
            self.wakeful = True

    @property
    def packed(self) -> tuple[int, bytes]:
        """Its transcript as it is kept: how many events, and their octets."""
        return self._told_of, self._packed

    def recall(self, items: list[list[Any]], host: str) -> None:
        """Take in again what a transcript tells that is the whole of it."""
        for event in transcript.events(items, self.sensor, host, self.number, self.client):
            self.source = event.source
            fold = FOLDS.get(type(event))
            if fold is not None:
                fold(self, event)
        self.host, self._told_of, self._packed = intern(host), len(items), transcript.octets_of(items)

    @property
    def number(self) -> int:
        """Its sensor's number for it."""
        return self.id % ONE_RUN

    @property
    def transcript(self) -> list[ev.SessionEvent]:
        """Its latest events, at most TRANSCRIPT_EVENTS. Each look makes them anew."""
        items = transcript.items(self._told_of, self._packed)
        return transcript.events(items, self.sensor, self.host, self.number, self.client)
