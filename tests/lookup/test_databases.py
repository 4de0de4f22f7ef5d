"""Which databases are found, in which order they are asked, and what is said of those that are of no use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from smtpwatch.lookup import databases as module
from smtpwatch.lookup.databases import STALE, Database, chosen, found
from tests.lookup import databases
from tests.lookup.databases import BUILT, RANGES, Range, Record, write


def test_those_of_the_usual_places(tmp_path: Path) -> None:
    here, there, nowhere = tmp_path / "here", tmp_path / "there", tmp_path / "nowhere"
    here.mkdir()
    there.mkdir()
    city, asn, country = databases.city(here), databases.asn(here), databases.country(there)
    (here / "GeoLite2-City.mmdb.tmp").write_bytes(b"geoipupdate writes here")
    (here / "README").write_text("not one")
    assert found((), (here, nowhere, there)) == [
        Database(asn, "GeoLite2-ASN", BUILT, network=True),
        Database(country, "GeoLite2-Country", BUILT, country=True),
        Database(city, "GeoLite2-City", BUILT, country=True, city=True),
    ]


def test_a_place_that_is_a_link_to_another_counts_once(tmp_path: Path) -> None:
    here, link = tmp_path / "here", tmp_path / "link"
    here.mkdir()
    asn = databases.asn(here)
    link.symlink_to(here)
    assert [database.path for database in found((), (here, link))] == [asn]


def test_of_a_years_files_the_latest_is_used(tmp_path: Path) -> None:
    paths = [
        write(
            tmp_path / f"dbip-country-lite-2025-{month:02}.mmdb",
            "DBIP-Country-Lite",
            databases.as_country,
            RANGES[:1],
            BUILT - (12 - month) * 30 * 86_400,
        )
        for month in range(1, 13)
    ]
    assert [database.path for database in found((), (tmp_path,))] == [paths[-1]]


def test_one_that_was_left_behind_is_asked_last(tmp_path: Path) -> None:
    old = write(tmp_path / "old.mmdb", "GeoLite2-Country", databases.as_country, RANGES[:1], BUILT - STALE - 1)
    new = databases.city(tmp_path)
    assert [database.path for database in found((), (tmp_path,))] == [new, old]


def test_those_that_are_set_are_asked_in_that_order(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    country, city, asn = databases.country(tmp_path), databases.city(tmp_path), databases.asn(folder)
    missing = tmp_path / "missing.mmdb"
    paths = tuple(map(str, (city, missing, folder, country)))
    assert found(paths, (folder,)) == [
        Database(city, "GeoLite2-City", BUILT, country=True, city=True),
        Database(country, "GeoLite2-Country", BUILT, country=True),
        Database(asn, "GeoLite2-ASN", BUILT, network=True),
        Database(missing, problem="No such file or directory"),
    ]


def test_none(tmp_path: Path) -> None:
    databases.asn(tmp_path)
    assert found(("none",), (tmp_path,)) == []


@pytest.mark.parametrize(
    ("kind", "record", "knows"),
    [
        ("DBIP-Country-Lite", databases.as_country, "country"),
        ("DBIP-City-Lite", databases.as_city, "country city"),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", databases.as_asn, "network"),
        ("GeoIP2-ISP", databases.as_asn, "network"),
        ("GeoIP2-Enterprise", databases.as_both, "country network city"),
        ("ipinfo generic_country_asn_free.mmdb", databases.as_ipinfo, "country network"),
        ("ipinfo lite", databases.as_ipinfo_lite, "country network"),
        ("my own", databases.as_both, "country network city"),
        ("my own", databases.as_asn, "network"),
    ],
)
def test_what_each_kind_knows(tmp_path: Path, kind: str, record: Callable[[Range], Record], knows: str) -> None:
    path = write(tmp_path / "one.mmdb", kind, record)
    country, network, city = (name in knows.split() for name in ("country", "network", "city"))
    assert found((str(path),)) == [Database(path, kind, BUILT, country, network, city)]


def test_one_of_a_kind_that_is_of_no_use(tmp_path: Path) -> None:
    path = write(tmp_path / "GeoIP2-Connection-Type.mmdb", "GeoIP2-Connection-Type", lambda _: {"connection_type": "x"})
    (database,) = found((str(path),))
    assert database.problem == "GeoIP2-Connection-Type: has neither countries nor networks"


def test_files_that_are_no_databases(tmp_path: Path) -> None:
    whole = databases.asn(tmp_path).read_bytes()
    for name, octets in (("empty", b""), ("text", b"hello\n" * 100), ("half", whole[: len(whole) // 2])):
        path = tmp_path / name
        path.write_bytes(octets)
        assert found((str(path),)) == [Database(path, problem="damaged, or not a MaxMind DB file")], name


def test_a_file_that_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = databases.asn(tmp_path)
    send = os.sendfile

    def slow(to: int, of: int, offset: int, count: int) -> int:
        with path.open("ab") as file:
            file.write(b"more")
        return send(to, of, offset, count)

    monkeypatch.setattr(os, "sendfile", slow)
    assert found((str(path),)) == [Database(path, problem="is being written")]


@pytest.mark.parametrize("lacking", ["memfd_create", "COPIED"])
def test_a_file_that_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    """Another system; a file that is too large."""
    if lacking == "COPIED":
        monkeypatch.setattr(module, "COPIED", 100)
    else:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    path = databases.asn(tmp_path)
    assert found((str(path),)) == [Database(path, "GeoLite2-ASN", BUILT, network=True)]


def test_age_is_never_negative() -> None:
    assert Database(Path("x"), built=100.0).age(50.0) == 0.0
    assert Database(Path("x"), built=100.0).age(150.0) == 50.0


def test_those_with_a_problem_are_told_last() -> None:
    bad, good = Database(Path("a"), problem="damaged"), Database(Path("b"), "x", country=True)
    assert chosen([bad, good]) == [good, bad]
