"""Credentials in clear, and servers that repeat them: nothing that is told has any of it."""

import base64

import msgspec
import pytest

from tests.wire import Wire, events_of

SECRET = "hunter2-hunter2"
TOKEN = base64.b64encode(f"\0bob\0{SECRET}".encode()).decode()
HELLO = "S: 220 mx ESMTP\nC: EHLO y\nS: 250-mx\\n250-PIPELINING\\n250 AUTH PLAIN LOGIN"
CODES = (214, 334, 421, 432, 450, 454, 500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 550, 554, 555)


def told(wire: Wire) -> str:
    return msgspec.json.encode(events_of(wire.packets)).decode()


def gives_away(said: str) -> list[str]:
    """The pieces of eight or more characters of the secret, plain or as it was sent, that `said` has."""
    return [word[at : at + 8] for word in (SECRET, TOKEN) for at in range(len(word) - 7) if word[at : at + 8] in said]


def session(dialogue: str) -> Wire:
    return Wire().open().script(HELLO).script(dialogue)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("line", [f"AUTH PLAIN {TOKEN}", f"AUHT PLAIN {TOKEN}", TOKEN, f"Authorization: Basic {TOKEN}"])
def test_a_server_that_repeats_the_line(code: int, line: str) -> None:
    wire = session(f"C: {line}\nS: {code} 5.5.1 unrecognized: {line}").close()
    assert gives_away(told(wire)) == []


@pytest.mark.parametrize("code", [code for code in CODES if code > 300])
@pytest.mark.parametrize("line", [f"AUTH PLAIN {TOKEN}", f"AUHT PLAIN {TOKEN}"])
def test_a_server_that_repeats_a_line_that_was_not_captured(code: int, line: str) -> None:
    wire = Wire().open().script(HELLO)
    lost = len(wire.packets)
    wire.script(f"C: {line}\nS: {code} 5.5.1 unrecognized: {line}\nC: QUIT\nS: 221 bye").close()
    assert gives_away(told(wire.drop(lost, lost + 1))) == []
    assert gives_away(told(wire.only(client=False))) == []


@pytest.mark.parametrize(
    "dialogue",
    [
        f"C: AUHT PLAIN {TOKEN}\nS: 500 what: {TOKEN[:24]}...",
        f"C: AUTH PLAIN {TOKEN}\nS: 535 {TOKEN[4:]}",
        f"C: AUTH PLAIN {TOKEN}\nS: 535 5.7.8 no bob with {SECRET}",
        f"C: AUHT PLAIN {TOKEN}\\na1a1 b2b2 c3c3\\nd4d4 e5e5 f6f6 g7g7\\nh8h8 i9i9\nS: 500 what: AUHT PLAIN {TOKEN}",
        f"C: AUTH PLAIN {TOKEN}\\nNOOP\nS: 535 no\\n250 after {TOKEN}",
        f"C: AUHT {TOKEN}\nS: 500 what\nC: QUIT\nS: 221 bye {TOKEN}",
        f"C: AUHT {TOKEN}\nS: 500 what\nC: MAIL FROM:<a@x>\nS: 550 after {TOKEN}",
    ],
    ids=["in part", "its end", "decoded", "after others", "to another command", "goodbye", "refusal"],
)
def test_a_server_that_repeats_it_otherwise(dialogue: str) -> None:
    assert gives_away(told(session(dialogue).close())) == []


def test_a_line_longer_than_any_is_not_repeated_at_all() -> None:
    filler = base64.b64encode(bytes(range(256)) * 20).decode()
    wire = session(f"C: AUTH XOAUTH2 {filler}{TOKEN}\nS: 535 what: {TOKEN}")
    assert gives_away(told(wire.close())) == []


@pytest.mark.parametrize("first", range(4, 24))
def test_wherever_the_capture_begins(first: int) -> None:
    user, password = (base64.b64encode(word.encode()).decode() for word in ("bobby-tables", SECRET))
    dialogue = (
        f"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {user}\nS: 334 UGFzc3dvcmQ6\nC: {password}\nS: 554 not {password}"
    )
    wire = session(dialogue).close()
    said = told(wire.drop(*range(first)))
    assert not [password[at : at + 8] for at in range(len(password) - 7) if password[at : at + 8] in said]
    assert gives_away(said) == []


def test_ordinary_words_stay() -> None:
    wire = session(f"C: AUTH PLAIN {TOKEN}\nS: 535 5.7.8 Error: authentication failed")
    wire.script("C: MAIL FROM:<a@x>\nS: 550 5.7.1 authentication required, see http://mx.example.net/help")
    said = told(wire.close())
    assert "Error: authentication failed" in said
    assert "authentication required, see http://mx.example.net/help" in said
