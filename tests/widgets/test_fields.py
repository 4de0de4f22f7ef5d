"""What real sessions and messages say of each field, and cells that become terms."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from smtpwatch import events as ev
from smtpwatch.query import FIELDS, SHOWS, sift
from smtpwatch.state.picture import Picture
from smtpwatch.triage.alerts import Alerts
from tests.screens import alerts, mail, scenes
from widgets.alert_view import AlertView
from widgets.message_view import MessageView
from widgets.rows import Rows
from widgets.session_view import SessionView
from widgets.table_layout import picked


class Where(NamedTuple):
    country: str
    asn: int | None
    org: str


PLACES = {"203.0.113.7": Where("RO", 64500, "EXAMPLE HOST"), "203.0.113.80": Where("", None, "")}
NAMES = {"203.0.113.7": "host7.example.net"}


def sessions(events: list[ev.Event]) -> SessionView:
    picture = Picture()
    picture.apply(events)
    picture.sessions.finish()
    return SessionView(picture.sessions, PLACES.get, NAMES.get)


def messages(events: list[ev.Event] | None = None) -> MessageView:
    picture = Picture()
    picture.apply(mail.evening() if events is None else events)
    picture.sessions.finish()
    return MessageView(picture.messages, PLACES.get, NAMES.get)


def passed(view: Rows[Any], typed: str) -> list[Any]:
    view.filter(typed)
    assert view.faults == () and view.left_out == ""
    view.settle(scenes.NOW)
    return [row.id if isinstance(view, SessionView) else row.queue_id for row in view.window(0, 99)]


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("src:203.0.113.0/24", {1, 7, 8, 10}),
        ("net:2001:db8::/32", {4}),
        ("dst:198.51.100.25", {3}),
        ("port:587", {2, 5}),
        ("port:>25", {2, 5}),
        ("dir:sub", {2, 5}),
        ("dir:outbound", {3}),
        ("state:quit", {7, 10}),
        ("state:rcpt", {1}),
        ("helo:ylmf-pc", {1}),
        ('helo:""', {3, 10}),
        ("from:*@partner.example", {7}),
        ("from:a@example.com", {1}),
        ("to:list@example.org", {2}),
        ("domain:example.org", {1, 2}),
        ("tls:1.3", {3}),
        ("tls:none,failed", {8, 10}),
        ("cipher:TLS_AES*", {3}),
        ("group:secp256r1", {4}),
        ("ja4:t13d*", {3, 4}),
        ("verdict:accepted", {7}),
        ("verdict:rejected", {1, 5, 10}),
        ("verdict:abandoned", {8, 9}),
        ("reason:relay", {1}),
        ("reason:blocklist", {10}),
        ('reason:"auth failed"', {5}),
        ("code:5*", {1, 5, 10}),
        ("code:535", {5}),
        ("reply:zen.example", {10}),
        ("cc:ro", {1}),
        ("asn:AS64500", {1}),
        ("org:example", {1}),
        ("name:*.example.net", {1}),
        ("qid:4XyZ1a2b3c", {7}),
        ("mark:x", {1, 5, 8, 10}),
        ("mark:!", {6}),
        ("mark:~", {9}),
        ("age:>40", {4, 5}),
        ("bytes:>100k", {2}),
        ("accepted:50", {2}),
        ("refused:>0", {1}),
        ("auth:>0", {5}),
        ("src:203.0.113.0/24 !verdict:rejected", {7, 8}),
        ("/relay access/", {1}),
        ('account:""', {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
    ],
)
def test_sessions_of_the_wire(typed: str, numbers: set[int]) -> None:
    assert set(passed(sessions(scenes.busy_evening()), typed)) == numbers


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("account:bob@example.net", {2}),
        ("from:dave@bigmail.example", {4}),
        ("to:alice@example.net", {4}),
        ("domain:example.net dir:in", {4, 7}),
        ("msgid:77.x@bigmail.example", {4}),
        ("status:sent", {4, 7}),
        ("relay:mx1.example.net*", {4, 7}),
        (f"qid:{mail.DARK}", {4}),
        ("name:mail.partner.example", {7}),
        ("prog:smtpd port:25", {4, 7}),
        ("prog:postfix/submission/smtpd", {2}),
        ("pid:1200", {4}),
        ("host:mx1", {2, 4, 7}),
    ],
)
def test_sessions_that_the_log_knows_more_of(typed: str, numbers: set[int]) -> None:
    view = sessions(mail.evening())
    view.filter(typed)
    view.settle(scenes.NOW)
    assert {row.id for row in view.window(0, 99) if row.sensor == scenes.SENSOR} == numbers


def test_sessions_that_only_the_log_knows() -> None:
    view = sessions(mail.evening())
    view.filter("src:203.0.113.44 qid:* msgid:win@* verdict:accepted")
    view.settle(scenes.NOW)
    assert [row.sensor for row in view.window(0, 9)] == ["log"]


@pytest.mark.parametrize(
    ("typed", "queue_ids"),
    [
        ("src:192.0.2.17", {mail.LOST, mail.OPEN, mail.NOTICE}),
        ("net:203.0.113.0/25", {mail.SPAM, mail.HELD, mail.PARTNER}),
        ("dst:198.51.100.40", {mail.BULK}),
        ("port:25", {mail.BULK, mail.LOST}),
        ("state:held", {mail.HELD}),
        ("dir:submission", {mail.LOST, mail.OPEN, mail.NOTICE}),
        ("from:<>", {mail.NOTICE}),
        ("from:win@*", {mail.SPAM}),
        ("helo:lottery.example", {mail.SPAM}),
        ("to:postmaster@example.net", {mail.DARK}),
        ("domain:bigmail.example", {mail.BULK}),
        ("account:bob@*", {mail.LOST, mail.OPEN, mail.NOTICE}),
        ('account:"uid 33"', {mail.BULK}),
        ("tls:1.2", {mail.DARK}),
        ("verdict:rejected", {mail.SPAM}),
        ("reason:unknown", {mail.LOST}),
        ("reason:rate", {mail.BULK}),
        ("reason:content", {mail.SPAM}),
        ("code:421", {mail.BULK}),
        ('reply:"too much mail"', {mail.BULK}),
        ("name:out3.bigmail.example", {mail.DARK}),
        (f"qid:{mail.LOST}", {mail.LOST, mail.NOTICE}),
        ("msgid:88.*", {mail.LOST, mail.NOTICE}),
        ("status:deferred", {mail.BULK}),
        ("status:bounced", {mail.LOST}),
        ("relay:none", {mail.BULK}),
        ("prog:pickup", {mail.BULK}),
        ("pid:1230", {mail.BULK, mail.LOST}),
        ("host:mx1 mark:x", {mail.SPAM, mail.LOST, mail.LONG}),
        ("mark:!", {mail.BULK, mail.HELD}),
        ("age:>1h", {mail.LONG}),
        ("size:>40k", {mail.BULK, mail.DARK}),
        ("cc:RO", set()),
        ("asn:64500", set()),
        ("org:x", set()),
        ("cipher:*", {mail.DARK}),
        ("group:secp256r1", {mail.DARK}),
        ("ja4:t13*", {mail.DARK}),
    ],
)
def test_messages(typed: str, queue_ids: set[str]) -> None:
    assert set(passed(messages(), typed)) == queue_ids


def hostile_alerts() -> AlertView:
    made = Alerts(alerts.QUIET)
    made.found(alerts.HOSTILE)
    return AlertView(made)


VIEWS: dict[str, Callable[[], Rows[Any]]] = {
    "alerts": lambda: AlertView(alerts.held()),
    "hostile alerts": hostile_alerts,
    "sessions": lambda: sessions(mail.evening()),
    "wire": lambda: sessions(scenes.busy_evening()),
    "messages": messages,
    "hostile sessions": lambda: sessions(scenes.hostile()),
    "hostile messages": lambda: messages(mail.hostile()),
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_cell_becomes_a_term_that_finds_its_row(name: str) -> None:
    """And leaves it out with a `!`. A cell that says nothing may be one that others of the row's say something of."""
    view: Rows[Any] = VIEWS[name]()
    view.settle(scenes.NOW)
    rows = view.window(0, 99)
    assert rows
    for row in rows:
        for column in view.columns:
            found = picked(column, row, view.now)
            term = view.term(column, row)
            if found is None or found[1] in ("", None):
                assert not term or found is not None
            else:
                assert term, (column.title, found)
            if term:
                keys = [view.key(each) for each in _all(view, term)]
                assert view.key(row) in keys, term
                assert view.key(row) not in [view.key(each) for each in _all(view, f"!{term}")]
                _only_that(view, term, found)
    view.filter("")


