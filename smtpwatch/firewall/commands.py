"""`smtpwatch block`, `unblock` and `blocks`: all that the screen can do about sources, without it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from smtpwatch.clean import clean, clean_json
from smtpwatch.config import Config
from smtpwatch.firewall import drift, tidying
from smtpwatch.firewall.acting import Acting
from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.block import Block, Scope
from smtpwatch.firewall.blocking import BlockingError, OwnBlocking
from smtpwatch.firewall.compact import Merged
from smtpwatch.firewall.evidence import GOOD_HOURS, against, proxies
from smtpwatch.firewall.guard import Finding, Guard
from smtpwatch.firewall.journal import JournalError
from smtpwatch.firewall.listed import row_json
from smtpwatch.firewall.opening import acts_here
from smtpwatch.firewall.planning import Actor
from smtpwatch.firewall.prefixes import Network, shown
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.sessions import LiveSessions
from smtpwatch.firewall.sockets import SocketsError
from smtpwatch.firewall.surroundings import Surroundings
from smtpwatch.firewall.who import real_user
from smtpwatch.firewall.words import ended, lasting, left, on_ports
from smtpwatch.lookup import Places
from smtpwatch.sensors import recent_log, trusted_networks
from smtpwatch.state.picture import Picture

DONE, FAILED, REFUSED, ASKS = 0, 1, 4, 5
WORSE = (DONE, REFUSED, ASKS, FAILED)
"""Exit codes, of several acts the latest of these: 4 where the guard refuses, 5 where it would have to be asked and
nobody is there to answer."""


SHOWN = 5  # findings that are told one by one


@contextmanager
def opened(config: Config) -> Iterator[Acts]:
    """All that blocking needs, with acts that were cut short brought to their end. Raises BlockingError."""
    if not config.block:
        raise BlockingError("blocking is switched off (block = false, or --no-block)")
    try:
        surroundings = Surroundings(config, trusted_networks)
        surroundings.look()
        sessions = LiveSessions()
        try:
            acts = acts_here(config, surroundings, sessions, Actor(real_user(), os.getpid()))
            for line in (*surroundings.notes, *drift.settle(acts)):
                _say(line)
            yield acts
        finally:
            sessions.close()
    except (BackendError, JournalError, SocketsError) as error:
        raise BlockingError(str(error)) from None


def _unknown(what: str) -> None:
    _say(f"good mail of the last {GOOD_HOURS} hours is not all known: {what}")


def _say(line: str) -> None:
    sys.stderr.write(f"smtpwatch: {clean(line)}\n")


def block(config: Config, requests: Sequence[Request], dry_run: bool, put: Callable[[bytes], None], json: bool) -> int:
    """Block, and verify it; ask first where there is something to ask and somebody to answer. Returns the exit code.
    Raises BlockingError."""
    code = DONE
    with opened(config) as acts:
        evidence = Evidence(config)
        for asked in requests:
            request = msgspec.structs.replace(asked, findings=evidence.against(asked.networks))
            if dry_run:
                answer = _dry(acts, request, put, json)
            else:
                answer = _blocked(acts, request, put, json)
                told = _encoded(answer) if json else _lines(_told(acts, answer, request))
                put(told)
            code = max(code, _code(answer), key=WORSE.index)
    return code


def _blocked(acts: Acts, request: Request, put: Callable[[bytes], None], json: bool) -> Answer:
    answer = acts.block(request)
    asked = not json and sys.stdin is not None and sys.stdin.isatty()
    if answer.outcome == "asks" and asked and _agreed(acts, answer, request, put):
        answer = acts.block(msgspec.structs.replace(request, sure=True))
    if answer.outcome == "applied":
        looked = acts.verify(answer.act)
        answer.outcome, answer.reason = looked.outcome, looked.reason or answer.reason
    return answer


class Evidence:
    """What speaks against a block by this host's log and geo databases, where no screen has followed them."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._picture: Picture | None = None
        self._places = Places(config.geo)

    @property
    def picture(self) -> Picture:
        """What the latest lines of the log tell."""
        if self._picture is None:
            self._picture = Picture(self._places.of)
            host = self._config.hostname or socket.gethostname()
            now = time.time()
            for events in recent_log(self._config, host, now, now - GOOD_HOURS * 3600, _unknown):
                self._picture.apply(events)
            self._picture.finish()
        return self._picture

    def against(self, networks: Sequence[Network]) -> tuple[Finding, ...]:
        """As evidence.against."""
        activity = self.picture.activity
        found = against(activity, networks, time.time(), locate=self._places.of)
        return tuple(dict.fromkeys((*found, *Guard(proxies(activity)).judge(networks))))


