"""The messages table's rows: the latest first."""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from copy import copy

from smtpwatch.query import Place
from smtpwatch.state.message import Message
from smtpwatch.state.messages import Messages
from widgets.message_columns import COLUMNS
from widgets.message_fields import MOVING, message_fields
from widgets.rows import Key, Rows


class MessageView(Rows[Message]):
    """Rows of messages."""

    def __init__(
        self,
        messages: Messages,
        places: Callable[[str], Place | None] | None = None,
        names: Callable[[str], str | None] | None = None,
    ) -> None:
        """`places` tells where an address is, `names` what it is called: both at once, or None."""
        super().__init__(COLUMNS, message_fields(lambda: self.now, places, names), MOVING)
        self._messages = messages

    def key(self, row: Message) -> Key:
        """Host and queue id."""
        return row.key

    def _stamp(self, row: Message) -> Hashable:
        return len(row.lines), row.lines[-1].time if row.lines else 0.0, row.end, row.parent is None

    def _there(self) -> int:
        return len(self._messages.held)

    def _find(self, key: Key) -> Message | None:
        return self._messages.get(key)  # type: ignore[arg-type]

    def _still(self, row: Message) -> Message:
        twin = copy(row)
        twin.recipients = dict(row.recipients)
        twin.lines = deque(row.lines)
        return twin

    def _in_order(self) -> Iterator[Message]:
        held = self._messages.held.values()
        return iter(held) if self._newest_first else reversed(held)
