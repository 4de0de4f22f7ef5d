"""The TLS summary's lines, without an app."""

import pytest
from rich.cells import cell_len

from smtpwatch import events as ev
from smtpwatch.state.tls import Tls
from tests.screens import tls as scene
from tests.screens.scenes import NOW, SERVER, Dialogue, status
from tests.screens.tls import DAY, certificate, fold
from widgets.tls_blocks import bar, count
from widgets.tls_lines import tls_lines
from widgets.tls_troubles import SHOWN

WIDTHS = (20, 40, 57, 80, 114, 115, 120, 174, 175, 200, 300)


def lines(tls: Tls, width: int, now: float = NOW) -> list[str]:
    return [strip.text.rstrip() for strip in tls_lines(tls, now, width)]


def test_one_column_in_order_of_weight() -> None:
    assert lines(fold(scene.afternoon()), 80) == [
        "x AUTH without TLS 1  x STARTTLS stripped 1  x STARTTLS refused 1  +2",
        "Sessions                                      10 min          in  sub  out  ever",
        "       27 STARTTLS                             77% ▆▆▆▆▆▆    88%  75%   0%   77%",
        "        1 implicit                              3% ▆          0%  12%   0%    3%",
        "!       6 none                                 17% ▆          8%  12% 100%   17%",
        "x       1 failed                                3% ▆          4%   0%   0%    3%",
        "",
        "Versions                                      10 min          in  sub  out  ever",
        "       21 1.3                                  75% ▆▆▆▆▆▆    95%  14%        75%",
        "        6 1.2                                  21% ▆▆         0%  86%        21%",
        "x       1 1.0                                   4% ▆          5%   0%         4%",
        "",
        "AUTH without TLS 1",
        "x    1x sub  1m PLAIN last 198.51.100.23",
        "",
        "Servers without STARTTLS 3",
        "x stripped    14s 198.51.100.41 1x: XXXXXXXA in its place",
        "x refused     13s 198.51.100.42 1x: 454 4.7.0 TLS not available",
        "! not offered 14s 198.51.100.40 1x",
        "",
        "Failed 1",
        "x    1x in  29s W no common version: client offers TLSv1.0, server refuses",
        "    last 203.0.113.99 offers 1.0; RSA_AES_128_CBC_SHA; secp256r1",
        "    alert protocol_version",
        "",
        "If required       peers    mail  most (* can do better)",
        "TLS at all  in        2       4  203.0.113.7 3, 203.0.113.8 1",
        "TLS 1.2     in        2       4  203.0.113.7 3, 203.0.113.8 1",
        "TLS 1.3     in        2       4  203.0.113.7 3, 203.0.113.8 1",
        "",
        "Our certificates",
        "! expires in 12 d  192.0.2.1:25 asked  EC P-256  by Example CA R3",
        "    mx1.example.net mail.example.net",
        "",
        "Ciphers                                       10 min          in  sub  out  ever",
        "       21 AES_256_GCM_SHA384                   75% ▆▆▆▆▆▆    95%  14%        75%",
        "        6 ECDHE_RSA_AES_256_GCM_SHA384         21% ▆▆         0%  86%        21%",
        "!       1 RSA_AES_128_CBC_SHA                   4% ▆          5%   0%         4%",
        "",
        "Groups                                        10 min          in  sub  out  ever",
        "       21 x25519                               78% ▆▆▆▆▆▆   100%  14%        78%",
        "        6 secp256r1                            22% ▆▆         0%  86%        22%",
        "",
        "Ended sessions since 10:39: 35 from packets (W), 0 from logs (L)",
    ]


def test_two_columns() -> None:
    shown = lines(fold(scene.afternoon()), 120)
    assert shown[0] == (
        "x AUTH without TLS 1  x STARTTLS stripped 1  x STARTTLS refused 1  ! certificate expires in 12 d  +1"
    )
    assert shown[1:6] == [
        "Sessions                10 min          in  sub  out  ever   AUTH without TLS 1",
        "       27 STARTTLS       77% ▆▆▆▆▆▆    88%  75%   0%   77%   x    1x sub  1m PLAIN last 198.51.100.23",
        "        1 implicit        3% ▆          0%  12%   0%    3%",
        "!       6 none           17% ▆          8%  12% 100%   17%   Servers without STARTTLS 3",
        "x       1 failed          3% ▆          4%   0%   0%    3%   "
        "x stripped    14s 198.51.100.41 1x: XXXXXXXA in its place",
    ]


def test_three_columns() -> None:
    shown = lines(fold(scene.afternoon()), 200)
    assert [shown[1].index(title) for title in ("Sessions", "If required", "Servers without STARTTLS 3")] == [
        0,
        67,
        134,
    ]
    assert len(shown) < len(lines(fold(scene.afternoon()), 120)) < len(lines(fold(scene.afternoon()), 80))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_line_has_the_width(width: int) -> None:
    for tls in (fold(scene.afternoon()), Tls(), fold([certificate()])):
        assert {strip.cell_length for strip in tls_lines(tls, NOW, width)} == {width}


def test_nothing_at_all_has_no_lines() -> None:
    assert tls_lines(fold(scene.afternoon()), NOW, 0) == []


