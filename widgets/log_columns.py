"""The log's columns."""

from functools import lru_cache

from smtpwatch import clock
from smtpwatch.state.lines import Line
from widgets.cells import cut
from widgets.log_words import mark, words, worth
from widgets.table_layout import Column, Picked, by

TEXT_MAX = 2_000  # characters of a line that a row looks at; opened, it is there in full
SOUGHT = 20_000  # characters of a line that the filter looks at


@lru_cache(1_000)
def short(program: str) -> str:
    """`smtpd`, `submission`, `exim`: a program without its package, its service where the admin has named that."""
    parts = program.split("/")
    return parts[1] if len(parts) == 3 and parts[1] else parts[-1] or program


def text(line: Line, now: float) -> str:
    """The raw line, without stamp, host and program."""
    return line.fact.text[:TEXT_MAX]


def facts(line: Line, now: float) -> str:
    """Its facts in words."""
    return words(line)


def _at(line: Line, now: float) -> str:
    return clock.of_day(line.fact.time)


def _program(line: Line, now: float) -> str:
    return short(line.fact.program)


def _all_of_program(line: Line) -> str:
    return f"{line.fact.program}[{line.fact.pid}]"


def _all_of_text(line: Line) -> str:
    return line.fact.text[:SOUGHT]


def _number(line: Line) -> tuple[float, str]:
    return float(line.number), ""


OF_MAIL = (("queue_id", "qid"), ("source", "src"))
OF_FACTS = (("reason", "reason"), ("status", "status"), ("account", "account"), ("source", "src"))
"""What the cells are as terms of the filter: the first of a fact's attributes that the line has, and its field."""


def picked(line: Line, attributes: tuple[tuple[str, str], ...]) -> Picked | None:
    """The field of the filter that the line's cell stands for, and its value."""
    for name, field in attributes:
        for fact in line.facts:
            said = getattr(fact, name, None)
            if said:
                return field, said
    return None


WIDE = 120  # cells from which on the facts stand beside the line

# The raw line has what an admin searches the web for: where room is short, it stays and the facts, the last column, go.
COLUMNS: tuple[Column[Line], ...] = (
    Column("time", 8, 8, 8, 0, _at, lambda line, now: _number(line), sought=False),
    Column("", 1, 1, 1, 0, lambda line, now: mark(line), lambda line, now: (worth(line), ""), descending=True,
           sought=False, term="mark"),
    Column("program", 10, 10, 10, 0, _program, by(_program), seek=_all_of_program, term="prog",
           pick=lambda line, now: ("prog", line.fact.program)),
    Column("line", 20, 49, 120, 0, text, by(text), seek=_all_of_text, pick=lambda line, now: picked(line, OF_MAIL)),
    Column("facts", 47, 47, 70, 1, facts, by(facts), shorten=cut, pick=lambda line, now: picked(line, OF_FACTS)),
)  # fmt: skip
