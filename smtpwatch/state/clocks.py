"""How far the log's clock is from the packets': learnt from sessions that are surely the same in both."""

from collections import deque

TOLERANCE = 5.0  # seconds that log and packets may differ: clocks, syslog's delays, a server that looks up names first
SAMPLES = 101  # latest pairs that count
ENOUGH = 5  # pairs after which times are believed to less than TOLERANCE
MARGIN = 0.3  # seconds beyond the differences seen so far

HALF = 0.5  # a stamp in whole seconds stands for the middle of its second


def middle(stamp: float, whole: bool) -> float:
    """The likeliest time of a log stamp; `whole`: it has no fraction of a second."""
    return stamp + HALF * whole


class Offset:
    """Log time less packet time, in seconds; of a stamp in whole seconds, the middle of its second counts."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._whole = False
        """There are stamps in whole seconds among them."""
        self._window = (-TOLERANCE - HALF, TOLERANCE + HALF)

    def learn(self, stamp: float, whole: bool, seen: float) -> None:
        """A session's beginning as both have it."""
        difference = middle(stamp, whole) - seen
        if abs(difference) > TOLERANCE:
            return
        self._whole = self._whole or whole
        self._samples.append(difference)
        if len(self._samples) >= ENOUGH:
            least, most = min(self._samples), max(self._samples)
            if self._whole:  # whatever was seen so far, the next one may be anywhere within its second
                least, most = min(least, most - 2 * HALF), max(most, least + 2 * HALF)
            self._window = least - MARGIN, most + MARGIN

    @property
    def window(self) -> tuple[float, float]:
        """The least and greatest difference to be believed."""
        return self._window

    @property
    def known(self) -> bool:
        """Whether enough pairs were seen."""
        return len(self._samples) >= ENOUGH
