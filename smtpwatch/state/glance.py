"""What a look at a session tells that neither wakes nor unpacks it."""

from __future__ import annotations

from typing import NamedTuple


class Glance(NamedTuple):
    """Of one that sleeps: when it was what, each by its name in Session."""

    key: tuple[str, int]
    start: float
    end: float
    greeted: float | None
    served: float
    over: bool
    spoken: bool

    @property
    def direction(self) -> str:
        """Or submission: outbound sessions do not sleep."""
        return "inbound"
