"""What a session has come to, from its events."""

from smtpwatch import events as ev
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions

HOST = ("wire", "mx.example.net", 7, "203.0.113.7")


def reply(to: str, code: int, text: str) -> ev.Reply:
    return ev.Reply(1.0, *HOST, to, code, None, text)


def test_a_goodbye_does_not_hide_the_refusal() -> None:
    session = Session(("wire", 7), "203.0.113.7", 1.0)
    for event in (reply("RCPT", 554, "Relay access denied"), reply("QUIT", 221, "Bye")):
        session.apply(event)
    assert (session.last_code, session.last_reply) == (554, "Relay access denied")


def test_a_goodbye_alone_is_shown() -> None:
    session = Session(("wire", 7), "203.0.113.7", 1.0)
    session.apply(reply("QUIT", 221, "Bye"))
    assert (session.last_code, session.last_reply) == (221, "Bye")


def test_sessions_of_a_restarted_sensor_are_over() -> None:
    ended: list[Session] = []
    sessions = Sessions(ended.append)
    sessions.apply(ev.SessionOpened(1.0, *HOST, 1.0, 40000, "192.0.2.25", 25, "inbound"))
    sessions.apply(ev.SensorStatus(2.0, "wire", "mx.example.net", "starting", "", 0, 0, 0, {}, ()))
    assert [(session.id, session.closed_by, session.partial) for session in ended] == [(7, None, "detail was shed")]
    sessions.apply(ev.SessionOpened(3.0, *HOST, 3.0, 40001, "192.0.2.25", 25, "inbound"))
    assert [session.client_port for session in sessions.live.values()] == [40001]
