"""One source told in full, line by line."""

from rich.segment import Segment

from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from tests.screens import burst, scenes
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW, Dialogue
from widgets import ink
from widgets.source_lines import body, head, outcomes

HOST7 = "host7.example.net (forward-confirmed)"


def spammer() -> tuple[Party, list[Session]]:
    """A source with two sessions: one refused, one that TLS hides."""
    picture = Picture(burst.place)
    refused = Dialogue(1, "203.0.113.7", NOW - 30).greeting().hello("ylmf-pc").mail(
        "a@example.com", "u1@example.org", "u2@example.org", refused=True).closed()  # fmt: skip
    dark = Dialogue(2, "203.0.113.7", NOW - 9).greeting().hello("ylmf-pc").tls()
    picture.apply([*refused.events, *dark.events])
    party = picture.activity.sources.get("203.0.113.7")
    assert party is not None and party.facts is not None
    held = (picture.sessions.get(key) for key in reversed(party.facts.latest))
    return party, [session for session in held if session is not None]


def top(party: Party, cells: int, name: str = HOST7, place: str = "") -> list[str]:
    strips = head(party, NOW, cells, name, place)
    assert all(strip.cell_length <= cells for strip in strips)
    return [strip.text for strip in strips]


def below(party: Party, sessions: list[Session], cells: int, zoom: int = 1) -> list[str]:
    strips = body(party, sessions, NOW, zoom, cells)
    assert all(strip.cell_length <= cells for strip in strips), [strip.text for strip in strips]
    return [strip.text.rstrip() for strip in strips]


def test_who_it_is_and_what_came_of_it() -> None:
    party, _ = spammer()
    assert top(party, 120) == [
        "203.0.113.7  RO  AS64500  EXAMPLE-HOST",
        f"name    {HOST7}",
        "seen    first 10:40:37, last 10:40:58, 1 open now",
        "outcome 2 sessions: 0 accepted, 2 refused (2 for good, 0 for now), 0 logins failed, 0 came to nothing",
        "per s   0 in 10 s, 0.1 in 1 min, 0.1 in 15 min",
    ]
    assert top(party, 80)[3:5] == [
        "outcome 2 sessions: 0 accepted, 2 refused (2 for good, 0 for now), 0 logins",
        "        failed, 0 came to nothing",
    ]


def test_names_as_far_as_they_are_known() -> None:
    party, _ = spammer()
    assert "name" not in " ".join(top(party, 80, ""))
    assert top(party, 80, "being looked up")[1] == "name    being looked up"


def test_where_it_is() -> None:
    party, _ = spammer()
    place = "Cluj-Napoca, Cluj, within 20 km (GeoLite2-City, 12 d old; GeoLite2-ASN, 3 d old)"
    assert top(party, 120, place=place)[2] == f"place   {place}"


def test_its_proxy_and_what_was_before_it_was_followed() -> None:
    party, _ = spammer()
    assert party.facts is not None
    party.facts.via, party.error = "192.0.2.80", 7
    lines = top(party, 120)
    assert lines[0] == "203.0.113.7  RO  AS64500  EXAMPLE-HOST  via 192.0.2.80"
    assert lines[-1] == "before  up to 7 more outcomes from before it was followed"
    assert "2+ sessions: 0+ accepted, 2+ refused" in lines[3]


def test_one_is_one() -> None:
    party = Party(Dimension.ADDRESS, "203.0.113.7")
    party.begun(NOW)
    party.count(Outcome.AUTH_FAILED, NOW)
    assert outcomes(party) == "1 session: 0 accepted, 0 refused, 1 login failed, 0 came to nothing"


def test_its_mark_is_the_colour_of_its_name() -> None:
    def ink_of(party: Party) -> object:
        return [segment for segment in head(party, NOW, 80, "", "")[0] if segment.text][-1].style

    party, _ = spammer()
    assert ink_of(party) == ink.WARN
    party.count(Outcome.REFUSED, NOW)
    assert ink_of(party) == ink.BAD
    assert ink_of(Party(Dimension.ADDRESS, "192.0.2.1")) == ink.STRONG


