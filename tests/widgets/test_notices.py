"""What empty tables say."""

from typing import Any

import pytest

from smtpwatch import events as ev
from smtpwatch.state.party import Dimension
from smtpwatch.state.picture import Picture
from tests.screens import mail, scenes
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets.delivery_table import DeliveryTable
from widgets.delivery_view import DeliveryView
from widgets.log_table import LogTable
from widgets.log_view import LogView
from widgets.message_table import MessageTable
from widgets.message_view import MessageView
from widgets.notices import notice
from widgets.peer_table import PeerTable
from widgets.peer_view import PeerView
from widgets.session_table import SessionTable
from widgets.session_view import SessionView
from widgets.source_table import SourceTable
from widgets.source_view import SourceView
from widgets.table import Table

PORTS = "ports 25 465 587"
NO_LOG = "Messages come from the mail log, and none is followed."


def tables(picture: Picture) -> dict[str, Table[Any]]:
    logs = picture.sessions.logs
    return {
        "sources": SourceTable(SourceView(picture.activity), "sources"),
        "sessions": SessionTable(SessionView(picture.sessions), "sessions"),
        "messages": MessageTable(MessageView(picture.messages), "messages"),
        "deliveries": DeliveryTable(DeliveryView(picture.deliveries), "deliveries"),
        "tls": PeerTable(PeerView(picture.tls), "tls"),
        "log": LogTable(LogView(logs.lines), picture.sessions, "log"),
    }


def said(*events: ev.Event) -> dict[str, str]:
    picture = Picture()
    picture.apply(events)
    return {name: notice(table, picture, PORTS, NOW) for name, table in tables(picture).items()}


def test_before_anything_has_begun() -> None:
    every = said()
    assert every["sources"] == every["sessions"] == every["tls"] == "Starting to listen."
    assert all(every[name].startswith(NO_LOG) for name in ("messages", "deliveries"))
    assert every["log"].startswith(NO_LOG.replace("Messages", "Lines"))


def test_the_wire_alone() -> None:
    every = said(scenes.status())
    wire = "No SMTP seen yet on eth0, lo (ports 25 465 587), listening since 10:40."
    assert every["sources"] == every["sessions"] == every["tls"] == wire
    assert every["messages"].startswith(NO_LOG)


def test_the_log_alone() -> None:
    every = said(mail.status())
    followed = "in /var/log/mail.log, followed since 10:40."
    assert every == {
        "sources": f"No client seen yet {followed}",
        "sessions": f"No client seen yet {followed}",
        "messages": f"No message yet {followed}",
        "deliveries": "No delivery to another host yet, log followed since 10:40.",
        "tls": f"No client seen yet {followed}",
        "log": f"No line yet {followed}",
    }


def test_a_sensor_that_failed_says_what_to_do() -> None:
    every = said(scenes.status("failed", "packets: not allowed. Run: sudo smtpwatch"))
    assert every["sources"] == every["sessions"] == "Packets: not allowed. Run: sudo smtpwatch"


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        (Dimension.ASN, "there is no geo database with them (`smtpwatch doctor` tells how to get one)"),
        (Dimension.COUNTRY, "there is no geo database (`smtpwatch doctor` tells how to get one)"),
        (Dimension.ACCOUNT, "Nobody has logged in yet, as far as a mail log tells"),
        (Dimension.JA4, "No client has begun TLS yet, as far as packets show."),
    ],
)
def test_groups_that_there_are_none_of(dimension: Dimension, words: str) -> None:
    picture = Picture()
    picture.apply([scenes.status(), *scenes.many(3)])
    view = SourceView(picture.activity)
    view.group_by(dimension)
    assert words in notice(SourceTable(view, "sources"), picture, PORTS, NOW)


def test_peers_are_told_of_when_sessions_have_ended() -> None:
    every = said(scenes.status(), *scenes.many(3))
    assert every["tls"] == "No session has ended yet: peers are told of when theirs do."
