"""What a port of ours answered when it was asked for its certificate: what a collector found, `smtpwatch doctor`
prints."""

from typing import NamedTuple

from smtpwatch.events import CertificateSeen


class PortAsked(NamedTuple):
    """One listener. `seen` is what it showed; None: `problem` says why there is nothing."""

    server: str
    port: int
    seen: CertificateSeen | None
    problem: str
