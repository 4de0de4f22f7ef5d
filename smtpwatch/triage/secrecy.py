"""What TLS does not cover, or no longer does: logins in clear, handshakes that fail, old versions, STARTTLS taken out,
certificates near their end."""

from __future__ import annotations

from math import inf

from smtpwatch import clock
from smtpwatch import events as ev
from smtpwatch.query import quoted
from smtpwatch.state.next_hop import LOOPBACK
from smtpwatch.state.session import Session
from smtpwatch.state.tls_shares import Kind
from smtpwatch.strength import OLD, level
from smtpwatch.triage.alert import Severity, Subject
from smtpwatch.triage.counting import Handful
from smtpwatch.triage.rule import Rule, Scene, keys_of, lines_of, many, span

EVERY = 10.0  # seconds between looks at shares and lists
DAY = 86_400.0
CREDENTIALS_INVALID = 535  # RFC 4954, 6: the server has looked at them
HOUR = 3_600.0
RISE = 5.0  # times as many as is usual
SOURCES = 3  # a single client that cannot do it is no outage
LEAST_OLD = 20  # sessions, for a share to say something


class ClearLogin(Rule):
    """A login that TLS did not cover, and that the server took, or looked at: it offers AUTH in clear."""

    name = "clear-login"
    events = (ev.AuthAttempted,)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._next = -inf
        self._times = 0

    def event(self, event: ev.Event) -> None:
        """On the wire."""
        assert isinstance(event, ev.AuthAttempted)
        session = self.scene.picture.sessions.of(event)
        if event.encrypted or session is None or session.direction == "outbound" or event.source.startswith(LOOPBACK):
            return
        if event.outcome == "success" or (event.outcome == "failure" and session.last_code == CREDENTIALS_INVALID):
            self._tell(event.time, event.source, event.mechanism, event.outcome == "success", session)

    def tick(self, now: float) -> None:
        """In the log, where there are no packets: told as sessions end."""
        tls = self.scene.picture.tls
        if now < self._next or tls.seen:
            return
        self._next = now + EVERY
        times = sum(clear.times for clear in tls.logins.values())
        if times > self._times:
            clear = max(tls.logins.values(), key=lambda each: each.last)
            party = self.scene.picture.activity.sources.get(clear.peer)
            self._tell(now, clear.peer, clear.mechanism, party is not None and party.passed > 0, None)
        self._times = times

    def _tell(self, time: float, source: str, mechanism: str, passed: bool, session: Session | None) -> None:
        port = session.server_port if session is not None else 0
        where = f"port {port}" if port else "the mail server"
        what = "logged in in clear: its password was there to be read" if passed else "tried to log in in clear"
        says = f"{source} {what} ({mechanism}): {where} offers AUTH without TLS (smtpd_tls_auth_only)"
        self.found(
            time, Subject("server", where), Severity.CRITICAL if passed else Severity.WARNING, says,
            sessions=keys_of(session), lines=lines_of(session), term=f"src:{source}",
        )  # fmt: skip


class TlsFailures(Rule):
    """Handshakes of several clients that fail, many times more than in the hour before."""

    name = "tls-failures"
    events = (ev.TlsFailed, ev.TlsTroubled)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._next = -inf
        self._who: dict[str, Handful] = {}
        self._since = -inf

    def event(self, event: ev.Event) -> None:
        """Whose failed; how many did is told by the shares."""
        assert isinstance(event, ev.TlsFailed | ev.TlsTroubled)
        if event.time - self._since > self.limits.window:
            self._who, self._since = {}, event.time
        session = self.scene.picture.sessions.of(event) if isinstance(event, ev.TlsFailed) else None
        outbound = getattr(event, "relay", "") or (session is not None and session.direction == "outbound")
        peer = session.server if session is not None and outbound else getattr(event, "relay", "") or event.source
        if peer:  # a log may blame nobody
            self._who.setdefault("outbound" if outbound else "inbound", Handful()).add(peer)

    def tick(self, now: float) -> None:
        """Compare with the hour before."""
        if now < self._next or not self._who:
            return
        self._next = now + EVERY
        shares, window = self.scene.picture.tls.shares, min(self.limits.window, HOUR / 2)
        for side, who in self._who.items():
            if len(who) < SOURCES:
                continue
            lately = sum(
                n for kind, n in shares.recent(now, window).items() if kind.mode == "failed" and _side(kind) == side
            )
            hour = sum(
                n for kind, n in shares.recent(now, HOUR).items() if kind.mode == "failed" and _side(kind) == side
            )
            expected = (hour - lately) * window / (HOUR - window)
            if lately < self.limits.tls_failures or lately < RISE * expected:
                continue
            failure = next((each for each in self.scene.picture.tls.failures if _of_side(each.direction) == side), None)
            why = f"; the last: {failure.reason}" if failure is not None else ""
            says = f"{many(lately, f'{side} TLS handshake')} failed within {span(window)}, of {who} peers{why}"
            self.found(now, Subject("server", f"TLS {side}"), Severity.WARNING, says, count=lately, term="tls:failed")


