"""Where an address is, from databases of several makers, while files come, go and break."""

import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.lookup.geo import NOWHERE, REFRESH, UNDETAILED, Details, Place, Places
from tests.lookup import databases
from tests.lookup.databases import BUILT, RANGES, Range, write

DEMO = Path(__file__).parents[2] / "smtpwatch/demo/places.mmdb"
HOST = Range("203.0.113.0/24", "FR", 64502, "EXAMPLE-OTHER", "Paris")


def test_country_and_network_come_from_two_files(tmp_path: Path) -> None:
    databases.country(tmp_path)
    databases.asn(tmp_path)
    places = Places((), (tmp_path,))
    assert places.of("203.0.113.7") == Place("RO", 64500, "EXAMPLE-HOST")
    assert places.of("2001:db8:7::25") == Place("US", 65539, "BIGMAIL")
    assert (places.knows_country, places.knows_network, places.notes) == (True, True, [])


def test_a_city_where_there_is_no_country_file(tmp_path: Path) -> None:
    databases.city(tmp_path)
    places = Places((), (tmp_path,))
    assert places.of("192.0.2.200") == Place("BR", None, "", "São Paulo")
    assert (places.knows_country, places.knows_network) == (True, False)


def test_a_file_of_ones_own_comes_before_the_common_one(tmp_path: Path) -> None:
    own = write(tmp_path / "own.mmdb", "own", databases.as_both, (Range("10.0.0.0/8", "DE", 64496, "US", "Here"),))
    places = Places((str(own), str(databases.country(tmp_path))))
    assert places.of("10.1.2.3") == Place("DE", 64496, "US", "Here")
    assert places.of("203.0.113.7") == Place("RO")


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "fe80::1", "fe80::1%eth0", "::1", "", "x", "203.0.113.7 ", "1\0", "\ud800"]
)
def test_what_is_nowhere(tmp_path: Path, address: str) -> None:
    databases.city(tmp_path)
    databases.asn(tmp_path)
    places = Places((), (tmp_path,))
    assert places.of(address) is NOWHERE
    assert places.details(address) == UNDETAILED
    assert places.notes == []


@given(st.text())
def test_any_text_is_somewhere_or_nowhere(text: str) -> None:
    places = Places((str(DEMO),))
    assert isinstance(places.of(text), Place)
    assert isinstance(places.details(text), Details)


def test_without_databases(tmp_path: Path) -> None:
    places = Places((), (tmp_path,))
    assert places.of("203.0.113.7") is NOWHERE
    assert places.details("203.0.113.7") == UNDETAILED
    assert (places.databases, places.notes, places.knows_country, places.knows_network) == ((), [], False, False)


def test_switched_off(tmp_path: Path) -> None:
    databases.country(tmp_path)
    assert Places(("none",), (tmp_path,)).of("203.0.113.7") is NOWHERE


def test_an_ipv4_database_knows_no_ipv6(tmp_path: Path) -> None:
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    writer = MMDBWriter(4, "GeoLite2-Country", [], "")
    writer.insert_network(IPSet(["203.0.113.0/24"]), databases.as_country(HOST))
    writer.to_db_file(str(tmp_path / "four.mmdb"))
    places = Places((), (tmp_path,))
    assert (places.of("203.0.113.7"), places.of("2001:db8::1"), places.notes) == (Place("FR"), NOWHERE, [])


def test_details(tmp_path: Path) -> None:
    databases.country(tmp_path)
    databases.city(tmp_path)
    places = Places((), (tmp_path,))
    assert places.of("203.0.113.7") == Place("RO"), "the country file answers sooner"
    assert places.details("203.0.113.7") == Details(
        "Bucharest", "Region of Bucharest", 20, "203.0.113.0/25", "GeoLite2-City"
    )


def test_details_of_a_flat_record_are_none(tmp_path: Path) -> None:
    write(tmp_path / "flat.mmdb", "my location", databases.as_ipinfo)
    assert Places((), (tmp_path,)).details("203.0.113.7") == UNDETAILED


# ---- files that break, come and go


