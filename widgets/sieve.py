"""The filter: words typed once, matched against what the table shows of each session."""

from collections.abc import Iterable
from typing import NamedTuple

from smtpwatch.state.sessions import Session
from widgets.columns import COLUMNS, shown

LOOKS = 4_000  # sessions whose text is put together in one go: some 30 ms, so that the next key need not wait

_SOUGHT = tuple(column for column in COLUMNS if column.sought)


class Words(NamedTuple):
    """A filter: every one of `wanted` must be in the text and none of `unwanted`, whatever the case."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]

    def match(self, text: str) -> bool:
        """Whether `text` (lower case) passes."""
        return all(word in text for word in self.wanted) and not any(word in text for word in self.unwanted)


def words(typed: str) -> Words:
    """`relay !gmail` as Words; a lone `!` is not a word yet."""
    each = typed.casefold().split()
    return Words(
        tuple(word for word in each if not word.startswith("!")),
        tuple(word[1:] for word in each if word.startswith("!") and len(word) > 1),
    )


def haystack(session: Session) -> str:
    """What the filter looks in: all columns but those that only the passing of time or octets changes."""
    return " ".join([shown(column, session, 0.0) for column in _SOUGHT]).casefold()


class Sieve:
    """The sessions that pass a filter, remembering verdicts so that each look costs only what has changed.

    `pending` counts sessions that there was no time to look at: they are left out until a later look."""

    def __init__(self, typed: str) -> None:
        self.pending = 0
        self._words = words(typed)
        self._verdicts: dict[tuple[str, int], tuple[tuple[float, str, int], bool]] = {}

    def passed(self, sessions: Iterable[Session]) -> list[Session]:
        """Those of `sessions` that pass, in their order. Looks at no more than LOOKS new or changed ones."""
        known, verdicts = self._verdicts, {}
        chosen: list[Session] = []
        looks = pending = 0
        for session in sessions:
            key = session.key
            stamp = (session.end, session.stage, session.accepted + session.refused)
            verdict = known.get(key)
            if verdict is None or verdict[0] != stamp:
                if looks < LOOKS:
                    looks += 1
                    verdict = (stamp, self._words.match(haystack(session)))
                else:
                    pending += 1
            if verdict is not None:
                verdicts[key] = verdict
                if verdict[1]:
                    chosen.append(session)
        self._verdicts = verdicts
        self.pending = pending
        return chosen
