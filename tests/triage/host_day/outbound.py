"""Mail that we bring to others: a session of ours each, and smtp(8)'s lines. Most is taken at once; some has to wait
for greylisting, for a provider that has had enough for now, or for a host that is down; a little finds nobody."""

from __future__ import annotations

from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from smtpwatch import events as ev
from tests.triage.host_day import hellos, places, smtpd
from tests.triage.host_day.cast import RELAYED
from tests.triage.host_day.figures import DAY, DOWN, GREYLISTING, NOBODY, THROTTLED, THROTTLES
from tests.triage.host_day.hellos import Hello
from tests.triage.host_day.queue import Message, Queue, Recipient
from tests.triage.host_day.telling import NAME, SERVER, Telling
from tests.triage.host_day.wire import Talk

LARGE = 5  # providers that half of our people's friends are at
THROTTLING, UNREACHABLE = "provider0.example", "provider1.example"
GONE = "gone"  # domains whose name servers do not answer: somebody's misprint
MISPRINTS = 0.0008  # of recipients
SYNS = 15.0  # seconds from the first SYN to the last that is sent (1, 2, 4, 8)
TIMEOUT = 30.0  # smtp_connect_timeout
DEAD = 60.0  # seconds that the queue manager leaves a destination alone which did not answer; a guess at the mean
_SITES = 900
_REACH = list(accumulate(1 / (k + 6) for k in range(_SITES)))
_OFFERS = "PIPELINING\nSIZE 35882577\n8BITMIME\nSTARTTLS\nENHANCEDSTATUSCODES\nCHUNKING\nSMTPUTF8"
_SIGNED = "key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256"


class Destination(NamedTuple):
    """Where a domain's mail goes. `tls`: the words of our log, None for one without TLS."""

    name: str
    address: str
    hello: Hello | None
    tls: str | None
    greylists: bool
    rtt: float


@lru_cache(4_096)
def destination(domain: str) -> Destination:
    """The same for a domain each time."""
    random = Random(domain)
    name = f"mx.{domain}"
    address = f"10.{random.choice(places.REMOTE)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    large = domain.startswith("provider")
    luck = 0.0 if large or domain == RELAYED else random.random()
    trust = "Trusted" if luck < 0.7 else "Untrusted"
    where = f"{trust} TLS connection established to {name}[{address}]:25: "
    if luck < 0.72:
        words = f"{where}TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) {_SIGNED}"
        hello, tls = hellos.POSTFIX, words
    elif luck < 0.96:
        hello = hellos.POSTFIX._replace(chosen=hellos.OPENSSL12.chosen)
        tls = f"{where}TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)"
    else:
        return Destination(name, address, None, None, random.random() < GREYLISTING, 0.03)
    return Destination(
        name, address, hello, tls, luck > 0 and random.random() < GREYLISTING, 0.01 + random.random() / 20
    )


def somebody(random: Random) -> str:
    """Whom our people write to."""
    if random.random() < MISPRINTS:
        return f"jo@{GONE}{random.randrange(400)}.example"
    if random.random() < 0.5:
        site = random.choices(range(LARGE), (38, 22, 18, 12, 10))[0]
        return f"friend{random.randrange(4_000)}@provider{site}.example"
    return f"c{random.randrange(12)}@site{bisect(_REACH, random.random() * _REACH[-1])}.example"


