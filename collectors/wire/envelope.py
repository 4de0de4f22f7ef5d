"""One mail transaction as the wire shows it: what opened it, what was answered, how it ended (RFC 5321, 3.3)."""

from typing import Any

from collectors.wire.content import Content
from smtpwatch.events import Outcome


def by_code(code: int) -> Outcome:
    """The outcome that a reply code stands for."""
    if code < 400:
        return "accepted" if code < 300 else "unknown"
    return "deferred" if code < 500 else "rejected"


class Envelope:
    """An open transaction. `sender` None: MAIL itself was not seen."""

    __slots__ = (
        "accepted", "answer", "content", "deferred", "octets", "presumed", "refused", "sender", "stopped", "unsure",
    )  # fmt: skip

    def __init__(self, sender: str | None) -> None:
        self.sender = sender
        self.accepted = 0
        self.refused = 0
        self.deferred = False  # one of the refusals was 4xx
        self.stopped: int | None = None
        """The code that refused DATA or BDAT, or that came before the end of data."""
        self.presumed = False
        """MAIL was sent, but nothing has shown yet that it was accepted."""
        self.unsure = False
        """Some command or reply was not seen, so that counts of recipients are lower bounds, and the transaction may
        be over."""
        self.content: Content | None = None
        self.octets = 0
        self.answer: tuple[int, str | None, str] | None = None
        """(code, enhanced code, text) of the answer to the end of data. LMTP gives one for each recipient: then the
        first that accepts, else the first."""

    def recipient(self, code: int) -> None:
        """A reply to RCPT."""
        if code < 300:
            self.accepted += 1
            self.presumed = False
        else:
            self.refused += 1
            self.deferred = self.deferred or code < 500

    def answered(self, code: int, enhanced: str | None, text: str) -> None:
        """A reply to the end of data."""
        if self.answer is None or (code < 300 <= self.answer[0]):
            self.answer = (code, enhanced, text)

    def verdict(self) -> Outcome | None:
        """What the server has decided: in LMTP for some recipient, else by refusing all of them, or the data."""
        if self.answer is not None:
            return by_code(self.answer[0])
        if self.unsure:
            return None
        if self.stopped is not None:
            return by_code(self.stopped)
        if self.refused and not self.accepted:
            return "deferred" if self.deferred else "rejected"
        return None

    def decision(self, outcome: Outcome, queue: str | None = None) -> tuple[Any, ...]:
        """The fields of MessageDecided for `outcome`, with the answer that counts: an accepting one where there is
        one."""
        if (self.presumed or self.unsure) and outcome in ("reset", "abandoned"):
            outcome = "unknown"
        code, enhanced, text = self.answer or (None, None, None)
        octets = self.octets + (self.content.size if self.content else 0)
        return (self.sender, True, outcome, code, enhanced, text, queue, self.accepted, self.refused, octets)
