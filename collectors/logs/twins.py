"""Two logs that tell the same: what Exim refuses it writes to its mainlog and to its rejectlog."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from smtpwatch.events import Event, LogEvent

REMEMBERED = 10_000  # facts of each log remembered until the other tells them too: several times what one read gives

MAIN, REJECT = "main", "reject"
_KIND = re.compile(r"(?:exim_)?(main|reject)\.?log(?![a-z])")


def kind(path: Path) -> str:
    """MAIN or REJECT, "" for the log of another program: mainlog, main.log, exim_mainlog-20261124.gz."""
    match = _KIND.match(path.name)
    return match[1] if match is not None else ""


class Twins:
    """Facts that two logs both tell are given once; one that a log tells twice is given twice."""

    def __init__(self) -> None:
        self._ahead: dict[str, OrderedDict[int, int]] = {MAIN: OrderedDict(), REJECT: OrderedDict()}
        """How many times more often than the other a log told a fact, by the fact's hash."""

    def new(self, log: str, events: Sequence[Event]) -> list[Event]:
        """Those of the events of `log` (MAIN or REJECT) that the other has not told yet."""
        return [event for event in events if not isinstance(event, LogEvent) or self._is_new(log, event)]

    def _is_new(self, log: str, event: LogEvent) -> bool:
        fact = hash((event.time, type(event).__name__, event.pid, event.text))
        own, others = self._ahead[log], self._ahead[MAIN if log == REJECT else REJECT]
        if fact in others:
            others[fact] -= 1
            if not others[fact]:
                del others[fact]
            return False
        own[fact] = own.get(fact, 0) + 1
        if len(own) > REMEMBERED:
            own.popitem(last=False)
        return True
