"""What an X.509 certificate says (RFC 5280), as far as an admin wants to know it of their own.

Anybody may have made it: whatever the octets are, what comes out is short text and numbers, or nothing.
"""

import hashlib
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from smtpwatch.events import CertificateSeen

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

NAMES = 20  # told of a certificate; one for a hundred domains is known by the first of them
NAME_LENGTH = 255  # characters of each (RFC 1035, 2.3.4); a longer one is cut
REMEMBERED = 256  # certificates read that are kept: some 1 kB each, and a host has a handful

ARCS = 4  # of an OID, which tell RSA, DSA, ECDSA and EdDSA apart

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}  # as admins call them (RFC 8422, 5.1.1)


class Certificate(NamedTuple):
    """The fields are those of CertificateSeen."""

    names: tuple[str, ...]
    subject: str
    issuer: str
    not_before: float
    not_after: float
    key: str
    self_signed: bool
    fingerprint: str


class Certificates:
    """Certificates by their octets; each is read once, the latest REMEMBERED are kept."""

    __slots__ = ("_read",)

    def __init__(self) -> None:
        self._read: OrderedDict[bytes, Certificate | None] = OrderedDict()

    def get(self, digest: bytes, der: bytes) -> Certificate | None:
        """That of `der`, whose SHA-256 is `digest`; None if it cannot be read."""
        kept = self._read
        if digest in kept:
            kept.move_to_end(digest)
            return kept[digest]
        found = kept[digest] = read(der)
        if len(kept) > REMEMBERED:
            kept.popitem(last=False)
        return found


def read(der: bytes) -> Certificate | None:
    """What the certificate in `der` says; None where any part of that cannot be read. Never raises."""
    # Some 40 ms and 12 MB, paid only by the process that meets a certificate.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with warnings.catch_warnings():  # of what a later version will refuse; they would end up on the terminal
            warnings.simplefilter("ignore")
            return _said(x509.load_der_x509_certificate(der), hashlib.sha256(der).hexdigest())
    except (
        ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):  # fmt: skip
        return None


def seen(
    certificate: Certificate, now: float, sensor: str, host: str, server: str, port: int, how: Literal["wire", "asked"]
) -> CertificateSeen:
    """The event: `certificate` was shown by `server` on `port`."""
    it = certificate
    return CertificateSeen(
        now, sensor, host, server, port, it.names, it.subject, it.issuer, it.not_before, it.not_after, it.key,
        it.self_signed, how, it.fingerprint,
    )  # fmt: skip


def _said(certificate: "x509.Certificate", fingerprint: str) -> Certificate:
    from cryptography.x509.oid import NameOID

    subject = _first(certificate.subject, NameOID.COMMON_NAME)
    issuer = certificate.issuer
    return Certificate(
        _names(certificate) or ((subject,) if subject else ()),
        subject,
        _first(issuer, NameOID.COMMON_NAME) or _first(issuer, NameOID.ORGANIZATION_NAME),
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        _key(certificate),
        _self_signed(certificate),
        fingerprint,
    )


def _names(certificate: "x509.Certificate") -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()

    def usable() -> Iterator[str]:
        for name in names:
            if isinstance(name, x509.DNSName | x509.IPAddress):
                yield _text(str(name.value))

    return tuple(name for name, _ in zip(usable(), range(NAMES), strict=False))


def _first(name: "x509.Name", kind: "x509.ObjectIdentifier") -> str:
    """The first attribute of that kind, "" if there is none."""
    for attribute in name.get_attributes_for_oid(kind):
        return _text(str(attribute.value))
    return ""


def _text(said: str) -> str:
    # Half a surrogate pair could not be sent.
    return said[:NAME_LENGTH].encode("utf-8", "backslashreplace").decode()


def _key(certificate: "x509.Certificate") -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    try:
        key: CertificatePublicKeyTypes = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):  # a key of a kind to come, or one of a size that is not supported
        return certificate.public_key_algorithm_oid.dotted_string
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448"
    return certificate.public_key_algorithm_oid.dotted_string


def _self_signed(certificate: "x509.Certificate") -> bool:
    """Subject and issuer alike are not enough: who makes an authority of their own may give both the same name."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError, TypeError):
        # It cannot be tried: signed by SHA-1, or with a key of a kind to come. The signature must be of the key's kind.
        kinds = (certificate.signature_algorithm_oid, certificate.public_key_algorithm_oid)
        signature, key = (kind.dotted_string.split(".")[:ARCS] for kind in kinds)
        return signature == key
    return True
