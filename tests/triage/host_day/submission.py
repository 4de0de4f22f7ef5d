"""Our people: logins on 587 and 465, of which the wire sees no more than the handshake, and what they send; with the
logins that fail, theirs and strangers'."""

from __future__ import annotations

from collections.abc import Sequence

from smtpwatch import events as ev
from tests.triage.host_day import hellos, smtpd
from tests.triage.host_day.cast import OURS, Account, Cast, Peer
from tests.triage.host_day.hellos import Hello
from tests.triage.host_day.outbound import somebody
from tests.triage.host_day.queue import Queue, Recipient
from tests.triage.host_day.smtpd import SUBMISSION, SUBMISSIONS, Visit
from tests.triage.host_day.telling import Telling
from tests.triage.host_day.wire import EHLO, Talk

FAILURE_SECONDS = 2.0  # Dovecot's auth_failure_delay
ONLY_LOOKS = 0.12  # of sessions of programs that log in and send nothing: tests of the settings, drafts that fail
INSIDE = 0.3  # of recipients are ours
PER_SESSION = 50  # messages that a newsletter's program sends before it connects anew
_GUESSED = (
    "admin",
    "info",
    "test",
    "scan",
    "scanner",
    "sales",
    "office",
    "backup",
    "noreply",
    "fax",
    "service",
    "demo",
)
_BOT_HELLO = ("User", "[127.0.0.1]", "WIN-DBI9HJ4R5T6", "localhost", "masscan")


