"""The facts that tshark finds in the captures of the tests are those that smtpwatch finds."""

from collections import defaultdict

import pytest

from tests.hosts.program import Facts
from tests.hosts.stage import PLAYS, Stage
from tests.hosts.tshark import streams

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs(
        "namespaces", "tcpdump", "tshark", "postfix", "smtp-sink", "smtp-source", "saslpasswd2", "swaks", "openssl"
    ),
]
_NO_COMMANDS = ("(credentials)", "*", ".")  # lines of an AUTH exchange, the end of data
# tshark knows no BDAT, and overlooks a command that shares a segment with the end of a message.
_TSHARK_MISSES = {"chunked": ("BDAT", "QUIT"), "pipelined": ("QUIT",), "outbound_in_clear": ("QUIT",)}


def _by_client_port(events: list[Facts]) -> dict[int, list[Facts]]:
    ports = {event["session"]: event["client_port"] for event in events if event["type"] == "SessionOpened"}
    sessions: defaultdict[int, list[Facts]] = defaultdict(list)
    for event in events:
        if "session" in event:
            sessions[ports[event["session"]]].append(event)
    return sessions


def _commands(events: list[Facts]) -> list[str]:
    commands = [event for event in events if event["type"] == "Command" and event["verb"] not in _NO_COMMANDS]
    return [f"{command['verb']} {command['argument']}".strip() for command in commands]


def _without(commands: list[str], verbs: tuple[str, ...]) -> list[str]:
    return [command for command in commands if command.split()[0] not in verbs]


def _of(events: list[Facts], type_: str, *fields: str) -> list[tuple[object, ...]]:
    return [tuple(event[field] for field in fields) for event in events if event["type"] == type_]


@pytest.mark.parametrize("name", PLAYS)
def test_dialogue_and_handshake(the_stage: Stage, name: str) -> None:
    played = the_stage.play(name)
    sessions = _by_client_port(played.events())
    found = streams(played.capture)
    assert sessions.keys() == {stream.client_port for stream in found}
    missed = _TSHARK_MISSES.get(name, ())
    for stream in found:
        events = sessions[stream.client_port]
        assert _without(_commands(events), missed) == _without(stream.commands, missed)
        assert _of(events, "Greeting", "code") + _of(events, "Reply", "code") == [(code,) for code in stream.codes]
        assert _of(events, "TlsOffered", "ja3", "sni")[:1] == [(ja3, stream.sni) for ja3 in stream.ja3][:1]
        negotiated = [] if stream.version is None else [(stream.version, stream.cipher, stream.ja3s)]
        assert _of(events, "TlsNegotiated", "version", "cipher", "ja3s") == negotiated
