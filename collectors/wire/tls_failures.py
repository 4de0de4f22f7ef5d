"""Why a TLS handshake failed, in the admin's words, from the alert and from what the client had offered."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Peer = Literal["client", "server"]

NAMES_SHOWN = 4  # all the versions there are, and enough ciphers to recognise an old client

_NO_COMMON_SUITE = {"handshake_failure", "insufficient_security"}
_CERTIFICATE_REFUSED = {
    "bad_certificate",
    "unsupported_certificate",
    "certificate_revoked",
    "certificate_expired",
    "certificate_unknown",
    "unknown_ca",
    "bad_certificate_status_response",
}


class Offer(NamedTuple):
    """What a ClientHello offered, in names, as TlsOffered tells it."""

    versions: tuple[str, ...]
    ciphers: tuple[str, ...]
    groups: tuple[str, ...]
    sni: str | None
    alpn: tuple[str, ...]


def reason(by: Peer, alert: str, offer: Offer | None, version: str | None) -> str:
    """One phrase for a fatal alert. `offer` is None where no ClientHello was read, `version` the one that a
    ServerHello chose, None before it."""
    if alert in _CERTIFICATE_REFUSED:
        whose = "the certificate" if by == "client" else "the client's certificate"
        return f"{by} does not trust {whose}: {alert}"
    if by == "client":
        if alert == "protocol_version" and version is not None:
            return f"no common version: server chooses {version}, client refuses"
    elif alert == "certificate_required":
        return "server demands a client certificate"
    elif offer is not None and version is None:
        return _refused_offer(alert, offer)
    return _refusal(by, alert)


def silence(by: Literal["client", "server", "nobody"], after: str) -> str:
    """One phrase for a handshake that stopped after the message named `after`; `by` closed the connection."""
    return f"no answer to {after}" if by == "nobody" else f"closed without a word after {after}"


def goodbye(by: Peer, after: str) -> str:
    """One phrase for a close_notify in clear, after the message named `after`."""
    return f"{by} left after {after}"


def _refusal(by: Peer, alert: str) -> str:
    return f"{by} ended the handshake: {alert}"


def _refused_offer(alert: str, offer: Offer) -> str:
    """The server's alert in answer to a ClientHello."""
    versions = _listed(offer.versions)
    if alert == "protocol_version":
        return f"no common version: client offers {versions}, server refuses"
    if alert == "inappropriate_fallback":
        return f"server refuses a fallback to {versions}"
    if alert in _NO_COMMON_SUITE:
        return f"no common cipher or group ({_ciphers(offer.ciphers)})"
    if alert == "no_application_protocol":
        return f"no common application protocol: client offers {_listed(offer.alpn)}"
    if alert == "unrecognized_name" and offer.sni is not None:
        return f"server does not know the name {offer.sni}"
    return _refusal("server", alert)


def _ciphers(offered: tuple[str, ...]) -> str:
    # The others are signals in the shape of ciphers (RFC 5746, RFC 7507).
    suites = [name for name in offered if not name.endswith("_SCSV")]
    return f"client offers {len(suites)} {'cipher' if len(suites) == 1 else 'ciphers'}: {_listed(suites)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return f"{shown}, ..." if len(names) > NAMES_SHOWN else shown
