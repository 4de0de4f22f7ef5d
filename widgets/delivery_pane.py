"""The pane of deliveries: destinations, and how long mail has waited."""

from textual.app import ComposeResult

from smtpwatch.state.picture import Picture
from widgets.delivery_queue import QueueBlock
from widgets.delivery_table import DeliveryTable
from widgets.delivery_view import DeliveryView
from widgets.pane import Pane

QUEUE_FROM = 30  # lines of the terminal from which there is room for the queue's table
QUEUE_LINES = 10


class DeliveryPane(Pane):
    """Destinations, and below them the queue by age."""

    keys = (("Enter", "open"), ("g", "group"), ("/", "filter"), ("s", "sort"), ("Space", "freeze"))

    def __init__(self, picture: Picture, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(DeliveryTable(DeliveryView(picture.deliveries), id=f"{id}-table"), "destination", id)
        self._picture = picture
        self.queue = QueueBlock(id=f"{id}-queue")
        self.queue.styles.height = QUEUE_LINES

    def compose(self) -> ComposeResult:
        """The table above the queue."""
        yield self.table
        yield self.queue

    def on_resize(self) -> None:
        """Another size is another layout."""
        self.lay_out()

    def lay_out(self) -> None:
        """The queue goes first."""
        super().lay_out()
        self.queue.display = self.app.size.height >= QUEUE_FROM and not self.maximised

    def look_beside(self, now: float) -> None:
        """The queue."""
        if self.queue.display:
            self.queue.look(self._picture.queues, self._picture.queue_ages(now), now)
