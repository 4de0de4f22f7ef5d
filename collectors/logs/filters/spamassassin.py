"""SpamAssassin: spamd(8p), and spampd(8p), a proxy of its own.

spamd tells each scan twice: the "result:" line, which has the Message-ID, counts; "identified spam" and "clean
message", which have the decimals of the score, do not. Its peer is spamc or a milter of ours, not the message's
client.
"""

from __future__ import annotations

import re

from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult

_RESULT = re.compile(
    r"spamd: result: ([Y.]) +(-?\d+) - (\S*) scantime=[\d.]+,size=\d+,user=([^,]*),uid=\d+,required_score=(-?[\d.]+),"
    r"rhost=[^,]*,raddr=[^,]*,rport=[^,]*,mid=([^,]*)",
    re.ASCII,
)
_NUMBER = r"-?\d{1,9}(?:\.\d{1,9})?"
_POINTS = re.compile(rf"\(({_NUMBER})/({_NUMBER})\) from ", re.ASCII)
_TROUBLE = ("error: ", "WARNING!! ", "spamd: could not", "spamd: unauthorized connection", "spamd: server hit by")


def spamd(text: str, head: Head) -> Facts:
    """The facts of a line of spamd."""
    if text.startswith("spamd: result: "):
        match = _RESULT.match(text)
        if match is None:
            return None
        verdict, score, rules, recipient, threshold, message_id = match.groups()
        return (
            ev.Verdict(
                *head, "spam", "spam" if verdict == "Y" else "clean", message_id=_bare(message_id),
                recipient=recipient if "@" in recipient else "", score=float(score), threshold=_points(threshold),
                detail=rules,
            ),
        )  # fmt: skip
    if text.startswith(_TROUBLE):
        return (ev.ServiceTrouble(*head, "error", text),)
    return NOTHING if text.startswith(("spamd: ", "prefork: ", "logger: ", "config: ", "rules: ", "bayes: ")) else None


def spampd(text: str, head: Head) -> Facts:
    """The facts of a line of spampd: "identified spam <id> (15.20/5.00) from <..> for <..> in 1.02s, 2048 bytes."."""
    if text.startswith(("identified spam ", "clean message ")):
        result: VerdictResult = "spam" if text.startswith("identified") else "clean"
        found = list(_POINTS.finditer(text))
        if len(found) != 1:  # the id or the envelope has such words too
            return (ev.Verdict(*head, "spam", result, detail=text),)
        points = found[0]
        message_id = text[text.find(" ", 11) + 1 : points.start()].strip()
        return (
            ev.Verdict(
                *head, "spam", result, message_id=_bare(message_id), score=_points(points[1]),
                threshold=_points(points[2]), detail=text[points.start() :],
            ),
        )  # fmt: skip
    if text.startswith("WARNING!! "):
        return (ev.ServiceTrouble(*head, "error", text),)
    return NOTHING


def spamass_milter(_text: str, _head: Head) -> Facts:
    """spamass-milter(8) logs no verdicts; what it rejects its MTA tells."""
    return NOTHING


def _points(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _bare(message_id: str) -> str:
    if message_id.startswith("<") and message_id.endswith(">"):
        return message_id[1:-1]
    return "" if message_id == "(unknown)" else message_id
