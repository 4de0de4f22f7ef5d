"""What sources and groups say of the filter's fields, on the burst as the picture has it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.query import FIELDS, holds, sift
from smtpwatch.state.names import domain_of, helo_pattern
from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.picture import Picture
from tests.screens import burst, scenes
from tests.screens.scenes import NOW
from widgets.source_fields import group_fields, members_term, source_fields
from widgets.source_view import SourceView


@pytest.fixture(scope="module")
def picture() -> Picture:
    return burst.picture()


def view(picture: Picture, dimension: Dimension = Dimension.ADDRESS) -> SourceView:
    made = SourceView(picture.activity)
    made.group_by(dimension)
    made.settle(NOW)
    return made


def passing(made: SourceView, text: str) -> list[str]:
    """Keys of the rows that pass, in the order of the alphabet."""
    made.filter(text)
    assert not made.faults
    made.settle(NOW)
    return sorted(party.key for party in made.window(0, len(made)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("src:203.0.113.7", ["203.0.113.7"]),
        ("net:198.51.100.16/28 auth:>0", ["198.51.100.20", "198.51.100.21", "198.51.100.23"]),
        ("cc:us helo:out3.bigmail.example tls:none", [burst.GOOD]),
        ("asn:as64510 tls:none", [burst.GOOD]),
        ("org:bigmail tls:none", [burst.GOOD]),
        ("helo:ylmf-pc refused:>40", ["203.0.113.7"]),
        ("from:dave@bigmail.example tls:none", [burst.GOOD]),
        ("to:u0@example.org refused:>40", ["203.0.113.7"]),
        ("domain:example.org refused:>40", ["203.0.113.7"]),
        ('reason:"relay denied" refused:>40', ["203.0.113.7"]),
        ("ja4:t13* cc:de", ["192.0.2.10"]),
        ("cipher:TLS_AES_256_GCM_SHA384 cc:de !src:192.0.2.17", ["192.0.2.10"]),
        ("tls:1.3 cc:de !src:192.0.2.17", ["192.0.2.10"]),
        ("verdict:deferred", []),
        ("verdict:accepted cc:us tls:none", [burst.GOOD]),
        ("mark:x cc:vn auth:>0", ["198.51.100.20", "198.51.100.21", "198.51.100.23"]),
        ("age:<5s", ["203.0.113.11"]),
        ("rate:>0.7 cc:ro", ["203.0.113.11", "203.0.113.7"]),
        ("sessions:>20", ["203.0.113.7"]),
        ("accepted:>=5", [burst.GOOD]),
        ("name:host7.*", []),
    ],
)
def test_fields_of_sources(picture: Picture, text: str, expected: list[str]) -> None:
    assert passing(view(picture), text) == expected


async def test_names_are_those_that_are_confirmed(picture: Picture) -> None:
    made = SourceView(picture.activity, burst.lookups())
    made.settle(NOW)
    assert passing(made, "name:host7.*") == ["203.0.113.7"]
    assert passing(made, "name:mail.partner.example") == []


def test_every_field_is_one_of_the_filters() -> None:
    every = [source_fields(lambda: NOW)]
    every += [group_fields(each, lambda: NOW) for each in Dimension if each is not Dimension.ADDRESS]
    assert [name for fields in every for name in fields if name not in FIELDS] == []


@pytest.mark.parametrize(
    ("dimension", "text", "expected"),
    [
        (Dimension.NETWORK, "src:203.0.113.0/24", ["203.0.113.0/24"]),
        (Dimension.NETWORK, "src:203.0.0.0/16", ["203.0.113.0/24"]),
        (Dimension.NETWORK, "src:203.0.113.7", []),
        (Dimension.ASN, "asn:64500", ["AS64500"]),
        (Dimension.ASN, "org:bigmail", ["AS64510"]),
        (Dimension.COUNTRY, "cc:ro,us", ["RO", "US"]),
        (Dimension.ACCOUNT, "account:bob*", ["bob@example.net"]),
        (Dimension.HELO, "helo:ylmf-pc", ["ylmf-pc"]),
        (Dimension.JA4, "ja4:t13d*", ["t13d1516h2_8daaf6152771_b186095e22b6"]),
        (Dimension.SENDER_DOMAIN, "from:*@bigmail.example", ["bigmail.example"]),
        (Dimension.RECIPIENT_DOMAIN, "to:*@example.org", ["example.org"]),
        (Dimension.RECIPIENT_DOMAIN, "domain:example.org", ["example.org"]),
        (Dimension.COUNTRY, "mark:x", ["RO", "VN"]),
        (Dimension.COUNTRY, "refused:>100 verdict:rejected", ["RO"]),
    ],
)
def test_fields_of_groups(picture: Picture, dimension: Dimension, text: str, expected: list[str]) -> None:
    assert passing(view(picture, dimension), text) == expected


def test_what_groups_cannot_tell_leaves_none_of_them_out(picture: Picture) -> None:
    made = view(picture, Dimension.COUNTRY)
    assert passing(made, "helo:ylmf-pc src:203.0.113.7 mark:x") == ["RO", "VN"]
    assert made.left_out == "helo, src: not in this pane"


def _members(picture: Picture, group: Party) -> set[str]:
    return set(passing(view(picture), members_term(group)))


@pytest.mark.parametrize("dimension", [each for each in Dimension if each is not Dimension.ADDRESS])
def test_the_members_of_a_group_are_found(picture: Picture, dimension: Dimension) -> None:
    belongs: dict[Dimension, Callable[[Party], set[str]]] = {
        Dimension.NETWORK: lambda each: {each.facts.network},  # type: ignore[union-attr]
        Dimension.ASN: lambda each: {f"AS{each.facts.asn}"},  # type: ignore[union-attr]
        Dimension.COUNTRY: lambda each: {each.facts.country},  # type: ignore[union-attr]
        Dimension.HELO: lambda each: {helo_pattern(name) for name in _known(each, "helos")},
        Dimension.JA4: lambda each: set(_known(each, "ja4s")),
        Dimension.SENDER_DOMAIN: lambda each: {domain_of(name) for name in _known(each, "senders")},
        Dimension.RECIPIENT_DOMAIN: lambda each: {domain_of(name) for name in _known(each, "recipients")},
    }
    groups = list(picture.activity.groups[dimension])
    assert groups
    for group in groups:
        found = _members(picture, group)
        assert group.members is not None and found, group.key
        if dimension is Dimension.ACCOUNT:
            assert found == {*burst.BOBS, "192.0.2.17"}
        else:
            assert found == {each.key for each in picture.activity.sources if group.key in belongs[dimension](each)}
        if dimension in (Dimension.NETWORK, Dimension.ASN, Dimension.COUNTRY, Dimension.JA4):
            assert len(found) == len(group.members)


def _known(party: Party, kind: str) -> tuple[str, ...]:
    few = getattr(party.facts, kind)
    return () if few is None else few.values


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(names, st.sampled_from(["helos", "senders", "recipients", "accounts", "ja4s"]))
def test_strangers_names_make_terms_that_find_them(name: str, kind: str) -> None:
    name = name.strip()
    source = Party(Dimension.ADDRESS, "203.0.113.66")
    assert source.facts is not None
    address = f"a@{name}" if kind in ("senders", "recipients") else name
    source.facts.note(kind, address)
    source.count(Outcome.REFUSED, NOW)
    key, dimension = {
        "helos": (helo_pattern(name), Dimension.HELO),
        "senders": (domain_of(address), Dimension.SENDER_DOMAIN),
        "recipients": (domain_of(address), Dimension.RECIPIENT_DOMAIN),
        "accounts": (name, Dimension.ACCOUNT),
        "ja4s": (name, Dimension.JA4),
    }[kind]
    if not key.strip():
        return
    group = Party(dimension, key)
    query = sift(members_term(group))
    assert not query.faults and len(query.terms) == 1, members_term(group)
    (asked,) = query.terms
    assert holds(source_fields(lambda: NOW)[asked.field](source), asked.ask), members_term(group)
    assert holds(group_fields(dimension, lambda: NOW)[asked.field](group), asked.ask), members_term(group)
    other = Party(Dimension.ADDRESS, "203.0.113.67")
    assert other.facts is not None
    other.facts.note(kind, "zzz@zzz.invalid")
    if key not in ("zzz.invalid", "zzz@zzz.invalid") and not key.startswith("[") and "#" not in key:
        assert not holds(source_fields(lambda: NOW)[asked.field](other), asked.ask)


def test_an_account_of_a_scene_without_logs() -> None:
    picture = burst.picture(scenes.busy_evening())
    assert passing(view(picture), "account:bob*") == []