def test_what_is_coloured_has_a_mark_too() -> None:
    """Monochrome loses nothing: every coloured line begins with its mark, faint and bold ones need none."""
    for strip in tls_lines(fold(scene.afternoon()), NOW, 80):
        if any(segment.style is not None and segment.style.color is not None for segment in strip):
            assert strip.text[0] in "x!"


def test_nothing_yet() -> None:
    assert lines(Tls(), 80) == [
        "No session has ended yet. TLS is counted as sessions end: from packets, and from",
        "the mail log where no packets are captured.",
    ]
    assert lines(fold([certificate()]), 80)[2:] == [
        "",
        "Our certificates",
        "! expires in 12 d  192.0.2.1:25 asked  EC P-256  by Example CA R3",
        "    mx1.example.net mail.example.net",
    ]


def test_all_is_well() -> None:
    tls = fold(Dialogue(1, "198.51.100.7", NOW - 20).greeting().hello("a").tls().closed().events)
    assert lines(tls, 80)[0] == "Nothing wrong is known."
    assert [line for line in lines(tls, 80) if line.startswith(("If ", "TLS "))] == [
        "If required       peers    mail  most (* can do better)",
        "TLS at all         none",
        "TLS 1.2            none",
        "TLS 1.3            none",
    ]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (80, "  expires in 80 d  "),
        (21.01, "  expires in 21 d  "),
        (20.99, "! expires in 20 d  "),
        (0.5, "! expires in 12h  "),
        (-3, "x expired 3d ago  "),
    ],
)
def test_how_long_a_certificate_is_good_for(days: float, said: str) -> None:
    shown = lines(fold([certificate(days=days)]), 80)[-2]
    assert shown == f"{said}192.0.2.1:25 asked  EC P-256  by Example CA R3"


def test_a_certificate_that_is_not_valid_yet() -> None:
    shown = lines(fold([certificate()]), 80, NOW - 100 * DAY)[-2]
    assert shown.startswith("x not valid for 22d yet  192.0.2.1:25")


def test_the_worst_certificate_is_in_the_headline() -> None:
    events = [certificate(days=5), certificate(days=-1, port=465), certificate(days=90, port=587)]
    tls = fold([*events, *Dialogue(1, "198.51.100.7", NOW).closed().events])
    assert lines(tls, 80)[0] == "x certificate expired 1d ago"


def test_who_can_do_better_has_a_star() -> None:
    source = "203.0.113.7"
    plain = Dialogue(1, source, NOW - 30).greeting().mail("a@example.com", "b@example.net").accepted("a@example.com", 1)
    better = Dialogue(2, source, NOW - 20).tls("TLSv1.2").closed()
    shown = lines(fold([*plain.closed().events, *better.events]), 80)
    assert [line for line in shown if line.startswith("TLS ")] == [
        "TLS at all  in        1       1  203.0.113.7* 1",
        "TLS 1.2     in        1       1  203.0.113.7* 1",
        "TLS 1.3     in        1       1  203.0.113.7 1",
    ]


def test_more_failures_than_fit_are_counted() -> None:
    events: list[ev.Event] = []
    for number in range(SHOWN + 3):
        made = scene.Secured(number, "203.0.113.9", NOW - 20 + number).offers("TLSv1.0").fails(f"reason {number}")
        events += made.closed().events
    shown = lines(fold(events), 80)
    assert "Failed 9" in shown and "  3 more kinds" in shown


def test_sessions_of_the_log_are_told_apart() -> None:
    head = (NOW, "log", "mx", "postfix/smtp", 9, "t", "", 0, "")
    reached = ev.TlsTroubled(*head, "lost connection", "mx.example.org[192.0.2.9]:25")
    shown = lines(fold([reached]), 80)
    assert "x    1x out  0s L lost connection" in shown
    assert shown[-1] == "Ended sessions since 10:41: 0 from packets (W), 1 from logs (L)"
    beside = fold([status(at=NOW), reached, *Dialogue(1, "203.0.113.9", NOW).closed().events])
    assert lines(beside, 120)[-1] == (
        "Ended sessions since 10:41: 1 from packets (W), 0 from logs (L); 1 in logs left out: packets tell of them"
    )


def test_strangers_words_cannot_act_on_the_terminal() -> None:
    evil = "\x1b[2J[bold]\u202e漢字"
    made = scene.Secured(1, "203.0.113.9", NOW).offers(evil, ciphers=(evil,)).fails(evil, evil).closed()
    out = scene.Secured(2, SERVER, NOW, 25, "outbound", "198.51.100.9").greeting().hello("a")
    out.says("STARTTLS").answer("STARTTLS", 454, evil).closed()
    tls = fold([*made.events, *out.events, certificate(names=(evil,))])
    for width in WIDTHS:
        for strip in tls_lines(tls, NOW, width):
            assert strip.cell_length == width
            assert not set(strip.text) & {"\x1b", "\u202e"}


def test_bars_and_counts_have_one_width() -> None:
    assert [bar(part) for part in (0.0, 0.001, 0.5, 1.0)] == ["        ", "▆       ", "▆▆▆▆    ", "▆▆▆▆▆▆▆▆"]
    assert [count(n) for n in (0, 1_204, 999_999, 1_234_567)] == ["      0", "  1,204", "999,999", "   1.2M"]
    assert {cell_len(count(n)) for n in (0, 10**5, 10**6, 10**9)} == {7}
