"""One message told in full: what became of it, and its life line by line."""

from collections.abc import Collection, Iterable, Iterator

from rich.style import Style
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch import events as ev
from smtpwatch.state.log_sessions import Visit
from smtpwatch.state.message import Message
from smtpwatch.state.relayed import Relayed
from smtpwatch.state.session import Session
from widgets import figures, ink
from widgets.message_columns import by_whom, count_of_recipients, is_notice, mark, rule, said, sender_of, weight
from widgets.placing import Entry, Place, Spot, lines_of
from widgets.timeline import timeline
from widgets.transcript_lines import ends, fact, joined, service

RECIPIENTS = 4  # in the head, those in trouble first; the lines below tell of all
VERDICTS = 8  # the latest

_STATE_INK = {"x": ink.BAD, "!": ink.WARN, " ": ink.STRONG}
_WEIGHT_INK = (None, ink.WARN, ink.BAD)
_BEFORE_THE_REPLY = (ev.MessageReceived, ev.MessageIdentified, ev.MessageQueued, ev.LoginTried, ev.MessageHandled)
"""What is logged of a message before the client is told that it was taken."""


def facts(message: Message, onward: Iterable[Relayed], now: float, cells: int) -> list[Strip]:
    """The head: what became of it, to whom, and who brought it; each fact a line or two of `cells`."""
    strips = fact("", _first(message, now), cells, _STATE_INK[mark(message)])
    if message.refused is not None:
        strips += fact("refused", message.refused.reply, cells)
    if message.action:
        strips += fact("rule", f"{message.action}: {rule(message)}", cells)
    for label, text, style in _recipients(message):
        strips += fact(label, text, cells, style, most=1 if style is None else 2)
    size = "" if message.size is None else f"{message.size:,} octets"
    for label, text in (
        ("from", ", ".join(words for words in (_in_brackets(sender_of(message)), size) if words)),
        ("by", _brought(message, now)),
        ("session", _session(message)),
        ("onward", ", ".join(f"{ends(each.session)} (known by {each.by})" for each in onward)),
        ("verdict", ", ".join(_verdict(each) for each in message.verdicts[-VERDICTS:])),
        *_kin(message),
        ("id", f"<{message.message_id}>" if message.message_id else ""),
    ):
        strips += fact(label, text, cells)
    return strips


def life(message: Message, onward: Iterable[Relayed], now: float, cells: int) -> list[Strip]:
    """Wire and log in one timeline up to `now`: the session that brought it, as far as it is about this message, and
    all that it became, and the sessions that carried it `onward`, in lines of `cells`."""
    family = message.family()
    ids = {each.queue_id for each in family}
    visit = message.root.visit
    session = visit.session if visit is not None else None
    onward = list(onward)
    place = Place(session, [relay.session for relay in onward])
    entries = place.wire(_of_messages(session, ids)) if session is not None else []
    if visit is not None:
        entries += place.logged(_visit_lines(visit, family, ids))
    spots = _spots(entries)
    for each in family:
        more = _rest(place, each, spots)
        spots |= _spots(more)
        entries += more
    for relay in onward:
        entries += place.wire(_of_messages(relay.session, _next_ids(family)), onward=True)
    return timeline((entry for entry in entries if entry.facts[0].time <= now), _start(message, entries), cells)


def _spots(entries: Iterable[Entry]) -> dict[int, Spot]:
    return {id(fact): entry.spot for entry in entries for fact in entry.facts}


def _start(message: Message, entries: list[Entry]) -> float:
    return min((entry.spot.time for entry in entries), default=message.root.start)


def _rest(place: Place, message: Message, done: dict[int, Spot]) -> list[Entry]:
    """Those of its lines that have no place yet: after the others, and after what its parent says of it."""
    told = [spot for line in message.lines if (spot := done.get(id(line))) is not None]
    for line in message.parent.lines if message.parent is not None else ():
        if isinstance(line, ev.NoticeSent | ev.Delivery) and _named(line) == message.queue_id and id(line) in done:
            told.append(done[id(line)])
    lines = [line for line in message.lines if id(line) not in done]
    return place.logged(lines, max(told, default=None))


def _visit_lines(visit: Visit, family: list[Message], ids: Collection[str]) -> Iterator[ev.LogEvent]:
    """The visit's lines but for those of other messages; in between, what other programs logged of these messages
    before the client was told that they were taken."""
    own = set(map(id, visit.lines))
    waiting = {message.queue_id: message for message in family}
    for facts in lines_of(visit.lines):
        queue_id = next((each for fact in facts if (each := getattr(fact, "queue_id", ""))), "")
        if queue_id and queue_id not in ids:
            continue
        yield from facts
        message = waiting.pop(queue_id, None)
        for line in message.lines if message is not None else ():
            if isinstance(line, _BEFORE_THE_REPLY) and id(line) not in own:
                yield line


