"""The TLS peers table's columns."""

from smtpwatch.state.tls_peers import AUTH, BROKEN, DATED, FAILED, IDLE, PLAIN, VERSIONS, Peer
from widgets import figures
from widgets.cells import cut_middle
from widgets.columns import ARROWS
from widgets.table_layout import Column, Picked, Sortable, by

_MARKS = {AUTH: "x", BROKEN: "x", FAILED: "x", PLAIN: "!", DATED: "!"}


def mark(peer: Peer) -> str:
    """x logs in without TLS, uses what must not be used, or fails; ! brings mail without TLS or by what should not be
    used; else a space."""
    return _MARKS.get(peer.rank, " ")


def version(name: str) -> str:
    """`1.3` for TLSv1.3; SSLv3 and none as they are."""
    return name.removeprefix("TLSv")


def versions(peer: Peer, now: float) -> str:
    """The weakest that it has used and the best: `1.0-1.3`, `none`; empty while nothing is known."""
    weakest, best = version(peer.weakest), version(peer.best)
    return weakest if weakest == best else f"{weakest}-{best}"


def cipher(name: str) -> str:
    """Without the words that all have."""
    return name.removeprefix("TLS_").replace("_WITH_", "_")


def why(peer: Peer, now: float) -> str:
    """What is wrong: logins in clear, what is weak, the latest failure."""
    said = [f"AUTH without TLS {peer.auth:,}x"] if peer.auth else []
    said += [peer.weak] if peer.weak else []
    said += [f"failed: {peer.why}"] if peer.failed else []
    return "; ".join(said)


def known(peer: Peer, now: float) -> str:
    """W: from packets; L: from a log."""
    return f"{'W' if peer.seen else ' '}{'L' if peer.logged else ' '}"


def _worth(peer: Peer, now: float) -> Sortable:
    return float(-(peer.rank % IDLE) - IDLE * (peer.rank >= IDLE)), ""


def _weakest(peer: Peer, now: float) -> Sortable:
    return float(VERSIONS.index(peer.weakest)) if peer.weakest else len(VERSIONS), ""


def _source(peer: Peer, now: float) -> str:
    return f"→{peer.source}" if peer.direction == "outbound" else peer.source


def _cipher(peer: Peer, now: float) -> str:
    return cipher(peer.cipher)


def _group(peer: Peer, now: float) -> str:
    return peer.group


def _count(n: int) -> str:
    return figures.octets(n) if n else ""


def _pick_source(peer: Peer, now: float) -> Picked:
    return ("dst" if peer.direction == "outbound" else "src"), peer.source


def _pick_version(peer: Peer, now: float) -> Picked | None:
    return ("tls", version(peer.weakest)) if peer.weakest else None


# What changes often is at the left: a line is sent again up to its last change.
COLUMNS: tuple[Column[Peer], ...] = (
    Column("", 1, 1, 1, 0, lambda peer, now: mark(peer), _worth, descending=True, sought=False,
           pick=lambda p, now: ("mark", mark(p).strip())),
    Column("last", 4, 4, 4, 4, lambda p, now: figures.age(now - p.last), lambda p, now: (now - p.last, ""), right=True,
           sought=False, term="age"),
    Column("sess", 4, 4, 5, 3, lambda p, now: _count(p.sessions), lambda p, now: (p.sessions, ""), right=True,
           descending=True, sought=False, term="sessions"),
    Column("mail", 4, 4, 5, 1, lambda p, now: _count(p.messages), lambda p, now: (p.messages, ""), right=True,
           descending=True, sought=False, term="accepted"),
    Column("peer", 15, 16, 40, 0, _source, by(_source), shorten=cut_middle, pick=_pick_source),
    Column("dir", 3, 3, 3, 2, lambda p, now: ARROWS[p.direction], lambda p, now: (0.0, p.direction),
           pick=lambda p, now: ("dir", p.direction)),
    Column("TLS", 8, 8, 9, 0, versions, _weakest, pick=_pick_version),
    Column("cipher", 14, 18, 33, 7, _cipher, by(_cipher), shorten=cut_middle,
           pick=lambda p, now: ("cipher", p.cipher) if p.cipher else None),
    Column("group", 9, 9, 18, 8, _group, by(_group), shorten=cut_middle, term="group"),
    Column("fail", 4, 4, 5, 5, lambda p, now: _count(p.failed), lambda p, now: (p.failed, ""), right=True,
           descending=True, sought=False),
    Column("by", 2, 2, 2, 9, known, by(known), sought=False),
    Column("why", 20, 20, 90, 1, why, by(why)),
)  # fmt: skip
