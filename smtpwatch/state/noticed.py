"""What sessions come to, told to whoever wants to know as it is counted: each thing once, be it that the wire tells it,
a log, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from smtpwatch import events as ev

if TYPE_CHECKING:
    from smtpwatch.state.activity import Refusal
    from smtpwatch.state.party import Outcome, Party
    from smtpwatch.state.session import Session


class Noticed:
    """Takes no notice of anything; others do. The session is as it stands then."""

    def came_of(self, session: Session | None, parties: Sequence[Party], outcome: Outcome, time: float, n: int) -> None:
        """`n` more outcomes of that kind have counted, for each of `parties`: the direction's total, the source, its
        network, and what else there is. None: of sessions whose detail was shed."""

    def refused(self, session: Session, refusal: Refusal) -> None:
        """A refusal, and why; as an outcome it has counted already."""

    def took_recipient(self, session: Session, event: ev.RecipientDecided) -> None:
        """The wire shows that a recipient was accepted."""

    def tried(self, source: str, session: Session | None, login: ev.LoginTried) -> None:
        """A log tells of a login, and how it ended. None: in which of its client's sessions cannot be told."""

    def logged_in(self, source: str, session: Session | None, account: str, time: float) -> None:
        """Whom the client of a session is known to have logged in as; once for each account. None: likewise."""


NOBODY = Noticed()
