"""What is read of certificates, those that no authority would make included."""

import datetime
import hashlib
import subprocess
import warnings
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import certificate as subject
from collectors.certificate import NAME_LENGTH, NAMES, REMEMBERED, Certificate, Certificates, read
from tests.collectors.certificates import KEYS, NOT_AFTER, NOT_BEFORE, UTC, certificate, dsa_key, name

MX = "mx.example.net"
DNS = x509.DNSName
DER = certificate(name(MX), [DNS(MX), DNS("mail.example.net"), x509.IPAddress(ip_address("192.0.2.25"))])


def _read(der: bytes) -> Certificate:
    found = read(der)
    assert found is not None
    return found


def test_all_of_it() -> None:
    assert read(DER) == Certificate(
        (MX, "mail.example.net", "192.0.2.25"),
        MX,
        MX,
        NOT_BEFORE.timestamp(),
        NOT_AFTER.timestamp(),
        "EC P-256",
        True,
        hashlib.sha256(DER).hexdigest(),
    )


@pytest.mark.parametrize("kind", KEYS)
def test_keys(kind: str) -> None:
    found = _read(certificate(name(MX), kind=kind))
    assert (found.key, found.self_signed) == (kind, True)


def test_a_dsa_key() -> None:
    der = certificate(name(MX), issuer=name("CA"), public=dsa_key().public_key())
    assert _read(der).key == "DSA 2048"


def test_a_key_of_an_unknown_kind_is_told_by_its_oid() -> None:
    ed25519, unknown = b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x6f"
    der = certificate(name(MX), kind="Ed25519", issuer=name("CA"), signed_by="EC P-256")
    assert der.count(ed25519) == 1
    assert _read(der.replace(ed25519, b"\x06\x03\x2b\x65\x7f")).key == "1.3.101.127"
    assert _read(der.replace(ed25519, unknown)).key == "1.3.101.111", "a key that cannot sign"


class TestNames:
    def test_alternative_names_come_instead_of_the_common_name(self) -> None:
        assert _read(certificate(name(MX), [DNS("other.example")])).names == ("other.example",)

    def test_the_common_name_without_any(self) -> None:
        assert _read(certificate(name(MX))).names == (MX,)

    def test_the_common_name_where_they_are_of_other_kinds(self) -> None:
        others = [x509.RFC822Name("postmaster@example.net"), x509.UniformResourceIdentifier("https://example.net")]
        assert _read(certificate(name(MX), others)).names == (MX,)

    def test_none_at_all(self) -> None:
        found = _read(certificate(name(), issuer=name()))
        assert (found.names, found.subject, found.issuer, found.self_signed) == ((), "", "", True)

    def test_addresses(self) -> None:
        addresses = ["192.0.2.25", "2001:db8::25"]
        der = certificate(name(), [x509.IPAddress(ip_address(each)) for each in addresses])
        assert _read(der).names == tuple(addresses)

    def test_a_network_where_an_address_belongs(self) -> None:
        der = certificate(name(), [x509.IPAddress(ip_network("192.0.2.0/24"))])
        found = read(der)
        assert found is None or found.names == ("192.0.2.0/24",)

    def test_as_many_as_are_told(self) -> None:
        many = [f"mx{number}.example.net" for number in range(300)]
        assert _read(certificate(name(MX), [DNS(each) for each in many])).names == tuple(many[:NAMES])

    def test_long_ones_are_cut(self) -> None:
        found = _read(certificate(name("c" * 5_000, "o" * 5_000), [DNS("d" * 5_000)]))
        assert (found.names, found.subject) == (("d" * NAME_LENGTH,), "c" * NAME_LENGTH)

    @pytest.mark.parametrize("said", ["\x1b[2J", "mx\0.example", "a\nb", "\u202emoc.elpmaxe", "[b]x[/b]", "é"])
    def test_strangers_words_stay_as_they_are(self, said: str) -> None:
        """Whoever shows them cleans them."""
        found = _read(certificate(name(said), issuer=name(None, said)))
        assert (found.names, found.subject, found.issuer) == ((said,), said, said)

    def test_half_a_surrogate_pair_can_be_sent(self) -> None:
        assert subject._text("mx\ud800") == "mx\\ud800"


