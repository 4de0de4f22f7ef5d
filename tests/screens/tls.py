"""Sessions for the tests of the TLS pane: every version, failure, login in clear and lack of STARTTLS there is."""

from collections.abc import Iterable

from smtpwatch import events as ev
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from smtpwatch.state.tls import Tls
from tests.screens.scenes import HOST, NOW, SERVER, Dialogue, status

OLD_CIPHER = "TLS_RSA_WITH_AES_128_CBC_SHA"
DAY = 86_400.0


class Secured(Dialogue):
    """A dialogue with more to say of TLS."""

    def starttls(self) -> "Secured":
        self.says("STARTTLS").answer("STARTTLS", 220, "2.0.0 Ready to start TLS")
        return self

    def offers(self, *versions: str, ciphers: tuple[str, ...] = (OLD_CIPHER,), implicit: bool = False) -> "Secured":
        self._add(ev.TlsOffered, implicit, versions, ciphers, ("secp256r1",), None, (), "ja3", "ja4")
        return self

    def chosen(
        self, version: str, cipher: str = OLD_CIPHER, group: str | None = None, implicit: bool = False
    ) -> "Secured":
        self._add(ev.TlsNegotiated, version, cipher, group, None, "ja3s", False, implicit)
        return self

    def fails(self, reason: str, alert: str | None = None) -> "Secured":
        self._add(ev.TlsFailed, "server", alert, reason)
        return self


def fold(events: Iterable[ev.Event], finish: bool = True) -> Tls:
    """What comes of `events`, hooked up as the picture does it."""
    tls, _ = folded(events, finish)
    return tls


def folded(events: Iterable[ev.Event], finish: bool = True) -> tuple[Tls, list[Session]]:
    """The same, and the sessions that have ended."""
    tls = Tls()
    ended: list[Session] = []

    def end(session: Session) -> None:
        ended.append(session)
        tls.ended(session)

    sessions = Sessions(ended=end)
    for event in events:
        sessions.apply(event)
        tls.apply(event)
    if finish:
        sessions.finish()
        tls.finish()
    return tls, ended


def certificate(
    names: tuple[str, ...] = ("mx1.example.net", "mail.example.net"), days: float = 12.5, port: int = 25
) -> ev.CertificateSeen:
    """Ours, which is good for `days` more."""
    return ev.CertificateSeen(
        time=NOW, sensor="host", host=HOST, server=SERVER, port=port, names=names, subject=names[0],
        issuer="Example CA R3", not_before=NOW - 78 * DAY, not_after=NOW + days * DAY, key="EC P-256",
        self_signed=False, how="asked", fingerprint="00",
    )  # fmt: skip


def _in_clear(number: int, source: str, messages: int) -> list[ev.Event]:
    dialogue = Dialogue(number, source, NOW - 50).greeting().hello("old.example.com")
    for _ in range(messages):
        dialogue.mail("a@example.com", "b@example.net").accepted("a@example.com", 1)
    return dialogue.closed().events


def afternoon() -> list[ev.Event]:
    """Sessions of every kind that TLS tells apart."""
    dialogues: list[Dialogue] = []
    for number in range(100, 120):
        dialogues.append(Dialogue(number, f"198.51.100.{number}", NOW - 40).greeting().hello("a").tls().closed())
    for number in range(120, 126):
        dialogues.append(
            Dialogue(number, "203.0.113.30", NOW - 90, 587, "submission").greeting().hello("b").tls(
                "TLSv1.2", "secp256r1").closed()
        )  # fmt: skip
    secured = [
        Secured(1, "203.0.113.99", NOW - 30).offers("TLSv1.0").fails(
            "no common version: client offers TLSv1.0, server refuses", "protocol_version"),
        Secured(2, "203.0.113.98", NOW - 20).offers("TLSv1.0").chosen("TLSv1.0"),
        Secured(3, "192.0.2.17", NOW - 25, 465, "submission").offers("TLSv1.3", implicit=True).chosen(
            "TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", implicit=True),
    ]  # fmt: skip
    dialogues += [each.closed() for each in secured]
    dialogues.append(
        Dialogue(4, "198.51.100.23", NOW - 61, 587, "submission").greeting().hello("User").auth("failure").closed()
    )
    for number, server, extensions in ((5, "198.51.100.40", "\nSIZE 1"), (6, "198.51.100.41", "\nSIZE 1\nXXXXXXXA")):
        dialogues.append(
            Dialogue(number, SERVER, NOW - 15, 25, "outbound", server).greeting().hello("mx1", extensions).closed()
        )
    dialogues.append(
        Dialogue(7, SERVER, NOW - 14, 25, "outbound", "198.51.100.42").greeting().hello("mx1").says("STARTTLS").answer(
            "STARTTLS", 454, "4.7.0 TLS not available").closed()
    )  # fmt: skip
    events = [event for dialogue in dialogues for event in dialogue.events]
    events += [*_in_clear(8, "203.0.113.7", 3), *_in_clear(9, "203.0.113.8", 1)]
    return [status(), *sorted([*events, certificate()], key=lambda event: event.time)]
