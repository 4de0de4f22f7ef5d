"""What a look at a session tells that neither wakes nor unpacks it."""

from __future__ import annotations

from typing import NamedTuple


class Glance(NamedTuple):
    """Of one that sleeps: when it was what, each by its name in Session."""

    key: tuple[str, int]
    start: float
    end: float
    greeted: float | None
    over: bool
    spoken: bool

    @property
    def served(self) -> float:
        """When a process began to serve it, as far as that shows."""
        return self.start if self.greeted is None else self.greeted

    @property
    def direction(self) -> str:
        """Or submission: outbound sessions do not sleep."""
        return "inbound"
