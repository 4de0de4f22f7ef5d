"""One mail transaction as the wire shows it: what opened it, what was answered, how it ended (RFC 5321, 3.3)."""

from typing import Any

from collectors.wire.content import Content
from smtpwatch.events import Outcome


def by_code(code: int) -> Outcome:
    """The outcome that a reply code stands for."""
    if code < 400:
        return "accepted"
    return "deferred" if code < 500 else "rejected"


class Envelope:
    """An open transaction. `sender` None: MAIL itself was not seen."""

    __slots__ = (
        "accepted", "answers", "content", "deferred", "octets", "presumed", "refused", "sender", "stopped", "unsure",
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
        self.answers: list[tuple[int, str | None, str]] = []
        """(code, enhanced code, text) of each answer to the end of data; LMTP gives one for each recipient."""

    def recipient(self, code: int) -> None:
        """A reply to RCPT."""
        if code < 300:
            self.accepted += 1
            self.presumed = False
        else:
            self.refused += 1
            self.deferred = self.deferred or code < 500

    def verdict(self) -> Outcome | None:
        """What the server decided, short of an answer to the end of data: all recipients, or the data, refused."""
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
        code = enhanced = text = None
        if self.answers:
            code, enhanced, text = next((answer for answer in self.answers if answer[0] < 300), self.answers[0])
        octets = self.octets + (self.content.size if self.content else 0)
        return (self.sender, True, outcome, code, enhanced, text, queue, self.accepted, self.refused, octets)
