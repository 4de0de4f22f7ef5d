"""Who speaks which TLS with us: one row for each peer and direction."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain

from smtpwatch.events import Direction
from smtpwatch.state.tls_told import Secured
from smtpwatch.strength import TLS13, weaknesses

PEERS = 5_000  # the latest active; about 600 B each
HEAVY = 10  # messages that make a peer one of weight, which a flood of strangers must not wash away;
HEAVY_PEERS = 1_000  # this many of them are kept beside the latest active
WHY = 200  # characters of a reason

VERSIONS = ("none", "SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""From weakest to strongest."""

AUTH, PLAIN, BROKEN, DATED, FAILED, UNKNOWN, FINE = range(7)
"""What a peer's worst is, the worst first: a login in clear, no TLS, what must not and what should not be used, a
handshake that failed."""
IDLE = 7
"""Added where no message was accepted: nothing would be lost. Logins and failures count all the same."""

PeerKey = tuple[Direction, str]


class Peer:
    """`source` is the client's address; where we are the client, the server's. `weakest` and `best` are of VERSIONS, ""
    while nothing is known; `cipher` and `group` those of the latest handshake. `below[n]` counts messages accepted in
    sessions of a level (smtpwatch.strength) below n."""

    __slots__ = (
        "auth", "below", "best", "cipher", "direction", "failed", "filed", "grade", "group", "last", "logged",
        "messages", "rank", "seen", "sessions", "source", "weak", "weakest", "why",
    )  # fmt: skip

    def __init__(self, direction: Direction, source: str) -> None:
        self.direction = direction
        self.source = source
        self.sessions = 0
        self.messages = 0
        """Accepted."""
        self.below = [0] * (TLS13 + 1)
        self.weakest = self.best = ""
        self.cipher = self.group = ""
        self.weak = ""
        """What must or should not be used of what it has used."""
        self.grade = UNKNOWN
        self.failed = 0
        self.why = ""
        """The latest failure."""
        self.auth = 0
        """Logins that TLS did not cover."""
        self.last = 0.0
        self.seen = self.logged = False
        """Known from packets, from logs."""
        self.rank = UNKNOWN + IDLE
        self.filed = -1
        """The rank that Peers has it in; -1: none yet."""

    @property
    def key(self) -> PeerKey:
        """Unique among all."""
        return self.direction, self.source

    @property
    def local(self) -> bool:
        """On this host, over loopback, where nobody can listen in: a content filter, a webmail."""
        return self.source.startswith("127.") or self.source == "::1"

    def secured(self, how: Secured) -> None:
        """One session more."""
        self.sessions += 1
        if how.mode == "failed":
            self.failed += 1
            self.why = how.reason[:WHY]
        elif how.mode == "none":
            self._version("none")
            self.grade = FINE if self.local else PLAIN
        elif how.version:
            self._version(how.version)
            self.cipher, self.group = how.cipher or "", how.group or ""
            weak = weaknesses(how.version, how.cipher, how.group, how.resumed)
            grade = FINE if not weak else BROKEN if weak[0].grade == "broken" else DATED
            if grade < self.grade or (self.grade == UNKNOWN and grade == FINE):
                self.grade = grade
                self.weak = weak[0].what if weak else ""
        self._place()

    def carried(self, level: int | None, messages: int) -> None:
        """So many messages were accepted from it at that level."""
        self.messages += messages
        if level is not None:
            for above in range(level + 1, TLS13 + 1):
                self.below[above] += messages
        self._place()

    def logged_in(self, times: int) -> None:
        """In clear."""
        self.auth += times
        self._place()

    def trouble(self, why: str) -> None:
        """A handshake that seemed to go well had failed."""
        self.failed += 1
        self.why = why[:WHY]
        self._place()

    def _version(self, version: str) -> None:
        if version not in VERSIONS:
            return
        at = VERSIONS.index(version)
        if not self.weakest or at < VERSIONS.index(self.weakest):
            self.weakest = version
        if not self.best or at > VERSIONS.index(self.best):
            self.best = version

    def _place(self) -> None:
        if self.auth:
            self.rank = AUTH
            return
        weak = self.grade
        if self.failed and weak > DATED:
            weak = FAILED
        self.rank = weak if self.messages or weak == FAILED else weak + IDLE


class Peers:
    """All of them that are held. Those that were `forgotten` are only counted."""

    def __init__(self) -> None:
        self._latest: OrderedDict[PeerKey, Peer] = OrderedDict()
        self._heavy: OrderedDict[PeerKey, Peer] = OrderedDict()
        self._ranks: list[OrderedDict[PeerKey, Peer]] = [OrderedDict() for _ in range(2 * IDLE)]
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._latest) + len(self._heavy)

    def __iter__(self) -> Iterator[Peer]:
        """The longest silent first."""
        return chain(self._heavy.values(), self._latest.values())

    def get(self, key: PeerKey) -> Peer | None:
        """That peer, if it is held."""
        return self._latest.get(key) or self._heavy.get(key)

    def take(self, direction: Direction, source: str, time: float) -> tuple[Peer, Peer | None]:
        """(that peer, made if need be; one that was let go of for it). To be followed by `put`."""
        key = (direction, source)
        peer = self._latest.get(key)
        gone = None
        if peer is None:
            peer = self._heavy.pop(key, None) or Peer(direction, source)
            self._latest[key] = peer
            if len(self._latest) > PEERS:
                gone = self._let_go()
        else:
            self._latest.move_to_end(key)
        peer.last = max(peer.last, time)
        return peer, gone

    def put(self, peer: Peer) -> None:
        """Into its rank, if that is another one: else it stays where it is, so that a table of them stands still."""
        if peer.filed != peer.rank:
            self._ranks[peer.filed].pop(peer.key, None)
            self._ranks[peer.rank][peer.key] = peer
            peer.filed = peer.rank

    def in_order(self) -> Iterator[Peer]:
        """The weakest first, among equals the one first that became so last."""
        return chain.from_iterable(reversed(rank.values()) for rank in self._ranks)

    def in_reverse(self) -> Iterator[Peer]:
        """The strongest first, among equals the one first that became so first."""
        return chain.from_iterable(rank.values() for rank in reversed(self._ranks))

    def _let_go(self) -> Peer | None:
        key, peer = self._latest.popitem(last=False)
        if peer.messages >= HEAVY:
            self._heavy[key] = peer
            if len(self._heavy) <= HEAVY_PEERS:
                return None
            key, peer = self._heavy.popitem(last=False)
        self._ranks[peer.filed].pop(key, None)
        self.forgotten += 1
        return peer
