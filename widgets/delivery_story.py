"""The pane that tells all of one destination."""

from textual.strip import Strip

from smtpwatch.state.destination import Destination
from smtpwatch.state.picture import Picture
from widgets.delivery_lines import body, facts
from widgets.detail import Detail


class DeliveryStory(Detail[Destination]):
    """Facts at the top; reasons, next hops and the latest deliveries scrolling below."""

    legend = "counts are of attempts: a message that waits has many"

    def __init__(self, picture: Picture, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._picture = picture

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        to = self.row
        if to is None:
            return None
        head = facts(to, self._picture.queue_ages(self._now), self._now, cells)
        return head, body(to, self._picture.deliveries, self._now, cells)
