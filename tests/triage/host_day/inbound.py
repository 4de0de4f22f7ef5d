"""Mail that is taken from others: sessions on port 25 that end well, or are refused once the content is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from smtpwatch import events as ev
from tests.triage.host_day import smtpd
from tests.triage.host_day.cast import OURS, RELAYED, Cast, Peer
from tests.triage.host_day.figures import FORWARDED, LAME
from tests.triage.host_day.figures import RELAYED as SHARE_RELAYED
from tests.triage.host_day.queue import Queue, Recipient
from tests.triage.host_day.smtpd import Visit
from tests.triage.host_day.telling import Telling
from tests.triage.host_day.wire import EHLO, Talk

LARGEST = 36_000_000.0  # octets: attachments of 26 MB, in Base64
RESOLVER = (5.0, 15.0)  # seconds until it gives up a zone that does not answer
SEVERAL = (88, 9, 3)  # of sessions of large providers have one message, two, four
PACE = 4e6  # octets a second, about


class Begun(NamedTuple):
    """A session whose client has been greeted."""

    talk: Talk
    visit: Visit


class Inbound:
    """Sessions on port 25."""

    def __init__(self, told: Telling, cast: Cast, queue: Queue) -> None:
        self.told, self.cast, self.queue, self.random = told, cast, queue, told.random

    def connect(self, time: float, peer: Peer, lame: bool = False) -> Begun:
        """Both know of it, and smtpd has looked up its name before it says a word."""
        random = self.random
        lookup = random.uniform(*RESOLVER) if lame else 0.002 + random.expovariate(60)
        talk = Talk(self.told, time, peer.source, 25, peer.rtt)
        known = time + peer.rtt + lookup
        visit = self.visit(peer, time + peer.rtt, known)
        talk.greeted(known + 0.0006)
        return Begun(talk, visit)

    def introduced(self, time: float, peer: Peer, lame: bool = False) -> Begun:
        """The same, up to where MAIL comes next: under TLS if the client wants that."""
        talk, visit = begun = self.connect(time, peer, lame)
        talk.hello(peer.helo)
        visit.did("ehlo")
        if peer.hello is not None:
            talk.starttls(peer.hello)
            visit.did("starttls")
            visit.secured(talk.t, peer.hello.logged)
            talk.t += talk.rtt  # EHLO once more, in the dark
            visit.did("ehlo")
        return begun

    def recipients(self, few: int = 1) -> list[Recipient]:
        """So many of ours; a message is to one domain."""
        random, found = self.random, []
        for _ in range(few):
            if random.random() < SHARE_RELAYED:
                found.append(Recipient(f"staff{random.randrange(80)}@{RELAYED}"))
                continue
            mailbox, alias = self.cast.mailbox()
            if random.random() < FORWARDED:
                found.append(Recipient(f"old.friend{random.randrange(500)}@provider0.example", mailbox))
            else:
                found.append(Recipient(mailbox, alias))
        return list(dict.fromkeys(found))

    def visit(self, peer: Peer, start: float, known: float) -> Visit:
        """The log's side alone."""
        return Visit(self.told, smtpd.SMTPD, peer.source, peer.name, start, known)

    offers = EHLO
    """What is said to EHLO."""

    # What it can be.

    def taken(
        self, time: float, peer: Peer, sender: str, recipients: Sequence[Recipient], refusal: str = "",
        messages: int = 1,
    ) -> None:  # fmt: skip
        """A message, or more of them, each to other people of ours. `refusal`: a milter's words, in place of that."""
        begun = self.introduced(time, peer, self.random.random() < LAME / 10)
        for number in range(messages):
            some = self.recipients() if number else recipients
            self._message(begun, peer, sender, some, refusal)
        self._leaves(*begun, peer.hello is not None)

    def _message(self, session: Begun, peer: Peer, sender: str, recipients: Sequence[Recipient], refusal: str) -> None:
        """One of them, and what becomes of it."""
        told, random = self.told, self.random
        talk, visit = session
        size = int(min(LARGEST, random.lognormvariate(9.9, 1.3)))
        dark = peer.hello is not None
        first = self._envelope(talk, visit, sender, recipients, size, dark)
        queue_id = told.queue_id(first)
        visit.line(first + 0.0002, f"{queue_id}: client={visit.who}")
        begun = talk.t
        self._content(talk, size, dark)
        message_id = f"{random.getrandbits(60):x}@{sender.rpartition('@')[2] or peer.helo}"
        if refusal:
            self._refused(talk, visit, queue_id, message_id, sender, recipients[0], peer.helo, refusal, dark)
        else:
            until = talk.t + 0.004
            smtpd.queued(told, begun + talk.rtt, queue_id, sender, size + 600, len(recipients), message_id, until)
            self._accepted(talk, queue_id, sender, len(recipients), size, dark)
            told.at(until + 0.01, self.queue.arrives, queue_id, sender, tuple(recipients), begun)
        visit.did("data", 0 if refusal else 1, 1)

    def _envelope(
        self, talk: Talk, visit: Visit, sender: str, recipients: Sequence[Recipient], size: int, dark: bool
    ) -> float:
        """MAIL and RCPT. Returns when the first recipient was taken: then the message gets its id."""
        visit.did("mail")
        visit.did("rcpt", len(recipients))
        if dark:
            talk.t += 2 * talk.rtt
            talk.up += 60 + 50 * len(recipients)
            return talk.t
        talk.mail(sender, size)
        first = 0.0
        for recipient in recipients:
            talk.rcpt(recipient.original or recipient.address, 250, "2.1.5", "2.1.5 Ok", 0.002)
            first = first or talk.t
        return first

    def _content(self, talk: Talk, size: int, dark: bool) -> None:
        """DATA, and all of it."""
        seconds = size / (PACE * self.random.uniform(0.2, 2.0))
        if dark:
            talk.t += 2 * talk.rtt + seconds
            talk.up += size + size // 50
            talk.down += 400
        else:
            talk.data(size, seconds)

    def _accepted(self, talk: Talk, queue_id: str, sender: str, count: int, size: int, dark: bool) -> None:
        talk.t += 0.006
        if not dark:
            ok = f"2.0.0 Ok: queued as {queue_id}"
            talk.hears(".", 250, "2.0.0", ok)
            talk.tell(ev.MessageDecided, sender, True, "accepted", 250, "2.0.0", ok, queue_id, count, 0, size)

    def _refused(
        self, talk: Talk, visit: Visit, queue_id: str, message_id: str, sender: str, to: Recipient, helo: str,
        refusal: str, dark: bool,
    ) -> None:  # fmt: skip
        """cleanup(8) hears the milter's word."""
        told = self.told
        told.by("postfix/cleanup", talk.t, f"{queue_id}: message-id=<{message_id}>")
        talk.t += self.random.uniform(0.2, 1.5)  # spam filters take their time
        address = to.original or to.address
        told.by("postfix/cleanup", talk.t, f"{queue_id}: milter-reject: END-OF-MESSAGE from {visit.who}: {refusal}; "
                f"from=<{sender}> to=<{address}> proto=ESMTP helo=<{helo}>")  # fmt: skip
        if not dark:
            talk.hears(".", 550, refusal.partition(" ")[0], refusal)
            talk.tell(ev.MessageDecided, sender, True, "rejected", 550, refusal.partition(" ")[0], refusal, None, 1, 0,
                      talk.up)  # fmt: skip

    def _leaves(self, talk: Talk, visit: Visit, dark: bool) -> None:
        """With QUIT; under TLS nobody sees it."""
        if dark:
            talk.t += talk.rtt
            visit.gone(talk.closed("fin") + 0.0003)
        else:
            talk.quits()
            visit.gone(talk.closed("quit") + 0.0003)

    # Who brings mail.

    def provider(self, time: float) -> None:
        """A large one: a few of five bring most."""
        random = self.random
        number = random.choices(range(6), (34, 28, 14, 10, 8, 6))[0]
        few = random.choices((1, 2, 3, 7), (86, 9, 4, 1))[0]
        sender = f"p{random.randrange(20_000)}@provider{number}.example"
        if random.random() < 0.06:
            sender = ""  # their bounces and receipts
        messages = random.choices((1, 2, 4), SEVERAL)[0]
        self.taken(time, self.cast.provider(number), sender, self.recipients(few), messages=messages)

    def burst(self, time: float, number: int, letter: int) -> None:
        """One mail of a newsletter: the sender is another one for each recipient (VERP), so that bounces tell whose."""
        to = self.recipients()
        sender = f"bounce+{letter:x}.{self.random.getrandbits(40):x}@esp{number}.example"
        self.taken(time, self.cast.esp(number), sender, to)

    def list(self, time: float) -> None:
        """One message of a mailing list to all of ours who are on it."""
        random = self.random
        number = random.randrange(30)
        peer = self.cast.small[2_000 + number]
        self.taken(time, peer, f"list{number}-bounces@lists{number}.example", self.recipients(random.randrange(5, 40)))

    def small(self, time: float) -> None:
        """One of all the others. Some of them are spammers whom nobody knows yet."""
        random = self.random
        peer = self.cast.server()
        site = peer.helo.removeprefix("mail.")
        sender = f"{random.choice(('info', 'j.doe', 'office', 'noreply', 'shop', 'anna'))}@{site}"
        few = random.choices((1, 2, 4), (90, 7, 3))[0]
        self.taken(time, peer, sender, self.recipients(few))

    def content(self, time: float) -> None:
        """Spam that only its content gives away: half from bots, half from servers of decent looks."""
        random = self.random
        peer = self.cast.bot() if random.random() < 0.5 else self.cast.server()
        if peer.hello is not None and peer.helo.startswith(("mail", "[")) is False and random.random() < 0.5:
            peer = peer._replace(hello=None)
        sender = f"offer{random.randrange(9_000)}@deal{random.randrange(800)}.example"
        self.taken(time, peer, sender, self.recipients(), "5.7.1 Spam message rejected")

    def dmarc(self, time: float) -> None:
        """Somebody sends as a domain whose policy forbids it."""
        random = self.random
        domain = random.choice(("bank.example", "parcel.example", "tax.example", "provider0.example", *OURS))
        peer = self.cast.bot() if random.random() < 0.6 else self.cast.server()
        self.taken(time, peer, f"service@{domain}", self.recipients(), f"5.7.1 rejected by DMARC policy for {domain}")
