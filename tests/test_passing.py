"""A dict that keys pass through: a dict like any other, but for the room it takes."""

from sys import getsizeof

import pytest

from smtpwatch.passing import SPARE, Passing


def test_it_is_a_dict() -> None:
    table: Passing[int, str] = Passing()
    table[1], table[2] = "one", "two"
    assert table.pop(1) == "one"
    assert table.pop(1) is None
    assert table.pop(1, "none") == "none"
    with pytest.raises(KeyError):
        del table[1]
    assert table == {2: "two"}


def test_it_stays_small_and_in_order() -> None:
    plain: dict[int, int] = {}
    table: Passing[int, int] = Passing()
    for each in (plain, table):
        for key in range(30 * SPARE):
            each[key] = key
            if key >= 10 * SPARE:
                del each[key - 10 * SPARE]
    assert [*table.items()] == [*plain.items()]
    assert getsizeof(table) < 0.6 * getsizeof(plain)
