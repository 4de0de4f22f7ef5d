"""The whole life of one message, told in full."""

from rich.cells import cell_len
from rich.style import Style

from smtpwatch import events as ev
from smtpwatch.state.message import Message
from smtpwatch.state.picture import Picture
from smtpwatch.state.relayed import relayed
from tests.screens import mail, scenes
from widgets import ink
from widgets.message_lines import facts, life

HOP = "198.51.100.25"


def picture(events: list[ev.Event] | None = None) -> Picture:
    made = Picture()
    made.apply(mail.evening() if events is None else events)
    return made


def message(seen: Picture, queue_id: str) -> Message:
    return next(each for each in seen.messages.held.values() if each.queue_id == queue_id)


def told(
    queue_id: str, cells: int = 100, events: list[ev.Event] | None = None, now: float = scenes.NOW
) -> tuple[list[str], list[str]]:
    """Head and life."""
    seen = picture(events)
    about = message(seen, queue_id)
    onward = [each for one in about.family() for each in relayed(seen.sessions, one)]
    parts = facts(about, onward, now, cells), life(about, onward, now, cells)
    assert all(cell_len(strip.text) <= cells for part in parts for strip in part)
    head, said = ([strip.text for strip in part] for part in parts)
    return head, said


def inks(queue_id: str) -> list[Style | None]:
    """Of each line of the head, without its label."""
    seen = picture()
    return [list(strip)[-1].style for strip in facts(message(seen, queue_id), [], scenes.NOW, 140)]


def places(lines: list[str], *words: str) -> list[int]:
    """Which line has each of the words, first."""
    return [next(at for at, line in enumerate(lines) if word in line) for word in words]


def test_the_head_begins_with_what_became_of_it() -> None:
    head, _ = told(mail.PARTNER)
    assert head == [
        "sent: 4XyZ1a2b3c on mx1, left the queue after 1.0 s, came 10:41:01",
        "to      <carol@example.net> sent: 250 2.0.0 <carol@example.net> Pq5wE2rT Saved (mx1.example.net[pri…",
        "from    <bill@partner.example>, 4,610 octets",
        "by      203.0.113.80",
        "session 203.0.113.80:40007 to 192.0.2.1:25, log postfix/smtpd[1201] (known by its queue id)",
        "id      <20260301.7@partner.example>",
    ]


def test_recipients_in_trouble_come_first() -> None:
    head, _ = told(mail.BULK, 140)
    assert head[0] == "deferred: 3FA85F6412 on mx1, in the queue for 2 min 55 s, since 10:38:12"
    assert [line.split()[1] for line in head[1:4]] == [
        "<dave@bigmail.example>", "<mallory@slow.example>", "<erin@example.org>",
    ]  # fmt: skip
    assert inks(mail.BULK)[:4] == [ink.WARN, ink.WARN, ink.WARN, None]
    assert inks(mail.LOST)[:2] == [ink.BAD, ink.BAD]
    assert inks(mail.PARTNER)[:2] == [ink.STRONG, None]


def test_many_recipients_are_counted() -> None:
    common = (mail.LOG, "mx1", "postfix/smtp", 8, "to=")
    deliveries = [ev.Delivery(scenes.NOW, *common, mail.OPEN, f"r{n}@example.org", "sent") for n in range(1_500)]
    head, _ = told(mail.OPEN, events=[*mail.evening(), *deliveries])
    assert "to      <r3@example.org> sent: " in head[4] and head[5] == "        and 996 more"  # state keeps 1,000


def test_who_brought_it() -> None:
    assert "by      bob@example.net from 192.0.2.17" in told(mail.LOST)[0]
    assert "by      uid 33" in told(mail.BULK)[0]
    assert "by      (bounce)" in told(mail.NOTICE)[0]
    head, _ = told(mail.DARK, 140)
    assert any(line.startswith("session [2001:db8:7:1234:5678:9abc:def0:25]:40004 to 192.0.2.1:25") for line in head)
    assert any(line.endswith("(known by address and time, within 5 s)") for line in head)
    head, _ = told(mail.SPAM)
    assert "session 203.0.113.44, log postfix/smtpd[1202] (not seen on the wire)" in head
    assert not any(line.startswith("session") for line in told(mail.BULK)[0])


def test_a_refusal_tells_what_the_log_has_nowhere_else() -> None:
    head, _ = told(mail.SPAM)
    assert head[1:4] == [
        "refused 5.7.1 Spam message rejected", "to      <carol@example.net>", "from    <win@lottery.example>",
    ]  # fmt: skip


def test_what_a_rule_did() -> None:
    head, _ = told(mail.HELD, 240)
    assert head[:2] == [
        f"held: {mail.HELD} on mx1, in the queue for 56.0 s, since 10:40:11",
        f"rule    hold: {mail.RULE}",
    ]


