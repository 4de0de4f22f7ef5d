"""Which command a reply answers, once part of the dialogue is missing from the capture.

With everything captured the oldest pending command is the one. After a gap the count is off by a number that nobody
knows: a mark in the queue of pending commands tells where. Replies that meet it are kept until something shows how
far both sides have come: a reply that only one command can have, or a client going on after a command that it has to
wait for. From there the replies are counted off backwards. What that leaves without a partner stays unknown; nothing
is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collectors.wire import infer, unanswered
from collectors.wire.answers import ANSWERS
from collectors.wire.credentials import unseen

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

MAX_KEPT = 4096  # replies kept, as many as commands can be pending
ANOTHER = len(b"RSET\r\nMAIL FROM:<>\r\n")  # octets; what is missing must be as long to hide a new transaction
LOCK_STEP = 8  # turns of one command and one reply, after which this client is taken to wait for each

LOST: Final = ""
"""The verb of the marks among pending commands."""
COMMANDS_LOST: Final[tuple[str, Any]] = (LOST, "commands")
"""Here commands were not captured."""
REPLIES_LOST: Final[tuple[str, Any]] = (LOST, "replies")
"""At the front: some of what follows may be answered already."""

_HELD_FOR = frozenset(("DATA", "AUTH", "STARTTLS"))  # the client's octets are held until their reply, or stand for it
_LAST_OF_GROUP = frozenset(("EHLO", "HELO", "LHLO"))  # a client waits for their reply (RFC 2920, 3.1)


class _Reply(NamedTuple):
    code: int
    enhanced: str | None
    text: str


class Adrift:
    """What is kept while replies can't be counted off."""

    __slots__ = ("_since", "_turns", "could_reset", "replies")

    def __init__(self) -> None:
        self.replies: list[_Reply] = []
        self.could_reset = False
        """The last reply to a command that was not captured may have answered RSET."""
        self._since = 0
        self._turns = 0

    def keep(self, reply: _Reply) -> None:
        """A reply whose command is not clear yet."""
        self.replies.append(reply._replace(text=unseen(reply.code, reply.text)))
        del self.replies[:-MAX_KEPT]
        self._since += 1

    def turn(self) -> bool:
        """The client sends its next command; whether it is shown to wait for each reply by now."""
        self._turns = self._turns + 1 if self._since == 1 else 0
        self._since = 0
        return self._turns >= LOCK_STEP


def _adrift(dialogue: Dialogue) -> Adrift:
    if dialogue.adrift is None:
        dialogue.adrift = Adrift()
    return dialogue.adrift


def is_adrift(dialogue: Dialogue) -> bool:
    """Whether the next reply can't simply be counted off."""
    return bool(dialogue.pending) and dialogue.pending[0][0] == LOST


def commands_lost(dialogue: Dialogue, octets: float) -> None:
    """So many octets of the client are missing where commands are read."""
    if not dialogue.pending or dialogue.pending[-1] is not COMMANDS_LOST:
        dialogue.pending.append(COMMANDS_LOST)
    if dialogue.conn.headless:
        dialogue.pipelining = None  # EHLO and its reply may be among what is missing
    _may_be_over(dialogue, octets)


def _may_be_over(dialogue: Dialogue, octets: float) -> None:
    """Commands are missing: the transaction may have ended among them, and, where replies are missing too, another may
    be open now."""
    envelope = dialogue.envelope
    if envelope is None:
        return
    if (envelope.presumed or envelope.unsure) and octets >= ANOTHER:
        dialogue.end_envelope("unknown")
    else:
        envelope.unsure = True


def replies_lost(dialogue: Dialogue, begun: bool) -> None:
    """Octets of the server are missing; `begun`: its last reply was cut off by that."""
    pending = dialogue.pending
    dialogue.adrift = None
    dialogue.client.stop_waiting(only_after_gap=True)
    if not pending and not begun:
        commands_lost(dialogue, 0)  # for it answered something
    if COMMANDS_LOST in pending:
        dialogue.end_envelope("unknown")  # both are missing, so whole transactions may be
        dialogue.pipelining = None
        if pending[0][0] != LOST:
            pending.insert(0, REPLIES_LOST)
    elif len(pending) == 1 and pending[0][0] not in _HELD_FOR and not begun:
        unanswered.resolve_all(dialogue)  # it is the one that was answered there
    elif pending and pending[0][0] != LOST:
        pending.insert(0, REPLIES_LOST)


