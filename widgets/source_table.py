"""The table of sources, or of groups of them."""

from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from smtpwatch.firewall.target import Target
from smtpwatch.state.party import Dimension, Party
from widgets import ink
from widgets.led import Led
from widgets.row_line import row_line
from widgets.rows import Key
from widgets.source_columns import against, mark
from widgets.source_fields import members_term
from widgets.source_view import SourceView
from widgets.table import Table
from widgets.table_layout import Placed

_INK = {"x": ink.BAD, "!": ink.WARN, " ": None}
_COLOURED = ("", "source", "group")


def row(party: Party, layout: tuple[Placed[Party], ...], now: float, cursor: bool = False) -> Strip:
    """The line of a source or group: colour on mark and name, reversed under the cursor."""
    if cursor:
        return row_line(party, layout, now, ink.CURSOR, ink.CURSOR, _COLOURED)
    return row_line(party, layout, now, None, _INK[mark(party)], _COLOURED)


class _Groups(NamedTuple):
    """How the groups were shown before the members of one were."""

    dimension: Dimension
    text: str
    """The filter."""
    key: Key
    """Of the group that was opened."""
    row: int
    top: int
    sorted_by: int | None
    reverse: bool


class SourceTable(Table[Party]):
    """Sources, or groups of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "group(1)", "group by the next"),
        Binding("G", "group(-1)", "group by the one before"),
        Binding("o", "sessions", "its sessions"),
    ]

    view: SourceView

    class Members(Message):
        """The sources of a group are to be shown: those that pass the filter `text`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, view: SourceView, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(view, id)
        self._groups: _Groups | None = None

    def action_open(self) -> None:
        """A source in full; of a group its members, all of them: what was asked of groups need not be true of each."""
        under = self.cursor
        if under is None or self.view.dimension is Dimension.ADDRESS:
            super().action_open()
            return
        view = self.view
        text = view.query.text
        groups = _Groups(view.dimension, text, view.key(under), self._row, self._top, view.sorted_by, view.reverse)
        self.group_by(Dimension.ADDRESS)
        self._groups = groups
        self.post_message(self.Members(members_term(under)))

    def back(self) -> bool:
        """From the members of a group to the groups as they were; False if there is no way back."""
        groups = self._groups
        if groups is None:
            return False
        self._groups = None
        view = self.view
        view.group_by(groups.dimension)
        view.sorted_by, view.reverse = groups.sorted_by, groups.reverse
        view.filter(groups.text)
        self._key, self._row, self._top = groups.key, groups.row, groups.top
        self.look(self._now)
        self.post_message(self.Members(groups.text))
        return True

    def target(self, row: Party) -> Target:
        """A source, or a network; of other groups all members."""
        if row.dimension in (Dimension.ADDRESS, Dimension.NETWORK):
            return Target((row.key,), why=against(row))
        members = tuple(party.key for party in self.view.members(row))
        return Target(members, f"{row.dimension.value if row.dimension else ''} {row.key}", against(row))

    def selects(self, row: Party) -> str:
        """The source's, or those of the group."""
        return members_term(row)

    def action_sessions(self) -> None:
        """Go to the sessions of the source, or of the group."""
        under = self.cursor
        if under is not None:
            self.post_message(Led("sessions", members_term(under)))

    def action_group(self, step: int) -> None:
        """By address, network, ASN, country, account, HELO, JA4, and the domains of senders and recipients."""
        dimensions = list(Dimension)
        self.group_by(dimensions[(dimensions.index(self.view.dimension) + step) % len(dimensions)])

    def group_by(self, dimension: Dimension) -> None:
        """Show the groups of that kind, from the top."""
        self._groups = None
        self.view.group_by(dimension)
        self.action_home()
        self.look(self._now)

    def _row_line(self, row_: Party, placed: tuple[Placed[Party], ...], cursor: bool) -> Strip:
        return row(row_, placed, self._now, cursor)
