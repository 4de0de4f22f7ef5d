"""The words of blocking: what a block is, for how long, and how it stands."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtpwatch.firewall.prefixes import Network

Scope = Literal["smtp", "all"]
"""The ports that a block is for: those of mail, or every port and protocol."""

State = Literal["pending", "applied", "verified", "failed"]
"""`pending`: asked for; `applied`: the firewall's tool says so; `verified`: read back from the kernel, and no session
is left; `failed`: it does not hold, and `reason` says why."""

HOUR = 3600.0
DEFAULT_TIME = HOUR
PROBATION = 60.0  # seconds that a risky block lasts unless it is kept
LONGEST = 2_000_000.0
"""Seconds, 23 days: ipset(8) holds no longer timeout than 2,147,483 s. What shall last longer has no end."""

ESCALATION = 4  # times longer than the block before
ESCALATES_WITHIN = 7 * 24 * HOUR  # seconds after a block's end in which who is blocked again is a repeat offender


class Block(msgspec.Struct):
    """One network that is blocked, or was. Times are epoch seconds; `until` None: until removed."""

    network: Network
    scope: Scope
    since: float
    until: float | None
    why: str
    who: str
    backend: str
    act: str
    """The act that made it, by its number in the journal."""
    state: State = "pending"
    reason: str = ""
    kept: bool = True
    """Not on probation: it lasts as long as was asked for."""
    asked: float | None = DEFAULT_TIME
    """Seconds that it is to last once it is kept, None: until removed."""
    dropped: int = 0
    """Packets that the kernel has dropped since."""
    octets: int = 0
    """The same in octets."""
    tried: float | None = None
    """When the kernel's counter was last seen to have moved: it is still trying."""
    counted: tuple[int, int] = (0, 0)
    """Packets and octets as the kernel's counter had them last; it begins anew when a time is set anew."""
    leak: str = ""
    """How it is known to hold nobody off, though the firewall has it: by what the screen sees."""
    over: float | None = None
    """When it was taken back before its time."""
    gone: bool = False
    """The firewall does not hold it, though nobody here took it back: it never came to be, or it is `lost`."""
    lost: bool = False
    """The firewall held it once: another tool or a restart has taken it out before its time."""

    def lasts(self, now: float) -> bool:
        """Whether it is in force at `now`, if all is well."""
        return self.over is None and not self.gone and (self.until is None or now < self.until)

    def left(self, now: float) -> float | None:
        """Seconds until its end, one at least; None: it has none."""
        return None if self.until is None else max(1.0, self.until - now)

    def count(self, packets: int, octets: int) -> None:
        """The kernel's counter stands at that."""
        before = self.counted if packets >= self.counted[0] else (0, 0)
        self.dropped += packets - before[0]
        self.octets += octets - before[1]
        self.counted = (packets, octets)

    def counted_before(self, old: Block) -> None:
        """It goes on where an earlier one of the same network has counted to."""
        self.dropped, self.octets, self.counted, self.tried = old.dropped, old.octets, old.counted, old.tried

    def ended_at(self, now: float) -> float | None:
        """When it ended, None while it lasts."""
        if self.over is not None:
            return self.over
        return self.until if self.until is not None and self.until <= now else None


def escalated(before: Block | None, now: float) -> float | None:
    """How long a block lasts by default, in seconds: an hour, or for a repeat offender, one that has sat out the block
    `before` of late, four times as long as that. One that is blocked still has its time anew. Never less than an hour.
    None: until removed, since it would be longer than LONGEST."""
    if before is None:
        return DEFAULT_TIME
    if before.lasts(now):
        return None if before.asked is None else max(DEFAULT_TIME, before.asked)
    sat_out = before.kept and before.over is None and not before.gone and before.until is not None
    if not sat_out or before.asked is None or now - (before.until or 0.0) > ESCALATES_WITHIN:
        return DEFAULT_TIME
    return bounded(max(DEFAULT_TIME, before.asked * ESCALATION))


def bounded(seconds: float | None) -> float | None:
    """A time as a firewall can hold it: what is longer than LONGEST, or no number, has no end; a second at least."""
    if seconds is None or not seconds <= LONGEST:
        return None
    return max(1.0, seconds)
