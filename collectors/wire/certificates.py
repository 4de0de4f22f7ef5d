"""The certificates that our servers show in handshakes up to TLS 1.2, each told once in a while."""

import hashlib
from collections import OrderedDict

from collectors.certificate import Certificates, seen
from smtpwatch.events import CertificateSeen

AGAIN = 3_600.0  # seconds until the same certificate at the same place is told again, for whoever came later
PLACES = 1_000  # certificates by server and port, remembered as told; a capture of strangers' traffic may have more


class Shown:
    """What was told already. A handshake with nothing new costs a hash and a look-up."""

    __slots__ = ("_certificates", "_told")

    def __init__(self) -> None:
        self._certificates = Certificates()
        self._told: OrderedDict[tuple[str, int, bytes], float] = OrderedDict()

    def new(self, der: bytes, now: float, sensor: str, host: str, server: str, port: int) -> CertificateSeen | None:
        """`server` showed the certificate `der` on `port`: the event, if it is time to tell of it. One that cannot be
        read is not told of: the client will say what it thinks of it."""
        digest = hashlib.sha256(der).digest()
        place = (server, port, digest)
        told = self._told
        if 0 <= now - told.get(place, now - AGAIN) < AGAIN:
            return None
        told[place] = now
        told.move_to_end(place)
        if len(told) > PLACES:
            told.popitem(last=False)
        certificate = self._certificates.get(digest, der)
        return None if certificate is None else seen(certificate, now, sensor, host, server, port, "wire")
