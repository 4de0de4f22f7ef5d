"""What the names that clients give have in common, so that they can be counted together."""

from __future__ import annotations

import re
from functools import lru_cache

NAME = 120  # characters of a name that are remembered
PATTERNS = 10_000  # of HELO names remembered: clients come back


@lru_cache(PATTERNS)
def helo_pattern(name: str) -> str:
    """A HELO name without what differs between the machines of one sender: numbers are #, an address literal is
    `[address]`. No more of it counts than NAME characters."""
    name = name.strip().casefold()
    if name.startswith("["):
        return "[address]"
    return re.sub(r"\d+", "#", name)


def domain_of(address: str | None) -> str:
    """What stands behind the last @, in lower case; `<>` for the null sender, "" where there is none."""
    if address is None:
        return ""
    return address.rpartition("@")[2].casefold()[:NAME] if address else "<>"
