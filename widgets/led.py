"""The way from one pane to another."""

from textual.message import Message


class Led(Message):
    """Another pane is to be shown; `term` is added to the filter, or, `alone`, is all of it."""

    def __init__(self, pane: str, term: str, alone: bool = False) -> None:
        super().__init__()
        self.pane = pane
        self.term = term
        self.alone = alone
