"""What is asked of the firewall, and what is answered: the words between whoever asks and whoever may act."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.guard import Finding
from smtpwatch.firewall.prefixes import Network

Outcome = Literal["refused", "asks", "failed", "applied", "verified"]


class Request(msgspec.Struct, frozen=True):
    """What is to be blocked, as one act: all of it, but for those that the guard refuses.

    `seconds` None: until removed; `usual`: an hour instead, or more for a repeat offender. `times` are those that
    differ. Not `exact`: neither of these two shortens what is blocked already, and `scope` takes no ports from it.
    `findings` are what is known against it by whoever asks, beside what the guard finds. Not `sure`: rather ask than
    block where there is a finding. `keep`: without the time on probation that a risky block has. `standing`: only
    those that are blocked as it is. `undoes`, `again`: as the journal has them."""

    networks: tuple[Network, ...]
    scope: Scope = "smtp"
    seconds: float | None = None
    usual: bool = True
    times: dict[Network, float | None] = msgspec.field(default_factory=dict)
    why: str = ""
    findings: tuple[Finding, ...] = ()
    sure: bool = False
    keep: bool = False
    exact: bool = False
    standing: bool = False
    undoes: str = ""
    again: bool = False


class Answer(msgspec.Struct):
    """What came of a request. `networks` are those that it was done to; those that were refused are left out, and in
    `findings`. `seconds` are the times of each, once kept; `until` is the earliest end in epoch seconds, None: none.
    `probation`: it ends by itself soon unless it is kept. `ended`: sessions that were ended. `unwritten`: why it is not
    in the journal, though it was done."""

    outcome: Outcome
    networks: tuple[Network, ...] = ()
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    act: str = ""
    seconds: tuple[float | None, ...] = ()
    until: float | None = None
    probation: bool = False
    ended: int = 0
    unwritten: str = ""
