"""Postfix's long queue ids (enable_long_queue_ids in postconf(5)): a time in microseconds and an inode.

Seconds in base 52, six digits at least; microseconds in four digits more; "z"; the inode in base 51, which has no z."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

_DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_SECONDS, _MICROS = 6, 4  # digits
_MICRO = 1_000_000

# With the date that a Message-ID of Postfix's own has before it (cleanup(8)).
_ID = re.compile(
    rf"(?<![0-9A-Za-z])(?:(\d{{14}})\.)?([{_DIGITS}]{{{_SECONDS + _MICROS}}})z([{_DIGITS[:-1]}]{{2,16}})(?![0-9A-Za-z])"
)
_DATE = "%Y%m%d%H%M%S"

Span = tuple[float, float]
"""From when to when, epoch seconds."""


def queue_id(time: float, inode: int) -> str:
    """The id of the message that Postfix begins at `time`, epoch seconds, in that inode."""
    seconds, micros = divmod(round(time * _MICRO), _MICRO)
    return f"{_number(seconds, 52, _SECONDS)}{_number(micros, 52, _MICROS)}z{_number(inode, 51, 1)}"


def _number(value: int, base: int, least: int) -> str:
    digits = ""
    while value or len(digits) < least:
        value, digit = divmod(value, base)
        digits = _DIGITS[digit] + digits
    return digits


def _micros(digits: str) -> int:
    seconds = micros = 0
    for digit in digits[:_SECONDS]:
        seconds = seconds * 52 + _VALUES[digit]
    for digit in digits[_SECONDS:]:
        micros = micros * 52 + _VALUES[digit]
    return seconds * _MICRO + micros


def named(text: str, within: Span) -> bool:
    """Whether `text` holds the id of a message of that time: what only looks like one is of another."""
    return any(within[0] <= _micros(found[2]) / _MICRO <= within[1] for found in _ID.finditer(text))


def shifting(seconds: float, within: Span) -> Callable[[str], str]:
    """A function that makes all ids of that time in a text those that the messages had got `seconds` later."""
    known: dict[str, str] = {}

    def replaced(found: re.Match[str]) -> str:
        whole, date, begun, inode = found[0], found[1], found[2], found[3]
        later = known.get(whole)
        if later is None:
            micros = _micros(begun)
            later = whole
            if within[0] <= micros / _MICRO <= within[1]:
                moved, rest = divmod(micros + round(seconds * _MICRO), _MICRO)
                later = f"{_number(moved, 52, _SECONDS)}{_number(rest, 52, _MICROS)}z{inode}"
                if date is not None:
                    later = f"{_later(date, seconds)}.{later}"
            known[whole] = later
        return later

    return lambda text: _ID.sub(replaced, text)


def _later(date: str, seconds: float) -> str:
    try:
        return (datetime.strptime(date, _DATE) + timedelta(seconds=seconds)).strftime(_DATE)
    except ValueError:  # no date
        return date
