"""Whom an OpenSMTPD relays for: its configuration in every form that says so."""

from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.host import relay_opensmtpd, smtpd_conf, trusted_found
from collectors.host.relay_found import Domains
from collectors.host.relay_opensmtpd import _Rules
from collectors.host.smtpd_conf import Configuration
from collectors.host.trusted_found import Found
from tests.collectors.host.relay_host import RelayHost

_EVERY = ["0.0.0.0/0", "::/0"]
_LOCAL = ["localhost", "mx.example.net", "[127.0.0.1]", "[192.0.2.1]", "[::1]"]
_OWN = ["127.0.0.1/32", "192.0.2.1/32", "::1/128"]


@pytest.fixture
def smtpd(relay_host: RelayHost, monkeypatch: pytest.MonkeyPatch) -> RelayHost:
    """A host that has addresses and a name."""
    own = [(2, "127.0.0.1"), (2, "192.0.2.1"), (10, "::1"), (10, "fe80::1%eth0")]
    found = {"eth0": [SimpleNamespace(family=family, address=address) for family, address in own]}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    relay_host.file("mailname", "MX.example.net", "second line")
    return relay_host


@pytest.mark.parametrize(
    ("rule", "domains", "networks"),
    [
        ('match from any for domain "A.example" action x', ["a.example"], []),
        ("match from any for domain a.example action x", ["a.example"], []),
        ("match from any for domain { a.example, '*.b.example' c.example } action x",
         ["a.example", ".b.example", "c.example"], []),
        ("match from any for local action x", _LOCAL, []),
        ("match from any action x", _LOCAL, []),
        ("match for local action x", [], []),
        ("match action x", [], []),
        ("match for any action x", [], _OWN),
        ("match from local for any action x", [], _OWN),
        ("match from socket for any action x", [], []),
        ("match from src 10.0.0.0/8 for any action x", [], ["10.0.0.0/8"]),
        ("match from src { 10.0.0.1, 2001:db8::/32, 'local' } for any action x",
         [], ["10.0.0.1/32", "2001:db8::/32"]),
        ("match from src 10.0.0.0/8 for domain a.example action x", [], []),
        ("match from src 0.0.0.0/0 for domain a.example action x", ["a.example"], []),
        ("match from src <nothing> for domain a.example action x", [], []),
        ("match from any for any action x", [], _EVERY),
        ("match from any for any action \"auth\"", [], _EVERY),
        ("match from any !for domain a.example action x", [], _EVERY),
        ("match !from local for any action x", [], _EVERY),
        ("match !from src 10.0.0.0/8 for any action x", [], _EVERY),
        ("match from rdns for any action x", [], _EVERY),
        ("match from any mail-from 'me@a.example' for any action x", [], _EVERY),
        ("match from mail-from <writers> for any action x", [], _EVERY),
        ("match from any helo regex x tls for any action x", [], _EVERY),
        ("match from any !auth for any action x", [], _EVERY),
        ("match !from auth for any action x", [], _EVERY),
        ("match !from any for any action x", [], []),
        ("match auth from any for any action x", [], []),
        ("match auth <users> from any for any action x", [], []),
        ("match auth \"local\" from any for any action x", [], []),
        ("match from auth for any action x", [], []),
        ("match from auth regex <users> for any action x", [], []),
        ("match from any for any reject", [], []),
        ("match tag X for any action x", [], _OWN),
        ("match from any tag X for domain a.example action x", ["a.example"], []),
        ("match from any for rcpt-to { 'x@a.example', '@b.example' } action x", ["a.example", "b.example"], []),
        ("match from any for any rcpt-to 'x@a.example' action x", ["a.example"], []),
        ("match for rcpt-to 'x@a.example' action x", [], []),
        ("match from any for domain a.example rcpt-to 'x@a.example' action x", ["a.example"], []),
        ("match from any for any !rcpt-to 'x@a.example' action x", [], _EVERY),
    ],
)  # fmt: skip
def test_a_rule(smtpd: RelayHost, rule: str, domains: list[str], networks: list[str]) -> None:
    smtpd.relays_opensmtpd("listen on all", 'action x relay host "smtp://h"', rule)
    assert smtpd.told() == (domains, networks)
    policy = smtpd.policy()
    assert (policy.mta, policy.instance) == ("opensmtpd", "")


@pytest.mark.parametrize(
    ("rules", "domains", "networks"),
    [
        (["match from any for domain a.example reject", "match from any for domain { a.example b.example } action x"],
         ["b.example"], []),
        (["match from any for any reject", "match from any for any action x"], [], []),
        (["match !auth from any for any reject", "match from any for any action x"], [], []),
        (["match from any for domain a.example action x", "match from any for any reject"], ["a.example"], []),
        (["match from any mail-from x@y for any reject", "match from any for any action x"], [], _EVERY),
        (["match from src 10.0.0.1 for any reject", "match from any for any action x"], [], _EVERY),
        (["match !from src { 10.0.0.0/8 } for any reject", "match from any for any action x",
          "match from any for domain a.example action x"], [], ["10.0.0.0/8"]),
        (["match !from local for any reject", "match from any for any action x"], [], _OWN),
    ],
)  # fmt: skip
def test_the_first_one_counts(smtpd: RelayHost, rules: list[str], domains: list[str], networks: list[str]) -> None:
    smtpd.relays_opensmtpd(*rules)
    assert smtpd.told() == (domains, networks)


