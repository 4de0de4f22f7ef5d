"""The live session table's columns."""

from smtpwatch.state.logs import SENSOR as LOG
from smtpwatch.state.session import Session
from widgets import figures
from widgets.cells import cut_middle, cut_word
from widgets.table_layout import Column, Picked, Sortable, by

REPLY_MAX = 300  # characters of a reply that the table looks at; the transcript has all of it

ARROWS = {"inbound": "in", "submission": "sub", "outbound": "out"}


def mark(session: Session) -> str:
    """x refused or failing, ! oddity, ~ partly seen, else a space."""
    if session.trouble:
        return "x"
    if session.oddities:
        return "!"
    return "~" if session.partial else " "


def client(session: Session, now: float) -> str:
    """The source as an admin would block it; where we are the client, the server that we talk to."""
    return f"→{session.server}" if session.direction == "outbound" else session.source


def state(session: Session, now: float) -> str:
    """The stage of the dialogue; of an ended session, how it ended."""
    return session.stage if session.closed_by is None else session.closed_by


def sender(session: Session, now: float) -> str:
    """MAIL FROM of the transaction under way or of the last one; `<>` for the null sender."""
    current = session.transaction
    if current is None or current.sender is None:
        return ""
    return current.sender or "<>"


def recipients(session: Session, now: float) -> str:
    """Accepted/refused."""
    return f"{session.accepted}/{session.refused}" if session.accepted or session.refused else ""


def tls(session: Session, now: float) -> str:
    """`1.3 X25519`, `failed`, `offered` (the server offers STARTTLS, unused so far) or `none`; empty where only a log
    could tell, and does not."""
    facts = session.tls
    if facts is not None:
        if facts.failed is not None:
            return "failed"
        if facts.version is not None:
            return f"{facts.version.removeprefix('TLSv')} {facts.group or ''}".rstrip()
        return "hello"
    if session.sensor == LOG:
        return ""
    return {"none": "none", "refused": "refused"}.get(session.starttls, "offered")


def reply(session: Session, now: float) -> str:
    """The server's last word."""
    return f"{session.last_code or ''} {session.last_reply[:REPLY_MAX]}".strip()


def whole_reply(session: Session) -> str:
    """The same, however long."""
    return f"{session.last_code or ''} {session.last_reply}".strip()


def _worth(session: Session, now: float) -> Sortable:
    return float(" ~!x".index(mark(session))), ""


def _octets(session: Session) -> int:
    return session.octets_client + session.octets_server


def _carried(session: Session, now: float) -> str:
    return figures.octets(_octets(session)) if _octets(session) else ""


def age(session: Session, now: float) -> float:
    """Seconds from its first packet to now, or to its last."""
    return (session.end if session.stage == "closed" else now) - session.start


def port(session: Session, now: float) -> str:
    """The server's port; a log may not tell it."""
    return f":{session.server_port}" if session.server_port else ""


def account(session: Session, now: float) -> str:
    """Whom the client logged in as."""
    return session.account


def _pick_client(session: Session, now: float) -> Picked:
    return ("dst", session.server) if session.direction == "outbound" else ("src", session.source)


def _pick_reply(session: Session, now: float) -> Picked:
    return "reply", whole_reply(session)


def _helo(session: Session, now: float) -> str:
    return session.helo or ""


# Age stands before all that stays: a line is sent again up to its last change, so that a session which only grows
# older costs 20 octets a second and not 120.
COLUMNS: tuple[Column[Session], ...] = (
    Column("", 1, 1, 1, 0, lambda session, now: mark(session), _worth, descending=True, sought=False,
           pick=lambda s, now: ("mark", mark(s).strip())),
    Column("age", 3, 3, 4, 6, lambda s, now: figures.age(age(s, now)), lambda s, now: (age(s, now), ""), right=True,
           descending=True, sought=False, term="age"),
    Column("client", 15, 15, 39, 0, client, by(client), shorten=cut_middle, pick=_pick_client),
    Column("port", 4, 4, 6, 7, port, lambda s, now: (s.server_port, ""),
           pick=lambda s, now: ("port", s.server_port or None)),
    Column("dir", 3, 3, 3, 5, lambda s, now: ARROWS[s.direction], lambda s, now: (0.0, s.direction),
           pick=lambda s, now: ("dir", s.direction)),
    Column("state", 8, 8, 9, 1, state, by(state), term="state"),
    Column("HELO", 9, 14, 24, 4, _helo, by(_helo), term="helo"),
    Column("from", 14, 20, 36, 8, sender, by(sender), term="from"),
    Column("account", 8, 12, 24, 10, account, by(account), term="account"),
    Column("ok/no", 5, 5, 7, 2, recipients, lambda s, now: (s.refused, ""), right=True, descending=True,
           term="refused"),
    Column("TLS", 7, 10, 22, 3, tls, by(tls), shorten=cut_word,
           pick=lambda s, now: ("tls", tls(s, now).partition(" ")[0])),
    Column("bytes", 5, 5, 5, 9, _carried, lambda s, now: (_octets(s), ""), right=True, descending=True, sought=False,
           term="bytes"),
    Column("reply", 14, 20, 80, 0, reply, lambda s, now: (s.last_code or 0, s.last_reply[:REPLY_MAX]),
           pick=_pick_reply),
)  # fmt: skip
