"""X.509 certificates for the tests, made by cryptography: whatever an authority, or a stranger, may have made."""

import datetime
import warnings
from collections.abc import Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

UTC = datetime.UTC
NOT_BEFORE = datetime.datetime(2026, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime.datetime(2026, 4, 1, 12, 30, 5, tzinfo=UTC)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
KEYS = ("RSA 2048", "EC P-256", "EC P-384", "EC P-521", "EC secp256k1", "Ed25519", "Ed448")


@cache
def key(kind: str) -> Key:
    """One key of each kind; it signs what is made with it."""
    if kind.startswith("RSA "):
        return rsa.generate_private_key(65537, int(kind[4:]))
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    curves: dict[str, ec.EllipticCurve] = {
        "EC P-256": ec.SECP256R1(),
        "EC P-384": ec.SECP384R1(),
        "EC P-521": ec.SECP521R1(),
        "EC secp256k1": ec.SECP256K1(),
    }
    return ec.generate_private_key(curves[kind])


@cache
def dsa_key() -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(2048)


def name(common: str | None = None, organisation: str | None = None) -> x509.Name:
    """A subject or issuer; lengths are not looked at."""
    attributes = []
    if organisation is not None:
        attributes.append(_attribute(NameOID.ORGANIZATION_NAME, organisation))
    if common is not None:
        attributes.append(_attribute(NameOID.COMMON_NAME, common))
    return x509.Name(attributes)


def _attribute(kind: x509.ObjectIdentifier, said: str) -> x509.NameAttribute[str]:
    with warnings.catch_warnings():  # of lengths that are not allowed
        warnings.simplefilter("ignore")
        return x509.NameAttribute(kind, said, _validate=False)


def certificate(
    subject: x509.Name,
    names: Sequence[x509.GeneralName] | None = None,
    *,
    issuer: x509.Name | None = None,
    kind: str = "EC P-256",
    signed_by: str | None = None,
    not_before: datetime.datetime = NOT_BEFORE,
    not_after: datetime.datetime = NOT_AFTER,
    public: dsa.DSAPublicKey | None = None,
) -> bytes:
    """A certificate (DER) for a key of that `kind`, or for `public`; without an issuer it has signed itself."""
    signer = signed_by or kind
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer)
        .public_key(public or key(kind).public_key())
        .serial_number(4_711)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    digest = None if signer.startswith("Ed") else hashes.SHA256()
    return builder.sign(key(signer), digest).public_bytes(Encoding.DER)
