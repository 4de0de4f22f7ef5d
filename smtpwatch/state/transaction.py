"""One transaction of a session (RFC 5321, 3.3)."""

from smtpwatch import events as ev

TRANSACTIONS = 1_000  # of one session, the latest; a busy relay sends 100 on one connection
RECIPIENTS = 10_000  # of one transaction; Postfix's smtpd_recipient_limit is 1,000


class Transaction:
    """MAIL FROM to the end of data or whatever else ended it. `outcome` None: still open."""

    __slots__ = ("code", "outcome", "queue_id", "rcpts", "reply", "sender")

    def __init__(self, sender: str | None) -> None:
        self.sender = sender
        self.rcpts: list[tuple[str | None, int | None]] = []
        self.code: int | None = None
        self.reply: str | None = None
        self.queue_id: str | None = None
        self.outcome: ev.Outcome | None = None