def _code(answer: Answer) -> int:
    """Also 4 where a part of it was refused: a script that lists networks has to know."""
    codes = {"refused": REFUSED, "asks": ASKS, "failed": FAILED}
    return codes.get(answer.outcome, REFUSED if any(finding.refuses for finding in answer.findings) else DONE)


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _dry(acts: Acts, request: Request, put: Callable[[bytes], None], json: bool) -> Answer:
    acts.follow()
    plan = acts.plan(request)
    answer = plan.answer
    if json:
        put(_encoded(answer))
        return answer
    lines = [f"# {clean(finding.says)}" for finding in answer.findings]
    if answer.networks:
        lines += acts.backend.commands(plan.change)
        lines += [_ending(network, request.scope, acts.ports) for network in answer.networks]
    put(_lines(lines))
    return answer


def _ending(network: Network, scope: Scope, ports: Iterable[int]) -> str:
    """What ends its sessions, in ss(8)'s words."""
    command = f"ss --kill --tcp dst {network}"
    return command if scope == "all" else f"{command} and '( {' or '.join(f'sport = :{port}' for port in ports)} )'"


def _agreed(acts: Acts, answer: Answer, request: Request, put: Callable[[bytes], None]) -> bool:
    lines = [f"Block {_named(answer.networks)} {_for(acts, answer, request)}?"]
    lines += [f"  left out: {clean(finding.says)}" for finding in answer.findings if finding.refuses][:SHOWN]
    lines += [f"  {line}" for line in _careful(answer)]
    lines += ["  it ends by itself after 60 s, unless it is kept (--keep)"] if answer.probation else []
    put(("\n".join(lines) + "\n[y/N] ").encode())
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _for(acts: Acts, answer: Answer, request: Request) -> str:
    if not acts.backend.keeps_time:
        return f"for as long, and on the ports, that {acts.backend.name} has set"
    times = set(answer.seconds)
    how_long = lasting(times.pop()) if len(times) == 1 else "for different times"
    return f"{how_long} on {on_ports(request.scope, acts.ports)}"


def _named(networks: tuple[Network, ...]) -> str:
    return shown(networks[0]) if len(networks) == 1 else f"{len(networks):,} networks"


def _careful(answer: Answer) -> Iterator[str]:
    """What there is to ask."""
    asked = [finding for finding in answer.findings if not finding.refuses]
    yield from (f"careful: {clean(finding.says)}" for finding in asked[:SHOWN])
    if asked[SHOWN:]:
        yield f"careful: for {len(asked) - SHOWN:,} more reasons"


def _told(acts: Acts, answer: Answer, request: Request) -> Iterator[str]:
    refusals = [finding for finding in answer.findings if finding.refuses]
    yield from (f"refused: {clean(finding.says)}" for finding in refusals[:SHOWN])
    if refusals[SHOWN:]:
        yield f"refused: for {len(refusals) - SHOWN:,} more reasons"
    if answer.outcome == "asks":
        yield from _careful(answer)
        yield "not blocked: say --yes, and it ends by itself after 60 s; or --keep"
    elif answer.outcome == "failed":
        yield f"failed: {clean(answer.reason)}"
    elif answer.outcome != "refused":
        until = "for 60 s, unless it is kept (--keep)" if answer.probation else _for(acts, answer, request)
        state = f"{answer.outcome} ({acts.backend.name})"
        yield f"blocked {_named(answer.networks)} {until}; {state}, {ended(answer.ended)}"
        if answer.reason:
            yield f"but: {clean(answer.reason)}"


