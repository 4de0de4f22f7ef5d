"""What is done to many blocks at once from the screen: merge neighbours, write them to a file, read them from one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from smtpwatch.clean import clean
from smtpwatch.firewall.acting import Acting
from smtpwatch.firewall.blocking import BlockingError
from smtpwatch.firewall.compact import Merged, candidates, chosen
from smtpwatch.firewall.listed import ListError, listed, requests, row_json
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Request


async def mergers(acting: Acting) -> list[Merged]:
    """Neighbours that can be one network each, with no finding against it. Raises BlockingError if there are none."""
    found = candidates(acting.standing)
    unsafe: set[Network] = set()
    if found:
        request = acting.known(Request(tuple(each.network for each in found)))
        unsafe = {finding.network for finding in (await acting.blocking.plan(request)).findings}
    picked = chosen(found, unsafe)
    if not picked:
        raise BlockingError("no neighbours could be one network that is dense and safe")
    return picked


async def merge(acting: Acting, merged: Sequence[Merged]) -> Answer:
    """Block the networks, and only then let in their parts, so that nobody is held off less meanwhile: two acts for
    each kind of ports. What is not as it was when `merged` was found is left as it is. Answers with all networks that
    were blocked, and why the others were not. Raises BlockingError."""
    with acting.as_one():
        return await _merge(acting, merged)


async def _merge(acting: Acting, merged: Sequence[Merged]) -> Answer:
    answer = Answer("applied")
    merged = [each for each in merged if all(_stands(acting, part) for part in each.parts)]
    for scope in dict.fromkeys(each.scope for each in merged):
        same = {each.network: each for each in merged if each.scope == scope}
        times = {
            network: None if each.until is None else max(1.0, each.until - acting.now) for network, each in same.items()
        }
        why = f"{sum(len(each.parts) for each in same.values())} neighbours merged"
        done = await acting.block(acting.known(Request(tuple(times), scope, times=times, why=why, keep=True)))
        if done.outcome != "applied":
            return done
        answer.networks += done.networks
        answer.findings += done.findings
        await acting.unblock([part for each in done.networks for part in same[each].parts if part != each])
        looked = await acting.blocking.verify(done.act)
        answer.reason = answer.reason or looked.reason
    return answer


def _stands(acting: Acting, network: Network) -> bool:
    block = acting.blocking.blocks.get(network)
    return block is not None and block.lasts(acting.now)


def export(acting: Acting, path: Path) -> int:
    """Write all blocks in force to a new file, as JSON lines; returns how many. Raises BlockingError."""
    lines = [row_json(block) for block in acting.standing]
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(lines)
    except OSError as error:
        raise BlockingError(f"{path}: {error.strerror}") from None
    return len(lines)


async def import_from(acting: Acting, path: Path) -> list[Answer]:
    """Block what a file lists, as `smtpwatch block --from` does. Raises BlockingError, and then nothing of it was
    done."""
    if not path.is_file():  # what is no file may never end
        raise BlockingError(f"{path}: {'is no file' if path.exists() else 'No such file or directory'}")
    why = f"from {clean(path.name)}"
    try:
        lines = await asyncio.to_thread(listed, path, acting.now)
    except ListError as error:
        raise BlockingError(str(error)) from None
    with acting.as_one():
        return await _all_of(acting, requests([each._replace(why=each.why or why) for each in lines], Request(())))


async def _all_of(acting: Acting, wanted: Sequence[Request]) -> list[Answer]:
    answers = []
    for request in wanted:
        answer = await acting.block(acting.known(request))
        if answer.outcome == "applied":
            looked = await acting.blocking.verify(answer.act)
            answer.outcome, answer.reason = looked.outcome, looked.reason or answer.reason
        answers.append(answer)
    return answers
