"""Keys that come in a clump, as they do over a bad link: each is done with before the next is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from textual import events
from textual.app import App
from textual.dom import DOMNode

Typed = events.Key | events.Paste
PATIENCE = 1.0  # seconds after which a key has been lost, with the widget that it was for
HOPS = 2  # through a widget's queue: behind the key, and behind what the key made the widget post


class KeysInOrder(App[None]):
    """Textual hands a key to what has the focus when it comes, and looks for its binding some hops later in what has
    the focus by then. So of `b2` in one clump the block would be that of a row in pane 2, and of `g/` the `g` be lost.
    """

    def __init__(self, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._waiting: deque[Typed] = deque()
        self._under_way: Typed | None = None
        self._then: list[Callable[[], None]] = []

    def after_keys(self, act: Callable[[], None]) -> None:
        """Do it once no key waits any more: what takes longer than a key is done once for all of them."""
        if self._under_way is None:
            self.call_later(act)
        else:
            self._then.append(act)

    async def on_event(self, event: events.Event) -> None:
        """As Textual has it, but for what is typed."""
        if isinstance(event, Typed) and not event.is_forwarded:
            self._waiting.append(event)
            if self._under_way is None:
                await self._take_next()
        else:
            await super().on_event(event)

    async def _take_next(self) -> None:
        typed = self._under_way = self._waiting.popleft()
        place = self.focused or self.screen
        await super().on_event(typed)
        self.set_timer(PATIENCE, partial(self._done_with, typed))
        await self._follow(typed, place, HOPS)

    async def _follow(self, typed: Typed, place: DOMNode, hops: int) -> None:
        """Go the way that it goes, from what has the focus up to us, behind it in each queue."""
        if not hops and place.parent is not None:
            place, hops = place.parent, HOPS
        if not hops or not place.call_later(self._follow, typed, place, hops - 1):
            await self._done_with(typed)

    async def _done_with(self, typed: Typed) -> None:
        if self._under_way is typed:
            self._under_way = None
            if self._waiting:
                await self._take_next()
                return
            for act in self._then:
                self.call_later(act)
            self._then.clear()
