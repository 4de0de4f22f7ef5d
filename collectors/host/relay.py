"""Whom the mail servers of this host relay for, by their own configuration: looked up at once, or by a thread now and
then, which keeps nobody waiting.

Sendmail's is not read: what it relays for is in the code of its rules.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

import psutil

from collectors.host import opensmtpd, relay_exim, relay_opensmtpd, relay_postfix, trusted_exim, trusted_postfix
from collectors.host.mta import PROGRAMS, Mta, mail_servers
from collectors.host.relay_found import Domains, Policy, read_policy
from collectors.host.trusted_found import Found, end_running
from smtpwatch.events import RelayPolicy

EVERY = 600.0  # seconds until what has not changed is told again: for those who came later
LOOK = 60.0  # seconds between looks whether it has changed: each runs a handful of programs, some 0.03 s of work
REST = 20.0  # times as long as a look took, at least, are between it and the next: it costs 5 % at most
PATIENCE = 600.0  # seconds between looks where a program fails: each may be a line in the mail log


def relay_policies(path: str = PROGRAMS) -> tuple[Policy, ...]:
    """Whom each mail server relays for, as its own programs in `path` tell it: postconf(1) and postmap(1) of Postfix,
    `exim -bP` of Exim; OpenSMTPD's configuration is read. The servers are those that run, else those that are set up.

    Takes a moment for each server; a program that hangs is ended after some seconds. Never raises for what a server
    says: what cannot be read is a note."""
    mtas, smtpd = mail_servers(path), opensmtpd.opensmtpd(path)
    running = any(mta.running for mta in mtas) or (smtpd is not None and smtpd.running)
    policies = [
        read_policy(mta.kind, mta.instance, mta.name, partial(_read, mta)) for mta in mtas if mta.running or not running
    ]
    if smtpd is not None and (smtpd.running or not running):
        policies.append(read_policy(opensmtpd.NAME, "", opensmtpd.NAME, partial(relay_opensmtpd.read, smtpd)))
    return tuple(policies)


def _read(mta: Mta, domains: Domains, found: Found) -> None:
    """Raises UnreadableError."""
    if mta.kind == "postfix":
        relay_postfix.read(mta, domains)
        trusted_postfix.read(mta, found, ("mynetworks",))
    else:
        relay_exim.read(mta, domains)
        trusted_exim.read(mta, found, (trusted_exim.NAMED,))


class Looking:
    """The policies looked at now and then, by a thread: a program that hangs keeps nobody waiting. Told is what is new,
    and all of it every 10 minutes. Close it in any case.

    `look` gives the policies there are."""

    def __init__(self, host: str, look: Callable[[], Sequence[Policy]] = relay_policies) -> None:
        self._host = host
        self._look = look
        self._next = 0.0
        self._began = 0.0
        self._looking = False
        self._seen: SimpleQueue[Sequence[Policy] | None] = SimpleQueue()
        self._told: dict[tuple[str, str], tuple[Policy, float]] = {}
        """What was told of each server, and when."""

    def poll(self, now: float) -> Sequence[RelayPolicy]:
        """Begin if it is time to; what has come since."""
        found: list[RelayPolicy] = []
        with suppress(Empty):
            policies = self._seen.get_nowait()
            self._looking = False
            troubled = policies is None or any(policy.troubled for policy in policies)
            took = max(0.0, now - self._began)
            self._next = now + max(LOOK, REST * took, PATIENCE if troubled else 0.0)
            if policies is not None:
                found = self._new(policies, now)
        if now >= self._next and not self._looking:
            self._looking, self._began = True, now
            # It must not keep the process when the console is gone.
            threading.Thread(target=self._ask, daemon=True).start()
        return found

    def at_once(self, now: float) -> None:
        """The clock was set back: what was planned by it no longer holds."""
        self._next = self._began = now
        self._told.clear()

    def close(self) -> None:
        """End the programs that are still asked."""
        end_running()

    def _new(self, policies: Sequence[Policy], now: float) -> list[RelayPolicy]:
        told = self._told
        self._told = {}
        found = []
        for policy in policies:
            server = (policy.mta, policy.instance)
            before, at = told.get(server, (None, 0.0))  # `troubled`, the last field, is not told
            if before is None or policy[:-1] != before[:-1] or now >= at + EVERY:
                found.append(policy.event(now, self._host))
                at = now
            self._told[server] = (policy, at)
        return found

    def _ask(self) -> None:
        policies: Sequence[Policy] | None = None
        try:
            policies = self._look()
        except (OSError, psutil.Error):  # the system does not say what runs, for now
            pass
        finally:
            self._seen.put(policies)
