"""Time stamps: each form, years that are not written, zones; and that remembering the latest one changes nothing."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.stamps import AHEAD, Stamp, Stamps, stamp

BERLIN = ZoneInfo("Europe/Berlin")
EAST = timezone(timedelta(hours=5, minutes=30))
REFERENCE = datetime(2025, 11, 25, 12, 0, tzinfo=UTC).timestamp()
REST = "mx1 postfix/smtpd[1]: text"


def _at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, zone: tzinfo = UTC) -> float:
    return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("text", "zone", "time"),
    [
        ("Nov 10 12:30:07 ", UTC, _at(2025, 11, 10, 12, 30, 7)),
        ("Nov  1 12:30:07 ", UTC, _at(2025, 11, 1, 12, 30, 7)),
        ("Nov 10 12:30:07 ", BERLIN, _at(2025, 11, 10, 11, 30, 7)),
        ("Jul 10 12:30:07 ", BERLIN, _at(2025, 7, 10, 10, 30, 7)),
        ("Nov 10 12:30:07 ", EAST, _at(2025, 11, 10, 7, 0, 7)),
        ("Nov 10 12:30:07.123 ", UTC, _at(2025, 11, 10, 12, 30, 7) + 0.123),
        ("Nov 10 2024 12:30:07 ", UTC, _at(2024, 11, 10, 12, 30, 7)),
        ("Nov 10 12:30:07: ", UTC, _at(2025, 11, 10, 12, 30, 7)),
        ("<22>Nov 10 12:30:07 ", UTC, _at(2025, 11, 10, 12, 30, 7)),
        ("Oct 26 02:30:00 ", BERLIN, _at(2025, 10, 26, 0, 30, 0)),  # twice that night: the first is meant
        ("Mar 30 02:30:00 ", BERLIN, _at(2025, 3, 30, 1, 30, 0)),  # never that night: as if summer had not begun
        ("Dec 31 23:59:60 ", UTC, _at(2025, 1, 1, 0, 0, 0)),
        ("2025-11-10T12:30:07Z ", BERLIN, _at(2025, 11, 10, 12, 30, 7)),
        ("2025-11-10T12:30:07.123456+01:00 ", UTC, _at(2025, 11, 10, 11, 30, 7) + 0.123456),
        ("2025-11-10T12:30:07.123456-0330 ", UTC, _at(2025, 11, 10, 16, 0, 7) + 0.123456),
        ("2025-11-10T12:30:07 ", BERLIN, _at(2025, 11, 10, 11, 30, 7)),
        ("2016-12-31T23:59:60.5Z ", UTC, _at(2017, 1, 1) + 0.5),
        ("<22>2025-11-10T12:30:07.5Z ", UTC, _at(2025, 11, 10, 12, 30, 7) + 0.5),
        ("<22>1 2025-11-10T12:30:07.5Z ", UTC, _at(2025, 11, 10, 12, 30, 7) + 0.5),
        ("@400000006911dd9f1dcd6500 ", UTC, 0x6911DD9F - 10 + 0.5),
    ],
)
def test_of_syslog(text: str, zone: tzinfo, time: float) -> None:
    assert stamp(text + REST, zone, REFERENCE) == Stamp(time, len(text), False)


@pytest.mark.parametrize(
    ("text", "zone", "time"),
    [
        ("2025-11-10 12:30:07 ", UTC, _at(2025, 11, 10, 12, 30, 7)),
        ("2025-11-10 12:30:07 ", BERLIN, _at(2025, 11, 10, 11, 30, 7)),
        ("2025-11-10 12:30:07.250 ", UTC, _at(2025, 11, 10, 12, 30, 7) + 0.25),
        ("2025-11-10 12:30:07 +0530 ", UTC, _at(2025, 11, 10, 7, 0, 7)),
        ("2025-11-10 12:30:07.250 -0100 ", UTC, _at(2025, 11, 10, 13, 30, 7) + 0.25),
    ],
)
def test_of_the_program_itself(text: str, zone: tzinfo, time: float) -> None:
    """Exim, with log_timezone and millisec as well, a process id after it; Dovecot's and rspamd's own."""
    for rest in ("1aBcDe-000001-23 <= a@example.org", "[123] 1aBcDe-000001-23 Completed", "imap-login: Info: Login"):
        assert stamp(text + rest, zone, REFERENCE) == Stamp(time, len(text), True)


@pytest.mark.parametrize(
    ("reference", "text", "year"),
    [
        (_at(2026, 1, 2), "Dec 31 23:59:59", 2025),
        (_at(2026, 1, 2), "Jan  1 00:00:00", 2026),
        (_at(2025, 12, 31, 23, 59, 58), "Dec 31 23:59:59", 2025),  # clocks differ
        (_at(2025, 12, 31, 23, 59, 58), "Jan  1 00:00:30", 2026),
        (_at(2025, 12, 31, 12), "Jan  2 00:00:00", 2025),  # but not by so much
        (_at(2025, 11, 25), "Nov 26 00:00:00", 2025),
        (_at(2025, 11, 25), "Nov 27 00:00:00", 2024),
        (_at(2024, 3, 1), "Feb 29 12:00:00", 2024),
        (_at(2025, 3, 1), "Feb 29 12:00:00", 2024),
        (_at(2027, 12, 31), "Feb 29 12:00:00", 2024),
        (_at(2103, 12, 31), "Feb 29 12:00:00", 2096),  # 2100 has none
    ],
)
def test_the_year_that_is_not_written(reference: float, text: str, year: int) -> None:
    found = stamp(f"{text} {REST}", UTC, reference)
    assert found is not None
    assert datetime.fromtimestamp(found.time, UTC).year == year


def test_the_year_where_the_log_is_ahead_of_us() -> None:
    """It is next year there already, and not yet here."""
    found = stamp(f"Jan  1 04:00:00 {REST}", EAST, _at(2025, 12, 31, 22, 30))
    assert found is not None
    assert found.time == _at(2026, 1, 1, 4, zone=EAST)


@pytest.mark.parametrize(
    "line",
    [
        "", " ", "Nov", "Nov 10 12:30:07", "Now 10 12:30:07 x", "Nov 31 12:30:07 x", "Feb 30 12:30:07 x",
        "Nov 10 24:30:07 x", "Nov 10 12:60:07 x", "Nov 10 12:30:61 x", "nov 10 12:30:07 x", "2025-13-10T12:30:07Z x",
        "2025-11-10T12:30:07Zx",
        "2025-02-29T12:30:07Z x", "0000-01-01T00:00:00Z x", "@40000000 x", "@zzzzzzzzzzzzzzzzzzzzzzzz x", "\0", "<22>",
        "١٠ Nov 10 12:30:07 x", "Nov ١٠ 12:30:07 x", "<9999>Nov 10 12:30:07 x",
    ],
)  # fmt: skip
def test_none(line: str) -> None:
    assert stamp(line, UTC, REFERENCE) is None
    assert Stamps(UTC, REFERENCE).read(line) is None


_SECONDS = st.sampled_from(("12:30:07", "12:30:08", "23:59:60", "00:00:00", "12:61:00"))
_FRACTIONS = st.one_of(
    st.just(""), st.from_regex(r"[.,][0-9]{1,11}", fullmatch=True), st.sampled_from((".999999999", ".٣", ".", ".5.5"))
)
_ZONES = st.sampled_from(("", "Z", "+01:00", "-0330", " +0100", "+25:99", "ZZ"))
_ENDS = st.sampled_from((" mx1 x[1]: y", ": mx1 x: y", "", " ", " +0100 x", "x"))
_ISO = st.tuples(
    st.sampled_from(("", "<22>", "<22>1 ")), st.sampled_from(("2025-11-10T", "2025-11-10 ", "2024-02-29T")), _SECONDS,
    _FRACTIONS, _ZONES, _ENDS,
).map("".join)  # fmt: skip
_BSD = st.tuples(
    st.sampled_from(("", "<22>")), st.sampled_from(("Nov 10 ", "Nov  1 ", "Feb 29 ", "Nov 10 2024 ")), _SECONDS,
    _FRACTIONS, _ENDS,
).map("".join)  # fmt: skip
_LINES = st.one_of(_ISO, _BSD, st.text(max_size=40), st.just("@400000006911dd9f1dcd6500 x"))


@given(st.lists(_LINES, max_size=12), st.sampled_from((UTC, BERLIN, EAST)))
def test_remembering_changes_nothing(lines: list[str], zone: tzinfo) -> None:
    stamps = Stamps(zone, REFERENCE)
    for line in [twice for each in lines for twice in (each, each)]:
        assert stamps.read(line) == stamp(line, zone, REFERENCE)


@given(st.datetimes(datetime(2025, 1, 1), datetime(2025, 11, 26)))
def test_rfc3164_of_any_time(written: datetime) -> None:
    time = written.replace(microsecond=0, tzinfo=UTC)
    found = stamp(f"{time:%b} {time.day:2d} {time:%H:%M:%S} {REST}", UTC, REFERENCE)
    assert found is not None
    late = time.timestamp() > REFERENCE + AHEAD
    assert found.time == (time.replace(year=2024) if late else time).timestamp()
