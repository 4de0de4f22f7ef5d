"""Lines of a log for the tests of its pane."""

from __future__ import annotations

from smtpwatch import events as ev
from smtpwatch.state.sessions import Sessions
from tests.state.joint import HOST, NOW, SMTPD

A, B = "203.0.113.7", "2001:db8::7"
QUEUE_ID = "4XyZ1a2b3czDc"


def head(program: str, text: str, time: float = NOW, pid: int = 7) -> tuple[float, str, str, str, int, str]:
    return time, "log", HOST, program, pid, text


def refused(time: float = NOW, text: str = "", code: int = 554, warning: bool = False) -> ev.Refused:
    reply = f"{code} 5.7.1 <x@example.org>: Relay access denied"
    said = text or f"NOQUEUE: reject: RCPT from unknown[{A}]: {reply}; from=<a@example.net> to=<x@example.org>"
    return ev.Refused(
        *head(SMTPD, said, time), A, 0, "", "RCPT", code, "5.7.1", "relay denied", reply,
        sender="a@example.net", recipient="x@example.org", helo="h.example", warning=warning,
    )  # fmt: skip


def login(outcome: ev.LoginOutcome, account: str = "bob", service: str = "smtp") -> ev.LoginTried:
    return ev.LoginTried(*head("dovecot", "auth failed"), A, 0, "", service, outcome, account, "PLAIN")


def delivery(status: ev.DeliveryStatus, time: float = NOW) -> ev.Delivery:
    reply = "250 2.0.0 Ok" if status == "sent" else "host mx.example.com[192.0.2.9] said: 450 4.2.0 Greylisted"
    enhanced, code = ("2.0.0", 250) if status == "sent" else ("4.2.0", 450)
    return ev.Delivery(
        *head("postfix/smtp", f"{QUEUE_ID}: to=<b@example.com>, status={status}", time), QUEUE_ID, "b@example.com",
        status, enhanced, reply, relay="mx.example.com", relay_address="192.0.2.9", relay_port=25, delay=4.3, code=code,
    )  # fmt: skip


def received(time: float = NOW) -> ev.MessageReceived:
    return ev.MessageReceived(*head(SMTPD, f"{QUEUE_ID}: client=", time), A, 0, "", QUEUE_ID, "smtp", sender="")


def plain(text: str, understood: bool = False, time: float = NOW) -> ev.PlainLine:
    return ev.PlainLine(*head(SMTPD, text, time), understood, 0)


def numbered(start: int, stop: int, time: float = NOW) -> list[ev.LogEvent]:
    """Lines that say `line 7`."""
    return [
        ev.MessageRemoved(*head("postfix/qmgr", f"line {number}", time + number / 1000, 1), f"{number:X}")
        for number in range(start, stop)
    ]


def evening() -> list[ev.LogEvent]:
    """A client's visit, its message, and others'."""
    return [
        ev.ClientConnected(*head(SMTPD, f"connect from unknown[{A}]"), A, 0, ""),
        received(NOW + 1),
        refused(NOW + 2),
        plain("something new under the sun", time=NOW + 2),
        ev.ClientDisconnected(
            *head(SMTPD, f"disconnect from unknown[{A}]", NOW + 3), A, 0, "", "quit", {"rcpt": (1, 2), "mail": (1, 1)}
        ),
        delivery("sent", NOW + 4),
        delivery("deferred", NOW + 5),
        ev.ServiceTrouble(*head("postfix/master", "warning: process killed", NOW + 6, 2), "warning", "killed"),
    ]


def told(events: list[ev.LogEvent]) -> Sessions:
    """State after all of them; there are no packets."""
    sessions = Sessions()
    sessions.logs.alone = True
    for event in events:
        sessions.apply(event)
    sessions.finish()
    return sessions
