"""Folds events into the picture for ever, in slices, so that keys and ticks come in between."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice

from smtpwatch.events import Event
from smtpwatch.state.picture import Picture

# Events folded before the loop gets its turns: 1 ms of packets here, 2.5 ms when all open sessions, 5 ms of log
# lines, and a host under load is several times slower.
SLICE = 250
TURNS = 10  # of the loop in between: a key takes that many until it is on the screen


class Folding:
    """Events come from `take` (the oldest batch that waits, empty if none), after `wake` told that there are some."""

    def __init__(self, picture: Picture, take: Callable[[], Sequence[Event]]) -> None:
        self._picture = picture
        self._take = take
        self._woken = asyncio.Event()
        self._over = False

    def wake(self) -> None:
        """Events wait to be taken. To be called on the loop that runs this."""
        self._woken.set()

    def no_more(self) -> None:
        """All there is has been handed over: what waits for its other half waits in vain."""
        self._over = True
        self.wake()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while batch := self._take():
                events = iter(batch)
                while part := list(islice(events, SLICE)):
                    self._picture.apply(part)
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
            if self._over:
                self._over = False
                self._picture.finish()
