"""Clients that smtpd(8) turns away before their content: bots above all, and some that are only unlucky."""

from __future__ import annotations

from smtpwatch import events as ev
from tests.triage.host_day.cast import OURS, Peer
from tests.triage.host_day.figures import BOT_EARLY, BOT_HANGS, BOT_QUIT, BOT_TLS, LAME, RETURNING
from tests.triage.host_day.inbound import Begun, Inbound
from tests.triage.host_day.queue import Recipient
from tests.triage.host_day.wire import Talk

LISTS = (("zen.spamhaus.org", "https://www.spamhaus.org/query/ip/{}"), ("bl.spamcop.net", "Blocked - see https://www.spamcop.net/bl.shtml?{}"),
         ("b.barracudacentral.org", "http://www.barracudanetworks.com/reputation/?pr=1&ip={}"))  # fmt: skip
GUESSED = ("info", "admin", "contact", "sales", "mail", "webmaster", "office", "accounting", "hr", "test", "john",
           "anna", "peter", "maria", "support1", "marketing", "service", "kontakt", "post", "team")  # fmt: skip
FORMER = 260
"""Addresses of people who have left, which the world still writes to; the same ones each day."""
DROPS = 0.35  # of bots that do not say QUIT, hang up without a word; the others say RSET before


class Refused:
    """Sessions on port 25 that end with a refusal."""

    def __init__(self, inbound: Inbound) -> None:
        self.inbound, self.random, self.cast, self.told = inbound, inbound.random, inbound.cast, inbound.told

    def rcpt(self, begun: Begun, peer: Peer, sender: str, refusals: list[tuple[str, str]], looks: float) -> None:
        """MAIL, and RCPTs that are refused: address and words of each. `looks`: seconds for look-ups."""
        talk, visit = begun
        dark = peer.hello is not None
        visit.did("mail")
        if dark:
            talk.t += talk.rtt
        else:
            talk.mail(sender)
        for recipient, reply in refusals:
            code, enhanced, text = reply[:3], reply[4:].partition(" ")[0], reply[4:]
            if dark:
                talk.t += talk.rtt + looks
                talk.up += 60
                talk.down += len(reply) + 24
            else:
                talk.rcpt(recipient, int(code), enhanced, text, looks)
            visit.rejects(talk.t + 0.0002, reply, sender, recipient, peer.helo)
            looks = 0.001  # known by now

    def ends(self, begun: Begun, sender: str, refused: int, code: str, dark: bool, quits: bool) -> None:
        """It says QUIT; or RSET, or nothing, and hangs up."""
        talk, visit = begun
        if self.random.random() < BOT_HANGS:
            self._hangs(begun, sender, refused, code, dark)
            return
        if quits:
            self._quits(talk, sender, refused, code, dark)
            visit.gone(talk.closed("fin" if dark else "quit") + 0.0002)
            return
        resets = self.random.random() > DROPS
        if resets:
            visit.did("rset")
        if dark:
            talk.t += talk.rtt
        elif resets:
            talk.says("RSET")
            talk.hears("RSET", 250, "2.0.0", "2.0.0 Ok")
            self._decided(talk, sender, "reset", refused)
        else:
            talk.t += talk.rtt
            self._decided(talk, sender, "deferred" if code[0] == "4" else "rejected", refused)
        by: ev.ClosedBy = "fin" if self.random.random() < 0.8 else "rst"
        visit.gone(talk.closed(by, talk.rtt) + 0.0002, "RSET" if resets else "RCPT")

    def _hangs(self, begun: Begun, sender: str, refused: int, code: str, dark: bool) -> None:
        """It says nothing any more."""
        talk, visit = begun
        idle = talk.waits(not dark)
        if not dark:
            self._decided(talk, sender, "deferred" if code[0] == "4" else "rejected", refused)
        visit.gone(talk.closed("fin", idle=idle) + 0.0002, "RCPT", "timeout")

    def _quits(self, talk: Talk, sender: str, refused: int, code: str, dark: bool) -> None:
        if dark:
            talk.t += talk.rtt
            return
        talk.quits()
        self._decided(talk, sender, "deferred" if code[0] == "4" else "rejected", refused)

    def _decided(self, talk: Talk, sender: str, outcome: ev.Outcome, refused: int) -> None:
        talk.tell(ev.MessageDecided, sender, True, outcome, None, None, None, None, 0, refused, 0)

    def turned(
        self, time: float, peer: Peer, sender: str, to: list[str], reply: str, looks: float, quits: bool
    ) -> None:
        """All of such a session. `reply` may name the recipient, as {}."""
        begun = self.inbound.introduced(time, peer, self.random.random() < LAME / 5)
        self.rcpt(begun, peer, sender, [(each, reply.format(each)) for each in to], looks)
        self.ends(begun, sender, len(to), reply, peer.hello is not None, quits)

    # Bots.

    def snowshoe(self, time: float, number: int) -> None:
        """A machine of a rented network: it does TLS, and leaves as it should."""
        self._listed(time, self.cast.snowshoe(number), 0.95)

    def bot(self, time: float, peer: Peer) -> None:
        """A bot that a DNS list has."""
        self._listed(time, peer if self.random.random() < BOT_TLS else peer._replace(hello=None), BOT_QUIT)

    def _listed(self, time: float, peer: Peer, quits: float) -> None:
        """Each of its recipients is refused."""
        random = self.random
        list_name, says = random.choices(LISTS, (80, 12, 8))[0]
        where = says.format(peer.source)
        reply = f"554 5.7.1 Service unavailable; Client host [{peer.source}] blocked using {list_name}; {where}"
        sender = f"{random.choice(('info', 'noreply', 'promo', 'jane', 'k'))}{random.randrange(999)}@" + (
            f"{random.choice(OURS)}" if random.random() < 0.04 else f"brand{random.randrange(6_000)}.example"
        )
        few = random.choices((1, 2, 4), (88, 8, 4))[0]
        to = [self._victim() for _ in range(few)]
        lame = random.random() < LAME
        early = peer.hello is None and random.random() < BOT_EARLY
        begun = self._early(time, peer, lame) if early else self.inbound.introduced(time, peer, lame)
        self.rcpt(begun, peer, sender, [(each, reply) for each in to], 0.02 + random.expovariate(20))
        self.ends(begun, sender, few, reply, peer.hello is not None, random.random() < quits)

    def _victim(self) -> str:
        luck = self.random.random()
        if luck < 0.6:
            mailbox, alias = self.cast.mailbox()
            return alias or mailbox
        return self.guessed() if luck < 0.8 else self.former()

    def _early(self, time: float, peer: Peer, lame: bool) -> Begun:
        """It does not wait for the greeting."""
        random = self.random
        talk = Talk(self.told, time, peer.source, 25, peer.rtt)
        told_at = time + peer.rtt + 0.001
        talk.t = told_at
        talk.tell(ev.Oddity, "early talker", "spoke before the greeting")
        talk.says("EHLO", peer.helo, 0.0)
        known = told_at + (random.uniform(5, 15) if lame else 0.003 + random.expovariate(40))
        visit = self.inbound.visit(peer, told_at, known)
        visit.line(
            known + 0.0001, f"improper command pipelining after CONNECT from {visit.who}: EHLO {peer.helo}\\r\\n"
        )
        talk.greeted(known + 0.0004)
        talk.hears("EHLO", 250, None, self.inbound.offers, 0.0)
        visit.did("ehlo")
        return Begun(talk, visit)

    def unlisted(self, time: float) -> None:
        """A bot that no list knows guesses addresses, or has bought old ones."""
        random = self.random
        peer = self.cast.bot()
        if random.random() >= BOT_TLS:
            peer = peer._replace(hello=None)
        to = [self.former() if random.random() < 0.5 else self.guessed() for _ in range(random.choice((1, 1, 1, 2, 3)))]
        sender = f"m{random.randrange(9_999)}@brand{random.randrange(6_000)}.example"
        self.turned(time, peer, sender, to, self.unknown(), 0.002, random.random() < BOT_QUIT)

    def old(self, time: float) -> None:
        """A decent server writes to somebody who has left, or was mistyped; or to a list of such, now and then."""
        random = self.random
        luck = random.random()
        if luck < 0.45:
            number = random.randrange(6)
            peer, sender = self.cast.provider(number), f"p{random.randrange(20_000)}@provider{number}.example"
        elif luck < 0.75:
            number = random.randrange(16)
            peer, sender = self.cast.esp(number), f"bounce+{random.getrandbits(40):x}@esp{number}.example"
        else:
            peer = self.cast.server()
            sender = f"office@{peer.helo.removeprefix('mail.')}"
        to = self.former() if random.random() < 0.7 else self.mistyped()
        self.turned(time, peer, sender, [to], self.unknown(), 0.002, True)

    def unknown(self) -> str:
        """What Postfix says of an address that is none."""
        return "550 5.1.1 <{}>: Recipient address rejected: User unknown in virtual mailbox table"

    def guessed(self) -> str:
        """A name that many hosts have."""
        return f"{self.random.choice(GUESSED)}@{self.random.choice(OURS)}"

    def former(self) -> str:
        """Somebody who has left: some are remembered far more than others."""
        number = int(FORMER * self.random.random() ** 2)
        return f"former{number}@{OURS[number % 3]}"

    def mistyped(self) -> str:
        """An address of ours with a letter too many."""
        name, _, domain = self.cast.mailbox()[0].partition("@")
        return f"{name}{self.random.choice('abcdefgh')}@{domain}"

    # Those that are unlucky, or bad in other ways.

    def greylisted(self, time: float) -> None:
        """A server that was not seen for a month; it comes again, from the same /24, if it is one."""
        random = self.random
        peer = self.cast.server() if random.random() < RETURNING else self.cast.bot()
        sender = f"{random.choice(('info', 'h.miller', 'shop'))}@{peer.helo.removeprefix('mail.')}"
        mailbox, _ = self.cast.mailbox()
        reply = "450 4.2.0 <{}>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/" + (
            f"{mailbox.rpartition('@')[2]}.html"
        )
        self.turned(time, peer, sender, [mailbox], reply, 0.003, peer.helo.startswith("mail.site"))
        if peer.helo.startswith("mail.site"):
            if ":" not in peer.source and random.random() < 0.3:  # a pool of machines
                peer = peer._replace(source=f"{peer.source.rpartition('.')[0]}.{random.randrange(1, 255)}")
            again = time + random.uniform(300, 1_800)
            self.told.at(again, self.inbound.taken, peer, sender, [Recipient(mailbox)])

    def spf(self, time: float) -> None:
        """Its domain says that it does not send from there: bots, and people's forwards."""
        random = self.random
        peer = self.cast.bot() if random.random() < 0.75 else self.cast.server()
        if peer.hello is not None and random.random() < 0.6:
            peer = peer._replace(hello=None)
        domain = random.choice(("bank.example", "parcel.example", f"firm{random.randrange(300)}.example", *OURS))
        sender = f"account@{domain}"
        reply = (
            "550 5.7.23 <{}>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. Please "
            f"see http://www.openspf.net/Why?s=mfrom;id={sender};ip={peer.source};r=<UNKNOWN>"
        )
        self.turned(
            time, peer, sender, [self.cast.mailbox()[0]], reply, 0.03 + random.expovariate(15), random.random() < 0.6
        )

    def manners(self, time: float) -> None:
        """No name in DNS, a HELO that is none, or a sender's domain that does not exist."""
        random, peer, luck = self.random, self.cast.bot(), self.random.random()
        peer = peer._replace(hello=None if random.random() < 0.8 else peer.hello)
        sender = f"x{random.randrange(999)}@brand{random.randrange(6_000)}.example"
        if luck < 0.5:
            peer = peer._replace(name="")
            reply = f"450 4.7.25 Client host rejected: cannot find your hostname, [{peer.source}]"
        elif luck < 0.8:
            peer = peer._replace(helo=random.choice(("User", "localhost", "WIN-DBI9HJ4R5T6", "ylmf-pc", "mail")))
            reply = f"504 5.5.2 <{peer.helo}>: Helo command rejected: need fully-qualified hostname"
        else:
            sender = f"x@no{random.getrandbits(30):x}.example"
            reply = f"450 4.1.8 <{sender}>: Sender address rejected: Domain not found"
        self.turned(time, peer, sender, [self.cast.mailbox()[0]], reply, 0.03, random.random() < BOT_QUIT)

    def probe(self, time: float) -> None:
        """A scanner tries to relay: one or two recipients elsewhere, from an address of its own each."""
        random = self.random
        peer = self.cast.bot()._replace(hello=None)
        tool = random.randrange(8)
        sender = random.choice((f"test@{peer.source}", f"probe@{OURS[0]}", f"spameri@scan{tool}.example"))
        to = [f"relay{random.randrange(99)}@scan{tool}.example" for _ in range(random.choice((1, 1, 2)))]
        self.turned(time, peer, sender, to, "554 5.7.1 <{}>: Relay access denied", 0.001, random.random() < 0.3)
