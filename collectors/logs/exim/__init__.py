"""Exim: its main, reject and panic logs, in files of its own or through syslog.

The forms are those of the Exim specification, chapter "Log files", and of what Exim 4.96 writes. Of a line that belongs
to a message the message's id comes first, then a flag of two characters or words.

What a client has said stands in the middle of many lines, and Exim does not always quote it. Where the words of a
client could pass for Exim's own, a line is not understood, or its fact names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from collectors.logs.exim.arrivals import arrival, faked
from collectors.logs.exim.deliveries import deferral, delivery, failure
from collectors.logs.exim.logins import login_failed
from collectors.logs.exim.messages import of_message
from collectors.logs.exim.refusals import refusal
from collectors.logs.exim.service import service
from collectors.logs.exim.sessions import session
from collectors.logs.head import Facts, Head

# Through syslog a line keeps Exim's own stamp (syslog_timestamp) and process id (log_selector +pid). One of several
# lines is numbered, "[1\5] " where it was split at its own line ends, "[1/5] " where it was too long.
_PART = re.compile(r"\[(\d{1,4})([/\\])\d{1,4}\] ", re.ASCII)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3})? (?:[+-]\d{4} )?(?:\[\d{1,10}\] )?", re.ASCII)
_QUEUE_ID = re.compile(r"[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4}) ")

_FLAGS: dict[str, Callable[[str, Head, str, int], Facts]] = {
    "<=": arrival, "(=": faked, "=>": delivery, "->": delivery, ">>": delivery, "*>": delivery, "**": failure, "==":
    deferral,
}  # fmt: skip


def parse(text: str, head: Head) -> Facts:
    """A line of Exim, whichever log it was written to."""
    if text[:1] == "[" and (part := _PART.match(text)) is not None:
        if part[1] != "1" or part[2] == "/":
            return None
        text = text[part.end() :]
    if text[4:5] == "-" and text[7:8] == "-" and (stamp := _STAMP.match(text)) is not None:
        text = text[stamp.end() :]
    if text[6:7] == "-" and (of := _QUEUE_ID.match(text)) is not None:
        at = of.end()
        flagged = _FLAGS.get(text[at : at + 2]) if text[at + 2 : at + 3] == " " else None
        if flagged is not None:
            return flagged(text, head, text[: at - 1], at + 3)
        return of_message(text, head, text[: at - 1], at)
    if text.startswith("H="):
        return refusal(text, head, "", 0)
    for read in (session, login_failed, service):
        facts = read(text, head)
        if facts is not None:
            return facts
    return None
