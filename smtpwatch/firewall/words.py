"""Blocks in words: how long, on which ports, what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from smtpwatch.firewall.block import Scope

_UNITS = ((86_400, "day"), (3600, "h"), (60, "min"), (1, "s"))


def how_long(seconds: float) -> str:
    """`90 s`, `10 min`, `4 h`, `2 days`: in the largest unit that tells it whole, or nearly so."""
    for size, unit in _UNITS:
        count = round(seconds / size)
        if count and abs(seconds - count * size) < 0.02 * seconds:
            return f"{count:,} {unit}{'s' if unit == 'day' and count != 1 else ''}"
    return f"{max(1, round(seconds)):,} s"


def lasting(seconds: float | None) -> str:
    """`for 1 h`, or `until removed`."""
    return "until removed" if seconds is None else f"for {how_long(seconds)}"


def left(until: float | None, now: float) -> str:
    """What is left of it, in a column: `59 min`, `-` for no end."""
    if until is None:
        return "-"
    seconds = max(0.0, until - now)
    size, unit = next((each for each in _UNITS if seconds >= 2 * each[0]), (1, "s"))
    return f"{-int(-seconds // size):,} {unit}{'s' if unit == 'day' else ''}"


def on_ports(scope: Scope, ports: Iterable[int]) -> str:
    """`25, 465, 587`, or `all ports`."""
    return "all ports" if scope == "all" else ", ".join(map(str, ports))


def ended(sessions: int) -> str:
    """`no live session`, `1 session ended`, `14 sessions ended`."""
    return "no live session" if not sessions else f"{sessions:,} session{'s' if sessions != 1 else ''} ended"
