"""What a record of a geo database says, whoever made it.

MaxMind and DB-IP nest (`country.iso_code`), IPinfo and others are flat (`country_code`, `asn: "AS64500"`); each field
is looked for where any of them puts it, so that the type's name need not be known.
"""

from collections.abc import Mapping

TEXT = 100  # characters kept of an organisation or a city; real ones are shorter
_LARGEST = 2**32 - 1  # RFC 6793
_NOWHERE = ("ZZ", "XX")  # ISO 3166's user-assigned codes, for ranges that are in no country

Fields = Mapping[str, object]


def country(record: Fields) -> str:
    """The ISO 3166 code, upper case; "" if the record has none."""
    code = record.get("country")
    # IPinfo Lite has the country's full name in "country"; its older files have the code there.
    code = code.get("iso_code") if isinstance(code, dict) else record.get("country_code") or code
    if not isinstance(code, str) or len(code) != 2 or not code.isascii() or not code.isalpha():
        return ""
    code = code.upper()
    return "" if code in _NOWHERE else code


def city(record: Fields) -> str:
    """The city's name, in English where there are several; "" if the record has none."""
    name = record.get("city")
    if isinstance(name, dict):
        names = name.get("names")
        name = names.get("en") if isinstance(names, dict) else None
    return name[:TEXT] if isinstance(name, str) else ""


def network(record: Fields) -> tuple[int | None, str]:
    """The number of the autonomous system and who runs it; (None, "") if the record has none."""
    number = record.get("autonomous_system_number")
    if number is not None:
        return _number(number), _text(record, "autonomous_system_organization", "isp", "organization")
    number = record.get("asn")
    if number is not None:
        return _number(number), _text(record, "as_name", "org", "name")
    traits = record.get("traits")  # of MaxMind's Enterprise files
    if isinstance(traits, dict) and "autonomous_system_number" in traits:
        return network(traits)
    return None, ""


def _number(value: object) -> int | None:
    if isinstance(value, str):
        digits = value.upper().removeprefix("AS")
        value = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 10 else 0
    return value if isinstance(value, int) and 0 < value <= _LARGEST else None


def _text(record: Fields, *keys: str) -> str:
    for key in keys:
        value = record.get(key)
        if isinstance(value, str) and value:
            return value[:TEXT]
    return ""
