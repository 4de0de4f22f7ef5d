"""Clients on port 25 that want no mail taken: who looks, who scans, who tries to log in where nobody can."""

from __future__ import annotations

from smtpwatch import events as ev
from tests.triage.host_day import hellos
from tests.triage.host_day.cast import Peer
from tests.triage.host_day.figures import IDLE
from tests.triage.host_day.inbound import Begun, Inbound

NO_AUTH = "5.5.1 Error: authentication not enabled"
_LIBRARY = "warning: TLS library problem: error:0A0000"
_NO_CIPHER = f"{_LIBRARY}C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2220:"
_UNKNOWN_CA = "warning: TLS library problem: error:0A000418:SSL routines::tlsv1 alert unknown ca:../ssl/record/rec_layer_s3.c:1601:SSL alert number 48:"  # fmt: skip  # noqa: E501
_OFFER = f"client offers 4 ciphers: {', '.join(hellos.EXPORT_CIPHERS)}"


class Looks:
    """Sessions on port 25 without a message."""

    def __init__(self, inbound: Inbound) -> None:
        self.inbound, self.random, self.cast = inbound, inbound.random, inbound.cast

    def _somebody(self) -> Peer:
        """A survey's machine, or a bot."""
        return self.random.choice(self.cast.surveys) if self.random.random() < 0.5 else self.cast.bot()

    def silent(self, time: float) -> None:
        """It hears the greeting, or not even that, and leaves."""
        talk, visit = self.inbound.connect(time, self._somebody())
        if self.random.random() < IDLE:
            visit.gone(talk.closed(idle=talk.waits(clear=True)) + 0.0002, "CONNECT", "timeout")
            return
        waits = 0.0 if self.random.random() < 0.6 else self.random.expovariate(0.5)
        by: ev.ClosedBy = "rst" if self.random.random() < 0.3 else "fin"
        visit.gone(talk.closed(by, talk.rtt + waits) + 0.0002, "CONNECT")

    def hello(self, time: float) -> None:
        """EHLO, a look at what is offered, QUIT."""
        peer = self._somebody()
        talk, visit = self.inbound.connect(time, peer)
        talk.hello(peer.helo)
        visit.did("ehlo")
        talk.quits()
        visit.gone(talk.closed("quit") + 0.0002)

    def secured(self, time: float) -> None:
        """A survey of certificates: a handshake, and that was it."""
        peer = self.random.choice(self.cast.surveys)
        talk, visit = self.inbound.connect(time, peer)
        self._starttls(Begun(talk, visit), peer, hellos.SURVEY)
        visit.done["starttls"] = 1, 1
        talk.handshake(hellos.SURVEY, implicit=False)
        visit.secured(talk.t, hellos.SURVEY.logged)
        visit.gone(talk.closed("fin", talk.rtt) + 0.0002, "STARTTLS")

    def _starttls(self, begun: Begun, peer: Peer, hello: hellos.Hello) -> None:
        talk, visit = begun
        talk.hello(peer.helo)
        visit.did("ehlo")
        visit.did("starttls", 0, 1)
        talk.says("STARTTLS")
        talk.hears("STARTTLS", 220, "2.0.0", "2.0.0 Ready to start TLS")

    def unsecured(self, time: float) -> None:
        """A handshake that fails: nothing in common, a certificate that it does not like, or it has seen enough."""
        why: tuple[str, ...]
        luck = self.random.random()
        peer = self.random.choice(self.cast.surveys) if luck < 0.8 else self.cast.server()
        talk, visit = begun = self.inbound.connect(time, peer)
        if luck < 0.4:
            self._starttls(begun, peer, hellos.EXPORT)
            talk.offers(hellos.EXPORT, implicit=False)
            talk.t += 0.0004
            talk.down += 7
            talk.tell(ev.TlsFailed, "server", "handshake_failure", f"no common cipher or group ({_OFFER})")
            why = (f"SSL_accept error from {visit.who}: -1", _NO_CIPHER)
        elif luck < 0.7:
            self._starttls(begun, peer, hellos.SURVEY)
            why = (f"SSL_accept error from {visit.who}: lost connection",)
        else:
            hello = peer.hello or hellos.SURVEY
            self._starttls(begun, peer, hello)
            talk.handshake(hello, implicit=False)
            talk.tell(ev.TlsFailed, "client", "unknown_ca", "client does not trust the certificate: unknown_ca")
            why = (f"SSL_accept error from {visit.who}: -1", _UNKNOWN_CA)
        end = talk.closed("fin", talk.rtt / 2)
        for line in why:
            visit.line(end + 0.0001, line)
        visit.gone(end + 0.0002, "STARTTLS")

    def garbled(self, time: float) -> None:
        """A web client: it speaks first, and no SMTP."""
        peer = self.random.choice(self.cast.surveys)
        talk, visit = self.inbound.connect(time, peer)
        words = f"GET / HTTP/1.1\\r\\nHost: {peer.source[:40]}\\r\\n\\r\\n"
        talk.t -= 0.0005
        talk.tell(ev.Oddity, "early talker", "spoke before the greeting")
        for verb in ("GET ... (14 octets)", "(20 octets, no command)", "(0 octets, no command)"):
            talk.says("?", verb, 0.0)
        at = talk.t + 0.0002
        visit.line(at, f"improper command pipelining after CONNECT from {visit.who}: {words}")
        visit.line(at, f"warning: non-SMTP command from {visit.who}: GET / HTTP/1.1")
        visit.done["unknown"] = 0, 1
        talk.t = at + 0.0003
        talk.hears("?", 221, "2.7.0", "2.7.0 Error: I can break rules, too. Goodbye.")
        visit.ended(talk.closed("fin", 0.0001))

    def auth(self, time: float, peer: Peer) -> None:
        """AUTH where it is not offered."""
        talk, visit = self.inbound.connect(time, peer)
        talk.hello(peer.helo)
        visit.did("ehlo")
        talk.says("AUTH", "LOGIN")
        talk.hears("AUTH", 503, "5.5.1", NO_AUTH)
        talk.tell(ev.AuthAttempted, "LOGIN", "failure", False)
        visit.did("auth", 0, 1)
        if self.random.random() < 0.3:
            talk.quits()
            visit.gone(talk.closed("quit") + 0.0002)
        else:
            visit.gone(talk.closed("fin", talk.rtt) + 0.0002, "AUTH")
