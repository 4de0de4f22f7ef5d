"""One client's session as smtpd(8) logs it, and what becomes of its messages up to the queue."""

from __future__ import annotations

from tests.triage.host_day.telling import NAME, Telling

SMTPD, SUBMISSION, SUBMISSIONS = "postfix/smtpd", "postfix/submission/smtpd", "postfix/submissions/smtpd"
_ORDER = ("helo", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "rset", "quit", "unknown")
"""In which the summary names commands."""
QMGR_PID = 1_204  # qmgr(8) lives as long as Postfix runs


class Visit:
    """The lines of one session, from when its client's name was looked up on. `done` counts commands: (good, all)."""

    __slots__ = ("_pid", "_processes", "_program", "_told", "_used", "done", "who")

    def __init__(self, told: Telling, program: str, source: str, name: str, start: float, at: float) -> None:
        """A process takes the connection at `start`, and knows who it is `at` a time after that."""
        self._told, self._program = told, program
        self._processes = told.processes(program)
        self._pid, self._used = self._processes.take(start)
        self.who = f"{name or 'unknown'}[{source}]"
        self.done: dict[str, tuple[int, int]] = {}
        self.line(at, f"connect from {self.who}")

    def line(self, time: float, text: str) -> None:
        """It writes that."""
        self._told.log(time, self._program, self._pid, text)

    def did(self, verb: str, good: int = 1, every: int | None = None) -> None:
        """So many of them, of which so many were good."""
        before = self.done.get(verb, (0, 0))
        self.done[verb] = before[0] + good, before[1] + (good if every is None else every)

    def secured(self, time: float, words: str) -> None:
        """A handshake has ended well."""
        self.line(time, f"Anonymous TLS connection established from {self.who}: {words}")

    def rejects(self, time: float, reply: str, sender: str, recipient: str, helo: str) -> None:
        """RCPT is refused."""
        self.line(time, f"NOQUEUE: reject: RCPT from {self.who}: {reply}; from=<{sender}> to=<{recipient}> proto=ESMTP "
                        f"helo=<{helo}>")  # fmt: skip
        self.did("rcpt", 0, 1)

    def fails(self, time: float, mechanism: str, account: str) -> None:
        """A login, as Postfix 3.7 with Dovecot's SASL has it."""
        why = "(reason unavailable), sasl_username="
        self.line(time, f"warning: {self.who}: SASL {mechanism} authentication failed: {why}{account}")
        self.did("auth", 0, 1)

    def gone(self, time: float, lost: str = "", how: str = "lost connection") -> None:
        """The end; `lost`: without QUIT, after that command."""
        if lost:
            self.line(time, f"{how} after {lost} from {self.who}")
        else:
            self.did("quit")
        self.ended(time)

    def ended(self, time: float) -> None:
        """The summary, at the end."""
        counts = [f"{verb}={_of(*self.done[verb])}" for verb in _ORDER if verb in self.done]
        total = _of(sum(good for good, _ in self.done.values()), sum(every for _, every in self.done.values()))
        self.line(time, f"disconnect from {self.who} {' '.join([*counts, f'commands={total}'])}")
        self._processes.free(time + 0.002, self._pid, self._used)


def _of(good: int, every: int) -> str:
    """As Postfix writes it: "0/0" only where there was none at all."""
    return str(good) if good == every and every else f"{good}/{every}"


def queued(
    told: Telling, time: float, queue_id: str, sender: str, size: int, recipients: int, message_id: str, until: float
) -> None:
    """cleanup(8) reads the header then, qmgr(8) takes the message when it is all there."""
    told.by("postfix/cleanup", time, f"{queue_id}: message-id=<{message_id}>", max(0.01, until - time))
    told.log(
        until, "postfix/qmgr", QMGR_PID, f"{queue_id}: from=<{sender}>, size={size}, nrcpt={recipients} (queue active)"
    )


def removed(told: Telling, time: float, queue_id: str) -> None:
    """The queue manager is done with it."""
    told.log(time, "postfix/qmgr", QMGR_PID, f"{queue_id}: removed")


def seconds(value: float) -> str:
    """As Postfix prints a delay: two digits, at least hundredths."""
    if value < 0.01:
        return "0"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0") if value >= 1 else f"{value:.2g}"


def delivered(
    told: Telling, time: float, queue_id: str, recipient: str, original: str, arrived: float, spent: float
) -> None:
    """Into a mailbox: lmtp(8) brings it to Dovecot."""
    before = max(0.0, time - spent - arrived)
    delays = f"{seconds(before)}/0.01/0.01/{seconds(spent)}"
    saved = f"{told.random.getrandbits(96):024X}"[:22]
    known_as = f", orig_to=<{original}>" if original else ""
    told.by("postfix/lmtp", time, f"{queue_id}: to=<{recipient}>{known_as}, relay={NAME}[private/dovecot-lmtp], "
            f"delay={seconds(time - arrived)}, delays={delays}, dsn=2.0.0, status=sent (250 2.0.0 <{recipient}> "
            f"{saved} Saved)", spent)  # fmt: skip