def _next_ids(family: list[Message]) -> set[str]:
    """Queue ids that next hops have given."""
    return {line.next_queue_id for each in family for line in each.lines if isinstance(line, ev.Delivery)} - {""}


def _named(line: ev.NoticeSent | ev.Delivery) -> str:
    """The queue id of what it became, or was told of by."""
    return line.notice_id if isinstance(line, ev.NoticeSent) else line.next_queue_id


def _of_messages(session: Session, ids: Collection[str]) -> list[ev.SessionEvent]:
    """What the wire shows of the session but for its other mail; all of it where it does not show which mail is
    which."""
    parts: list[list[ev.SessionEvent]] = [[]]
    for event in session.transcript:
        if isinstance(event, ev.Command) and event.verb == "MAIL":
            parts.append([])
        parts[-1].append(event)
    if not any(_taken_as(part, ids) for part in parts):
        return list(session.transcript)
    kept = [part for at, part in enumerate(parts) if at == 0 or _taken_as(part, ids)]
    if parts[-1] not in kept:
        kept.append(_goodbye(parts[-1]))
    return [event for part in kept for event in part]


def _taken_as(part: list[ev.SessionEvent], ids: Collection[str]) -> bool:
    return any(isinstance(event, ev.MessageDecided) and event.queue_id in ids for event in part)


def _goodbye(part: list[ev.SessionEvent]) -> list[ev.SessionEvent]:
    """QUIT and what follows, or the end alone."""
    for at, event in enumerate(part):
        if isinstance(event, ev.SessionClosed) or (isinstance(event, ev.Command) and event.verb == "QUIT"):
            return part[at:]
    return []


def _first(message: Message, now: float) -> str:
    """Its state, how long that took, since when, and its name."""
    came = clock.of_day(message.start)
    if message.end is None:
        how = f"in the queue for {figures.span(now - message.start)}, since {came}"
    else:
        how = f"left the queue after {figures.span(message.end - message.start)}, came {came}"
    return f"{message.state}: {message.queue_id} on {message.host}, {how}"


def _recipients(message: Message) -> list[tuple[str, str, Style | None]]:
    """Label, text and ink of each of the first ones, and how many more there are."""
    worst = sorted(message.recipients.items(), key=lambda item: -weight(item[1]))
    lines: list[tuple[str, str, Style | None]] = []
    if not worst and message.refused is not None and message.refused.recipient:
        return [("to", _in_brackets(message.refused.recipient), None)]
    for recipient, attempt in worst[:RECIPIENTS]:
        if attempt is None:
            lines.append(("to", f"<{recipient}> not tried yet", None))
            continue
        whom = f"<{recipient}>"
        if attempt.original and attempt.original != recipient:
            whom += f" for <{attempt.original}>"
        lines.append(("to", f"{whom} {attempt.status}: {said(attempt)}", _WEIGHT_INK[weight(attempt)]))
    more = count_of_recipients(message) - len(lines)
    if more > 0 and lines:
        lines.append((" ", f"and {more:,} more", None))
    return lines


def _in_brackets(address: str | None) -> str:
    return "" if address is None else f"<{address}>"


def _brought(message: Message, now: float) -> str:
    root = message.root
    words = [by_whom(message, now)]
    if not is_notice(message):
        if root.account and root.source:
            words.append(f"from {root.source}")
        if root.helo:
            words.append(f"HELO {root.helo}")
    return " ".join(words).strip()


def _session(message: Message) -> str:
    visit = message.root.visit
    if visit is None or visit.session is None:
        return ""
    words = f"{ends(visit.session)}, log {service(visit)} ({joined(visit)})"
    others = visit.messages - 1
    return f"{words}, {others:,} more message{'s' if others > 1 else ''} in it" if others > 0 else words


def _verdict(verdict: ev.Verdict) -> str:
    score = "" if verdict.score is None else f" {verdict.score:g}"
    return f"{verdict.by} {verdict.result}{score}"


def _kin(message: Message) -> list[tuple[str, str]]:
    """Which message it was before, and which ones it became or was told of by."""
    parent = message.parent
    notices = [child for child in message.children if is_notice(child)]
    others = [child for child in message.children if not is_notice(child)]
    return [
        ("about" if is_notice(message) else "was", f"{parent.queue_id} ({parent.state})" if parent else ""),
        ("became", ", ".join(f"{child.queue_id} ({child.state})" for child in others)),
        ("notice", ", ".join(f"{child.queue_id} ({child.state})" for child in notices)),
    ]
