"""A few things under each key, the latest: what may be meant by an address and port, or by a queue id."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

EACH = 32  # under one key; ports and queue ids are used again, but not within seconds

Thing = TypeVar("Thing")


class Index(Generic[Thing]):
    """At most `keys` of them are remembered, the latest.

    Nearly all keys have one thing, and a flood makes a hundred thousand keys: a tuple is the smallest that holds it."""

    def __init__(self, keys: int) -> None:
        self._keys = keys
        self._held: OrderedDict[Hashable, tuple[Thing, ...]] = OrderedDict()

    def add(self, key: Hashable, thing: Thing) -> None:
        """Remember one more under that key."""
        held = self._held.get(key)
        if held is None:
            self._held[key] = (thing,)
            if len(self._held) > self._keys:
                self._held.popitem(last=False)
        elif thing not in held:
            self._held[key] = (*held[1 - EACH :], thing)

    def get(self, key: Hashable) -> tuple[Thing, ...]:
        """Those under that key, the oldest first; none if there are more than can be told apart."""
        held = self._held.get(key, ())
        return held if len(held) < EACH else ()

    def discard(self, key: Hashable, thing: Thing) -> None:
        """Forget one, if it is still there."""
        held = self._held.get(key)
        if held is None or thing not in held:
            return
        if len(held) == 1:
            del self._held[key]
        else:
            at = held.index(thing)
            self._held[key] = held[:at] + held[at + 1 :]

    def __len__(self) -> int:
        return len(self._held)
