"""Geo databases of the documentation ranges, in the shapes that their makers give them.

`python -m tests.lookup.databases smtpwatch/demo` writes the one that the demo bundles.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from mmdb_writer import MMDBWriter
from netaddr import IPSet

BUILT = 1_795_000_000  # 2026-11-18
DEMO = "places.mmdb"
_LANGUAGES = ["en", "de"]
_COUNTRIES = {
    "BR": ("Brazil", "SA"), "CN": ("China", "AS"), "DE": ("Germany", "EU"), "FR": ("France", "EU"),
    "GB": ("United Kingdom", "EU"), "IN": ("India", "AS"), "NL": ("Netherlands", "EU"), "RO": ("Romania", "EU"),
    "US": ("United States", "NA"), "VN": ("Vietnam", "AS"),
}  # fmt: skip


class Range(NamedTuple):
    """A network of the documentation ranges, and what the databases say of it."""

    network: str
    country: str
    asn: int
    org: str
    city: str


RANGES = (
    Range("192.0.2.0/27", "DE", 64496, "EXAMPLE-ORG", "Frankfurt am Main"),
    Range("192.0.2.32/27", "US", 64497, "EXAMPLE-CLOUD", "Ashburn"),
    Range("192.0.2.64/27", "NL", 64498, "EXAMPLE-SCAN", "Amsterdam"),
    Range("192.0.2.96/28", "GB", 64499, "EXAMPLE-RESEARCH", "London"),
    Range("192.0.2.112/28", "CN", 64507, "EXAMPLE-BACKBONE", "Shanghai"),
    Range("192.0.2.128/26", "IN", 64506, "EXAMPLE-CABLE", "Mumbai"),
    Range("192.0.2.192/26", "BR", 64505, "EXAMPLE-BANDA", "São Paulo"),
    Range("198.51.100.0/27", "VN", 64501, "EXAMPLE-TEL", "Hanoi"),
    Range("198.51.100.32/27", "DE", 64502, "EXAMPLE-PARTNER", "Berlin"),
    Range("198.51.100.64/27", "FR", 64503, "EXAMPLE-HEBERGEUR", "Paris"),
    Range("198.51.100.96/27", "GB", 64499, "EXAMPLE-RESEARCH", "London"),
    Range("198.51.100.128/26", "NL", 64504, "EXAMPLE-VPS", "Amsterdam"),
    Range("198.51.100.192/26", "US", 64508, "EXAMPLE-BROADBAND", "Denver"),
    Range("203.0.113.0/25", "RO", 64500, "EXAMPLE-HOST", "Bucharest"),
    Range("203.0.113.128/27", "BR", 64505, "EXAMPLE-BANDA", "Recife"),
    Range("203.0.113.160/27", "VN", 64509, "EXAMPLE-MOBILE", "Ho Chi Minh City"),
    Range("203.0.113.192/27", "IN", 64510, "EXAMPLE-FIBRE", "Chennai"),
    Range("203.0.113.224/28", "CN", 64507, "EXAMPLE-BACKBONE", "Shenzhen"),
    Range("203.0.113.240/28", "US", 64511, "EXAMPLE-DIALUP", "Kansas City"),
    Range("2001:db8::/32", "NL", 65536, "EXAMPLE-TRANSIT", "Rotterdam"),
    Range("2001:db8::/48", "DE", 65537, "EXAMPLE-ORG", "Frankfurt am Main"),
    Range("2001:db8:6::/48", "US", 65538, "EXAMPLE-CLOUD", "Ashburn"),
    Range("2001:db8:7::/48", "US", 65539, "BIGMAIL", "Mountain View"),
    Range("2001:db8:bad::/48", "RO", 65540, "EXAMPLE-HOST", "Bucharest"),
    Range("2001:db8:cafe::/48", "FR", 65551, "EXAMPLE-HEBERGEUR", "Lyon"),
)

Record = dict[str, Any]


def as_country(one: Range) -> Record:
    """As in GeoLite2-Country and dbip-country-lite."""
    name, continent = _COUNTRIES[one.country]
    return {
        "continent": {"code": continent},
        "country": {"iso_code": one.country, "names": {"en": name}},
        "registered_country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
    }


def as_city(one: Range) -> Record:
    """As in GeoLite2-City and dbip-city-lite."""
    return as_country(one) | {
        "city": {"names": {"de": f"{one.city} (de)", "en": one.city}},
        "location": {"accuracy_radius": 20},
        "subdivisions": [{"iso_code": "X", "names": {"en": f"Region of {one.city}"}}],
    }


def as_asn(one: Range) -> Record:
    """As in GeoLite2-ASN and dbip-asn-lite."""
    return {"autonomous_system_number": one.asn, "autonomous_system_organization": one.org}


def as_ipinfo(one: Range) -> Record:
    """As in IPinfo's country_asn.mmdb."""
    return {
        "country": one.country, "country_name": _COUNTRIES[one.country][0], "asn": f"AS{one.asn}", "as_name": one.org,
    }  # fmt: skip


def as_ipinfo_lite(one: Range) -> Record:
    """As in ipinfo_lite.mmdb, whose "country" is a name."""
    return as_ipinfo(one) | {"country": _COUNTRIES[one.country][0], "country_code": one.country}


def as_both(one: Range) -> Record:
    """Country, city and network in one record."""
    return as_city(one) | as_asn(one)


def write(
    path: Path, kind: str, record: Callable[[Range], Record], ranges: tuple[Range, ...] = RANGES, built: float = BUILT
) -> Path:
    """A database of that type, made at `built`, of IPv6 with IPv4 inside as all makers have it; returns its path."""
    writer = MMDBWriter(6, kind, _LANGUAGES, f"{kind} for tests", ipv4_compatible=True, int_type="u32")
    for one in ranges:
        writer.insert_network(IPSet([one.network]), record(one))
    with patch("mmdb_writer.time.time", return_value=built):
        writer.to_db_file(str(path))
    return path


def country(folder: Path) -> Path:
    return write(folder / "GeoLite2-Country.mmdb", "GeoLite2-Country", as_country)


def city(folder: Path) -> Path:
    return write(folder / "GeoLite2-City.mmdb", "GeoLite2-City", as_city)


def asn(folder: Path) -> Path:
    return write(folder / "GeoLite2-ASN.mmdb", "GeoLite2-ASN", as_asn)


def demo(folder: Path) -> Path:
    return write(folder / DEMO, "Demo-City-ASN", as_both)


if __name__ == "__main__":
    print(demo(Path(sys.argv[1])))
