"""One source told in full: who it is, what it does, and the latest of its sessions."""

from collections.abc import Iterator

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.firewall.block import Block
from smtpwatch.firewall.prefixes import shown
from smtpwatch.firewall.words import left
from smtpwatch.state.party import Facts, Party
from smtpwatch.state.session import Session
from widgets import figures, ink
from widgets.cells import cut, fill
from widgets.columns import mark as session_mark
from widgets.columns import recipients, reply, sender
from widgets.columns import tls as session_tls
from widgets.graph import graph
from widgets.rate_graph import series_of, window
from widgets.source_columns import MINUTE, NOW, QUARTER, at_least, mark, rate
from widgets.transcript_lines import dialogue, fact

TOLD = (
    ("why refused", "reasons"),
    ("HELO", "helos"),
    ("senders", "senders"),
    ("recipients", "recipients"),
    ("accounts", "accounts"),
    ("TLS", "versions"),
    ("ciphers", "ciphers"),
    ("JA4", "ja4s"),
)
GRAPH_LINES = 8
DIALOGUES = 3  # of its latest sessions that are shown in full
SHARE_CELLS = 10  # of a bar

_INK = {"x": ink.BAD, "!": ink.WARN, " ": ink.STRONG}
_MARKED = {"x": ink.BAD, "!": ink.WARN, "~": ink.FAINT, " ": None}


def head(party: Party, now: float, cells: int, name: str, place: str, block: Block | None = None) -> list[Strip]:
    """Who it is (`name` and `place` in words, "" unknown), the block that it is in, what came of what it tried, and how
    fast."""
    facts = party.facts or Facts()
    who = "  ".join(
        part
        for part in (
            party.key,
            facts.country,
            f"AS{facts.asn}" if facts.asn is not None else "",
            facts.org,
            f"via {facts.via}" if facts.via else "",
        )
        if part
    )
    strips = fact("", who, cells, _INK[mark(party)])
    if block is not None:
        strips += fact("blocked", standing(block, now), cells, ink.WARN)
    strips += fact("name", name, cells)
    strips += fact("place", place, cells)
    seen = f"first {clock.of_day(party.first)}, last {clock.of_day(party.last)}, {party.open:,} open now"
    strips += fact("seen", seen, cells)
    strips += fact("outcome", outcomes(party), cells)
    rates = (f"{figures.rate(rate(party, now, window))} in {told}" for window, told in _WINDOWS)
    strips += fact("per s", ", ".join(rates), cells)
    if party.error:
        strips += fact("before", f"up to {party.error:,} more outcomes from before it was followed", cells)
    return strips


_WINDOWS = ((NOW, "10 s"), (MINUTE, "1 min"), (QUARTER, "15 min"))


def standing(block: Block, now: float) -> str:
    """`203.0.113.0/24 by ada, 58 min left, verified, 1,204 packets dropped: 412 refused`."""
    ends = "until removed" if block.until is None else f"{left(block.until, now)} left"
    dropped = f"{block.dropped:,} packet{'' if block.dropped == 1 else 's'} dropped"
    words = f"{shown(block.network)} by {block.who or 'another'}, {ends}, {block.state}, {dropped}"
    return ": ".join(filter(None, (words, block.leak or block.reason, block.why)))


def outcomes(party: Party) -> str:
    """`412 sessions: 0 accepted, 412 refused (400 for good, 12 for now), ...`."""
    sessions = "session" if party.sessions == 1 else "sessions"
    logins = "login" if party.auth_failed == 1 else "logins"
    refused = f"{at_least(party, party.refused)} refused"
    if party.refused:
        refused += f" ({party.rejected:,} for good, {party.deferred:,} for now)"
    return (
        f"{at_least(party, party.sessions)} {sessions}: {at_least(party, party.accepted)} accepted, {refused}, "
        f"{at_least(party, party.auth_failed)} {logins} failed, {at_least(party, party.abandoned)} came to nothing"
    )


def body(party: Party, sessions: list[Session], now: float, zoom: int, cells: int) -> list[Strip]:
    """Its graph, what it gave itself out for, and its latest sessions."""
    page = window(now, zoom)
    strips = graph(series_of(party.history, now, zoom, page, party.first), cells, GRAPH_LINES, page, "what came of it")
    for title, kind in TOLD:
        strips += _few(title, party, kind, cells)
    if sessions:
        strips.append(Strip([Segment("latest sessions", ink.STRONG)]))
        strips += [session_line(session, now, cells) for session in sessions]
    for session in sessions[:DIALOGUES]:
        strips += [Strip([]), Strip([Segment(f"session at {clock.of_day(session.start)}", ink.STRONG)])]
        strips += dialogue(session, cells)
    return strips


def _few(title: str, party: Party, kind: str, cells: int) -> Iterator[Strip]:
    few = getattr(party.facts, kind) if party.facts is not None else None
    if few is None:
        return
    for value, n in few.most():
        share = n / few.total
        bar = "▆" * max(1, round(share * SHARE_CELLS))
        told = f"{fill(title, 12)}{n:>7,} {figures.share(share):>4} {fill(bar, SHARE_CELLS)} "
        yield Strip([Segment(told), Segment(cut(clean(value), max(0, cells - len(told))))])
        title = ""


def session_line(session: Session, now: float, cells: int) -> Strip:
    """One session in a line: when, how long, whose mail to how many, and what it was told."""
    age = (session.end if session.over else now) - session.start
    told = (
        f"{session_mark(session)} {clock.of_day(session.start)} {figures.age(age):>4}"
        f" {fill(clean(sender(session, now)), 24)} {recipients(session, now):>6} {fill(session_tls(session, now), 10)} "
    )
    text = cut(told + clean(reply(session, now)), cells)
    return Strip([Segment(text, _MARKED[session_mark(session)])])