def test_what_it_gave_itself_out_for_and_its_sessions_at_80() -> None:
    party, sessions = spammer()
    lines = below(party, sessions, 80)
    assert lines[0].startswith("what came of it, 10 min ") and lines[7].startswith("    └")
    assert lines[8:] == [
        "why refused       2 100% ▆▆▆▆▆▆▆▆▆▆ relay denied",
        "HELO              2 100% ▆▆▆▆▆▆▆▆▆▆ ylmf-pc",
        "senders           1 100% ▆▆▆▆▆▆▆▆▆▆ a@example.com",
        "recipients        1  50% ▆▆▆▆▆      u1@example.org",
        "                  1  50% ▆▆▆▆▆      u2@example.org",
        "TLS               1 100% ▆▆▆▆▆▆▆▆▆▆ TLSv1.3",
        "ciphers           1 100% ▆▆▆▆▆▆▆▆▆▆ TLS_AES_256_GCM_SHA384",
        "JA4               1 100% ▆▆▆▆▆▆▆▆▆▆ t13d1516h2_8daaf6152771_b186095e22b6",
        "latest sessions",
        "  10:40:58   9s                                 1.3 x25519 220 2.0.0 Ready to s…",
        "x 10:40:37   1s a@example.com               0/2 offered    554 5.7.1 <a@example…",
        "",
        "session at 10:40:58",
        "+0.000    -- 203.0.113.7:40002 connects to 192.0.2.1:25",
        "+0.100    S< 220 mx1.example.net ESMTP",
        "+0.200    C> EHLO ylmf-pc",
        "+0.300    S< 250-mx1.example.net",
        "          S< 250-SIZE 52428800",
        "          S< 250 STARTTLS",
        "+0.400    C> STARTTLS",
        "+0.500    S< 220 2.0.0 Ready to start TLS",
        "+0.600    -- ClientHello: TLSv1.3, TLSv1.2; 2 ciphers; groups X25519MLKEM768,",
        "             x25519, secp256r1; SNI mx1.example.net",
        "+0.700    -- ServerHello: TLSv1.3 TLS_AES_256_GCM_SHA384 x25519; the rest is",
        "             encrypted",
        "",
        "session at 10:40:37",
        "+0.000    -- 203.0.113.7:40001 connects to 192.0.2.1:25",
        "+0.100    S< 220 mx1.example.net ESMTP",
        "+0.200    C> EHLO ylmf-pc",
        "+0.300    S< 250-mx1.example.net",
        "          S< 250-SIZE 52428800",
        "          S< 250 STARTTLS",
        "+0.400    C> MAIL FROM:<a@example.com>",
        "+0.500    S< 250 2.1.0 Ok",
        "+0.700    C> RCPT TO:<u1@example.org>",
        "+0.800    S< 554 5.7.1 <a@example.org>: Relay access denied",
        "+1.000    C> RCPT TO:<u2@example.org>",
        "+1.100    S< 554 5.7.1 <a@example.org>: Relay access denied",
        "+1.300    -- message rejected: 0 recipients accepted, 2 refused",
        "+1.400    -- ended by quit",
    ]


def test_at_120_there_is_more_of_a_line() -> None:
    party, sessions = spammer()
    lines = below(party, sessions, 120)
    assert lines[17:19] == [
        "  10:40:58   9s                                 1.3 x25519 220 2.0.0 Ready to start TLS",
        "x 10:40:37   1s a@example.com               0/2 offered    554 5.7.1 <a@example.org>: Relay access denied",
    ]
    hello = "ClientHello: TLSv1.3, TLSv1.2; 2 ciphers; groups X25519MLKEM768, x25519, secp256r1; SNI mx1.example.net"
    assert f"+0.600    -- {hello}" in lines


def test_the_graph_is_of_the_zoom() -> None:
    party, _ = spammer()
    titles = [below(party, [], 120, zoom)[0].split("  ")[0] for zoom in range(4)]
    assert titles == [f"what came of it, {time}" for time in ("1 min", "10 min", "1 h", "24 h")]


def test_a_source_of_which_nothing_is_known() -> None:
    party = Party(Dimension.ADDRESS, "192.0.2.1")
    party.seen(NOW)
    assert top(party, 80, "") == [
        "192.0.2.1",
        "seen    first 10:41:07, last 10:41:07, 0 open now",
        "outcome 0 sessions: 0 accepted, 0 refused, 0 logins failed, 0 came to nothing",
        "per s   0 in 10 s, 0 in 1 min, 0 in 15 min",
    ]
    assert len(below(party, [], 80)) == 8


def test_strangers_words_are_shown_as_text_and_cut() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/] \u202etxt 漢字かな \x9b31m"
    picture = Picture(burst.place)
    picture.apply(scenes.hostile())
    party = picture.activity.sources.get("203.0.113.66")
    assert party is not None and party.facts is not None
    long = evil + "漢" * 20_000 + "e\u0301" * 20_000
    for kind in ("reasons", "accounts", "versions", "ciphers", "ja4s", "helos"):
        party.facts.note(kind, long)
    party.facts.org = party.facts.via = long
    sessions = list(picture.sessions.live.values())
    for cells in (1, 20, 40, 80, 200):
        lines = [strip for strip in body(party, sessions, NOW, 1, cells) if cells >= 40 or strip.cell_length <= cells]
        lines += head(party, NOW, cells, long, long)
        text = "".join(strip.text for strip in lines)
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in text)
        assert len(text) < 60_000
        if cells >= 40:
            assert all(strip.cell_length <= cells for strip in lines)
    assert "\\e]0;owned\\x07\\e[2J[bold red]x[/] \\u{202e}txt" in " ".join(below(party, sessions, 200))
    assert all(isinstance(segment, Segment) for strip in lines for segment in strip)
