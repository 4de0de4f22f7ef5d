"""Time stamps at the head of log lines: RFC 3164, RFC 3339 and 5424, Exim's, Dovecot's and rspamd's own, TAI64N.

A stamp without a year gets the latest year that does not put it after the `reference` (when the file was last written,
or now), so that a file read in January dates its December lines right. A stamp without a zone is in the log's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

AHEAD = 86_400.0  # seconds that a stamp without a year may lie after the reference: clocks differ, zones are mistaken
LEAP = 8  # years back to look for a 29 February: 1896 to 1904 had none between
HOUR = 10  # characters of `Nov 10 10:`
TAI_EPOCH: Final = (1 << 62) + 10  # TAI64's label of 1970-01-01, as daemontools writes it

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_RFC3164 = re.compile(
    r"(?:<\d{1,3}>)?([A-Z][a-z]{2}) +(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)([.,]\d{1,9})?:? ", re.ASCII
)
_ISO = re.compile(
    r"(?:<\d{1,3}>(?:1 )?)?(\d{4})-(\d\d)-(\d\d)([T ])(\d\d):(\d\d):(\d\d)([.,]\d{1,9})?"
    r"(Z|(?: (?=[+-]\d{4} ))?[+-]\d\d:?\d\d)?:? ",
    re.ASCII,
)
_TAI64N = re.compile(r"@([0-9a-f]{16})([0-9a-f]{8}) ")
_SIGNS = ("+", "-")  # of a zone that this line has and the one before it had not
_OFFSET = re.compile(r" ?([+-])(\d\d):?(\d\d)", re.ASCII)


class Stamp(NamedTuple):
    """`time` in epoch seconds; `size` characters of the line are the stamp and the blank after it; `own`: written by
    the program itself and not by syslog, so that no host and program need follow."""

    time: float
    size: int
    own: bool


def stamp(line: str, zone: tzinfo | None, reference: float) -> Stamp | None:
    """The stamp that `line` begins with, None if it begins with none. `zone` None is the system's."""
    first = line[:1]
    if first == "@":
        return _tai64n(line)
    match = _ISO.match(line)
    if match is not None:
        return _iso(match, zone)
    match = _RFC3164.match(line)
    return _rfc3164(match, zone, reference) if match is not None else None


def _iso(match: re.Match[str], zone: tzinfo | None) -> Stamp | None:
    year, month, day, separator, hour, minute, second, fraction, offset = match.groups()
    fields = (int(year), int(month), int(day), int(hour), int(minute), int(second))
    seconds = _seconds(fields, UTC if offset else zone)
    if seconds is None:
        return None
    return Stamp(seconds - _offset(offset) + _fraction(fraction), match.end(), separator == " ")


def _rfc3164(match: re.Match[str], zone: tzinfo | None, reference: float) -> Stamp | None:
    name, day, year, hour, minute, second, fraction = match.groups()
    month = _MONTHS.get(name)
    if month is None:
        return None
    clock = (int(hour), int(minute), int(second))
    if year is not None:
        seconds = _seconds((int(year), month, int(day), *clock), zone)
    else:
        seconds = _latest(lambda in_year: _seconds((in_year, month, int(day), *clock), zone), reference)
    return None if seconds is None else Stamp(seconds + _fraction(fraction), match.end(), False)


def _latest(seconds_in: Callable[[int], float | None], reference: float) -> float | None:
    """The seconds of the latest year in which that date exists and is not after the reference."""
    latest = datetime.fromtimestamp(reference + AHEAD, UTC).year + 1  # a zone may be in the next year already
    for year in range(latest, latest - LEAP - 2, -1):
        seconds = seconds_in(year)
        if seconds is not None and seconds <= reference + AHEAD:
            return seconds
    return None


def _seconds(fields: tuple[int, int, int, int, int, int], zone: tzinfo | None) -> float | None:
    year, month, day, hour, minute, second = fields
    leap = second == 60  # syslog may write a leap second; datetime knows none
    try:
        return datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=zone).timestamp() + leap
    except (ValueError, OverflowError, OSError):
        return None


