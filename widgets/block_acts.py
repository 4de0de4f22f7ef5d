"""What the keys that block do: ask where there is something to ask, act, and tell what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.firewall import tidying
from smtpwatch.firewall.acting import Acting, named, scope_of
from smtpwatch.firewall.block import DEFAULT_TIME, Block
from smtpwatch.firewall.blocking import BlockingError
from smtpwatch.firewall.compact import Merged
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.target import Target
from smtpwatch.firewall.words import left
from widgets.block_bar import BRIEFLY, BlockBar

TIMES = {"1": 600.0, "2": DEFAULT_TIME, "3": 86_400.0, "4": None}
"""Keys of the question, and for how many seconds they block; None: until removed."""
TIME_KEYS = (("1", "10 min"), ("2", "1 h"), ("3", "1 day"), ("4", "until removed"))
KEEP_KEYS = (("K", "keep"), ("u", "undo"))
DONE_KEYS = (("u", "undo"), ("t", "time"))
AGAIN_KEYS = (("u", "block again"),)
OFTEN, SELDOM = 1.0, 15.0  # seconds between looks at the firewall: with the list of blocks in front, and without
SHOWN = 4  # merged networks that are named


class BlockActs:
    """On `acting`, told and asked on `bar`; `acted` is called when the screen has something new to show."""

    def __init__(self, acting: Acting, bar: BlockBar, acted: Callable[[], None]) -> None:
        self.acting = acting
        self.bar = bar
        self._acted = acted
        self._watched = False
        """The list of blocks is in front."""
        self._one_by_one = asyncio.Lock()
        self._noted: tuple[str, ...] = ()
        """What has been told of what the guard could not read, and of acts that were cut short."""

    def _run(self, act: Coroutine[Any, Any, None]) -> None:
        self.bar.run_worker(self._sound(act), group="blocking")

    async def _sound(self, act: Coroutine[Any, Any, None]) -> None:
        async with self._one_by_one:  # an undo waits for the block before it
            try:
                await act
            except BlockingError as error:
                self.bar.fail(f"failed: {clean(str(error))}")
        self._acted()

    def _not(self) -> None:
        self.bar.tell("not blocked", seconds=BRIEFLY)

    # A block.

    def block(self, target: Target, wide: bool, moved: bool) -> None:
        """Block a row's sources, or their networks; if the row has just `moved` under the cursor, ask whether it is
        meant."""
        try:
            request = self.acting.request(target, wide)
        except BlockingError as error:
            self.bar.fail(clean(str(error)))
            return
        if moved:
            question = f"This row has just come under the cursor. Block {named(request.networks)}?"
            meant = (("y", "block"), ("Esc", "no"))
            self.bar.ask([question], meant, lambda key: self._go(request) if key == "y" else self._not())
        else:
            self._go(request)

    def _go(self, request: Request) -> None:
        self.bar.tell(f"… blocking {named(request.networks)}")
        self._run(self._blocking(request))

    async def _blocking(self, request: Request) -> None:
        answer = await self.acting.block(request)
        if answer.outcome == "asks":
            self._ask(request, answer)
            return
        self._told(answer)
        if answer.outcome == "applied":
            self._acted()
            looked = await self.acting.blocking.verify(answer.act)
            if looked.outcome == "failed":
                self.bar.fail(f"{self.acting.done(answer)}; but {clean(looked.reason)}", KEEP_KEYS[1:])
            else:
                self._told(answer, ", verified")

    def _told(self, answer: Answer, more: str = "") -> None:
        words = self.acting.done(answer) + more
        if answer.outcome in ("refused", "failed"):
            self.bar.fail(words)
        elif answer.probation and answer.until is not None:
            self.bar.count_down(words, KEEP_KEYS, answer.until)
        else:
            self.bar.done(words, DONE_KEYS)

    def _ask(self, request: Request, answer: Answer) -> None:
        smaller = self.acting.smaller(request)
        keys = [("y", "block"), *([("n", "the smaller one")] if smaller is not None else []), ("Esc", "no")]
        keys += [*TIME_KEYS, ("a", "all ports" if request.scope == "smtp" else "mail's ports only")]

        def answered(key: str) -> None:
            if key == "y":
                self._go(msgspec.structs.replace(request, sure=True))
            elif key == "n" and smaller is not None:
                self._go(smaller)
            elif key in TIMES:
                self._run(self._blocking(msgspec.structs.replace(request, seconds=TIMES[key], usual=False)))
            elif key == "a":
                self._run(self._blocking(msgspec.structs.replace(request, scope=scope_of(request.scope))))
            else:
                self._not()

        self.bar.ask(list(self.acting.question(request, answer)), keys, answered)

    def keep(self, row: Block | None) -> None:
        """What is on probation stays: the row's block, else all that was blocked from here."""
        blocks = [row] if row is not None and not row.kept else self.acting.on_probation
        if not blocks:
            self.bar.fail("nothing is on probation")
        for scope in dict.fromkeys(block.scope for block in blocks):
            times = {block.network: block.asked for block in blocks if block.scope == scope}
            self._go(Request(tuple(times), scope, times=times, sure=True, keep=True, exact=True, standing=True))

    def time(self, block: Block) -> None:
        """Ask for how long, from now on, and on which ports."""
        words = "until it is removed" if block.until is None else f"for {left(block.until, self.acting.now)} more"
        keys = (("Esc", "as it is"), *TIME_KEYS, ("a", "mail's ports only" if block.scope == "all" else "all ports"))
        request = Request((block.network,), block.scope, sure=True, keep=True, exact=True, standing=True, why=block.why)

        def answered(key: str) -> None:
            if key in TIMES:
                self._go(msgspec.structs.replace(request, seconds=TIMES[key], usual=False))
            elif key == "a":
                times = {block.network: block.left(self.acting.now)}
                self._go(msgspec.structs.replace(request, scope=scope_of(block.scope), times=times))

        self.bar.ask([f"{named([block.network])} is blocked {words}. For how long from now?"], keys, answered)

    # And back.

    def undo(self) -> None:
        """Take back the last act."""
        self._run(self._undoing())

    async def _undoing(self) -> None:
        if not self.bar.asking:  # what was to be undone has not been done yet
            self._undone(await self.acting.undo())

    def unblock(self, networks: Sequence[Network]) -> None:
        """Let networks in again."""
        self._run(self._unblocking(networks))

    async def _unblocking(self, networks: Sequence[Network]) -> None:
        self._undone(await self.acting.unblock(networks), AGAIN_KEYS)

    def _undone(self, answer: Answer, keys: Sequence[tuple[str, str]] = ()) -> None:
        words = self.acting.undone(answer)
        if answer.outcome == "failed" or answer.unwritten:
            self.bar.fail(words)
        else:
            self.bar.done(words, keys)

    def mine(self) -> None:
        """Let in all of one's own?"""
        mine = self.acting.mine
        if not mine:
            self.bar.fail("you have blocked nothing")
            return
        question = f"Let in again all {len(mine):,} that you have blocked?"
        yes = (("y", "let in"), ("Esc", "no"))
        self.bar.ask([question], yes, lambda key: self.unblock(mine) if key == "y" else None)

    # Many at once.

    def merge(self) -> None:
        """Neighbours as one network each, if that is wanted."""
        self._run(self._merging())

    async def _merging(self) -> None:
        merged = await tidying.mergers(self.acting)
        parts = sum(len(each.parts) for each in merged)
        lines = [f"Merge {parts:,} blocks into {len(merged):,} network{'' if len(merged) == 1 else 's'}?"]
        lines += [f"  {each.network} for {len(each.parts):,}, {self._lasting(each)}" for each in merged[:SHOWN]]
        lines += [f"  and {len(merged) - SHOWN:,} more"] if merged[SHOWN:] else []
        yes = (("y", "merge"), ("Esc", "no"))
        self.bar.ask(lines, yes, lambda key: self._run(self._merge(merged)) if key == "y" else None)

    def _lasting(self, merged: Merged) -> str:
        """As long as the longest of its parts."""
        if merged.until is None:
            return "without an end"
        return f"ends in {left(merged.until, self.acting.now)}"

    async def _merge(self, merged: Sequence[Merged]) -> None:
        answer = await tidying.merge(self.acting, merged)
        parts = sum(len(each.parts) for each in merged if each.network in answer.networks)
        if answer.outcome == "asks":
            self.bar.fail(f"not merged, since there is a question: {_asked(answer)}")
        elif answer.outcome != "applied":
            self._told(answer)
        elif answer.reason:
            self.bar.fail(f"{parts:,} blocks are {len(answer.networks):,} now; but {clean(answer.reason)}")
        elif left_out := self.acting.left_out(answer.findings):
            self.bar.fail(f"{parts:,} blocks are {len(answer.networks):,} now; {left_out}")
        elif not answer.networks:
            self.bar.fail("not merged: the blocks are not what they were")
        else:
            self.bar.done(f"{parts:,} blocks are {len(answer.networks):,} now", KEEP_KEYS[1:])

    def export(self) -> None:
        """Write all to a new file, whose name is told."""
        path = Path.home() / f"smtpwatch-blocks-{clock.of_file(self.acting.now)}.jsonl"
        try:
            count = tidying.export(self.acting, path)
        except BlockingError as error:
            self.bar.fail(clean(str(error)))
        else:
            self.bar.done(f"{count:,} block{'' if count == 1 else 's'} written to {path}")

    def import_(self) -> None:
        """Ask for a file, and block what it lists."""
        self.bar.ask_line(
            "Block the networks of which file? (one a line, or as it was exported)",
            lambda path: self._run(self._importing(path)) if path else None,
        )

    async def _importing(self, typed: str) -> None:
        try:
            path = Path(typed).expanduser()
        except RuntimeError as error:  # a user that there is none of
            raise BlockingError(str(error)) from None
        answers = await tidying.import_from(self.acting, path)
        networks = [network for answer in answers if answer.outcome == "verified" for network in answer.networks]
        not_ = next((answer for answer in answers if answer.outcome != "verified"), None)
        keys = KEEP_KEYS[1:] if networks else ()
        if not_ is not None and not_.outcome == "asks":
            question = _asked(not_)
            self.bar.fail(f"{len(networks):,} blocked; not blocked, since there is a question: {question}", keys)
        elif not_ is not None:
            self.bar.fail(f"{len(networks):,} blocked; {self.acting.done(not_)}", keys)
        elif not networks:
            self.bar.fail(f"{clean(str(path))} lists no network")
        elif left_out := self.acting.left_out([finding for answer in answers for finding in answer.findings]):
            self.bar.fail(f"blocked {named(networks)} from {clean(str(path))}, verified; {left_out}", keys)
        else:
            self.bar.done(f"blocked {named(networks)} from {clean(str(path))}, verified", keys)

    # On the UI clock.

    def look(self, now: float, watched: bool) -> None:
        """Who still gets in though blocked is told; the rest is the bar's. The firewall is read back often while the
        blocks are `watched`."""
        if watched is not self._watched:
            self._watched = watched
            self._run(self.acting.blocking.watch(OFTEN if watched else SELDOM))
        for block in self.acting.leaks():
            self.bar.fail(f"{named([block.network])} still gets in: {block.leak}", KEEP_KEYS[1:])
        if self.acting.blocking.notes != self._noted and not self.bar.display:
            self._noted = self.acting.blocking.notes
            if self._noted:
                more = f" (and {len(self._noted) - 1:,} more)" if self._noted[1:] else ""
                self.bar.fail(f"careful: {clean(self._noted[0])}{more}")
        self.bar.look(now)


def _asked(answer: Answer) -> str:
    """What there is to ask, the first of it."""
    return next((clean(finding.says) for finding in answer.findings if not finding.refuses), "")