def command(dialogue: Dialogue) -> None:
    """The client sends a command while adrift: does that show that all before it is answered?"""
    shown = _adrift(dialogue).turn()
    if shown or _waits(dialogue) or dialogue.pending[-1][0] in _LAST_OF_GROUP:
        settle(dialogue, len(dialogue.pending))


def _waits(dialogue: Dialogue) -> bool:
    """The client is bound to wait for each reply, and has done so."""
    hello_lost = any(verb in _LAST_OF_GROUP for verb, _ in dialogue.pending)
    return dialogue.pipelining is False and "pipelining" not in dialogue.oddities and not hello_lost


def no_command(dialogue: Dialogue) -> bool:
    """A line is no command; whether that is because it belongs to a message whose DATA is missing. Then so do the
    lines between, though they may have looked like commands."""
    pending = dialogue.pending
    if COMMANDS_LOST not in pending:
        return False
    while pending[-1] is not COMMANDS_LOST:
        pending.pop()
    return True


def answered(dialogue: Dialogue, code: int, enhanced: str | None, text: str) -> tuple[str, Any]:
    """The (verb, data) of the command that a reply answers; ("", None) where that is not known, or not yet."""
    pending = dialogue.pending
    if pending and pending[0][0] != LOST:
        if not infer.contradicts(pending[0][0], code, enhanced, text):
            return pending.pop(0)
        pending.insert(0, REPLIES_LOST)  # more is missing than the gaps have shown
    only = infer.only(code, enhanced, text, dialogue.envelope is not None)
    if only:
        verbs = [verb for verb, _ in pending]
        if only == "AUTH" and "*" in verbs:
            only = "*"
        if verbs.count(only) > 1:
            _adrift(dialogue).keep(_Reply(code, enhanced, text))
            return "", None
        if only in verbs and COMMANDS_LOST not in pending[verbs.index(only) :]:
            settle(dialogue, verbs.index(only))
            return pending.pop(0)
        settle(dialogue, len(pending))  # its command was lost, or may have been, and clients wait after those
        return only, None
    if all(verb == LOST for verb, _ in pending):
        _unseen(dialogue, code, enhanced)
        return infer.suggested(enhanced), None
    _adrift(dialogue).keep(_Reply(code, enhanced, text))
    return "", None


def _unseen(dialogue: Dialogue, code: int, enhanced: str | None) -> None:
    """A reply to a command that was not captured. If two in a row may have been to RSET and MAIL, the transaction may
    be another one now."""
    adrift = _adrift(dialogue)
    plain = code < 300 and not infer.suggested(enhanced)
    if plain and adrift.could_reset:
        dialogue.end_envelope("unknown")
    adrift.could_reset = plain


def settle(dialogue: Dialogue, count: int) -> None:
    """The first `count` pending commands have been answered, the last of them by the last reply that was kept, and so
    on backwards."""
    asked = [dialogue.pending.pop(0) for _ in range(count)]
    replies = _adrift(dialogue).replies
    dialogue.adrift = None
    pairs = []
    while asked and replies and asked[-1][0] != LOST and not infer.contradicts(asked[-1][0], *replies[-1]):
        pairs.append((asked.pop(), replies.pop()))
    if all(verb == LOST for verb, _ in asked):
        for reply in replies:  # they answered commands that were not captured
            _unseen(dialogue, reply.code, reply.enhanced)
            _answer(dialogue, infer.suggested(reply.enhanced), None, reply)
    for command in asked:
        if command is COMMANDS_LOST:
            _may_be_over(dialogue, ANOTHER)
        unanswered.resolve(dialogue, *command)
    for (verb, data), reply in reversed(pairs):
        _answer(dialogue, verb, data, reply)


def _answer(dialogue: Dialogue, verb: str, data: Any, reply: _Reply) -> None:
    answer = ANSWERS.get(verb)
    if answer is not None:
        answer(dialogue, data, *reply)
