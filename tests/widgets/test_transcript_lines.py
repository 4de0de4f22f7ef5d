"""A session told in full."""

from rich.cells import cell_len

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from tests.screens import mail, scenes
from widgets.transcript_lines import dialogue, facts


def told(
    number: int, cells: int = 100, events: list[ev.Event] | None = None, sensor: str = scenes.SENSOR
) -> tuple[str, str]:
    picture = Picture()
    picture.apply(scenes.busy_evening() if events is None else events)
    session = picture.sessions.get((sensor, number))
    assert session is not None
    lines = facts(session, scenes.NOW, cells), dialogue(session, cells)
    assert all(cell_len(strip.text) <= cells for part in lines for strip in part)
    return "\n".join(strip.text for strip in lines[0]), "\n".join(strip.text for strip in lines[1])


def test_facts() -> None:
    head, _ = told(3)
    assert "192.0.2.1:40003 to 198.51.100.25:25, outbound, from " in head and ", open" in head
    assert "TLSv1.3 TLS_AES_256_GCM_SHA384 x25519 SNI mx1.example.net" in head
    assert "recipients 50 ok 0 refused" in told(2)[0]
    assert "PLAIN failure" in told(5)[0]


def test_ended_and_failed() -> None:
    head, said = told(8)
    assert "ended by rst" in head and "failed: no common version (alert protocol_version)" in head
    assert "TLS failed by server: no common version, alert protocol_version" in said
    assert "partial packets missing" in told(9)[0]


def test_commands_and_replies_in_order() -> None:
    _, said = told(1)
    lines = said.splitlines()
    assert lines[0].split(maxsplit=2) == ["+0.000", "--", "203.0.113.7:40001 connects to 192.0.2.1:25"]
    assert lines[1].split() == ["+0.100", "S<", "220", "mx1.example.net", "ESMTP"]
    assert "C> EHLO ylmf-pc" in lines[2]
    assert [line.strip() for line in lines[3:6]] == [
        "+0.300    S< 250-mx1.example.net", "S< 250-SIZE 52428800", "S< 250 STARTTLS",
    ]  # fmt: skip
    assert "S< 554 5.7.1 <a@example.org>: Relay access denied" in said
    assert lines[-1].endswith("message rejected: 0 recipients accepted, 12 refused")


def test_oddity_and_auth() -> None:
    assert "!! early talker: spoke before the greeting" in told(6)[1]
    assert "AUTH PLAIN: failure" in told(5)[1]


def test_a_proxy_names_the_source() -> None:
    events: list[ev.Event] = [
        *scenes.Dialogue(1, "192.0.2.50", scenes.START).events,
        ev.SourceNamed(scenes.START, scenes.SENSOR, scenes.HOST, 1, "203.0.113.9", 4321, "192.0.2.50", "PROXY v2"),
    ]
    head, said = told(1, events=events)
    assert "203.0.113.9, named by 192.0.2.50" in head and head.startswith("192.0.2.50:40001 to ")
    assert "PROXY v2: the client is 203.0.113.9:4321, says 192.0.2.50" in said


def test_long_transcripts_say_what_is_missing() -> None:
    dialogue_ = scenes.Dialogue(1, "192.0.2.50", scenes.START)
    for _ in range(300):
        dialogue_.says("NOOP")
    assert told(1, events=dialogue_.events)[1].startswith("(earlier lines are no longer kept)")


def test_narrow_and_hostile() -> None:
    for cells in (24, 80):
        _, said = told(1, cells, scenes.hostile())
        assert "\x1b" not in said and "\u202e" not in said


def test_log_lines_stand_between_the_commands() -> None:
    head, said = told(7, 120, mail.evening())
    assert "log     postfix/smtpd[1201] (known by its queue id)" in head
    assert said.index("connect from") < said.index("S< 220") < said.index("client=mail.partner") < said.index("C> DATA")
    assert said.index("ended by quit") < said.index("disconnect from")
    assert all(line[10:13].strip() in ("", "--", "C>", "S<", "L:") for line in said.splitlines())


def test_how_sure_it_is_that_the_log_means_this_session() -> None:
    head, said = told(2, 120, mail.evening())
    assert "log     postfix/submission/smtpd[1188] (known by address and time, within 5 s)" in head
    assert "sasl_username=bob@example.net" in said


def test_a_session_of_the_log_claims_nothing_that_only_the_wire_shows() -> None:
    lines = (
        "Mar  1 10:39:40 smtpd[1202]: connect from unknown[203.0.113.44]\n"
        "Mar  1 10:39:42 smtpd[1202]: disconnect from unknown[203.0.113.44] ehlo=1 quit=1 commands=2\n"
    )
    head, said = told(1, events=[*mail.logged(lines), mail.status(at=scenes.NOW)], sensor=mail.LOG)
    assert head.startswith("203.0.113.44, inbound, from 10:39:40 for 2.0 s, ended by quit")
    assert "TLS     none logged" in head and "octets" not in head and "(not seen on the wire)" in head
    assert [line.split()[0] for line in said.splitlines()] == ["+0", "+2"]
