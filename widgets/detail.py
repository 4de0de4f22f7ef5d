"""A row told in full: opened from a table, followed while it lives."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from widgets.scroll import Scroll

T = TypeVar("T")


class Detail(Scroll, Generic[T]):
    """What is shown of `row` comes from `_content`."""

    called = "An opened row"

    keys: Sequence[tuple[str, str]] = ()
    """Those of its own that the foot tells of."""

    from_end = False
    """Whether it opens at the end of what it tells, and follows it there."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.row: T | None = None
        self._now = 0.0

    def open(self, row: T, now: float) -> None:
        """Show another row."""
        self._follows, self._top = self.from_end, 0
        self.look(row, now)

    def look(self, row: T | None, now: float) -> None:
        """Show the row as it stands; None: no longer held, what was known of it stays."""
        self.row = row if row is not None else self.row
        self._now = now
        self._draw()
