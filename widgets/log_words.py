"""What the facts of a log line come to, in a few words and a mark."""

from collections.abc import Callable
from typing import Any

from smtpwatch import events as ev
from smtpwatch.state.lines import Line
from widgets import figures
from widgets.message_columns import said

REPLY_MAX = 300  # characters of a reply that are looked at; the line has all of it
BAD_RESULTS = ("fail", "permerror", "spam", "infected", "listed", "rejected")
SENDING = ("smtp", "submission", "smtps", "submissions", "auth")
WEAK_RESULTS = ("softfail", "temperror", "greylisted")

_MARKS: dict[type[ev.LogEvent], str] = {
    ev.ClientLost: "!",
    ev.ClientOddity: "!",
    ev.TlsTroubled: "x",
    ev.MessageExpired: "x",
}
_STATUS = {"sent": " ", "deliverable": " ", "deferred": "!"}
_WEIGHT = {mark: weight for weight, mark in enumerate(" ?!x")}


def mark(line: Line) -> str:
    """x refused or failed, ! put off or a warning, ? not understood, else a space: the worst of its facts."""
    facts = line.facts
    return _mark(facts[0]) if len(facts) == 1 else max(map(_mark, facts), key=_WEIGHT.__getitem__)


def worth(line: Line) -> int:
    """How much its mark weighs."""
    return _WEIGHT[mark(line)]


def words(line: Line) -> str:
    """The facts, the worst first; "" where there is nothing to say that the line itself does not say better."""
    facts = sorted(line.facts, key=lambda fact: -_WEIGHT[_mark(fact)]) if len(line.facts) > 1 else line.facts
    return "; ".join(each for fact in facts if (each := in_words(fact)))


def in_words(fact: ev.LogEvent) -> str:
    """One fact."""
    tell = _TELL.get(type(fact))
    return " ".join(word for word in tell(fact) if word) if tell is not None else ""


def _mark(fact: ev.LogEvent) -> str:
    mark_of = _MARK_OF.get(type(fact))
    return mark_of(fact) if mark_of is not None else _MARKS.get(type(fact), " ")


def _refused_mark(fact: ev.Refused) -> str:
    return "!" if fact.warning or fact.code // 100 == 4 else "x"


def _verdict_mark(fact: ev.Verdict) -> str:
    return "x" if fact.result in BAD_RESULTS else "!" if fact.result in WEAK_RESULTS else " "


_MARK_OF: dict[type[ev.LogEvent], Callable[[Any], str]] = {
    ev.Refused: _refused_mark,
    ev.LoginTried: lambda fact: {"failure": "x", "deferred": "!"}.get(fact.outcome, " "),
    ev.Delivery: lambda fact: _STATUS.get(fact.status, "x"),
    ev.Verdict: _verdict_mark,
    ev.ServiceTrouble: lambda fact: "!" if fact.severity == "warning" else "x",
    ev.Screened: lambda fact: " " if fact.finding.startswith(("pass", "allowlist", "whitelist")) else "!",
    ev.PlainLine: lambda fact: " " if fact.understood else "?",
}

Words = tuple[str, ...]


def code(fact: ev.Refused | ev.Delivery) -> str:
    """`554 5.7.1`, as far as it is known."""
    return f"{fact.code or ''} {fact.enhanced}".strip()


def domain(address: str) -> str:
    """Behind the last @; the whole of what has none."""
    return address.rpartition("@")[2]


def took(seconds: float | None) -> str:
    """How long a delivery took, "" if that is not known."""
    return "" if seconds is None else figures.span(seconds)


def _refused(fact: ev.Refused) -> Words:
    what = "would refuse" if fact.warning else "put off" if fact.code // 100 == 4 else "refused"
    return what, fact.stage, code(fact), fact.reason, fact.blocklist, fact.source


def _login(fact: ev.LoginTried) -> Words:
    how = {"success": "ok", "failure": "failed"}.get(fact.outcome, fact.outcome)
    service = "" if fact.service in SENDING else fact.service
    return "login", how, fact.account or "(no name)", service, fact.mechanism, fact.source, fact.reason


def _delivery(fact: ev.Delivery) -> Words:
    reply = "" if fact.status == "sent" else said(fact)[:REPLY_MAX]
    return fact.status, domain(fact.recipient), code(fact), took(fact.delay), reply


def _received(fact: ev.MessageReceived) -> Words:
    who = fact.account or fact.source or fact.user or ("" if fact.uid is None else f"uid {fact.uid}")
    return "received", fact.origin if fact.origin != "smtp" else "", "from" if who else "", who


def _queued(fact: ev.MessageQueued) -> Words:
    many = f"for {fact.recipients:,}" if fact.recipients != 1 else ""
    return "queued", fact.sender or "<>", many, f"{figures.octets(fact.size)} octets"


def _tls(fact: ev.TlsEstablished) -> Words:
    return "TLS", fact.version.removeprefix("TLSv"), fact.group, fact.trust, fact.relay or fact.source


def _disconnected(fact: ev.ClientDisconnected) -> Words:
    refused = sum(every - good for good, every in fact.commands.values())
    return "gone", fact.source, fact.reason, f"{refused:,} commands refused" if refused else ""


def _verdict(fact: ev.Verdict) -> Words:
    score = "" if fact.score is None else f"{fact.score:g}"
    of = "" if fact.threshold is None else f"of {fact.threshold:g}"
    return fact.by, fact.result, score, of, fact.domain, fact.source


def _peak(fact: ev.ClientPeak) -> Words:
    return "peak", fact.kind, f"{fact.value:,}", f"in {fact.interval} s" if fact.interval else "", fact.source


_TELL: dict[type[ev.LogEvent], Callable[[Any], Words]] = {
    ev.ClientConnected: lambda fact: ("connect", fact.source),
    ev.ClientDisconnected: _disconnected,
    ev.ClientLost: lambda fact: (fact.reason, "after" if fact.stage else "", fact.stage, fact.source),
    ev.TlsEstablished: _tls,
    ev.TlsTroubled: lambda fact: ("TLS failed", fact.reason, fact.relay or fact.source),
    ev.LoginTried: _login,
    ev.Refused: _refused,
    ev.MessageReceived: _received,
    ev.MessageQueued: _queued,
    ev.MessageHandled: lambda fact: (fact.action, fact.detail),
    ev.Delivery: _delivery,
    ev.NoticeSent: lambda fact: (fact.kind, "notice", fact.notice_id),
    ev.MessageExpired: lambda fact: ("expired", "back to" if fact.sender else "", fact.sender or ""),
    ev.MessageRemoved: lambda fact: ("left the queue", fact.reason),
    ev.Verdict: _verdict,
    ev.Screened: lambda fact: ("postscreen", fact.finding, fact.source),
    ev.ClientPeak: _peak,
    ev.ClientOddity: lambda fact: (fact.kind, fact.source),
    ev.LocalSubmission: lambda fact: ("local mailer in", fact.directory),
    ev.ServiceTrouble: lambda fact: (fact.severity,),
    ev.PlainLine: lambda fact: () if fact.understood else ("not understood",),
}