class OldTls(Rule):
    """A share of the sessions under TLS uses TLS 1.1 or older (RFC 8996)."""

    name = "old-tls"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._next = -inf

    def tick(self, now: float) -> None:
        """Once in a while."""
        if now < self._next:
            return
        self._next = now + EVERY
        window = min(self.limits.window, HOUR)
        every: dict[str, int] = {}
        old: dict[str, int] = {}
        for kind, n in self.scene.picture.tls.shares.recent(now, window).items():
            if kind.mode in ("STARTTLS", "implicit") and kind.version:
                every[kind.direction] = every.get(kind.direction, 0) + n
                if level(kind.version) == OLD:
                    old[kind.direction] = old.get(kind.direction, 0) + n
        for direction, n in old.items():
            if n >= LEAST_OLD and n >= self.limits.old_tls_share * every[direction]:
                share = n / every[direction]
                says = (
                    f"{share:.0%} of {direction} sessions under TLS ({n:,} within {span(window)}) use TLS 1.1 or older:"
                    " the TLS pane tells who they are, and what requiring 1.2 would cost"
                )
                self.found(
                    now, Subject("server", f"TLS {direction}"), Severity.NOTICE, says, count=n, term="tls:1.0,1.1"
                )


class Stripped(Rule):
    """A server that has offered STARTTLS before does so no more, or the word was overwritten on the way."""

    name = "starttls-stripped"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._next = -inf
        self._told: dict[str, int] = {}

    def tick(self, now: float) -> None:
        """Those that are lacking it now."""
        if now < self._next:
            return
        self._next = now + EVERY
        lacking = [server for server in self.scene.picture.tls.servers.lacking() if server.lack == "stripped"]
        for server in lacking:
            if self._told.get(server.address) != server.times:
                says = (
                    f"{server.address} no longer offers STARTTLS ({server.said}): somebody on the way may read our mail"
                    " to it, or it has changed; require TLS for it (smtp_tls_policy_maps)"
                )
                self.found(
                    server.last, Subject("server", server.address), Severity.WARNING, says,
                    count=server.times, term=f"dst:{quoted(server.address)}",
                )  # fmt: skip
        self._told = {server.address: server.times for server in lacking}


class CertificateEnds(Rule):
    """A certificate of ours is near its end, or past it."""

    name = "certificate"
    events = (ev.CertificateSeen,)

    def event(self, event: ev.Event) -> None:
        """One was shown; each is, at least every few hours."""
        assert isinstance(event, ev.CertificateSeen)
        left = event.not_after - event.time
        subject = Subject("server", event.fingerprint[:16])
        if left > self.limits.certificate_days * DAY:
            return
        name = event.names[0] if event.names else event.subject or "?"
        at = f"{event.server}:{event.port}"
        when = clock.day(event.not_after)
        if left <= 0:
            says = f"the certificate of {name} at {at} has ended on {when}: who checks it delivers no more"
        else:
            says = f"the certificate of {name} at {at} ends in {left / DAY:.0f} d, on {when}: renew it"
        self.found(event.time, subject, Severity.CRITICAL if left <= 0 else Severity.WARNING, says)


def _side(kind: Kind) -> str:
    return _of_side(kind.direction)


def _of_side(direction: str) -> str:
    return "outbound" if direction == "outbound" else "inbound"
