"""What is weak, by IANA's names and by those of OpenSSL and GnuTLS."""

import pytest

from smtpwatch.strength import OLD, TLS12, TLS13, group_name, level, version_name, weaknesses


def told(version: str | None, cipher: str | None, group: str | None, resumed: bool = False) -> list[tuple[str, str]]:
    return [(each.grade, each.what) for each in weaknesses(version, cipher, group, resumed)]


@pytest.mark.parametrize(
    ("version", "cipher", "group"),
    [
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519"),
        ("TLSv1.3", "TLS_AES_128_CCM_8_SHA256", "X25519MLKEM768"),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "secp256r1"),
        ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", "x25519"),
        ("TLSv1.2", "ECDHE_RSA_AES_256_GCM_SHA384", None),
        ("TLSv1.2", "DHE-RSA-AES256-GCM-SHA384", "DHE (2048 bits)"),
        ("TLSv1.2", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "ffdhe3072"),
        (None, None, None),
        ("0x7F1C", "0xABCD", None),
    ],
)
def test_what_is_sound(version: str | None, cipher: str | None, group: str | None) -> None:
    assert weaknesses(version, cipher, group) == ()


@pytest.mark.parametrize(
    ("version", "cipher", "group", "expected"),
    [
        ("SSLv3", None, None, [("broken", "SSLv3")]),
        ("TLSv1.0", "ECDHE-RSA-AES256-SHA", "x25519", [("broken", "TLS 1.0"), ("dated", "CBC with SHA-1")]),
        ("TLSv1.1", None, None, [("broken", "TLS 1.1")]),
        ("TLSv1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256", None, [("dated", "no forward secrecy")]),
        ("TLSv1.2", "AES128-GCM-SHA256", None, [("dated", "no forward secrecy")]),
        ("TLSv1.2", "RSA_AES_256_CBC_SHA1", None, [("dated", "no forward secrecy"), ("dated", "CBC with SHA-1")]),
        ("TLSv1.2", "TLS_RSA_WITH_RC4_128_SHA", None, [("broken", "RC4"), ("dated", "no forward secrecy")]),
        ("TLSv1.2", "ECDHE-RSA-RC4-SHA", None, [("broken", "RC4")]),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_NULL_SHA", None, [("broken", "NULL cipher")]),
        ("TLSv1.2", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", None,
         [("dated", "anonymous, no certificate"), ("dated", "CBC with SHA-1")]),
        ("TLSv1.2", "ADH-AES256-GCM-SHA384", None, [("dated", "anonymous, no certificate")]),
        ("TLSv1.2", "ECDHE-RSA-DES-CBC3-SHA", None, [("dated", "3DES"), ("dated", "CBC with SHA-1")]),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", None, [("dated", "3DES"), ("dated", "CBC with SHA-1")]),
        (None, "EXP-EDH-RSA-DES-CBC-SHA", "x25519",
         [("broken", "export or 56 bit cipher"), ("dated", "CBC with SHA-1")]),
        (None, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", None, [("dated", "DH group unknown")]),
        (None, "DHE-RSA-AES256-GCM-SHA384", "DHE (1024 bits)", [("broken", "DH of 1024 bits")]),
        (None, "DHE-RSA-AES256-GCM-SHA384", "1024 bits", [("broken", "DH of 1024 bits")]),
        (None, None, "secp192r1", [("broken", "curve secp192r1")]),
        (None, None, "0xFE00", [("dated", "group 0xFE00 unknown")]),
    ],
)  # fmt: skip
def test_what_is_weak(
    version: str | None, cipher: str | None, group: str | None, expected: list[tuple[str, str]]
) -> None:
    assert told(version, cipher, group) == expected


def test_a_resumed_session_shows_no_group() -> None:
    assert told("TLSv1.2", "DHE-RSA-AES256-GCM-SHA384", None, resumed=True) == []


def test_every_weakness_names_its_source() -> None:
    every = weaknesses("TLSv1.0", "EXP-ADH-RC4-MD5", "secp160k1")
    assert {each.what: each.source for each in every} == {
        "TLS 1.0": "RFC 8996",
        "RC4": "RFC 7465",
        "export or 56 bit cipher": "RFC 9325, 4.1",
        "curve secp160k1": "RFC 9325, 4.5",
        "anonymous, no certificate": "RFC 5246, F.1.1.1",
        "MD5": "RFC 9155",
    }


def test_names_that_logs_write() -> None:
    names = ("TLSv1", "TLSv1.2", "TLS1.3", "TLS1.0", "SSLv3", "0x7F1C")
    assert [version_name(name) for name in names] == ["TLSv1.0", "TLSv1.2", "TLSv1.3", "TLSv1.0", "SSLv3", "0x7F1C"]
    levels = [level(version_name(name)) for name in names]
    assert levels == [OLD, TLS12, TLS13, OLD, OLD, None]
    groups = ("X25519", "ECDHE (P-256)", "ECDHE (prime256v1)", "x25519", "DHE (1024 bits)", "X25519MLKEM768")
    assert [group_name(name) for name in groups] == [
        "x25519", "secp256r1", "secp256r1", "x25519", "1024 bits", "X25519MLKEM768",
    ]  # fmt: skip
