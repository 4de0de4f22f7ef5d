"""The events of a session, packed: given back equal, the latest of them."""

from smtpwatch import events as ev
from smtpwatch.state.session import ONE_RUN, TRANSCRIPT_EVENTS, Session
from smtpwatch.state.transcript import ROOM

NOW = 1_700_000_000.5
COMMON = ("wire", "mx1.example.net", 7, "203.0.113.7")

EVENTS: list[ev.SessionEvent] = [
    ev.SessionOpened(NOW, *COMMON, NOW - 1, 40_000, "192.0.2.25", 25, "inbound"),
    ev.Greeting(NOW, *COMMON, 220, "mx1.example.net ESMTP"),
    ev.Command(NOW, *COMMON, "EHLO", "grün.example"),
    ev.Reply(NOW, *COMMON, "EHLO", 250, None, "mx1.example.net\nSTARTTLS"),
    ev.Oddity(NOW, *COMMON, "pipelining", "unasked"),
    ev.AuthAttempted(NOW, *COMMON, "PLAIN", "failure", False),
    ev.SourceNamed(NOW, "wire", "mx1.example.net", 7, "2001:db8::9", 4_000, "203.0.113.7", "XCLIENT"),
    ev.MessageDecided(
        NOW, "wire", "mx1.example.net", 7, "2001:db8::9", "a@x", True, "accepted", 250, "2.0.0", "Ok", "AAA", 1, 0, 9
    ),
    ev.TlsFailed(NOW, "wire", "mx1.example.net", 7, "2001:db8::9", "client", "unknown_ca", "alert"),
    ev.SessionClosed(NOW + 1, "wire", "mx1.example.net", 7, "2001:db8::9", NOW + 1, "fin", 10, 20, None, True),
]
UNTOLD: list[ev.SessionEvent] = [
    ev.ReplyUnseen(NOW, *COMMON, "NOOP"),
    ev.TransactionOpened(NOW, *COMMON, "a@x"),
    ev.RecipientDecided(NOW, *COMMON, "b@x", 250, None, "Ok"),
    ev.SessionProgress(NOW, *COMMON, 1, 2),
]


def test_events_come_back_as_they_were() -> None:
    for runs in (0, 3):  # since its sensor was started for the first time
        session = Session(("wire", 7 + runs * ONE_RUN), "203.0.113.7", NOW)
        for event in EVENTS:
            session.apply(event)
        assert session.transcript == EVENTS
        assert [type(each) for each in session.transcript] == [type(each) for each in EVENTS]


def test_lists_of_a_handshake_come_back_as_they_were() -> None:
    offered = ev.TlsOffered(NOW, *COMMON, False, ("TLSv1.3",), ("A", "B"), (), None, ("h2",), "ja3", "ja4")
    session = Session(("wire", 7), "203.0.113.7", NOW)
    session.apply(offered)
    assert session.transcript == [offered]


def test_what_only_counts_is_not_told() -> None:
    session = Session(("wire", 7), "203.0.113.7", NOW)
    for event in UNTOLD:
        session.apply(event)
    assert session.transcript == []


def test_the_latest_are_kept() -> None:
    session = Session(("wire", 7), "203.0.113.7", NOW)
    told = [ev.Command(NOW + at, *COMMON, "NOOP", str(at)) for at in range(3 * (TRANSCRIPT_EVENTS + ROOM))]
    for at, event in enumerate(told, 1):
        session.apply(event)
        if at % 37 == 0 or at in (200, 201, 299, 300, 301):
            assert session.transcript == told[max(0, at - TRANSCRIPT_EVENTS) : at]
    assert session.transcript == told[-TRANSCRIPT_EVENTS:]
