"""Two clocks: the log's and the packets'. How far they are apart, and how far each has come."""

from collections import deque
from collections.abc import Collection
from math import inf

TOLERANCE = 5.0  # seconds that log and packets may differ: clocks, syslog's delays, a server that looks up names first
SAMPLES = 501  # latest pairs that count
ANEW = 50  # pairs after which those that are too old are left out
ENOUGH = 5  # pairs after which times are believed to less than TOLERANCE
MARGIN = 0.1  # seconds beyond the differences seen so far that a session's two times may differ
GUARD = 0.3  # seconds beyond those within which no other session may be, lest it be the right one
SUGGESTED = 9  # latest differences that are only likely
ALIKE = 6  # of those, that make one sure if they are alike
LIKE = 0.5  # seconds that they may differ by then
JUMP = 60.0  # seconds; a time that is older than that is not late: the newest one was wrong

SLACK = 0.3  # seconds that one sensor's events may come after another's
LATE = 0.7  # seconds that a line may come after a younger one while the log is followed
READ = 1.2  # seconds between two marks of the log's sensor, at most

Window = tuple[float, float]
"""The least and greatest difference, log time less packet time."""

BELIEVED: Window = (-TOLERANCE, TOLERANCE)


class Offset:
    """Log time less packet time, in seconds. A stamp in whole seconds tells it to a second only, but many such stamps
    tell it better: it is what all of them allow."""

    def __init__(self) -> None:
        self._samples: deque[Window] = deque(maxlen=SAMPLES)
        self._suggested: deque[Window] = deque(maxlen=SUGGESTED)
        self._between = (-inf, inf)
        self._added = 0
        self.window = BELIEVED
        """What a session's two times may differ by."""
        self.wide = BELIEVED
        """What they may differ by at the very most."""

    def learn(self, least: float, most: float) -> None:
        """A difference: between these two, if a session surely is the same in both."""
        if most < -TOLERANCE or least > TOLERANCE:
            return
        self._samples.append((least, most))
        self._added += 1
        above, below = self._between
        self._between = max(above, least), min(below, most)
        if self._added % ANEW == 0:
            self._between = _between(self._samples)
        if self.known:
            self._believe()

    def suggest(self, least: float, most: float) -> None:
        """The difference that a likely pair has. Enough of them that are alike are as good as certain, also if they are
        not what was believed: clocks are set at times."""
        suggested = self._suggested
        suggested.append((least, most))
        alike = [each for each in suggested if each[0] <= most + LIKE and least <= each[1] + LIKE]
        above, below = _between(alike)
        if len(alike) >= ALIKE and above - below <= LIKE:
            suggested.clear()
            self._samples.clear()
            self._samples.extend(alike)
            self._between = above, below
            self._believe()

    def _believe(self) -> None:
        low, high = sorted(self._between)
        margin = MARGIN + (high - low) / 2
        guard = GUARD + 1.5 * (high - low)
        self.window = low - margin, high + margin
        self.wide = low - guard, high + guard

    @property
    def known(self) -> bool:
        """Whether enough pairs were seen."""
        return len(self._samples) >= ENOUGH


def _between(samples: Collection[Window]) -> Window:
    """The greatest of the least differences, and the least of the greatest: it is between these two for all samples, if
    it is always the same."""
    return max(least for least, _ in samples), min(most for _, most in samples)


class Latest:
    """The newest time told. One wrong stamp, far ahead, does not stop it for long."""

    def __init__(self) -> None:
        self.time = -inf

    def tell(self, time: float) -> None:
        """Something happened at that time."""
        if time > self.time or -inf < time < self.time - JUMP:
            self.time = time


class Clocks:
    """How far log and packets have come, each by its own clock. `live`: both are told as things happen, so that what
    has not come soon after will not come at all."""

    def __init__(self) -> None:
        self.offset = Offset()
        self.log = Latest()
        self.wire = Latest()
        self.marks = Latest()
        """This host's clock: when the log's sensor said so, between the lines before and those after."""
        self.live = False

    @property
    def span(self) -> float:
        """Seconds of log time after which all lines have come that could be meant instead of another."""
        least, most = self.offset.wide
        if not self.live:
            return most - least + TOLERANCE
        # A line that comes later than LATE after the packets that it is of would have to be of another session.
        return max(LATE, most - least) if self.offset.known else LATE

    def arrival(self) -> tuple[float, float]:
        """For a line that comes now: no session that began later than the first time is meant by it; when the packets
        have come to the second, all sessions have been seen that could be."""
        if not self.live:
            return inf, inf
        return max(self.wire.time, self.marks.time + READ), max(self.wire.time, self.marks.time) + 2 * SLACK

    def seen(self, latest: float, arrived: float) -> bool:
        """Whether every session has been seen that a line could be of, which was stamped `latest` at the latest."""
        if self.live and self.wire.time >= arrived:
            return True
        packets = self.wire.time > latest - self.offset.wide[0] + SLACK or self.wire.time == -inf
        return packets and self.log.time > latest + self.span

    def told(self, latest: float) -> bool:
        """Whether every line has come that could mean the same session as one that was stamped `latest`."""
        return self.log.time >= latest + self.span