def test_what_is_of_no_use_is_told_once_and_loses_nothing_else(tmp_path: Path) -> None:
    country, missing, text = databases.country(tmp_path), tmp_path / "missing.mmdb", tmp_path / "text.mmdb"
    text.write_text("hello")
    places = Places(tuple(map(str, (missing, text, country))))
    notes = [f"{missing}: No such file or directory", f"{text}: damaged, or not a MaxMind DB file"]
    for _ in range(2):
        assert places.of("203.0.113.7") == Place("RO")
        assert places.notes == notes


def test_nothing_is_opened_before_it_is_asked_for(tmp_path: Path) -> None:
    places = Places((), (tmp_path,))
    assert not places.refresh(0.0)
    databases.country(tmp_path)
    assert places.of("203.0.113.7") == Place("RO")


def _replace(path: Path, one: Range) -> None:
    """As geoipupdate does."""
    new = write(path.with_suffix(".new"), "GeoLite2-Country", databases.as_country, (one,))
    new.rename(path)


def test_a_database_that_is_replaced_is_picked_up(tmp_path: Path) -> None:
    path = databases.country(tmp_path)
    places = Places((), (tmp_path,))
    assert places.of("203.0.113.7") == Place("RO")
    assert not places.refresh(1000.0)
    _replace(path, HOST)
    assert places.of("203.0.113.7") == Place("RO")
    assert not places.refresh(1000.0 + REFRESH - 1), "looked at once a minute at most"
    assert places.refresh(1000.0 + REFRESH)
    assert places.of("203.0.113.7") == Place("FR")
    assert not places.refresh(1000.0 + 2 * REFRESH)


def test_a_database_that_comes_or_goes_is_noticed(tmp_path: Path) -> None:
    places = Places((), (tmp_path,))
    assert places.of("203.0.113.7") is NOWHERE
    path = databases.asn(tmp_path)
    assert places.refresh(1000.0)
    assert places.of("203.0.113.7") == Place("", 64500, "EXAMPLE-HOST")
    path.unlink()
    assert places.refresh(2000.0)
    assert places.of("203.0.113.7") is NOWHERE


def test_a_file_overwritten_in_place_neither_ends_us_nor_is_lost(tmp_path: Path) -> None:
    path = databases.country(tmp_path)
    whole = path.read_bytes()
    places = Places((str(path),))
    assert places.of("203.0.113.7") == Place("RO")
    path.write_bytes(whole[:10])  # halfway through `gunzip -c > ...`
    assert places.of("198.51.100.23") == Place("VN")
    assert places.refresh(1000.0)
    note = f"{path}: damaged, or not a MaxMind DB file; the file that was there before is used on"
    for now in (2000.0, 3000.0):
        assert places.of("198.51.100.23") == Place("VN")
        assert places.notes == [note]
        assert not places.refresh(now)
    path.write_bytes(whole)
    os.utime(path, (BUILT, BUILT))
    assert places.refresh(4000.0)
    assert (places.of("198.51.100.23"), places.notes) == (Place("VN"), [])


@given(st.data())
def test_a_file_cut_anywhere(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = DEMO.read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut.mmdb"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    places = Places((str(path),))
    assert places.of("203.0.113.7") is NOWHERE
    assert places.notes == [f"{path}: damaged, or not a MaxMind DB file"]


# ---- what comes with the demo


def test_the_demos_database_is_what_its_maker_makes(tmp_path: Path) -> None:
    assert databases.demo(tmp_path).read_bytes() == DEMO.read_bytes(), "python -m tests.lookup.databases smtpwatch/demo"
    assert DEMO.stat().st_size < 50_000


def test_the_demos_database_covers_the_documentation_ranges() -> None:
    places = Places((str(DEMO),))
    for one in RANGES:
        last = str(ip_network(one.network)[-1])
        assert places.of(last) == Place(one.country, one.asn, one.org, one.city)
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
        assert all(places.of(str(address)).asn for address in ip_network(network))
    assert all(places.of(f"2001:db8:{part:x}::25").asn for part in range(1 << 16))
    assert len({one.country for one in RANGES}) == 10


def test_the_libraries_are_imported_at_first_use() -> None:
    """The screen paints before."""
    code = (
        "import sys, smtpwatch.lookup.geo, smtpwatch.lookup.names, smtpwatch.lookup.resolver as r; r.Resolver();"
        "print(sorted({'maxminddb', 'geoip2', 'dns'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
