"""The line above the foot that blocks: what is asked, what was done, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from smtpwatch.firewall.acting import Acting, named, scope_of
from smtpwatch.firewall.block import DEFAULT_TIME, Block
from smtpwatch.firewall.blocking import BlockingError
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.target import Target
from smtpwatch.firewall.words import left
from widgets import ink
from widgets.cells import cut, wrap
from widgets.key_lines import keys_line
from widgets.line_pane import LinePane

STAYS = 20.0  # seconds that it is told what was done, and that the key for undo means just that
TIMES = {"1": 600.0, "2": DEFAULT_TIME, "3": 86_400.0, "4": None}
"""Keys of the question, and for how many seconds they block; None: until removed."""
TIME_KEYS = (("1", "10 min"), ("2", "1 h"), ("3", "1 day"), ("4", "until removed"))
KEEP_KEYS = (("K", "keep"), ("u", "undo"))
DONE_KEYS = (("u", "undo"), ("t", "time"))

Keys = Sequence[tuple[str, str]]


class BlockBar(LinePane, can_focus=True):
    """Nothing, until there is something to say. While it asks it has the focus, and what is not an answer is a no."""

    class Asked(Message):
        """It has a question: the keys are to go to it."""

    class Over(Message):
        """The question is answered: the keys go back to where they came from."""

    class Acted(Message):
        """Something was done, or has come of it."""

    def __init__(self, acting: Acting, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.can_focus = False
        self.display = False
        self.acting = acting
        self._said: list[str] = []
        self._style: Style | None = None
        self._keys: Keys = ()
        self._until = 0.0
        self._now = 0.0
        self._probation: tuple[tuple[Network, ...], float] | None = None
        """What is blocked until then unless it is kept."""
        self._request: Request | None = None
        """What is being asked about."""
        self._meant = False
        """What is asked is only whether that row is meant."""
        self._smaller: Request | None = None
        self._block: Block | None = None
        """Whose time is being asked for."""
        self._mine: list[Network] = []
        """What may be let in again."""

    @property
    def asking(self) -> bool:
        """An answer is waited for."""
        return self._request is not None or self._block is not None or bool(self._mine)

    @property
    def recent(self) -> bool:
        """What was done last is still told."""
        return self.display and not self.asking and "u" in dict(self._keys)

    # What the admin asks for.

    def block(self, target: Target, wide: bool, moved: bool = False) -> None:
        """Block a row's sources, or their networks; if the row has just `moved` under the cursor, ask whether it is
        meant."""
        try:
            request = self.acting.request(target, wide)
        except BlockingError as error:
            self._fail(str(error))
            return
        if moved:
            self._request, self._meant = request, True
            question = f"This row has just come under the cursor. Block {named(request.networks)}?"
            self._ask([question], (("y", "block"), ("Esc", "no")))
        else:
            self._go(request)

    def _go(self, request: Request) -> None:
        self._tell(f"… blocking {named(request.networks)}", None)
        self._run(self._blocking(request))

    def undo(self) -> None:
        """Take back the last act."""
        self._run(self._undoing())

    def unblock(self, networks: Sequence[Network]) -> None:
        """Let networks in again."""
        self._run(self._unblocking(networks))

    def keep(self) -> None:
        """What is on probation stays."""
        if self._probation is None:
            self._fail("nothing is on probation")
            return
        networks, _ = self._probation
        block = self.acting.blocking.blocks.get(networks[0])
        self._go(Request(networks, "smtp" if block is None else block.scope, sure=True, keep=True))

    def ask_time(self, block: Block) -> None:
        """For how long, from now on."""
        self._block = block
        words = "until it is removed" if block.until is None else f"for {left(block.until, self._now)} more"
        keys = (("Esc", "as it is"), *TIME_KEYS, ("a", "mail's ports only" if block.scope == "all" else "all ports"))
        self._ask([f"{named([block.network])} is blocked {words}. For how long from now?"], keys)

    def ask_mine(self) -> None:
        """Let in all of one's own?"""
        self._mine = self.acting.mine
        if not self._mine:
            self._fail("you have blocked nothing")
            return
        self._ask([f"Let in again all {len(self._mine):,} that you have blocked?"], (("y", "let in"), ("Esc", "no")))

    # What comes of it.

    def _run(self, act: Coroutine[Any, Any, None]) -> None:
        self.run_worker(self._sound(act), group="blocking")

    async def _sound(self, act: Coroutine[Any, Any, None]) -> None:
        try:
            await act
        except BlockingError as error:
            self._fail(f"failed: {error}")
        self.post_message(self.Acted())

    async def _blocking(self, request: Request) -> None:
        answer = await self.acting.block(request)
        if answer.outcome == "asks":
            self._request, self._smaller = request, self.acting.smaller(request)
            keys: list[tuple[str, str]] = [("y", "block")]
            keys += [("n", "the smaller one")] if self._smaller is not None else []
            keys += [("Esc", "no"), *TIME_KEYS, ("a", "all ports" if request.scope == "smtp" else "mail's ports only")]
            self._ask(list(self.acting.question(request, answer)), keys)
            return
        self._told(answer)
        if answer.outcome == "applied":
            self.post_message(self.Acted())
            looked = await self.acting.blocking.verify(answer.act)
            if looked.outcome == "failed":
                self._fail(f"{self.acting.done(answer)}; but {looked.reason}", KEEP_KEYS[1:])
            else:
                self._told(answer, ", verified")

    def _told(self, answer: Answer, more: str = "") -> None:
        words = self.acting.done(answer) + more
        if answer.outcome in ("refused", "failed"):
            self._fail(words)
            return
        if answer.probation and answer.until is not None:
            self._probation = answer.networks, answer.until
            self._tell(f"✓ {words}", ink.WARN, KEEP_KEYS, answer.until)
        else:
            self._probation = None
            self._tell(f"✓ {words}", ink.GOOD, DONE_KEYS, self._now + STAYS)

    async def _undoing(self) -> None:
        self._undone(await self.acting.undo())

    async def _unblocking(self, networks: Sequence[Network]) -> None:
        answer = await self.acting.unblock(networks)
        self._undone(answer, (("u", "block again"),))

    def _undone(self, answer: Answer, keys: Keys = ()) -> None:
        self._probation = None
        words = self.acting.undone(answer)
        if answer.outcome == "failed" or answer.unwritten:
            self._fail(words)
        else:
            self._tell(f"✓ {words}", ink.GOOD, keys, self._now + STAYS)

    # The question's keys.

    def on_key(self, event: events.Key) -> None:
        """An answer."""
        event.stop()
        event.prevent_default()
        if event.key == "q":
            return  # a q too many must not end the program while it asks
        request, block = self._request, self._block
        if request is not None:
            self._answered(request, event.key)
        elif block is not None:
            self._timed(block, event.key)
        elif self._mine:
            mine, sure = self._mine, event.key == "y"
            self._end(lambda: self.unblock(mine) if sure else self._tell("", None))

    def _answered(self, request: Request, key: str) -> None:
        sure = msgspec.structs.replace(request, sure=True)
        smaller = self._smaller
        if self._meant:
            self._end(lambda: self._go(request) if key == "y" else self._tell("not blocked", None, (), self._now + 2))
        elif key == "n" and smaller is not None:
            self._end(lambda: self._go(smaller))
        elif key == "y":
            self._end(lambda: self._go(sure))
        elif key in TIMES:
            self._again(msgspec.structs.replace(request, seconds=TIMES[key], usual=False))
        elif key == "a":
            self._again(msgspec.structs.replace(request, scope=scope_of(request)))
        else:
            self._end(lambda: self._tell("not blocked", None, (), self._now + 2))

    def _again(self, request: Request) -> None:
        """The same question, with that changed."""
        self._request = request
        self._run(self._blocking(request))

    def _timed(self, block: Block, key: str) -> None:
        request = Request((block.network,), block.scope, sure=True, keep=True, why=block.why)
        if key in TIMES:
            self._end(lambda: self._go(msgspec.structs.replace(request, seconds=TIMES[key], usual=False)))
        elif key == "a":
            times = {block.network: None if block.until is None else max(1.0, block.until - self._now)}
            self._end(lambda: self._go(msgspec.structs.replace(request, scope=scope_of(request), times=times)))
        else:
            self._end(lambda: self._tell("", None))

    def _end(self, then: Callable[[], None]) -> None:
        self._request = self._smaller = self._block = None
        self._mine = []
        self._meant = False
        self.can_focus = False
        self.post_message(self.Over())
        then()

    # On the screen.

    def look(self, now: float) -> None:
        """What was said long enough goes; what is on probation counts down."""
        self._now = now
        for block in self.acting.leaks():
            if not self.asking:
                self._fail(f"{named([block.network])} still gets in: {block.leak}", (("u", "undo"),))
        if self._probation is not None and now >= self._probation[1]:
            self._probation = None
            self._tell("it was not kept, and has ended", None, (), now + STAYS)
        elif self.display and not self.asking and self._until and now > self._until:
            self._tell("", None)
        elif self._probation is not None:
            self._draw()

    def on_resize(self) -> None:
        """As much as fits now."""
        self._draw()

    def _ask(self, lines: list[str], keys: Keys) -> None:
        self.can_focus = True
        self._said, self._style, self._keys, self._until = lines, ink.WARN, keys, 0.0
        self._draw()
        self.post_message(self.Asked())

    def _fail(self, words: str, keys: Keys = ()) -> None:
        self._tell(f"✗ {words}", ink.BAD, keys, self._now + STAYS)

    def _tell(self, words: str, style: Style | None, keys: Keys = (), until: float = 0.0) -> None:
        self._said, self._style, self._keys, self._until = [words] if words else [], style, keys, until
        self._draw()

    def _draw(self) -> None:
        cells = self.app.size.width
        strips = list(self._strips_of(cells))
        self.display = bool(strips)
        if strips and self.size.height != len(strips):
            self.styles.height = len(strips)
        self.paint(strips)

    def _strips_of(self, cells: int) -> list[Strip]:
        if not self._said:
            return []
        if self.asking:
            first, *rest = self._said
            strips = [Strip([Segment(line, ink.STRONG)]) for line in wrap(first, cells)]
            strips += [Strip([Segment(cut(line, cells))]) for line in rest]
            return [*strips, keys_line(self._keys, cells)]
        words = self._said[0]
        if self._probation is not None:
            words += f"; ends in {left(self._probation[1], self._now)}"
        keys = keys_line(self._keys, cells // 2)
        room = cells - keys.cell_length - 2
        strips = [Strip([Segment(line, self._style)]) for line in wrap(words, room if room > 20 else cells)][:2]
        strips[-1] = Strip([*strips[-1], Segment("  "), *keys]).simplify() if self._keys else strips[-1]
        return strips