def _fraction(text: str | None) -> float:
    return float("0." + text[1:]) if text else 0.0


def _offset(text: str | None) -> float:
    """Seconds east of Greenwich."""
    match = _OFFSET.match(text or "")
    if match is None:
        return 0.0
    seconds = int(match[2]) * 3600.0 + int(match[3]) * 60.0
    return -seconds if match[1] == "-" else seconds


def _tai64n(line: str) -> Stamp | None:
    match = _TAI64N.match(line)
    if match is None:
        return None
    return Stamp(int(match[1], 16) - TAI_EPOCH + int(match[2], 16) / 1e9, match.end(), False)


class Stamps:
    """Stamps of one log's lines, the latest second remembered: most lines of a busy log share theirs with the one
    before.

    `reference` is for stamps without a year; whoever follows a log moves it on."""

    def __init__(self, zone: tzinfo | None, reference: float) -> None:
        self.zone = zone
        self.reference = reference
        self.head = "\0"
        """What the latest stamp begins with: all of it, or, if it has a fraction, the part before that."""
        self.same: Stamp | None = None
        """The stamp of every line that begins with `head`, unless that depends on more of the line."""
        self._latest = Stamp(0.0, 0, False)
        """The latest stamp; with a fraction, its whole second, of no size."""
        self._hour = "\0"
        """A stamp of RFC 3164 up to its minutes, and when that hour began."""
        self._hour_began = 0.0
        self._tail = ""
        """What follows the fraction: the zone."""

    def read(self, line: str) -> Stamp | None:
        """As `stamp`."""
        if line.startswith(self.head):
            same = self._latest
            if same.size and (not same.own or line[same.size : same.size + 1] not in _SIGNS):
                return same
            tail = self._tail
            end = line.find(tail, 20)
            digits = line[20:end]
            if line[19:20] == "." and tail and len(digits) < 10 and digits.isdecimal() and digits.isascii():
                return Stamp(same.time + float(line[19:end]), end + len(tail), False)
        elif line[:HOUR] == self._hour:
            later = self._within_the_hour(line)
            if later is not None:
                return later
        found = stamp(line, self.zone, self.reference)
        if found is not None:
            self._remember(line, found)
        return found

    def _within_the_hour(self, line: str) -> Stamp | None:
        """`Nov 10 10:` is remembered with its epoch seconds: zones change by whole hours, or else at one's end."""
        minute, second = line[HOUR : HOUR + 2], line[HOUR + 3 : HOUR + 5]
        digits = minute + second
        if line[HOUR + 2 : HOUR + 6 : 3] != ": " or not (digits.isascii() and digits.isdecimal()) or second > "59":
            return None
        self.head = line[: HOUR + 6]
        self.same = self._latest = Stamp(self._hour_began + int(minute) * 60 + int(second), HOUR + 6, False)
        return self._latest

    def _remember(self, line: str, found: Stamp) -> None:
        self.head = "\0"
        self.same = None
        stamped = line[: found.size]
        if stamped[0] in "<@":
            return
        if stamped[10] == "T" and stamped[19] == ".":
            tail = stamped[19:].lstrip(".0123456789")
            if tail[0] in "Z+-":
                # Rounded, since nine digits after the point may round up to the next second.
                second = float(round(found.time - float(stamped[19 : -len(tail)])))
                self.head, self._latest, self._tail = line[:19], Stamp(second, 0, False), tail
        elif "." not in stamped and "," not in stamped:
            self.head, self._latest = stamped, found
            self.same = None if found.own else found
            if len(stamped) == HOUR + 6 and stamped[0] >= "A" and stamped[HOUR + 3] < "6":
                self._hour = stamped[:HOUR]
                self._hour_began = found.time - int(stamped[HOUR : HOUR + 2]) * 60 - int(stamped[HOUR + 3 : HOUR + 5])