def _all(view: Rows[Any], typed: str) -> list[Any]:
    query = sift(typed)
    assert query.faults == () and len(query.terms) == 1
    view.filter(typed)
    view.settle(scenes.NOW)
    return view.window(0, 99)


def _only_that(view: Rows[Any], term: str, found: Any) -> None:
    """Whatever the term finds says just that."""
    field, said = found
    if field in ("src", "net") and "/" in str(said):  # a network finds all that is in it
        return
    if field == SHOWS or FIELDS[field].grows or FIELDS[field].kind == "words" or term.endswith("*"):
        return
    for row in _all(view, term):
        says = view.fields[field](row)
        each = [says] if says is None or isinstance(says, str | int | float) else list(says)
        assert said in each or (said in ("", None) and not any(each))


def test_fields_that_no_column_and_no_mapping_has_are_left_out() -> None:
    view = sessions(scenes.busy_evening())
    view.filter("size:>1 rate:>3 port:587")
    view.settle(scenes.NOW)
    assert view.left_out == "size, rate: not in this pane" and {row.id for row in view.window(0, 99)} == {2, 5}


def test_a_fault_leaves_the_last_good_filter_in_force() -> None:
    view = sessions(scenes.busy_evening())
    view.filter("port:587")
    view.filter("port:587 tsl:1")
    view.settle(scenes.NOW)
    assert {row.id for row in view.window(0, 99)} == {2, 5}
    assert [fault.why for fault in view.faults] == ["tsl: no such field; tls?"]
    view.filter("")
    view.settle(scenes.NOW)
    assert len(view) == 10 and view.faults == ()