class Outbound:
    """What smtp(8) does."""

    def __init__(self, told: Telling, queue: Queue) -> None:
        self.told, self.queue, self.random = told, queue, told.random
        queue.deliver = self.deliver
        self._dead = -1e9
        """When the destination that is down was found so."""
        self._known: set[tuple[str, str]] = set()
        """Senders and recipients that greylists have let pass."""

    def deliver(self, time: float, message: Message, domain: str, some: list[Recipient]) -> None:
        """One try."""
        of_day = (time - self.told.start) % DAY
        if domain.startswith(GONE):
            why = f"Host or domain name not found. Name service error for name={domain} type=MX: Host not found"
            why += ", try again"
            self._without("postfix/smtp", time + 2.0, message, some, "4.4.3", why, 2.0)
            self.queue.defer(time + 2.0, message, domain, some)
        elif domain == UNREACHABLE and DOWN[0] <= of_day < DOWN[1]:
            self._unreachable(time, message, domain, some)
        else:
            self._session(time, message, domain, some, of_day)

    def _unreachable(self, time: float, message: Message, domain: str, some: list[Recipient]) -> None:
        to = destination(domain)
        why = f"connect to {to.name}[{to.address}]:25: Connection timed out"
        if time < self._dead + TIMEOUT + DEAD and time >= self._dead + TIMEOUT:
            self._without("postfix/error", time, message, some, "4.4.1", f"delivery temporarily suspended: {why}", 0.0)
            self.queue.defer(time, message, domain, some)
            return
        if time >= self._dead + TIMEOUT:
            self._dead = time
        talk = Talk(self.told, time, SERVER, 25, to.rtt, to.address)
        talk.closed("timeout", SYNS)
        self._without("postfix/smtp", time + TIMEOUT, message, some, "4.4.1", why, TIMEOUT)
        self.queue.defer(time + TIMEOUT, message, domain, some)

    def _without(
        self, service: str, time: float, message: Message, some: list[Recipient], dsn: str, why: str, spent: float
    ) -> None:
        """No server has said anything."""
        for recipient in some:
            known_as = f", orig_to=<{recipient.original}>" if recipient.original else ""
            age = smtpd.seconds(time - message.arrived)
            before = smtpd.seconds(time - message.arrived - spent)
            delays = f"{before}/0.01/{smtpd.seconds(spent)}/0"
            whose = f"{message.queue_id}: to=<{recipient.address}>{known_as}"
            text = f"{whose}, relay=none, delay={age}, delays={delays}, dsn={dsn}, status=deferred ({why})"
            self.told.by(service, time, text)

    def _session(self, time: float, message: Message, domain: str, some: list[Recipient], of_day: float) -> None:
        """A server is there."""
        told, to = self.told, destination(domain)
        service = "postfix/relay/smtp" if domain == RELAYED else "postfix/smtp"
        processes = told.processes(service)
        pid, used = processes.take(time)
        talk = Talk(told, time, SERVER, 25, to.rtt, to.address)
        talk.greeted(time + 2 * to.rtt + 0.004, f"{to.name} ESMTP")
        talk.hello(
            NAME, f"{to.name}\n{_OFFERS}" if to.hello else f"{to.name}\n{_OFFERS.replace('STARTTLS' + chr(10), '')}"
        )
        if to.hello is not None and to.tls is not None:
            talk.starttls(to.hello)
            told.log(talk.t, service, pid, to.tls)
        connected = talk.t
        answers = [self._answer(message, to, domain, recipient.address, of_day) for recipient in some]
        if to.hello is None:
            self._clear(talk, message, some, answers)
        else:
            talk.t += 4 * to.rtt + self.random.expovariate(3)
            talk.up += 4_000 + int(self.random.expovariate(1 / 9_000))
            talk.down += 400
        self._lines(talk.t, service, pid, message, some, answers, to, (time, connected))
        processes.free(talk.closed("fin" if to.hello else "quit", to.rtt) + 0.001, pid, used)
        self._settle(talk.t, message, domain, some, answers)

    def _answer(self, message: Message, to: Destination, domain: str, recipient: str, of_day: float) -> str:
        """What the server says to one recipient in the end: "250 2.0.0 ..."."""
        random = self.random
        if domain == THROTTLING and THROTTLED[0] <= of_day < THROTTLED[1] and random.random() < THROTTLES:
            return f"421 4.7.28 [{SERVER}] Our system has detected an unusual rate of mail from your IP address"
        if to.greylists and (message.sender, recipient) not in self._known:
            self._known.add((message.sender, recipient))
            return f"450 4.2.0 <{recipient}>: Recipient address rejected: Greylisted, see https://postgrey.example/"
        # Who was unknown yesterday is unknown today; a newsletter has more of them than people's own mail.
        if Random(recipient).random() < NOBODY * (2 if recipient.startswith("reader") else 1):
            return f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"
        return f"250 2.0.0 Ok: queued as {random.getrandbits(40):010X}"

    def _clear(self, talk: Talk, message: Message, some: list[Recipient], answers: list[str]) -> None:
        """MAIL, RCPT and DATA in one packet, as Postfix pipelines them."""
        good = sum(answer[0] == "2" for answer in answers)
        talk.says("MAIL", f"FROM:<{message.sender}> SIZE=5120")
        for recipient in some:
            talk.says("RCPT", f"TO:<{recipient.address}>", 0.0)
        talk.says("DATA", after=0.0)
        talk.hears("MAIL", 250, "2.1.0", "2.1.0 Ok", talk.rtt)
        talk.tell(ev.TransactionOpened, message.sender)
        for recipient, answer in zip(some, answers, strict=True):
            code, enhanced, text = (250, "2.1.5", "2.1.5 Ok") if answer[0] == "2" else _parts(answer)
            talk.hears("RCPT", code, enhanced, text, 0.0)
            talk.tell(ev.RecipientDecided, recipient.address, code, enhanced, text)
        if good:
            talk.hears("DATA", 354, None, "End data with <CR><LF>.<CR><LF>", 0.0)
            talk.says(".", "5120 octets", 0.001)
            talk.up += 5_120
            code, enhanced, text = _parts(next(answer for answer in answers if answer[0] == "2"))
            talk.hears(".", code, enhanced, text, talk.rtt + 0.2)
            talk.tell(ev.MessageDecided, message.sender, True, "accepted", code, enhanced, text, text.split()[-1], good,
                      len(some) - good, 5_120)  # fmt: skip
            talk.quits(0.0)
            return
        talk.hears("DATA", 554, "5.5.1", "5.5.1 Error: no valid recipients", 0.0)
        talk.quits(0.001)
        outcome = "deferred" if answers[0][0] == "4" else "rejected"
        talk.tell(ev.MessageDecided, message.sender, True, outcome, None, None, None, None, 0, len(some), 0)

    def _lines(
        self, time: float, service: str, pid: int, message: Message, some: list[Recipient], answers: list[str],
        to: Destination, at: tuple[float, float],
    ) -> None:  # fmt: skip
        """One line for each recipient."""
        begun, connected = at
        waited = max(0.0, begun - message.arrived)
        delays = f"{smtpd.seconds(waited)}/0.01/{smtpd.seconds(connected - begun)}/{smtpd.seconds(time - connected)}"
        where, age = f"{to.name}[{to.address}]", smtpd.seconds(time - message.arrived)
        for recipient, answer in zip(some, answers, strict=True):
            known_as = f", orig_to=<{recipient.original}>" if recipient.original else ""
            dsn = answer.split()[1] if answer[0] != "2" else "2.0.0"
            status = {"2": "sent", "4": "deferred", "5": "bounced"}[answer[0]]
            after = "end of DATA" if answer.startswith("421") else "RCPT TO"
            said = answer if status == "sent" else f"host {where} said: {answer} (in reply to {after} command)"
            whose = f"{message.queue_id}: to=<{recipient.address}>{known_as}"
            text = f"{whose}, relay={where}:25, delay={age}, delays={delays}, dsn={dsn}, status={status} ({said})"
            self.told.log(time, service, pid, text)

    def _settle(self, time: float, message: Message, domain: str, some: list[Recipient], answers: list[str]) -> None:
        again = []
        for recipient, answer in zip(some, answers, strict=True):
            if answer[0] == "4":
                again.append(recipient)
            else:
                self.queue.done(time + 0.001, message, recipient.address if answer[0] == "5" else "")
        if again:
            self.queue.defer(time, message, domain, again)


def _parts(answer: str) -> tuple[int, str, str]:
    """ "250 2.0.0 Ok" as code, enhanced code and text."""
    code, _, text = answer.partition(" ")
    return int(code), text.partition(" ")[0], text
