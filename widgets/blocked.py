"""Whether an address is in a block: what rows ask to mark, and to find, those who are."""

from collections.abc import Callable

from smtpwatch.firewall.block import Block

Blocked = Callable[[str], Block | None]
"""The block in force that an address is in."""


def not_blocked(address: str) -> None:
    """Nothing is."""


def yes_or_no(blocked: Blocked, address: str) -> str:
    """As the filter's field `blocked` has it."""
    return "no" if blocked(address) is None else "yes"
