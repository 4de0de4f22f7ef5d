"""All that blocking on this host needs, put together."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import msgspec

from smtpwatch.config import Config
from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.choose import Setting, choose
from smtpwatch.firewall.guard import Guard
from smtpwatch.firewall.journal import Journal
from smtpwatch.firewall.ledger import Ledger
from smtpwatch.firewall.planning import Actor
from smtpwatch.firewall.sessions import LiveSessions
from smtpwatch.firewall.surroundings import Surroundings


def acts_here(config: Config, surroundings: Surroundings, sessions: LiveSessions, actor: Actor) -> Acts:
    """Acts on the firewall that is to block here: where none is named, the one that does already. Raises BackendError,
    JournalError."""
    journal, ledger = Journal(Path(config.journal)), Ledger()
    ledger.fold(journal.news())
    return Acts(
        choose(config.firewall, config.jail, holds=holding(ledger, time.time())), journal,
        lambda: Guard(surroundings.protected()), sessions, config.ports, actor, time.time,
        lambda name: choose(msgspec.convert(name, Setting), config.jail), ledger,
    )  # fmt: skip


def holding(ledger: Ledger, now: float) -> str:
    """The firewall that most of what is in force is in, "" for none."""
    names = Counter(block.backend for block in ledger.standing(now) if block.backend)
    return names.most_common(1)[0][0] if names else ""
