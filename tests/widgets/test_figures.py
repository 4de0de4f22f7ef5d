"""Numbers as they are shown."""

import pytest

from widgets import figures


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0"), (999, "999"), (1_000, "1.0k"), (1_204, "1.2k"), (9_999, "10k"), (812_000, "812k"), (999_600, "1.0M"),
     (5_000_000_000, "5.0G"), (10**16, "10000T")],
)  # fmt: skip
def test_octets(n: int, text: str) -> None:
    assert figures.octets(n) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0.9, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (172800, "2d")],
)
def test_age(seconds: float, text: str) -> None:
    assert figures.age(seconds) == text


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0"), (0.01, "0.1"), (3.24, "3.2"), (9.97, "10"), (214.4, "214"), (1200, "1.2k")],
)
def test_rate(n: float, text: str) -> None:
    assert figures.rate(n) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(None, "-"), (0, "0%"), (0.001, "1%"), (0.85, "85%"), (0.999, "99%"), (1, "100%")],
)
def test_share(part: float | None, text: str) -> None:
    assert figures.share(part) == text


@pytest.mark.parametrize(
    ("n", "text"),
    [(-1, "+0"), (0, "+0"), (59.9, "+59"), (60, "+1:00"), (723, "+12:03"), (3723, "+1:02:03")],
)
def test_since_whole(n: float, text: str) -> None:
    assert figures.since_whole(n) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0 s"), (0.34, "0.3 s"), (99.94, "99.9 s"), (100, "1 min 40 s"), (3_599, "59 min 59 s"),
     (3_600, "1 h 0 min"), (18_120, "5 h 2 min"), (187_200, "2 d 4 h"), (40 * 86_400, "40 d 0 h")],
)  # fmt: skip
def test_span(seconds: float, text: str) -> None:
    assert figures.span(seconds) == text


@pytest.mark.parametrize(
    ("n", "text"),
    [(-1, "+0.000"), (0.0123, "+0.012"), (12.34, "+12.3"), (125, "+2:05"), (3723, "+1:02:03")],
)
def test_since(n: float, text: str) -> None:
    assert figures.since(n) == text
