"""What came of a TLS handshake, in a session."""


class TlsFacts:
    """What is known of one handshake; None where it was not seen."""

    __slots__ = (
        "alert",
        "alpn",
        "cipher",
        "failed",
        "group",
        "implicit",
        "ja3",
        "ja3s",
        "ja4",
        "resumed",
        "sni",
        "version",
    )

    def __init__(self, implicit: bool) -> None:
        self.implicit = implicit
        self.version: str | None = None
        self.cipher: str | None = None
        self.group: str | None = None
        self.sni: str | None = None
        self.alpn: str | None = None  # chosen by the server, where that shows, else what the client offers
        self.ja3: str | None = None
        self.ja3s: str | None = None
        self.ja4: str | None = None
        self.resumed: bool | None = None
        self.failed: str | None = None  # why the handshake failed
        self.alert: str | None = None
