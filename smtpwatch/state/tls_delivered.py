"""Which messages went to which server, as the log tells: for the sessions that took them there under TLS."""

from collections import OrderedDict, deque

from smtpwatch.events import Delivery
from smtpwatch.state.session import Session

RELAYS = 5_000  # servers, the latest delivered to
DELIVERED = 200  # messages of each, the latest; Postfix uses one connection for a hundred at most
APART = 2.0  # seconds by which the stamps of a delivery and the packets of its session may differ


class Delivered:
    """Deliveries that no session has been found for yet."""

    def __init__(self) -> None:
        self._by_relay: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    def add(self, event: Delivery) -> None:
        """One more. A message for several recipients is told of once for each, one after the other."""
        if event.status != "sent" or not event.relay_address:
            return
        delivered = self._by_relay.get(event.relay_address)
        if delivered is None:
            delivered = self._by_relay[event.relay_address] = deque(maxlen=DELIVERED)
            if len(self._by_relay) > RELAYS:
                self._by_relay.popitem(last=False)
        else:
            self._by_relay.move_to_end(event.relay_address)
            if delivered and delivered[-1][1] == event.queue_id:
                return
        delivered.append((event.time, event.queue_id))

    def claim(self, session: Session) -> int:
        """Messages that were delivered to its server while it was open; they are no other session's."""
        delivered = self._by_relay.get(session.server)
        if not delivered:
            return 0
        ours = [each for each in delivered if session.start - APART <= each[0] <= session.end + APART]
        for each in ours:
            delivered.remove(each)
        return len(ours)
