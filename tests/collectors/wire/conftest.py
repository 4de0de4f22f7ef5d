"""Recorded TLS handshakes for the tests of this package."""

import shutil
import ssl

import pytest

from tests.collectors.wire.handshakes import KINDS, LOW, TLS10, TLS12, TLS13, Certificates, Flight, play


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is missing")
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def recorded(made: Certificates) -> dict[str, list[Flight]]:
    """One handshake of each kind, by name, as flights."""
    tls12 = made.client(version=TLS12)
    first = play(tls12, made_server := made.server())
    dhe = made.dh(made.server("rsa", ciphers="DHE"), "ffdhe2048")
    demanding = made.server(version=TLS12)
    demanding.verify_mode = ssl.CERT_REQUIRED
    played = (
        play(made.client(alpn=("smtp",)), made.server(alpn=("smtp",))),
        play(made.client(), made.server(curve="secp384r1")),
        first,
        play(tls12, made_server, first.client.session),
        play(made.client(version=TLS12, ciphers="DHE"), dhe),
        play(made.client(version=TLS10, ciphers=LOW), made.server(ciphers=LOW, version=TLS10)),
        play(tls12, made.server(version=TLS13)),
        play(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), made.server(version=TLS12)),
        play(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), made.server()),
        play(made.client(), demanding),
    )
    return {kind: it.flights for kind, it in zip(KINDS, played, strict=True)}
