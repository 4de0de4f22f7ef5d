"""Networks from a file."""

import io
import sys
from pathlib import Path

import pytest

from smtpwatch.firewall.listed import Listed, ListError, listed, requests
from smtpwatch.firewall.request import Request
from tests.firewall.fakes import NOW, nets

ONE, TWO, THREE = nets("192.0.2.1", "2001:db8::/64", "192.0.2.3")


def read(path: Path, text: str | bytes) -> list[Listed]:
    (path / "list").write_bytes(text if isinstance(text, bytes) else text.encode())
    return listed(path / "list", NOW)


def test_one_a_line_with_remarks(tmp_path: Path) -> None:
    assert read(tmp_path, "# bad\n192.0.2.1\n\n  2001:db8::1/64 # today\r\n") == [Listed(ONE), Listed(TWO)]


def test_what_blocks_prints(tmp_path: Path) -> None:
    rows = (
        f'{{"network":"192.0.2.1/32","scope":"all","until":{NOW + 60},"why":"x","state":"verified"}}\n'
        f'{{"network":"2001:db8::/64","scope":"smtp","until":null,"why":""}}\n'
        f'{{"network":"192.0.2.3/32","scope":"smtp","until":{NOW - 1},"why":""}}\n'
    )
    assert read(tmp_path, rows) == [Listed(ONE, "all", "x", 60.0, True), Listed(TWO, "smtp", "", None, True)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("192.0.2.1\nbob\n", "line 2: not an address or network: 'bob'"),
        ("{}", "line 1: Object missing required field `network`"),
        ('{"network": 5, "until": 1}', "line 1: Expected `str`"),
        ('{"network": "x", "until": 1}', "line 1: not an address"),
        ('{"network": "192.0.2.1", "until": 1, "scope": "some"}', "line 1: Invalid enum value"),
        ('{"network": ', "line 1: Input data was truncated"),
        (b"\xff\xfe\n", "line 1: 'utf-8'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str | bytes, why: str) -> None:
    with pytest.raises(ListError, match=why):
        read(tmp_path, text)


def test_brackets_without_end(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="line 2: brackets in brackets"):
        read(tmp_path, "192.0.2.1\n" + '{"x": ' + "[" * 200_000 + "\n")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="No such file"):
        listed(tmp_path / "list", NOW)


def test_a_file_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtpwatch.firewall.listed.LARGEST", 8)
    with pytest.raises(ListError, match="longer than"):
        read(tmp_path, "192.0.2.1\n")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"192.0.2.1\n")))
    assert listed(Path("-"), NOW) == [Listed(ONE)]


def test_what_is_alike_is_one_act() -> None:
    lines = [Listed(ONE), Listed(TWO, "all", "x", 60.0, True), Listed(THREE), Listed(nets("192.0.2.4")[0], timed=True)]
    asked = Request((), sure=True)
    plain, other = requests(lines, asked)
    assert plain.networks == (ONE, THREE, nets("192.0.2.4")[0]) and plain.times == {nets("192.0.2.4")[0]: None}
    assert (other.networks, other.scope, other.why, other.times) == ((TWO,), "all", "x", {TWO: 60.0})
    assert plain.sure and other.sure


def test_the_command_line_has_the_last_word() -> None:
    lines = [Listed(ONE), Listed(TWO, "all", "x", 60.0, True)]
    (all_,) = requests(lines, Request((), "all", 600.0, False, why="mine"))
    assert (all_.networks, all_.scope, all_.why, all_.times, all_.seconds) == ((ONE, TWO), "all", "mine", {}, 600.0)
    assert requests([], Request(())) == []