def unblock(config: Config, networks: list[Network], mine: bool, put: Callable[[bytes], None]) -> int:
    """Let networks in again, or all that this user has blocked. Returns the exit code. Raises BlockingError."""
    with opened(config) as acts:
        drift.look(acts)
        now = acts.clock()
        if mine:
            networks = [each.network for each in acts.ledger.standing(now) if each.act and each.who == acts.who]
        answer = acts.unblock(networks)
        code, done, lines = DONE, set(answer.networks), []
        for network in answer.networks:
            wider = acts.ledger.covering(network, now)
            code = FAILED if wider is not None else code
            still = f", but {shown(wider.network)}, which holds it, is still blocked" if wider is not None else ""
            lines.append(f"let in again: {shown(network)}{still}")
        for network in networks:
            if network not in done and not answer.reason:
                code = FAILED
                lines.append(f"not blocked: {shown(network)}{_instead(acts, network, now)}")
        if answer.outcome == "failed":
            code = FAILED
            lines.append(f"failed: {clean(answer.reason)}")
        if answer.unwritten:
            code = FAILED
            lines.append(f"but it is not in the journal: {clean(answer.unwritten)}")
        put("".join(f"{line}\n" for line in lines or ["nothing is blocked"]).encode())
        return code


def _instead(acts: Acts, network: Network, now: float) -> str:
    """What an admin who unblocks something else may have meant."""
    wider = acts.ledger.covering(network, now)
    if wider is not None:
        return f"; {shown(wider.network)}, which holds it, is"
    inside = [each for each in acts.ledger.blocks.within(network) if acts.ledger.covering(each, now)]
    return f"; in it are: {', '.join(map(shown, inside[:3]))}{' and others' if inside[3:] else ''}" if inside else ""


def blocks(
    config: Config, restore: bool, merge: bool, sure: bool, keep: bool, put: Callable[[bytes], None], json: bool
) -> int:
    """List what is blocked, and where firewall and journal differ; with `restore` put back what is gone, with `merge`
    make neighbours one network. Returns the exit code. Raises BlockingError."""
    with opened(config) as acts:
        code = DONE
        seen = drift.look(acts)
        if restore:
            for answer in drift.restore(acts, seen.gone, sure, keep):
                for finding in answer.findings:
                    _say(finding.says)
                looked = acts.verify(answer.act) if answer.outcome == "applied" else answer
                code = max(code, _code(looked))
            seen = drift.look(acts)
        if merge:
            _merge(acts, Evidence(config))
            seen = drift.look(acts)
        now = acts.clock()
        rows = sorted([*acts.ledger.standing(now), *seen.gone], key=lambda each: each.since, reverse=True)
        put(b"".join(row_json(each) for each in rows) if json else _listing(rows, now).encode())
        if seen.trouble:
            _say(seen.trouble)
            code = code or FAILED
        if seen.gone and not json:
            are = "is" if len(seen.gone) == 1 else "are"
            _say(f"{len(seen.gone):,} of them {are} not in the firewall: smtpwatch blocks --restore")
        return code


def _merge(acts: Acts, evidence: Evidence) -> None:
    acting = Acting(OwnBlocking(acts), evidence.picture, acts.clock)

    async def merging() -> None:
        for each in await _mergers(acting):
            answer = await tidying.merge(acting, [each])
            _say(f"{len(each.parts):,} blocks are {each.network} now" if answer.outcome == "applied" else answer.reason)

    asyncio.run(merging())


async def _mergers(acting: Acting) -> list[Merged]:
    try:
        return await tidying.mergers(acting)
    except BlockingError as error:
        _say(str(error))
        return []


def _listing(rows: list[Block], now: float) -> str:
    if not rows:
        return "nothing is blocked\n"
    lines = [f"{'network':<24} {'left':>8} {'dropped':>10} {'state':<9} {'by':<12} why"]
    for each in rows:
        state = "gone" if each.gone else each.state if each.kept else "probation"
        who = each.who or "another"
        lines.append(
            f"{shown(each.network):<24} {left(each.until, now):>8} {each.dropped:>10,} {state:<9} {clean(who):<12} "
            f"{clean(each.why)}".rstrip()
        )
    return "\n".join(lines) + "\n"


def _encoded(answer: Answer) -> bytes:
    return clean_json(msgspec.json.encode(answer, enc_hook=str)) + b"\n"
