"""From a row and a key to a block, and the words for what came of it: all of it but the drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.firewall.block import Block, Scope
from smtpwatch.firewall.blocking import Blocking, BlockingError
from smtpwatch.firewall.evidence import against, proxies, sources_in
from smtpwatch.firewall.guard import Finding, Guard
from smtpwatch.firewall.prefixes import Network, NetworkError, as_network, shown
from smtpwatch.firewall.radius import radius
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.target import Target
from smtpwatch.firewall.who import real_user
from smtpwatch.firewall.words import ended, lasting, on_ports
from smtpwatch.lookup import NO_LOOKUPS, Lookups
from smtpwatch.state.networks import network_of
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session

SHOWN = 4  # findings that are told one by one
WATCHED = 100  # networks of one act whose sources are looked at afterwards
WATCH = 600.0  # seconds for which they are
GRACE = 2.0  # seconds within which what was under way may still be answered
NAMED = 3  # networks of an act that are named


class Acting:
    """What the admin does on one console. `acts` are the numbers of this console's acts, the latest last; those that
    one key takes back are together."""

    def __init__(
        self, blocking: Blocking, picture: Picture, now: Callable[[], float], lookups: Lookups = NO_LOOKUPS
    ) -> None:
        self.blocking = blocking
        self.acts: list[tuple[str, ...]] = []
        self._watched: dict[Network, float] = {}
        """What was blocked from here of late, and when: who still gets answers?"""
        self._picture = picture
        self._clock = now
        self._lookups = lookups

    def request(self, target: Target, wide: bool = False) -> Request:
        """The block of a row's sources, or of their networks, with all that is known against it. Raises BlockingError
        for a row that has none."""
        if target.refusal:
            raise BlockingError(target.refusal)
        networks = tuple(dict.fromkeys(_networks(target.sources, wide)))
        if not networks:
            raise BlockingError("no source in this row")
        return self.known(Request(networks, why=target.why))

    def known(self, request: Request) -> Request:
        """With all that is known against it."""
        activity, now = self._picture.activity, self._clock()
        found = against(activity, request.networks, now, self._lookups.host, self._lookups.place)
        found += Guard(proxies(activity)).judge(request.networks)
        return msgspec.structs.replace(request, findings=tuple(dict.fromkeys(found)))

    async def block(self, request: Request) -> Answer:
        """As Blocking.block; what was done can be undone."""
        return self._remembered(await self.blocking.block(request))

    async def unblock(self, networks: Sequence[Network]) -> Answer:
        """As Blocking.unblock, likewise."""
        return self._remembered(await self.blocking.unblock(networks))

    async def undo(self) -> Answer:
        """Take back the latest act that was not taken back yet. Raises BlockingError if there is none."""
        if not self.acts:
            raise BlockingError("nothing to undo: nothing was blocked from here")
        left = list(self.acts.pop())
        whole = Answer("applied")
        try:
            while left:
                answer = await self.blocking.undo(left[-1])
                if answer.outcome == "failed":
                    return answer
                left.pop()
                whole.networks += answer.networks
                whole.seconds += answer.seconds
                whole.unwritten = whole.unwritten or answer.unwritten
        finally:
            if left:
                self.acts.append(tuple(left))
        return whole

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """What is done meanwhile is taken back by one key."""
        before = len(self.acts)
        try:
            yield
        finally:
            together = tuple(act for acts in self.acts[before:] for act in acts)
            self.acts[before:] = [together] if together else []

    @property
    def on_probation(self) -> list[Block]:
        """What this console has blocked and nobody has kept yet."""
        own = {act for acts in self.acts for act in acts}
        return [block for block in self.standing if not block.kept and block.act in own]

    def _remembered(self, answer: Answer) -> Answer:
        if answer.act and answer.outcome == "applied" and answer.networks:
            self.acts.append((answer.act,))
            if answer.seconds and len(answer.networks) <= WATCHED:
                self._watched |= dict.fromkeys(answer.networks, self._clock())
        return answer

    def leaks(self) -> list[Block]:
        """Blocks made from here of late whose sources have got an answer since, told once each: packets show what the
        firewall does not know."""
        now, found = self._clock(), []
        for network, since in list(self._watched.items()):
            block = self.blocking.blocks.get(network)
            if now - since > WATCH or block is None or not block.lasts(now) or block.leak:
                del self._watched[network]
            elif (session := self._served(network, since + GRACE)) is not None:
                block.leak = self._leak(block, session)
                found.append(block)
        return found

    def _served(self, network: Network, since: float) -> Session | None:
        """A session of it that began after that, and was answered."""
        for _network, party in sources_in(self._picture.activity, (network,)):
            for key in party.facts.latest if party.facts is not None else ():
                session = self._picture.sessions.get(key)
                if session is not None and session.start > since and session.last_code is not None:
                    return session
        return None

    def _leak(self, block: Block, session: Session) -> str:
        if self.blocking.problem:
            return self.blocking.problem
        at = clock.of_day(session.start)
        if block.tried is None:
            return (
                f"a session at {at} got an answer, and no packet was dropped: this mail does not pass this host's "
                "firewall (a bridge, another network namespace, or a proxy in between)"
            )
        return f"a session at {at} got an answer, though packets were dropped: it comes in by another way too"

    def covering(self, source: str) -> Block | None:
        """The block in force that a source, or a network, is in: the narrowest."""
        if not len(self.blocking.blocks):
            return None
        for network in _networks((source,), wide=False):
            for holder in self.blocking.blocks.around(network):
                block = self.blocking.blocks.get(holder)
                if block is not None and block.lasts(self._clock()):
                    return block
        return None

    def _still(self, network: Network) -> Block | None:
        """The wider block in force that one is in."""
        wider = (self.blocking.blocks.get(each) for each in self.blocking.blocks.around(network) if each != network)
        return next((block for block in wider if block is not None and block.lasts(self._clock())), None)

    @property
    def now(self) -> float:
        """The time that the screen shows."""
        return self._clock()

    @property
    def standing(self) -> Iterator[Block]:
        """All in force."""
        now = self._clock()
        return (block for _, block in self.blocking.blocks.items() if block.lasts(now))

    @property
    def latest(self) -> Block | None:
        """The block made last from here, if it is still in force."""
        now = self._clock()
        own = [block for _, block in self.blocking.blocks.items() if self.acts and block.act in self.acts[-1]]
        return own[0] if len(own) == 1 and own[0].lasts(now) else None

    @property
    def mine(self) -> list[Network]:
        """All in force that this user has blocked."""
        who = real_user().name
        return [block.network for block in self.standing if block.who == who]

    # In words.

    def question(self, request: Request, answer: Answer) -> Iterator[str]:
        """The blast radius of what has to be asked about, a line each; the first is the question."""
        times = set(answer.seconds)
        how_long = lasting(times.pop()) if len(times) == 1 else "for different times"
        ports = on_ports(request.scope, self.blocking.ports)
        yield f"Block {named(answer.networks)} {how_long} on {ports}?"
        hit = radius(self._picture.activity, answer.networks)
        if hit.open:
            refusing = f", {hit.refused:,} of them refused" if hit.refused else ""
            yield f"  would end   {hit.open:,} live session{'' if hit.open == 1 else 's'}{refusing}"
        for finding in answer.findings[:SHOWN]:
            yield f"  {'left out' if finding.refuses else 'careful':<11} {clean(finding.says)}"
        if answer.findings[SHOWN:]:
            yield f"  and         {len(answer.findings) - SHOWN:,} more"
        smaller = self.smaller(request)
        if smaller is not None:
            covers = f"covers {hit.covered} of {hit.offenders} offenders, no good sender"
            yield f"  instead     {smaller.networks[0]} {covers}"
        if answer.probation and self.blocking.keeps_time:
            yield "  ends        by itself after 60 s, unless it is kept then"

    def smaller(self, request: Request) -> Request | None:
        """The same of a part of the network that hits nobody good, None if there is none."""
        found = radius(self._picture.activity, request.networks).smaller
        return None if found is None else self.known(msgspec.structs.replace(request, networks=(found,)))

    def done(self, answer: Answer) -> str:
        """What came of it, in one line."""
        refused = [finding for finding in answer.findings if finding.refuses]
        if answer.outcome == "refused":
            others = len(refused) - 1
            more = f" (and {others:,} more reason{'' if others == 1 else 's'})" if others else ""
            return f"not blocked: {clean(refused[0].says)}{more}"
        if answer.outcome == "failed":
            return f"failed: {clean(answer.reason)}"
        words = f"blocked {named(answer.networks)} {self._for(answer)}, {ended(answer.ended)}"
        left_out = self.left_out(refused)
        if left_out:
            words += f"; {left_out}"
        return f"{words}; but {clean(answer.reason)}" if answer.reason else words

    def left_out(self, findings: Sequence[Finding]) -> str:
        """Which networks were refused: why the first was, and how many more; "" for none."""
        refused = {finding.network: finding for finding in reversed(findings) if finding.refuses}
        if not refused:
            return ""
        first = next(finding for finding in findings if finding.refuses)
        more = f" and {len(refused) - 1:,} more" if len(refused) > 1 else ""
        return f"left out: {clean(first.says)}{more}"

    def _for(self, answer: Answer) -> str:
        if not self.blocking.keeps_time:
            return f"as {self.blocking.backend} has set"
        if answer.probation:
            return "on probation"
        times = set(answer.seconds)
        return lasting(times.pop()) if len(times) == 1 else "for different times"

    def undone(self, answer: Answer) -> str:
        """What came of taking it back."""
        if answer.outcome == "failed":
            return f"failed: {clean(answer.reason)}"
        if not answer.networks:
            return "nothing of it was blocked any more"
        again = "as before" if answer.seconds else "let in again"
        words = f"{again}: {named(answer.networks)}"
        still = next(filter(None, map(self._still, answer.networks)), None) if not answer.seconds else None
        if still is not None:
            words += f"; but it is in {still.network}, which is still blocked"
        return f"{words}; but it is not in the journal: {clean(answer.unwritten)}" if answer.unwritten else words


def named(networks: Sequence[Network]) -> str:
    """`203.0.113.7`, `203.0.113.7, 203.0.113.9`, `14 networks`."""
    return ", ".join(map(shown, networks)) if len(networks) <= NAMED else f"{len(networks):,} networks"


def _networks(sources: Sequence[str], wide: bool) -> Iterator[Network]:
    for source in sources:
        try:
            yield as_network(network_of(source) if wide and "/" not in source else source)
        except NetworkError:
            continue


def scope_of(scope: Scope) -> Scope:
    """The other one: mail's ports, or all."""
    return "all" if scope == "smtp" else "smtp"
