"""Where log lines stand among what the wire shows."""

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from tests.screens import scenes
from widgets.placing import AFTER, AT, BEFORE, Place, Spot, lines_of

SECOND = scenes.START + 10.0
CLIENT = "203.0.113.7"


def session(start: float = SECOND + 0.2) -> Session:
    """Greeting at +.1, EHLO, MAIL, one recipient refused and one taken, the message, and the end."""
    dialogue = scenes.Dialogue(1, CLIENT, start, step=0.01).greeting().hello("client.example")
    dialogue.says("MAIL", "FROM:<a@example.com>").answer("MAIL", 250, "2.1.0 Ok")
    dialogue.says("RCPT", "TO:<x@example.net>").answer("RCPT", 550, "5.1.1 <x@example.net>: no such user")
    dialogue.says("RCPT", "TO:<y@example.net>").answer("RCPT", 550, "5.1.1 <y@example.net>: no such user")
    dialogue.says("RCPT", "TO:<b@example.net>").answer("RCPT", 250, "2.1.5 Ok").says("DATA").answer("DATA", 354, "go")
    dialogue.accepted("a@example.com", 1).closed()
    picture = Picture()
    picture.apply(dialogue.events)
    return picture.sessions.recent[scenes.SENSOR, 1]


def at(session_: Session, kind: type[ev.Event], which: int = 0) -> float:
    """When the wire shows the `which`th event of that kind."""
    return [event.time for event in session_.transcript if type(event) is kind][which]


def line(text: str, time: float = SECOND) -> tuple[float, str, str, str, int, str]:
    return time, "log", "mx1", "postfix/smtpd", 7, text


def connect(time: float = SECOND) -> ev.ClientConnected:
    return ev.ClientConnected(*line("connect", time), CLIENT, 0, "")


def disconnect(time: float = SECOND) -> ev.ClientDisconnected:
    return ev.ClientDisconnected(*line("disconnect", time), CLIENT, 0, "")


def refusal(recipient: str, reply: str) -> ev.Refused:
    text = f"reject {recipient}"
    return ev.Refused(*line(text), CLIENT, 0, "", "RCPT", 550, "5.1.1", "unknown user", reply, recipient=recipient)


def received(queue_id: str = "4XyZ1a2b3c") -> ev.MessageReceived:
    return ev.MessageReceived(*line("client="), CLIENT, 0, "", queue_id, "smtp")


def delivery(status: ev.DeliveryStatus = "sent", time: float = SECOND, **more: object) -> ev.Delivery:
    return ev.Delivery(*line("to=", time), "4XyZ1a2b3c", "b@example.net", status, **more)  # type: ignore[arg-type]


def spots(place: Place, *lines: ev.LogEvent) -> list[Spot]:
    return [entry.spot for entry in place.logged(lines)]


def test_a_fraction_of_a_second_is_believed() -> None:
    (entry,) = Place(session()).logged([connect(SECOND + 0.75)])
    assert entry.spot == Spot(SECOND + 0.75, AFTER) and not entry.rough


def test_whole_seconds_stand_where_the_wire_shows_what_they_tell_of() -> None:
    seen = session()
    lines = [
        connect(),
        refusal("x@example.net", "550 5.1.1 <x@example.net>: no such user"),
        refusal("y@example.net", "550 5.1.1 <y@example.net>: no such user"),
        received(),
        ev.MessageQueued(*line("from="), "4XyZ1a2b3c", "a@example.com", 400, 1),
        delivery(),
        disconnect(),
    ]
    assert spots(Place(seen), *lines) == [
        Spot(at(seen, ev.Greeting), BEFORE),
        Spot(at(seen, ev.Reply, 2), AFTER),
        Spot(at(seen, ev.Reply, 3), AFTER),
        Spot(at(seen, ev.Reply, 4), AFTER),
        Spot(at(seen, ev.Reply, 6), BEFORE),
        Spot(at(seen, ev.MessageDecided), AFTER),
        Spot(seen.end, AFTER),
    ]


def test_refusals_of_the_same_words_take_one_reply_each() -> None:
    seen = session()
    lines = [refusal("x@example.net", "550 5.1.1"), refusal("y@example.net", "550 5.1.1")]
    assert spots(Place(seen), *lines) == [Spot(at(seen, ev.Reply, 2), AFTER), Spot(at(seen, ev.Reply, 3), AFTER)]


def test_lines_keep_their_order_and_their_second() -> None:
    seen = session()
    place = Place(seen)
    first, unknown, last = spots(place, connect(), received("UNSEEN"), disconnect(SECOND + 2))
    assert first == unknown == Spot(at(seen, ev.Greeting), BEFORE)
    assert last.time == SECOND + 2  # the clocks differ: the log's stamp is kept to
    early = spots(place, connect(SECOND - 5))
    assert early[0].time == SECOND - 4


def test_tls_and_logins() -> None:
    dialogue = scenes.Dialogue(1, CLIENT, SECOND).greeting().hello("client.example").auth("failure").tls()
    picture = Picture()
    picture.apply(dialogue.events)
    seen = picture.sessions.live[scenes.SENSOR, 1]
    login = ev.LoginTried(*line("sasl"), CLIENT, 0, "", "smtp", "failure", "bob")
    secure = ev.TlsEstablished(*line("tls"), CLIENT, 0, "", "TLSv1.3", "x")
    assert spots(Place(seen), login, secure, received("DARK"), delivery()) == [
        Spot(at(seen, ev.AuthAttempted), AFTER),
        *[Spot(at(seen, ev.TlsNegotiated), AFTER)] * 3,
    ]


def test_without_a_session_lines_have_their_stamps() -> None:
    assert spots(Place(None), connect(), received(), delivery(time=SECOND + 3)) == [
        Spot(SECOND, AFTER), Spot(SECOND, AFTER), Spot(SECOND + 3, AFTER),
    ]  # fmt: skip


def test_a_delivery_stands_after_the_next_hops_answer() -> None:
    hop = scenes.Dialogue(2, scenes.SERVER, SECOND + 0.8, 25, "outbound", "198.51.100.25", step=0.01)
    hop.greeting().hello("mx1.example.net").says("MAIL").answer("MAIL", 250, "ok")
    hop.says("RCPT").answer("RCPT", 450, "later")
    picture = Picture()
    picture.apply(hop.events)
    onward = picture.sessions.live[scenes.SENSOR, 2]
    place = Place(session(), [onward])
    told = [
        delivery("deferred", relay_address="198.51.100.25", code=450),
        delivery("deferred", relay_address="198.51.100.26", code=450),
    ]
    first, other = (spots(place, each)[0] for each in told)
    assert first == Spot(at(onward, ev.Reply, 2), AFTER)
    assert other == Spot(at(session(), ev.MessageDecided), AFTER)


def test_the_wire_has_exact_times() -> None:
    seen = session()
    entries = Place(seen).wire(seen.transcript)
    assert [entry.spot.time for entry in entries] == [event.time for event in seen.transcript]
    assert {entry.spot.side for entry in entries} == {AT} and not any(entry.rough for entry in entries)


def test_facts_of_one_line_are_together() -> None:
    login = ev.LoginTried(*line("client="), CLIENT, 0, "", "smtp", "success", "bob")
    assert list(lines_of([received(), login])) == [[received(), login]]
    assert list(lines_of([received(), login, received()])) == [[received(), login], [received()]]
    assert list(lines_of([connect(), connect(SECOND + 1)])) == [[connect()], [connect(SECOND + 1)]]
    assert list(lines_of([])) == []
