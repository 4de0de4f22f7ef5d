"""What stands behind what: the rates of now, and what the sessions of a selection have in common."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch.clean import clean
from smtpwatch.lookup import Lookups
from smtpwatch.state.picture import Picture
from smtpwatch.triage.explain import explain, rise_of
from smtpwatch.triage.rise import WHAT, in_words
from smtpwatch.triage.shares import Common, kinds, shares
from smtpwatch.triage.triage import Triage
from widgets import figures, ink
from widgets.cells import cut, fill, wrap
from widgets.detail import Detail
from widgets.session_view import SessionView

MOST = 3_000  # sessions that are looked at, the latest: some hundredths of a second
AGAIN = 5.0  # seconds until they are looked at anew
BAR = 10  # cells
NAMED = 4  # values of a kind that are shown


class ExplainStory(Detail[str]):
    """`row` is the filter that selects; "" is all."""

    called = "An explanation"
    legend = "the fewest values that most of them share come first"

    def __init__(self, picture: Picture, triage: Triage, lookups: Lookups, id: str = "explain-story") -> None:  # noqa: A002
        super().__init__(id=id)
        self._picture = picture
        self._view = SessionView(picture.sessions, lookups.place, lookups.host)
        self._kinds = kinds(lookups.place, triage.processes.of)
        self._told: list[Common] = []
        self._of = 0
        self._asked: tuple[str, float] = ("", 0.0)

    def look(self, row: str | None, now: float) -> None:
        """As Detail has it; the sessions are looked at anew now and then."""
        text = self.row if row is None else row
        if text is not None and (text != self._asked[0] or not 0 <= now - self._asked[1] < AGAIN or self._view.pending):
            self._asked = text, now
            self._view.filter(text)
            self._view.settle(now)
            sessions = self._view.window(0, MOST)
            self._told, self._of = shares(sessions, self._kinds), len(sessions)
        super().look(row, now)

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        if self.row is None:
            return None
        asked = f"sessions of {clean(self.row)}" if self.row else "all sessions"
        title = f"{self._of:,}{'+' if self._view.pending or self._of >= MOST else ''} {asked}"
        head = [Strip([Segment(cut(title, cells), ink.STRONG)])]
        body = [strip for common in self._told for strip in _lines(common, cells)]
        if not self._told:
            body = [Strip([Segment("Nothing to explain: no session is held that was asked for.")])]
        return head, [*body, Strip([]), *self._rates(cells)]

    def _rates(self, cells: int) -> list[Strip]:
        """Those that have risen, and by what."""
        strips = [Strip([Segment("rates of the last minute beside the hour before, of all sources", ink.STRONG)])]
        for outcome, what in WHAT.items():
            rise = rise_of(self._picture, self._now, (outcome,))
            said = f"{what} {figures.rate(rise.now)}/s, before {figures.rate(rise.before)}/s"
            if rise.now > rise.before:
                said += f": {in_words(explain(self._picture, self._now, (outcome,)))}"
            strips += [Strip([Segment(line)]) for line in wrap(clean(said), cells)]
        return strips


def _lines(common: Common, cells: int) -> list[Strip]:
    """`network  2 of 17   84%  ▆▆▆▆▆▆▆▆   203.0.113.0/24 61%, 198.51.100.0/24 23%`."""
    bar = "▆" * max(1, round(common.covers * BAR))
    few = f"{len(common.parts):,} of {common.different:,}"
    told = f"{fill(common.what, 12)}{few:>12} {figures.share(common.covers):>4} {fill(bar, BAR)} "
    names = ", ".join(f"{clean(value)} {figures.share(share)}" for value, share in common.parts[:NAMED])
    if len(common.parts) > NAMED:
        names += ", ..."
    return [Strip([Segment(told), Segment(cut(names, max(0, cells - len(told))))])]
