"""How much processor time something may take, so that it never weighs on the host that it watches."""

from __future__ import annotations

SHARE = 0.04  # of one core: with what the sensor does besides for each thing told, it stays near 5 %
MOST = 0.15  # seconds saved up while there was nothing to do: what a burst may take at once
RESUME = 0.01  # seconds that must be there to go on once all was spent: 0.25 s of waiting


class Allowance:
    """Seconds of processor time that may be spent: SHARE of the time that passes, at most MOST at once. Times are the
    sensor's clock, which may be set."""

    def __init__(self) -> None:
        self._left = MOST
        self._at = 0.0

    def left(self, now: float) -> float:
        """Seconds that may be spent now, below 0 if too many were."""
        self._left = min(MOST, self._left + SHARE * max(0.0, now - self._at))
        self._at = now
        return self._left

    def spend(self, seconds: float) -> None:
        """So many were spent."""
        self._left -= seconds

    def again_at(self, now: float) -> float:
        """When to go on."""
        return now + max(0.0, RESUME - self._left) / SHARE
