"""What an empty table says: what is true, and what to do."""

from typing import Any

from smtpwatch import clock
from smtpwatch.state.party import Dimension
from smtpwatch.state.picture import Picture
from widgets.alert_table import AlertTable
from widgets.block_table import BlockTable
from widgets.delivery_lines import no_delivery_yet
from widgets.delivery_table import DeliveryTable
from widgets.log_table import LogTable
from widgets.message_table import MessageTable
from widgets.peer_table import PeerTable
from widgets.source_table import SourceTable
from widgets.table import Table
from widgets.vitals import no_message_yet, nothing_yet

_NO_GROUP = {
    Dimension.ASN: "No network is known: there is no geo database with them (`smtpwatch doctor` tells how to get one).",
    Dimension.COUNTRY: "No country is known: there is no geo database (`smtpwatch doctor` tells how to get one).",
    Dimension.ACCOUNT: "Nobody has logged in yet, as far as a mail log tells; the wire never shows accounts.",
    Dimension.JA4: "No client has begun TLS yet, as far as packets show.",
}


def notice(table: Table[Any], picture: Picture, ports: str, now: float) -> str:
    """For a table that has no rows at all, filtered or not; `ports` are those that are watched."""
    logged = clock.of_day(picture.since.get("log", now))[:5]
    since = clock.of_day(min(picture.since.values(), default=now))[:5]
    if isinstance(table, AlertTable):
        return _no_alert(table, since if picture.since else "") or nothing_yet(picture, ports, since)
    if isinstance(table, BlockTable):
        return "Nothing is blocked. b on a row with a source blocks it, B its network."
    if isinstance(table, MessageTable):
        return no_message_yet(picture, logged)
    if isinstance(table, LogTable):
        return no_message_yet(picture, logged).replace("Messages come", "Lines come").replace("No message", "No line")
    if isinstance(table, DeliveryTable):
        return no_delivery_yet(picture, picture.deliveries, logged)
    if picture.sessions.logs.lines or len(picture.sessions):
        if isinstance(table, SourceTable) and table.view.dimension in _NO_GROUP:
            return _NO_GROUP[table.view.dimension]
        if isinstance(table, PeerTable):
            return "No session has ended yet: peers are told of when theirs do."
    return nothing_yet(picture, ports, since)


def _no_alert(table: AlertTable, since: str) -> str:
    """`since` is "" while nothing is seen."""
    hidden, rules = table.view.hidden, f"{table.rules} rule{' watches' if table.rules == 1 else 's watch'}."
    if hidden:
        return f"No alert now, and {hidden:,} that {'is' if hidden == 1 else 'are'} over: h shows them. {rules}"
    if not table.rules:
        return "No rule watches: the setting alerts.off names them all."
    return f"No alert since {since}. {rules}" if since else ""
