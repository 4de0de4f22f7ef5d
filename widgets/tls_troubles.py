"""The parts of the TLS summary that tell of trouble: failures, servers, logins, certificates, what would be lost."""

from itertools import islice
from typing import NamedTuple

from rich.style import Style
from textual.strip import Strip

from smtpwatch.clean import clean
from smtpwatch.clock import of_day
from smtpwatch.events import CertificateSeen, Direction
from smtpwatch.state.tls import Tls
from smtpwatch.state.tls_failures import Failure
from smtpwatch.state.tls_losses import REQUIREMENTS
from smtpwatch.state.tls_peers import Peer
from smtpwatch.state.tls_servers import Server
from smtpwatch.strength import OLD, TLS12, TLS13, level
from widgets import figures, ink
from widgets.cells import fill, width
from widgets.columns import ARROWS
from widgets.peer_columns import cipher, version
from widgets.tls_blocks import COUNT, MARKS, line, title

SOON = 21 * 86_400.0  # seconds before its end in which a certificate should have been renewed: ACME does at 30 days
SHOWN = 6  # failures and servers; the rest is counted
NAMES = 4  # ciphers or groups of an offer

_DIRECTIONS: tuple[Direction, ...] = ("inbound", "submission", "outbound")
_REQUIRED = {OLD: "TLS at all", TLS12: "TLS 1.2", TLS13: "TLS 1.3"}


def failures(tls: Tls, now: float, cells: int) -> list[Strip]:
    """Handshakes that failed, the most frequent first, with what the client offered and what the server made of it."""
    if not len(tls.failures):
        return []
    strips = [title(cells, f"Failed {tls.failures.total:,}")]
    ranked = sorted(tls.failures, key=lambda each: (-each.count, -each.last))
    for failure in ranked[:SHOWN]:
        strips += _failure(failure, now, cells)
    return strips + _more(len(ranked) - SHOWN, "kind", cells)


def _failure(failure: Failure, now: float, cells: int) -> list[Strip]:
    head = f"{fill(f'{failure.count:,}', 5, True)}x {fill(ARROWS[failure.direction], 3)} "
    known = f"{fill(figures.age(now - failure.last), 3, True)} {'L' if failure.logged else 'W'} "
    strips = [line(cells, ("x", ink.BAD), head, known, (clean(failure.reason), ink.BAD))]
    offer = failure.offered
    said = f"last {clean(failure.peer)}"
    if offer is not None:
        suites = [cipher(name) for name in offer.ciphers if not name.endswith("_SCSV")]
        said += f" offers {' '.join(map(version, offer.versions))}; {_some(suites)}"
        said += f"; {_some(list(offer.groups))}" if offer.groups else ""
    strips.append(line(cells, "    ", clean(said)))
    chosen = " ".join(cipher(name) for name in failure.chosen.split(" ")) if failure.chosen else ""
    if chosen or failure.alert:
        answer = [f"server chose {version(chosen)}"] if chosen else []
        answer += [f"alert {failure.alert}"] if failure.alert else []
        strips.append(line(cells, "    ", clean(", ".join(answer))))
    return strips


def _some(names: list[str]) -> str:
    more = f" +{len(names) - NAMES}" if len(names) > NAMES else ""
    return " ".join(names[:NAMES]) + more


def _more(n: int, what: str, cells: int) -> list[Strip]:
    return [line(cells, f"  {n:,} more {what}{'s' if n > 1 else ''}")] if n > 0 else []


def servers(tls: Tls, now: float, cells: int) -> list[Strip]:
    """Servers that did not let us secure the last session with them, the worst first."""
    lacking = sorted(tls.servers.lacking(), key=lambda each: ("stripped", "refused", "not offered").index(_lack(each)))
    if not lacking:
        return []
    strips = [title(cells, f"Servers without STARTTLS {len(lacking):,}")]
    for server in lacking[:SHOWN]:
        mark = "!" if server.lack == "not offered" else "x"
        said = f"{fill(figures.age(now - server.last), 3, True)} {clean(server.address)} {server.times:,}x"
        if server.said:
            said += f": {clean(server.said)}"
        if server.lack == "stripped" and server.offered is not None:
            said += f", last {figures.age(now - server.offered)} ago"
        strips.append(line(cells, (f"{mark} {fill(_lack(server), 11)} ", MARKS[mark]), said))
    return strips + _more(len(lacking) - SHOWN, "server", cells)


def _lack(server: Server) -> str:
    return server.lack or ""


def logins(tls: Tls, now: float, cells: int) -> list[Strip]:
    """Logins that TLS did not cover."""
    if not tls.logins:
        return []
    strips = [title(cells, f"AUTH without TLS {sum(each.times for each in tls.logins.values()):,}")]
    for (direction, _), told in sorted(tls.logins.items(), key=lambda item: -item[1].times):
        head = f"{fill(f'{told.times:,}', 5, True)}x {fill(ARROWS[direction], 3)} "
        age = fill(figures.age(now - told.last), 3, True)
        strips.append(
            line(cells, ("x", ink.BAD), head, f"{age} ", (clean(told.mechanism or "?"), ink.BAD),
                 f" last {clean(told.peer)}")
        )  # fmt: skip
    return strips