class TestIssuer:
    @pytest.mark.parametrize(
        ("issuer", "told"),
        [(name("R11", "Let's Encrypt"), "R11"), (name(None, "Let's Encrypt"), "Let's Encrypt"), (name(), "")],
        ids=["both", "organisation", "none"],
    )
    def test_name(self, issuer: x509.Name, told: str) -> None:
        found = _read(certificate(name(MX), issuer=issuer, signed_by="RSA 2048"))
        assert (found.issuer, found.self_signed) == (told, False)

    def test_an_authority_of_the_same_name_is_another(self) -> None:
        assert not _read(certificate(name(MX), issuer=name(MX), signed_by="EC P-384")).self_signed
        assert not _read(certificate(name(MX), issuer=name(MX), signed_by="RSA 2048")).self_signed

    @pytest.mark.needs("openssl")
    @pytest.mark.parametrize("key", ["512", "1024"])
    @pytest.mark.parametrize("digest", ["-md5", "-sha1"])
    def test_an_old_one_of_its_own(self, key: str, digest: str) -> None:
        command = f"openssl req -x509 -newkey rsa:{key} {digest} -nodes -subj /CN={MX} -keyout /dev/null -outform DER"
        found = _read(subprocess.run(command.split(), check=True, capture_output=True).stdout)
        assert (found.key, found.self_signed) == (f"RSA {key}", True)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (datetime.datetime(2001, 1, 1, tzinfo=UTC), datetime.datetime(2002, 1, 1, tzinfo=UTC)),
        (datetime.datetime(2090, 1, 1, tzinfo=UTC), datetime.datetime(2099, 1, 1, tzinfo=UTC)),
        (datetime.datetime(1950, 1, 1, tzinfo=UTC), datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
    ids=["expired", "not yet valid", "for ever"],
)
def test_times(begin: datetime.datetime, end: datetime.datetime) -> None:
    found = _read(certificate(name(MX), not_before=begin, not_after=end))
    assert (found.not_before, found.not_after) == (begin.timestamp(), end.timestamp())


class TestDamage:
    def test_cut_short(self) -> None:
        assert [read(DER[:size]) for size in range(len(DER))] == [None] * len(DER)

    def test_more_than_it(self) -> None:
        assert read(DER + b"\0") is None

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200))
    def test_any_octets(self, octets: bytes) -> None:
        assert read(octets) is None

    @settings(max_examples=1_000, deadline=None)
    @given(place=st.integers(0, 1_000), octet=st.integers(0, 255))
    def test_any_octet_changed(self, place: int, octet: int) -> None:
        """What comes out, if anything, can be sent."""
        at = place % len(DER)  # a signature's length varies by an octet or two
        found = read(DER[:at] + bytes([octet]) + DER[at + 1 :])
        if found is not None:
            assert len(found.names) <= NAMES
            "".join((*found.names, found.subject, found.issuer, found.key)).encode()

    def test_without_a_word(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A serial number of zero is none that RFC 5280 allows: cryptography warns of it."""
        at = DER.index(b"\x02\x02\x12\x67")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert _read(DER[:at] + b"\x02\x02\xff\x67" + DER[at + 4 :]).names[0] == MX
        assert capfd.readouterr() == ("", "")


class TestCertificates:
    def test_each_is_read_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[bytes] = []

        def once(der: bytes) -> Certificate | None:
            asked.append(der)
            return read(der)

        monkeypatch.setattr(subject, "read", once)
        certificates = Certificates()
        for der in (DER, b"damaged", DER, b"damaged"):
            assert certificates.get(hashlib.sha256(der).digest(), der) == read(der)
        assert asked == [DER, b"damaged"]

    def test_they_are_bounded(self) -> None:
        certificates = Certificates()
        for number in range(REMEMBERED + 10):
            certificates.get(b"%d" % number, b"")
            certificates.get(b"0", b"")
        assert len(certificates._read) == REMEMBERED
        assert b"0" in certificates._read, "what is in use stays"