class Submission:
    """Sessions on 587 and 465."""

    def __init__(self, told: Telling, cast: Cast, queue: Queue) -> None:
        self.told, self.cast, self.queue, self.random = told, cast, queue, told.random

    def connect(self, time: float, source: str, port: int, helo: str, hello: Hello, rtt: float) -> tuple[Talk, Visit]:
        """Up to the end of the handshake, and EHLO within it."""
        random = self.random
        talk = Talk(self.told, time, source, port, rtt)
        known = time + rtt + 0.002 + random.expovariate(80)
        program = SUBMISSIONS if port == 465 else SUBMISSION
        name = "" if ":" in source or random.random() < 0.1 else f"{source.replace('.', '-')}.access.example"
        visit = Visit(self.told, program, source, name, time + rtt, time + rtt if port == 465 else known)
        if port == 465:
            talk.t = time
            talk.handshake(hello, implicit=True)
        else:
            talk.greeted(known + 0.0006)
            talk.hello(helo)
            visit.did("ehlo")
            talk.starttls(hello)
            visit.did("starttls")
        visit.secured(talk.t, hello.logged)
        talk.t += talk.rtt
        visit.did("ehlo")
        talk.up += 30
        talk.down += 260
        return talk, visit

    def ends(self, talk: Talk, visit: Visit, lost: str = "") -> None:
        """In the dark."""
        talk.t += talk.rtt
        visit.gone(talk.closed("fin", talk.rtt / 2) + 0.0002, lost)

    def sends(
        self, time: float, source: str, account: Account, messages: Sequence[Sequence[Recipient]], hello: Hello,
        pause: float = 0.05,
    ) -> None:  # fmt: skip
        """A login and so many messages."""
        random, rtt = self.random, 0.012 + self.random.expovariate(40)
        talk, visit = self.connect(
            time, source, account.port, f"[192.168.{random.randrange(3)}.{random.randrange(2, 99)}]", hello, rtt
        )
        talk.t += rtt + 0.02  # Dovecot looks up the password
        visit.did("auth")
        for recipients in messages:
            self._message(talk, visit, account, recipients)
            talk.t += pause
        self.ends(talk, visit)

    def _message(self, talk: Talk, visit: Visit, account: Account, recipients: Sequence[Recipient]) -> None:
        told, random = self.told, self.random
        size = int(min(3e7, random.lognormvariate(9.4, 1.5)))
        talk.t += 2 * talk.rtt
        queue_id = told.queue_id(talk.t)
        begun = talk.t
        visit.line(begun, f"{queue_id}: client={visit.who}, sasl_method=PLAIN, sasl_username={account.name}")
        visit.did("mail")
        visit.did("rcpt", len(recipients))
        visit.did("data")
        talk.t += (len(recipients) - 1) * 0.01 + 2 * talk.rtt + size / 2e6
        talk.up += size + 120 + 40 * len(recipients)
        talk.down += 120 + 20 * len(recipients)
        message_id = f"{random.getrandbits(64):x}@{account.name.rpartition('@')[2]}"
        until = talk.t + 0.003
        smtpd.queued(told, begun + talk.rtt, queue_id, account.name, size + 500, len(recipients), message_id, until)
        talk.t = until + 0.003
        told.at(until + 0.01, self.queue.arrives, queue_id, account.name, tuple(recipients), begun)

    def _recipients(self) -> list[Recipient]:
        random, found = self.random, []
        for _ in range(random.choices((1, 2, 3, 5, 12), (74, 12, 7, 5, 2))[0]):
            inside = random.random() < INSIDE
            found.append(Recipient(*self.cast.mailbox()) if inside else Recipient(somebody(random)))
        return list(dict.fromkeys(found))

    def _hour(self, time: float) -> float:
        return (time - self.told.start) / 3_600

    # Our people.

    def account(self, time: float, whose: Account | None = None) -> None:
        """Somebody sends a message, from wherever that is just now."""
        account = whose or self.cast.someone()
        source, phone = self.cast.address_of(account, self._hour(time))
        self.from_there(time, source, account, phone)

    def from_there(self, time: float, source: str, account: Account, phone: bool = False) -> None:
        """The same from a certain address."""
        random = self.random
        if random.random() < ONLY_LOOKS:
            messages = []
        else:
            messages = [self._recipients() for _ in range(random.choices((1, 2, 3), (92, 6, 2))[0])]
        self.sends(time, source, account, messages, account.phone if phone else account.program)

    def fails(self, time: float, source: str, account: Account, hello: Hello) -> None:
        """A wrong password, in a session of its own."""
        talk, visit = self.connect(time, source, account.port, "[192.168.1.20]", hello, 0.03)
        talk.t += talk.rtt + FAILURE_SECONDS
        visit.fails(talk.t, "PLAIN", account.name)
        self.ends(talk, visit)

    def mistypes(self, time: float) -> None:
        """Three to eight failures, then it works."""
        random, account = self.random, self.cast.someone()
        source, phone = self.cast.address_of(account, self._hour(time))
        hello = account.phone if phone else account.program
        for _ in range(random.randrange(3, 9)):
            self.told.at(time, self.fails, source, account, hello)
            time += 8 + random.expovariate(1 / 35)
        self.told.at(time + 20, self.from_there, source, account, phone)

    def old_phone(self, time: float, account: Account, every: float) -> None:
        """It has an old password, and tries all day; its owner works at the office and does not see it."""
        self.fails(time, account.home, account, account.phone)
        self.told.at(time + every + self.random.uniform(-5, 25), self.old_phone, account, every)

    def letter(self, time: float, account: Account, messages: list[list[Recipient]]) -> None:
        """A newsletter's program sends some of it: one message for each recipient."""
        self.sends(time, account.home, account, messages, hellos.JAVA, 0.4)

    # Strangers.

    def guess(self, time: float, peer: Peer) -> None:
        """A login that cannot be: an account that is nobody's, now and then an address that was found on a web site."""
        random = self.random
        name = f"{random.choice(_GUESSED)}{random.choice(('', '', str(random.randrange(30))))}@{random.choice(OURS)}"
        luck = random.random()
        if luck < 0.08:
            name = f"user{random.randrange(400)}@{random.choice(OURS)}"  # one in three of those exists
        helo = random.choice(_BOT_HELLO)
        if luck > 0.8:
            self._in_clear(time, peer, helo)
            return
        port = 465 if luck < 0.35 else 587
        talk, visit = self.connect(time, peer.source, port, helo, peer.hello or hellos.OPENSSL, peer.rtt)
        talk.t += talk.rtt * 3 + FAILURE_SECONDS
        visit.fails(talk.t, "LOGIN", name)
        self.ends(talk, visit, "" if random.random() < 0.3 else "AUTH")

    def _in_clear(self, time: float, peer: Peer, helo: str) -> None:
        """It knows no TLS, and is told to use it."""
        talk = Talk(self.told, time, peer.source, 587, peer.rtt)
        known = time + peer.rtt + 0.01
        visit = Visit(self.told, SUBMISSION, peer.source, peer.name, time + peer.rtt, known)
        talk.greeted(known + 0.0006)
        talk.hello(helo, EHLO)
        visit.did("ehlo")
        talk.says("AUTH", "LOGIN")
        talk.hears("AUTH", 530, "5.7.0", "5.7.0 Must issue a STARTTLS command first")
        talk.tell(ev.AuthAttempted, "LOGIN", "failure", False)
        visit.did("auth", 0, 1)
        visit.gone(talk.closed("fin", talk.rtt) + 0.0002, "AUTH")