def test_kin() -> None:
    assert "notice  6F2A904D11 (sent)" in told(mail.LOST)[0]
    assert "about   6E0F1B77A9 (bounced)" in told(mail.NOTICE)[0]
    assert told(mail.NOTICE)[1] == told(mail.LOST)[1]


def test_an_alias_and_a_verdict() -> None:
    head, _ = told(mail.DARK, 120)
    assert any("<alice@example.net> for <postmaster@example.net> sent: 250" in line for line in head)
    verdict = ev.Verdict(scenes.NOW, mail.LOG, "mx1", "rspamd", 5, "x", "spam", "spam", mail.DARK, score=12.5)
    head, _ = told(mail.DARK, events=[*mail.evening(), verdict])
    assert "verdict spam spam 12.5" in head


def test_wire_and_log_are_one_timeline() -> None:
    _, said = told(mail.PARTNER)
    order = places(
        said,
        "-- 203.0.113.80:40007 connects to 192.0.2.1:25",
        "L: postfix/smtpd[1201]: connect from",
        "S< 220 ",
        "C> MAIL FROM:<bill@partner.example>",
        "S< 250 2.1.5 Ok",
        "L: postfix/smtpd[1201]: 4XyZ1a2b3c: client=",
        "C> DATA",
        "L: postfix/cleanup[1205]",
        "L: postfix/qmgr[900]: 4XyZ1a2b3c: from=",
        "S< 250 2.0.0 Ok: queued as 4XyZ1a2b3c",
        "L: postfix/lmtp[1210]",
        "L: postfix/qmgr[900]: 4XyZ1a2b3c: removed",
        "-- ended by quit",
        "L: postfix/smtpd[1201]: disconnect from",
    )
    assert order == sorted(order) and len(set(order)) == len(order)
    assert sum("L: " in line for line in said) == 7


def test_where_tls_hides_the_dialogue_the_log_goes_on() -> None:
    _, said = told(mail.DARK)
    order = places(said, "-- ServerHello", "L: postfix/smtpd[1200]: Anonymous TLS", "client=out3", "lmtp", "removed")
    assert order == sorted(order)


def test_other_mail_of_the_session_is_left_out() -> None:
    dialogue = scenes.Dialogue(70, "203.0.113.80", scenes.NOW - 30)
    dialogue.greeting().hello("mail.partner.example")
    dialogue.mail("first@partner.example", "carol@example.net").accepted("first@partner.example", 1, "AAAA1")
    dialogue.mail("bill@partner.example", "carol@example.net").accepted("bill@partner.example", 1)
    dialogue.mail("third@partner.example", "nobody@example.net", refused=True).says("QUIT").closed()
    lines = (
        "Mar  1 10:40:37 smtpd[1300]: connect from mail.partner.example[203.0.113.80]\n"
        "Mar  1 10:40:38 smtpd[1300]: AAAA1: client=mail.partner.example[203.0.113.80]\n"
        "Mar  1 10:40:39 smtpd[1300]: 4XyZ1a2b3c: client=mail.partner.example[203.0.113.80]\n"
        "Mar  1 10:40:40 smtpd[1300]: disconnect from mail.partner.example[203.0.113.80] mail=3 quit=1 commands=4\n"
    )
    events = sorted([*dialogue.events, *mail.logged(lines), scenes.status(at=scenes.NOW)], key=lambda each: each.time)
    head, said = told(mail.PARTNER, 160, events)
    text = "\n".join(said)
    assert "bill@partner" in text and "C> EHLO" in text and "C> QUIT" in text and "ended by quit" in text
    assert "first@partner" not in text and "third@partner" not in text and "AAAA1" not in text
    assert any("1 more message in it" in line for line in head)


def hop(number: int, start: float) -> scenes.Dialogue:
    """A session in which we deliver."""
    return scenes.Dialogue(number, scenes.SERVER, start, 25, "outbound", HOP).greeting().hello("mx1.example.net")


def test_the_sessions_that_carried_it_onward() -> None:
    taken = hop(80, scenes.START - 108).mail("www-data@example.net", "erin@example.org")
    taken.accepted("www-data@example.net", 1, "90A1B2C3D4")
    events = sorted([*mail.evening(), *taken.events], key=lambda each: each.time)
    head, said = told(mail.BULK, events=events)
    assert f"onward  192.0.2.1:40080 to {HOP}:25 (known by queue id)" in head
    assert any("c> RCPT TO:<erin@example.org>" in line for line in said)
    assert any("s< 354 End data" in line for line in said)


def test_a_frozen_story_ends_where_it_was() -> None:
    _, said = told(mail.BULK, now=scenes.START - 100)
    assert "smtp[1231]" in "\n".join(said) and "smtp[1232]" not in "\n".join(said)


def test_hostile_words() -> None:
    for cells in (24, 80):
        for part in told("A0B1C2", cells, mail.hostile()):
            assert part and not any(ord(char) < 32 or char == "\u202e" for line in part for char in line)


def test_every_width() -> None:
    for cells in range(24, 220, 9):
        told(mail.BULK, cells)
