"""Lines as syslog writes them, read by the Reader: what the parsers' tests share."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import strategies as st

from collectors.logs.head import Head, Parse
from collectors.logs.reader import Reader
from smtpwatch.events import Event

STAMP = "2026-11-25T10:00:00+00:00"
TIME = datetime.fromisoformat(STAMP).timestamp()
PID = 42
HOSTILE_LIMIT = 2.0  # seconds for a line; only a guard against a search without end: it takes milliseconds
HOSTILE_SIZE = 64 * 1024


def head(program: str, text: str) -> Head:
    """The head of the facts of `text`, logged by `program` on host mx."""
    return (TIME, "log", "mx", program, PID, text)


def read(program: str, text: str) -> Sequence[Event] | None:
    """What the reader makes of that line; None: nobody understood it."""
    return Reader("here", UTC, TIME).line(f"{STAMP} mx {program}[{PID}]: {text}")[1]


def mutated(lines: Sequence[str]) -> st.SearchStrategy[str]:
    """Lines with a piece cut out, doubled or put elsewhere, or with words of another put in."""
    pieces = st.tuples(
        st.sampled_from(lines), st.sampled_from(lines), st.integers(0, 200), st.integers(0, 200), st.text()
    )
    return pieces.map(lambda made: made[0][: made[2]] + made[4] + made[1][made[3] :])


def assert_quick(parse: Parse, lines: Sequence[str]) -> None:
    """However long and hostile, no line takes long: each piece of these is repeated up to the longest line."""
    for line in lines:
        for at in range(0, len(line), 7):
            for piece in (line[at : at + 3], line[at:], line[: at + 1]):
                text = line[:at] + piece * (HOSTILE_SIZE // max(len(piece), 1)) + line[at:]
                started = time.perf_counter()
                parse(text, head("hostile", text))
                assert time.perf_counter() - started < HOSTILE_LIMIT, text[:200]
