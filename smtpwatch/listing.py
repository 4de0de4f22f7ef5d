"""One session as one line of text, for `smtpwatch sessions` on a terminal."""

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.state.session import Session

_ARROWS = {"inbound": "in", "submission": "sub", "outbound": "out"}


def line(session: Session) -> str:
    """`10:41:07 in 203.0.113.7 :25 none 0/12 3.2s quit ylmf-pc <a@example.com> 554 5.7.1 Relay access denied`, in
    columns."""
    peer = session.server if session.direction == "outbound" else session.source
    tls = session.tls
    encrypted = (tls.version if tls else None) or ("failed" if tls and tls.failed else "none")
    sender = next((each.sender for each in reversed(session.transactions) if each.sender is not None), None)
    words = [
        clock.of_day(session.start),
        _ARROWS[session.direction].ljust(3),
        peer.ljust(15),
        f":{session.server_port}".ljust(5),
        encrypted.ljust(7),
        f"{session.accepted}/{session.refused}".rjust(5),
        f"{session.end - session.start:.1f}s".rjust(6),
        (session.closed_by or "open").ljust(7),
        clean(session.helo or "-"),
        f"<{clean(sender)}>" if sender is not None else "-",
        f"{session.last_code or ''} {clean(session.last_reply)}".strip(),
    ]
    return " ".join(words)