def losses(tls: Tls, now: float, cells: int) -> list[Strip]:
    """What requiring more would have cost since the start: peers, messages, and who they are."""
    strips = [
        title(cells, fill("If required", 16) + f"{'peers':>{COUNT}}{'mail':>{COUNT + 1}}  most (* can do better)")
    ]
    for need in REQUIREMENTS:
        found = [(direction, tls.losses.of(direction, need)) for direction in _DIRECTIONS]
        name = _REQUIRED[need]
        for direction, loss in found:
            if loss.messages <= 0:
                continue
            peers = f"{loss.peers:,}{'+' if loss.at_least else ''}"
            figure = fill(peers, COUNT, True) + fill(f"{loss.messages:,}", COUNT + 1, True)
            head = f"{fill(name, 11)} {fill(ARROWS[direction], 4)}{figure}  "
            strips.append(line(cells, head, _fitting([_lost(peer, need) for peer in loss.top], cells - len(head))))
            name = ""
        if name:
            strips.append(line(cells, f"{fill(name, 11)} {fill('', 4)}{fill('none', COUNT, True)}"))
    return strips


def _fitting(named: list[str], cells: int) -> str:
    """The first of them that fit whole; one at least."""
    said = clean(named[0]) if named else ""
    for each in named[1:]:
        longer = f"{said}, {clean(each)}"
        if width(longer) > cells:
            break
        said = longer
    return said


def _lost(peer: Peer, need: int) -> str:
    """Who has been seen to do what is required has a star: it may do so always."""
    able = (level(peer.best) or 0) >= need
    return f"{peer.source}{'*' if able else ''} {peer.below[need]:,}"


class _State(NamedTuple):
    mark: str
    words: str


def _state(certificate: CertificateSeen, now: float) -> _State:
    left = certificate.not_after - now
    if left <= 0:
        return _State("x", f"expired {figures.age(-left)} ago")
    if certificate.not_before > now:
        return _State("x", f"not valid for {figures.age(certificate.not_before - now)} yet")
    days = f"expires in {int(left // figures.DAY):,} d" if left >= figures.DAY else f"expires in {figures.age(left)}"
    return _State("!" if left < SOON else " ", days)


def certificates(tls: Tls, now: float, cells: int) -> list[Strip]:
    """Our own: how long they are good for, and for which names."""
    if not tls.certificates:
        return []
    strips = [title(cells, "Our certificates")]
    for (server, port), each in tls.certificates.items():
        state = _state(each, now)
        signed = "self-signed" if each.self_signed else f"by {each.issuer}"
        known = "W" if each.how == "wire" else "asked"
        where = f"  {server}:{port} {known}  {each.key}  {signed}"
        strips.append(line(cells, (f"{state.mark} {state.words}", MARKS[state.mark]), clean(where)))
        strips.append(line(cells, "    ", clean(" ".join(each.names) or each.subject or "no name")))
    return strips


def headline(tls: Tls, now: float, cells: int) -> list[Strip]:
    """What wants an eye, in one line; what does not fit is only counted, since its block tells."""
    found = _wrong(tls, now)
    if not found:
        return [line(cells, "Nothing wrong is known.")]
    parts: list[tuple[str, Style | None]] = []
    room = cells - len("+9")
    for at, (mark, words) in enumerate(found):
        said = f"{mark} {words}  "
        room -= len(said)
        if room < 0:
            parts.append((f"+{len(found) - at}", None))
            break
        parts.append((said, MARKS[mark]))
    return [line(cells, *parts)]


def _wrong(tls: Tls, now: float) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    clear = sum(each.times for each in tls.logins.values())
    if clear:
        found.append(("x", f"AUTH without TLS {clear:,}"))
    lacks = [server.lack for server in tls.servers.lacking()]
    found += [("x", f"STARTTLS {lack} {lacks.count(lack):,}") for lack in ("stripped", "refused") if lack in lacks]
    states = [_state(each, now) for each in tls.certificates.values()]
    found += [(mark, f"certificate {words}") for mark, words in islice(sorted(states, reverse=True), 1) if mark != " "]
    if tls.failures.total:
        found.append(("x", f"failed handshakes {tls.failures.total:,}"))
    return found


def sources(tls: Tls, now: float, cells: int) -> list[Strip]:
    """Where all this comes from."""
    since = "" if tls.since is None else f" since {of_day(tls.since)[:5]}"
    said = f"Ended sessions{since}: {tls.seen:,} from packets (W), {tls.logged:,} from logs (L)"
    if tls.left_out:
        said += f"; {tls.left_out:,} in logs left out: packets tell of them"
    return [line(cells, (said, ink.FAINT))]
