"""Terms written: a value of a row becomes a term that finds just that value."""

from __future__ import annotations

from smtpwatch.clean import clean
from smtpwatch.query.fields import FIELDS
from smtpwatch.query.parse import SHOWS, tokens
from smtpwatch.query.values import Said

LONGEST = 80  # characters of a value that go into a term; of a longer one its beginning does

_ESCAPED = str.maketrans({char: f"\\{char}" for char in '*?"\\'})
_BARE = str.maketrans({char: f"\\{char}" for char in "*?\\"})


def written(field: str, said: Said) -> str:
    """The term for what a row says of `field`; of "" or None, the one for rows that say nothing of it. A number that
    grows is asked for as that much or more."""
    if field == SHOWS:
        return f'"{clean(str(said)).translate(_ESCAPED)}"' if said else ""
    if said is None or said == "":
        return f'{field}:""'
    if isinstance(said, str):
        return f"{field}:{quoted(said)}"
    floor = int(said) if said >= 10 or said == int(said) else int(said * 10) / 10
    return f"{field}:{'>=' if FIELDS[field].grows and floor > 0 else ''}{floor}"


def quoted(said: str) -> str:
    """A value as it is to be typed."""
    text = clean(said)
    star = "*" if len(text) > LONGEST else ""
    text = text[:LONGEST]
    if any(char.isspace() or char in ',"' for char in text) or text[:1] in "<>=":
        return f'"{text.translate(_ESCAPED)}{star}"'
    return text.translate(_BARE) + star


def without(text: str, start: int, end: int) -> str:
    """`text` without the term there."""
    return f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()


def with_term(text: str, added: str) -> str:
    """`text` and one term more; its opposite goes, and what is there already is not said twice."""
    opposite = added.removeprefix("!") if added.startswith("!") else f"!{added}"
    for token in reversed(list(tokens(text))):
        if text[token.start : token.end] in (added, opposite):
            text = without(text, token.start, token.end)
    return f"{text.strip()} {added}".lstrip()