def test_the_cursor_tells_that_a_value_has_only_begun() -> None:
    view = sessions(scenes.busy_evening())
    view.filter("from:a", cursor=6)
    view.settle(scenes.NOW)
    assert len(view) == 1
    view.filter("from:a")
    view.settle(scenes.NOW)
    assert len(view) == 0


def test_ages_go_on_though_the_row_does_not_change() -> None:
    view = sessions(scenes.busy_evening())
    view.filter("age:>70 dir:sub")
    view.settle(scenes.NOW)
    assert len(view) == 0
    view.settle(scenes.NOW + 10)
    assert [row.id for row in view.window(0, 9)] == [5]


def test_what_became_of_its_mail_is_seen_though_the_session_is_over() -> None:
    picture = Picture()
    picture.apply(mail.evening())
    picture.sessions.finish()
    view = SessionView(picture.sessions)
    view.filter("status:bounced src:203.0.113.80")
    view.settle(scenes.NOW)
    assert len(view) == 0
    common = (mail.LOG, "mx1", "postfix/smtp", 8, "to=")
    picture.apply([ev.Delivery(scenes.NOW, *common, mail.PARTNER, "carol@example.net", "bounced")])
    view.settle(scenes.NOW)
    assert [row.id for row in view.window(0, 9)] == [7]


def test_common_values_come_first() -> None:
    view = sessions(scenes.busy_evening())
    assert view.values("port") == ["25", "587"] and view.values("account") == [] and view.values("nope") == []
    assert view.values("dir")[0] == "inbound" and set(view.values("verdict")) >= {"accepted", "rejected", "abandoned"}
