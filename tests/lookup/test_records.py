"""Records of all makers say the same, and nothing that a record may hold is taken for what it is not."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.lookup import records
from tests.lookup import databases
from tests.lookup.databases import Range, Record

ONE = Range("203.0.113.0/24", "RO", 64500, "EXAMPLE-HOST", "Bucharest")


def _all(record: Record) -> tuple[str, tuple[int | None, str], str]:
    return records.country(record), records.network(record), records.city(record)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (databases.as_country, ("RO", (None, ""), "")),
        (databases.as_city, ("RO", (None, ""), "Bucharest")),
        (databases.as_asn, ("", (64500, "EXAMPLE-HOST"), "")),
        (databases.as_both, ("RO", (64500, "EXAMPLE-HOST"), "Bucharest")),
        (databases.as_ipinfo, ("RO", (64500, "EXAMPLE-HOST"), "")),
        (databases.as_ipinfo_lite, ("RO", (64500, "EXAMPLE-HOST"), "")),
    ],
)
def test_each_maker(make: Callable[[Range], Record], says: tuple[str, tuple[int | None, str], str]) -> None:
    assert _all(make(ONE)) == says


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"city": "Cluj", "country": "RO", "region": "Cluj"}, ("RO", (None, ""), "Cluj")),
        ({"country_code": "ro"}, ("RO", (None, ""), "")),
        ({"country": {"iso_code": "ZZ"}}, ("", (None, ""), "")),
        ({"country": {"iso_code": "XK"}}, ("XK", (None, ""), "")),
        ({"country": "Romania"}, ("", (None, ""), "")),
        ({"registered_country": {"iso_code": "RO"}}, ("", (None, ""), "")),
        ({"asn": 64500, "org": "EXAMPLE-HOST"}, ("", (64500, "EXAMPLE-HOST"), "")),
        ({"asn": "64500", "name": "EXAMPLE-HOST"}, ("", (64500, "EXAMPLE-HOST"), "")),
        ({"asn": "AS4294967296"}, ("", (None, ""), "")),
        ({"asn": "AS٣"}, ("", (None, ""), "")),
        ({"autonomous_system_number": 0}, ("", (None, ""), "")),
        ({"autonomous_system_number": 65536, "isp": "EXAMPLE-ISP"}, ("", (65536, "EXAMPLE-ISP"), "")),
        ({"traits": {"autonomous_system_number": 65536, "isp": "E"}}, ("", (65536, "E"), "")),
        ({"asn": "AS65536", "as_name": "E" * 1000}, ("", (65536, "E" * records.TEXT), "")),
        ({}, ("", (None, ""), "")),
    ],
)
def test_other_shapes(record: Record, says: tuple[str, tuple[int | None, str], str]) -> None:
    assert _all(record) == says


_KEYS = st.sampled_from(
    (
        "country", "country_code", "iso_code", "city", "names", "en", "asn", "as_name", "autonomous_system_number",
        "autonomous_system_organization", "isp", "traits",
    )
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.sampled_from(("AS64500",)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _VALUES))
def test_whatever_is_in_a_record(record: Record) -> None:
    country, (asn, org), city = _all(record)
    assert country == "" or (len(country) == 2 and country.isascii() and country.isupper())
    assert asn is None or 0 < asn < 2**32
    assert isinstance(org, str)
    assert isinstance(city, str)
    assert max(len(org), len(city)) <= records.TEXT
