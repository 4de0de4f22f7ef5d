"""The lines of keys, in the foot and in the help."""

from typing import ClassVar

import pytest
from textual.binding import Binding, BindingType
from textual.widget import Widget

from smtpwatch.app import SmtpWatch
from smtpwatch.query import TABLE
from widgets import ink
from widgets.key_lines import NAMES, Help, help_lines, key_name, keys_line, keys_of
from widgets.log_table import LogTable
from widgets.rate_graph import RateGraph
from widgets.source_story import SourceStory
from widgets.source_table import SourceTable

KEYS = (("Enter", "open"), ("/", "filter"), ("Space", "freeze"))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (80, "Enter open  / filter  Space freeze"),
        (34, "Enter open  / filter  Space freeze"),
        (33, "Enter open  / filter"),
        (20, "Enter open  / filter"),
        (10, "Enter open"),
        (9, ""),
        (0, ""),
    ],
)
def test_as_many_keys_as_fit_whole(cells: int, expected: str) -> None:
    assert keys_line(KEYS, cells).text == expected


def test_keys_are_strong_and_their_words_plain() -> None:
    assert [(each.text, each.style) for each in keys_line(KEYS[:1], 80)] == [("Enter", ink.STRONG), (" open", None)]


def test_keys_as_they_are_printed_on_the_keyboard() -> None:
    assert key_name("up,k") == "Up k"
    assert key_name("plus,equals_sign,right_square_bracket") == "+ = ]"
    every = [
        binding.key for kind in (SmtpWatch, SourceTable, SourceStory, LogTable, RateGraph) for binding in keys_of(kind)
    ]
    odd = [key for key in every for each in key.split(",") if len(each) > 1 and each not in NAMES]
    assert odd == [], "a name that only the program knows"


class _Parent(Widget):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "one", "one"), Binding("b", "two", "two")]


class _Child(_Parent):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("b", "other", "its own"), Binding("c", "three", "three")]


def test_of_two_bindings_of_one_key_the_widgets_own_counts() -> None:
    assert [(each.key, each.description) for each in keys_of(_Child)] == [
        ("b", "its own"), ("c", "three"), ("a", "one"),
    ]  # fmt: skip


def test_help_has_two_keys_in_a_line() -> None:
    lines = [strip.text.rstrip() for strip in help_lines([("This table", keys_of(_Child))], 60)]
    assert lines == [
        "This table",
        "  b           its own           a           one",
        "  c           three",
    ]
    for cells in (1, 10, 20, 33, 80):
        assert all(strip.cell_length <= max(cells, 28) for strip in help_lines([("x", keys_of(_Child))], cells))


def test_every_field_of_the_filter_is_told_of_in_its_width() -> None:
    told = Help(("A note of many words that does not fit into one line of so few cells.",), "help")
    told._groups = (("This table", keys_of(SourceTable)), ("Everywhere", keys_of(SmtpWatch)))
    for cells in (40, 60, 80, 200):
        content = told._content(cells)
        assert content is not None
        head, body = content
        assert all(strip.cell_length <= cells for strip in [*head, *body])
        text = "\n".join(strip.text for strip in body)
        assert [field.name for field in TABLE if f"  {field.name}:" not in text] == []
