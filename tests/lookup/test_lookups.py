"""What is known of an address, in words."""

from pathlib import Path

import pytest

from smtpwatch.lookup import NO_LOOKUPS, Lookups, Name, Names, Places
from tests.lookup import databases

DAY = 86_400.0


class Known(Names):
    """One name that is known, whatever the address."""

    def __init__(self, name: Name | None) -> None:
        super().__init__(None)
        self.name = name

    def of(self, address: str) -> Name | None:
        """That one."""
        return self.name


@pytest.mark.parametrize(
    ("name", "words", "host"),
    [
        (None, "being looked up", ""),
        (Name("", "none"), "none (no PTR record)", ""),
        (Name("", "failed"), "the resolver did not answer", ""),
        (Name("a.example", "failed"), "a.example (not confirmed: no answer)", ""),
        (Name("a.example", "unconfirmed"), "a.example (not confirmed: anybody may claim it)", ""),
        (Name("a.example", "confirmed"), "a.example (forward-confirmed)", "a.example"),
    ],
)
def test_names(name: Name | None, words: str, host: str) -> None:
    lookups = Lookups(None, Known(name))
    assert (lookups.named("203.0.113.7"), lookups.host("203.0.113.7")) == (words, host)


def test_without_anything_to_ask() -> None:
    assert (NO_LOOKUPS.named("203.0.113.7"), NO_LOOKUPS.host("203.0.113.7"), NO_LOOKUPS.located) == ("", "", False)
    assert NO_LOOKUPS.place("203.0.113.7") is None
    assert NO_LOOKUPS.where("203.0.113.7", 0.0).startswith("not known: no geo database")


def test_no_database_in_the_usual_places(tmp_path: Path) -> None:
    lookups = Lookups(Places((), (tmp_path,)), None)
    assert lookups.where("203.0.113.7", 0.0).startswith("not known: no geo database") and not lookups.located


def test_where_with_the_age_of_each_database(tmp_path: Path) -> None:
    databases.city(tmp_path)
    databases.asn(tmp_path)
    lookups = Lookups(Places((), (tmp_path,)), None)
    assert lookups.located
    told = lookups.where("192.0.2.200", databases.BUILT + 12 * DAY)
    assert told.startswith("São Paulo") and told.count("12 d old") == 2
    assert "GeoLite2-City, 12 d old" in told and "GeoLite2-ASN, 12 d old" in told
    assert lookups.where("10.0.0.1", databases.BUILT).startswith("not in any database (")
