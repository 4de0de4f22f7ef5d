"""A few things under each key, the latest: what may be meant by an address and port, or by a queue id."""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

EACH = 32  # under one key; ports and queue ids are used again, but not within seconds

Thing = TypeVar("Thing")


class Index(Generic[Thing]):
    """At most `keys` of them are remembered, the latest."""

    def __init__(self, keys: int) -> None:
        self._keys = keys
        self._held: OrderedDict[Hashable, deque[Thing]] = OrderedDict()

    def add(self, key: Hashable, thing: Thing) -> None:
        """Remember one more under that key."""
        held = self._held.get(key)
        if held is None:
            self._held[key] = deque((thing,), EACH)
            if len(self._held) > self._keys:
                self._held.popitem(last=False)
        elif thing not in held:
            held.append(thing)

    def get(self, key: Hashable) -> tuple[Thing, ...]:
        """Those under that key, the oldest first; none if there are more than can be told apart."""
        held = self._held.get(key, ())
        return tuple(held) if len(held) < EACH else ()

    def discard(self, key: Hashable, thing: Thing) -> None:
        """Forget one, if it is still there."""
        held = self._held.get(key)
        if held is not None and thing in held:
            held.remove(thing)
            if not held:
                del self._held[key]

    def __len__(self) -> int:
        return len(self._held)