@pytest.mark.parametrize(
    ("rule", "note"),
    [
        ("match from any for domain regex 'a' action x",
         "match for domain: what a regular expression matches cannot be listed"),
        ("match from any for domain '*' action x", "match for domain: '*': which domains that is cannot be told"),
        ("match from any for domain 'a.*' action x", "match for domain: 'a.*': which domains that is cannot be told"),
        ("match from any for domain <none> action x", "match for domain: no table 'none'"),
        ("match from any for domain <db> action x",
         "match for domain: 'db:/etc/x.db': a table of this type cannot be listed"),
        ("match from any for domain <gone> action x", "/nowhere: No such file or directory"),
        ("match from src regex '^10' for any action x",
         "match from src: what a regular expression matches cannot be listed"),
        ("match from src { 10.0.0.1 mx.a.example } for domain a.example action x", None),
        ("match from src mx.a.example for any action x",
         "match from src: 'mx.a.example': neither address nor network"),
        ("match from rdns { '*.a.example' } for any action x",
         "match from rdns: '*.a.example': neither address nor network"),
        ("match from any tag X for any action x",
         "match from any tag for any: what comes by that listener alone cannot be told"),
        ("match from any for any", "'match from any for any': not understood"),
        ("match from any nonsense for any action x", "'match from any nonsense for any action x': not understood"),
        ("accept from any for domain a.example deliver to mbox",
         "has rules as before OpenSMTPD 6.4 ('accept'), which are not read"),
        ("match from src $nets for any action x", "macro 'nets' is not defined"),
        ("match from any for any action x }", None),
    ],
)  # fmt: skip
def test_what_cannot_be_read(smtpd: RelayHost, rule: str, note: str | None) -> None:
    """And what stands beside it is read."""
    smtpd.relays_opensmtpd("table db db:/etc/x.db", "table gone /nowhere", rule, "match from any for domain z action x")
    policy = smtpd.policy()
    if note is None:
        assert policy.complete
    else:
        assert policy.note.split("; ")[0] == note
        assert not policy.complete
    assert policy.domains == ("z",)


def test_those_that_are_left_out_cannot_be_listed(smtpd: RelayHost) -> None:
    """Then nobody is said to be let in."""
    smtpd.relays_opensmtpd("match !from src <none> for any reject", "match from any for any action x")
    policy = smtpd.policy()
    assert (policy.networks, policy.note) == ((), "match from src: no table 'none'")


def test_tables_macros_and_files(smtpd: RelayHost) -> None:
    hosted = smtpd.file("hosted", "# z.example", "a.example", "", "  *.b.example  # ours")
    other = smtpd.file("other.conf", "match from any for domain <listed> action x # z", "mine=f.example")
    smtpd.relays_opensmtpd(
        'lan = "{ 10.0.0.0/8, 2001:db8::/32 }"',
        "table hosted file:" + str(hosted),
        f"table bare {hosted}",
        'table listed { "c.example",',
        "    d.example }",
        'table map { a.example = "x y", b.example = z }',
        "match from any \\",
        "    for domain <hosted> action x",
        f'include "{other}"',
        'match from any for domain e.example action "a \\" b # c" # for any',
        "match from any for domain $mine action x",
        "match from src $lan for any action x",
        "match from any for domain <bare> action x",
    )
    assert smtpd.told() == (
        ["a.example", ".b.example", "c.example", "d.example", "e.example", "f.example"],
        ["10.0.0.0/8", "2001:db8::/32"],
    )


def test_a_file_that_includes_itself(smtpd: RelayHost) -> None:
    path = smtpd.directory / "smtpd.conf"
    smtpd.relays_opensmtpd("match from any for domain a.example action x", f'include "{path}"')
    policy = smtpd.policy()
    assert policy.domains == ("a.example",)
    assert policy.note == f"'{path}': more than {smtpd_conf.FILES} files"


def test_the_name_of_the_system(smtpd: RelayHost, monkeypatch: pytest.MonkeyPatch) -> None:
    (smtpd.directory / "mailname").unlink()
    monkeypatch.setattr(relay_opensmtpd, "MAILNAME", "no.such.file")
    monkeypatch.setattr("socket.gethostname", lambda: "mx.example.org")
    smtpd.relays_opensmtpd("match from any action x")
    assert smtpd.domains()[:2] == ["localhost", "mx.example.org"]


_PIECES = st.sampled_from(
    ["match ", "from ", "for ", "any ", "src ", "domain ", "auth ", "action ", "{ ", "} ", "<", ">", "!", '"', "'",
     "\\", "\n", "table ", "a ", "= ", "$a ", "#", ", ", "include ", "/", "\0"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=30).map("".join)))
def test_no_text_does_harm(text: str) -> None:
    domains = Domains()
    configuration = Configuration(text, "opensmtpd", domains)
    for rule in configuration.rules:
        _Rules(configuration, "mx", domains, Found()).take(rule)
    assert all(len(note) <= trusted_found.NOTE_MAX + 1 for note in domains.notes())
