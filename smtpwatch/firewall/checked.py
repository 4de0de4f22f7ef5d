"""For `smtpwatch doctor`: what blocks here, what is blocked, and what is wrong with either."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from smtpwatch import rights
from smtpwatch.config import Config
from smtpwatch.doctor import Finding
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.choose import available, choose
from smtpwatch.firewall.drift import compared
from smtpwatch.firewall.journal import Journal, JournalError
from smtpwatch.firewall.ledger import Ledger
from smtpwatch.firewall.opening import holding


def findings(config: Config) -> Iterator[Finding]:
    """The backends, the one that is taken, and the journal beside what it holds."""
    if not config.block:
        yield Finding("blocking", "switched off (block = false, or --no-block)", None)
        return
    try:
        backend = choose(config.firewall, config.jail, holds=_holding(config))
    except BackendError as error:
        yield Finding("blocking", str(error), False, rights.remedy() if not rights.may_block() else "")
        return
    for each in available():
        if each.name == backend.name:
            how = "chosen" if config.firewall == "auto" else "as set"
            yield Finding("blocking", f"by {each.name}, {how}: {each.says}", True)
        elif each.usable:
            yield Finding("blocking", f"{each.name} would do too: {each.says} (--firewall {each.name})", None)
    journal, ledger = Journal(Path(config.journal)), Ledger()
    try:
        ledger.fold(journal.news())
        drift = compared(ledger, backend.read(), time.time(), backend.name, config.ports)
    except (BackendError, JournalError) as error:
        yield Finding("blocks", str(error), False)
        return
    standing = sum(1 for _ in ledger.standing(time.time()))
    yield Finding("blocks", f"{standing:,} in force; journal: {journal.path}", True)
    if drift.trouble:
        yield Finding("blocks", drift.trouble, False, "block or unblock anything: the rules are written anew")
    if drift.gone:
        says = f"{len(drift.gone):,} in the journal are not in the firewall"
        yield Finding("blocks", says, False, "smtpwatch blocks --restore")
    if drift.strange:
        yield Finding("blocks", f"{len(drift.strange):,} in the firewall are not in the journal", None)
    if journal.damaged:
        yield Finding("blocks", f"{journal.damaged:,} lines of the journal cannot be read", False)


def _holding(config: Config) -> str:
    ledger = Ledger()
    with suppress(JournalError):  # which is told below
        ledger.fold(Journal(Path(config.journal)).news())
    return holding(ledger, time.time())
