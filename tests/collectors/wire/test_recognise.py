"""SMTP told by its dialogue on any port, and what only looks like it."""

import gc
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors.wire.frames import raw_ip
from collectors.wire.pipeline import Pipeline
from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.facts import SessionFacts
from tests.wire import ACK, PSH, Wire, events_of, session_of, sessions_of

ANY = Config(any_port=True)
ODD = 2525

DIALOGUE = """
S: 220 mx.example.net ESMTP
C: EHLO client.example.com
S: 250-mx.example.net\\n250 PIPELINING
C: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\\nRCPT TO:<c@x>\\nDATA
S: 250 2.1.0 Ok\\n250 2.1.5 Ok\\n550 5.1.1 unknown\\n354 go
C: Subject: x\\n\\n220 not a banner\\nEHLO nobody\\n.
S: 250 2.0.0 Ok: queued as AAA
C: QUIT
S: 221 2.0.0 Bye
"""
PLAIN = """
S: 220 mx.example.net
C: HELO client.example.com
S: 250 mx.example.net
C: MAIL FROM:<a@x>
S: 250 Ok
C: RCPT TO:<b@x>
S: 250 Ok
C: DATA
S: 354 go
C: text\\n.
S: 250 Ok: queued as BBB
C: QUIT
S: 221 Bye
"""
LMTP = """
S: 220 mx.example.net LMTP
C: LHLO client.example.com
S: 250-mx.example.net\\n250 PIPELINING
C: MAIL FROM:<a@x>
S: 250 2.1.0 Ok
C: RCPT TO:<b@x>\\nRCPT TO:<c@x>
S: 250 2.1.5 Ok\\n250 2.1.5 Ok
C: DATA
S: 354 go
C: text\\n.
S: 250 2.0.0 Saved\\n452 4.2.2 full
C: QUIT
S: 221 2.0.0 Bye
"""
XCLIENT = """
S: 220 mx.example.net ESMTP
C: EHLO proxy.example.com
S: 250-mx.example.net\\n250 XCLIENT ADDR
C: XCLIENT ADDR=198.51.100.9
S: 220 mx.example.net ESMTP
C: EHLO client.example.com
S: 250 mx.example.net
C: MAIL FROM:<a@x>
S: 250 2.1.0 Ok
C: QUIT
S: 221 2.0.0 Bye
"""
REFUSED = """
S: 220-mx.example.net\\n220 no SMTP for strangers
C: EHLO client.example.com
S: 502 5.5.2 what?
C: HELO client.example.com
S: 554 5.7.1 go away
C: QUIT
S: 221 2.0.0 Bye
"""
DIALOGUES = [DIALOGUE, PLAIN, LMTP, XCLIENT, REFUSED]

CONNECT = b"CONNECT mx.example:25 HTTP/1.1\r\nHost: mx.example:25\r\nUser-Agent: x\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nVia: 220 proxy\r\n\r\n"
SOCKS5_ADDRESS = b"\x05\x01\x00\x01\xc0\x00\x02\x19\x00\x19"
SOCKS5_ANSWER = b"\x05\x00\x00\x01\xc0\x00\x02\x19\x02K"  # ends in a letter
TUNNELS: dict[str, list[tuple[bool, bytes]]] = {
    "HTTP": [(True, CONNECT), (False, ESTABLISHED)],
    "HTTP, authenticated": [
        (True, CONNECT),
        (False, b"HTTP/1.1 407 Authentication required\r\nContent-Length: 9\r\n\r\n220 no <b>"),
        (True, CONNECT.replace(b"User-Agent", b"Proxy-Authorization")),
        (False, ESTABLISHED),
    ],
    "SOCKS 4": [(True, b"\x04\x01\x00\x19\xc0\x00\x02\x19me\x00"), (False, b"\x00\x5a\x00\x19\xc0\x00\x02\x19")],
    "SOCKS 5": [(True, b"\x05\x01\x00"), (False, b"\x05\x00"), (True, SOCKS5_ADDRESS), (False, SOCKS5_ANSWER)],
    "SOCKS 5, pipelined": [(True, b"\x05\x01\x00" + SOCKS5_ADDRESS), (False, b"\x05\x00" + SOCKS5_ANSWER)],
    "binary": [(True, b"\x00\x01\x02\xff")],
    "binary, both ways": [(True, b"\x00\x01\n\xff"), (False, b"\n\xfe\n\x00")],
}

PROXY_V1 = b"PROXY TCP4 198.51.100.9 192.0.2.25 41000 25\r\n"
PROXY_V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + bytes((198, 51, 100, 9, 192, 0, 2, 25)) + struct.pack("!HH", 41000, 25)
)

NOT_DIALOGUE = ("start", "end", "server_port", "direction", "bytes_client", "bytes_server")


def said(script: str) -> list[tuple[bool, bytes]]:
    """The turns of a script: (by the client, octets)."""
    turns = []
    for line in script.strip().splitlines():
        side, _, words = line.partition(": ")
        turns.append((side == "C", words.replace("\\n", "\r\n").encode() + b"\r\n"))
    return turns


def talk(turns: list[tuple[bool, bytes]], port: int = ODD, **options: int) -> Wire:
    wire = Wire(port=port, **options).open()  # type: ignore[arg-type]
    for from_client, octets in turns:
        (wire.client if from_client else wire.server)(octets)
    return wire.close()


def dialogue_of(session: SessionFacts) -> tuple[object, ...]:
    """The facts that hang neither on the port nor on what came before the dialogue."""
    return tuple(getattr(session, name) for name in session.__struct_fields__ if name not in NOT_DIALOGUE)


def octets_of(turns: list[tuple[bool, bytes]], client: bool) -> int:
    return sum(len(octets) for from_client, octets in turns if from_client is client)


def assert_like(turns: list[tuple[bool, bytes]], script: list[tuple[bool, bytes]]) -> SessionFacts:
    """`turns` on an odd port are the session that `script` is on port 25."""
    session = session_of(talk(turns), ANY)
    assert dialogue_of(session) == dialogue_of(session_of(talk(script, port=25)))
    assert session.partial is None
    assert (session.server_port, session.direction) == (ODD, "inbound")
    assert (session.bytes_client, session.bytes_server) == (octets_of(turns, True), octets_of(turns, False))
    return session


def glued(turns: list[tuple[bool, bytes]]) -> list[tuple[bool, bytes]]:
    """Turns of one side in a row as one segment."""
    result: list[tuple[bool, bytes]] = []
    for from_client, octets in turns:
        if result and result[-1][0] is from_client:
            result[-1] = (from_client, result[-1][1] + octets)
        else:
            result.append((from_client, octets))
    return result


def cut(turns: list[tuple[bool, bytes]], sizes: list[int]) -> list[tuple[bool, bytes]]:
    """The same octets in segments of these sizes, over and over."""
    result = []
    count = 0
    for from_client, octets in turns:
        at = 0
        while at < len(octets):
            size = sizes[count % len(sizes)]
            count += 1
            result.append((from_client, octets[at : at + size]))
            at += size
    return result


# ---- what is SMTP


@pytest.mark.parametrize("script", DIALOGUES)
def test_odd_port(script: str) -> None:
    assert_like(said(script), said(script))


def test_what_the_facts_are() -> None:
    session = assert_like([*TUNNELS["HTTP"], *said(DIALOGUE)], said(DIALOGUE))
    assert (session.client_ip, session.client_port, session.server_ip) == ("203.0.113.7", 40000, "192.0.2.25")
    assert (session.banner, session.helo) == ("220 mx.example.net ESMTP", "client.example.com")
    (transaction,) = session.transactions
    assert (transaction.mail_from, transaction.outcome, transaction.queue_id) == ("a@x", "accepted", "AAA")
    assert [(each.rcpt, each.code) for each in transaction.rcpts] == [("b@x", 250), ("c@x", 550)]
    assert session.closed_by == "quit"


def test_only_where_asked_for() -> None:
    assert sessions_of(talk(said(DIALOGUE)).packets) == []
    assert events_of(talk(said(DIALOGUE)).packets) == []
    assert events_of(talk(said(DIALOGUE), client_port=25).packets) == []
    assert len(sessions_of(talk(said(DIALOGUE)).packets, Config(ports=(ODD,)))) == 1


@pytest.mark.parametrize("script", DIALOGUES)
@pytest.mark.parametrize("tunnel", TUNNELS)
def test_tunnel(tunnel: str, script: str) -> None:
    """The connection is whole, so the session is; the tunnel's octets are counted and nothing else."""
    turns = [*TUNNELS[tunnel], *said(script)]
    assert_like(turns, said(script))
    assert_like(glued(turns), said(script))


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
@pytest.mark.parametrize("tunnel", ["", "HTTP", "SOCKS 5", "SOCKS 5, pipelined"])
def test_proxy_header(header: bytes, tunnel: str) -> None:
    script = [(True, header), *said(DIALOGUE)]
    session = assert_like([*TUNNELS.get(tunnel, []), *script], script)
    assert session.client_ip == "203.0.113.7"
    events = events_of(talk([*TUNNELS.get(tunnel, []), *script]).packets, ANY)
    assert [event.source for event in events if isinstance(event, ev.SessionClosed)] == ["198.51.100.9"]


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
def test_proxy_header_with_the_hello_behind_it(header: bytes) -> None:
    turns = said(PLAIN)
    early = [(True, header + turns[1][1]), turns[0], *turns[2:]]
    assert_like(early, early)
    assert_like([*TUNNELS["HTTP"], *early], early)
    assert_like([(True, CONNECT + header), (False, ESTABLISHED + turns[0][1]), *turns[1:]], [(True, header), *turns])


def test_a_client_that_does_not_wait_for_the_greeting() -> None:
    turns = said(DIALOGUE)
    early = [turns[1], turns[0], *turns[2:]]
    assert_like(early, early)
    assert_like([*TUNNELS["HTTP"], *early], early)


def test_a_slow_server() -> None:
    wire = Wire(port=ODD, step=20.0).open()
    wire.now += 200
    for octet in b"220-mx.example.net\r\n":
        wire.server(bytes([octet]))
    wire.server(b"220 mx.example.net ESMTP\r\n").script("C: EHLO a\nS: 250 mx.example.net\nC: QUIT\nS: 221 Bye")
    session = session_of(wire.close(), ANY)
    assert (session.banner, session.helo) == ("220 mx.example.net\nmx.example.net ESMTP", "a")
    assert (session.partial, session.closed_by) == (None, "quit")
    assert session.start == wire.packets[0].time


@pytest.mark.parametrize("prefix", [[], TUNNELS["HTTP"], TUNNELS["SOCKS 4"], TUNNELS["SOCKS 5"], [(True, PROXY_V1)]])
@pytest.mark.parametrize(
    "then",
    [
        [],
        said("C: QUIT\nS: 221 Bye"),
        said("C: GET / HTTP/1.1\\nHost: x\\n\nS: 502 5.5.2 what?\\n502 5.5.2 what?"),
        said("C: STARTTLS\nS: 220 go"),
        [(True, b"EHLO unfin")],
        [(True, b"\x16\x03\x01\x00\x05\x01")],
    ],
)
def test_a_greeting_that_says_what_it_is_needs_no_hello(
    prefix: list[tuple[bool, bytes]], then: list[tuple[bool, bytes]]
) -> None:
    greeting = [(False, b"220 smtp.example.net ESMTP Postfix\r\n")]
    script = [*(turn for turn in prefix if turn[1] == PROXY_V1), *greeting, *then]
    session = assert_like([*prefix, *greeting, *then], script)
    assert session.banner == "220 smtp.example.net ESMTP Postfix"


def test_a_banner_in_mid_stream() -> None:
    """Whatever a protocol of its own says first, by both sides, and much of it."""
    before = [(turn % 2 == 0, bytes(range(turn, 256)) * 20 + b"\n") for turn in range(40)]
    assert_like([*before, *said(DIALOGUE)], said(DIALOGUE))
    assert_like([*before, (True, b"\x00"), *said(PLAIN)], said(PLAIN))


def test_ipv6() -> None:
    wire = Wire(client="2001:db8::7", server="2001:db8::25", port=ODD).open().script(DIALOGUE).close()
    session = session_of(wire, ANY)
    assert (session.client_ip, session.server_ip, session.banner) == (
        "2001:db8::7", "2001:db8::25", "220 mx.example.net ESMTP",
    )  # fmt: skip


# ---- what the capture does not hold


@pytest.mark.parametrize("script", [DIALOGUE, PLAIN, LMTP])
@pytest.mark.parametrize(("port", "client_port"), [(ODD, 40000), (40000, ODD)])
def test_begun_before_the_capture(script: str, port: int, client_port: int) -> None:
    """The sides are known by what they say, though the server may have the higher port; and all else is as on port
    25."""
    odd = Wire(port=port, client_port=client_port).open().script(script).close()
    usual = Wire(client_port=client_port).open().script(script).close()
    turns = said(script)
    last = 3 + 2 * max(index for index, (_, octets) in enumerate(turns) if octets.startswith((b"RCPT", b"MAIL")))
    for begin in range(1, last + 1):
        (session,) = sessions_of(odd.packets[begin:], ANY)
        (expected,) = sessions_of(usual.packets[begin:])
        assert (session.client_port, session.server_port) == (client_port, port)
        assert (session.client_ip, session.server_ip) == ("203.0.113.7", "192.0.2.25")
        assert dialogue_of(session) == dialogue_of(expected)
        assert (session.bytes_client, session.bytes_server) == (expected.bytes_client, expected.bytes_server)


@pytest.mark.parametrize(
    "exchange",
    [
        "C: EHLO a\nS: 250-mx\\n250 SIZE",
        "C: HELO a\nS: 501 Bad",
        "C: MAIL FROM:<a@x>\nS: 530 Login first",
        "C: RCPT TO:<a@x>\nS: 450 later",
        "C: DATA\nS: 354 go",
        "C: STARTTLS\nS: 220 go",
        "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6",
        "C: AUTH PLAIN AGEAYg==\nS: 535 no",
        "C: XCLIENT ADDR=192.0.2.1\nS: 220 mx",
        "C: text\\n.\nS: 250 2.0.0 Ok: queued as AAA",
        "C: RSET\\nMAIL FROM:<>\\nRCPT TO:<a@x>\nS: 250 ok",
    ],
)
def test_one_exchange_is_proof(exchange: str) -> None:
    for port, client_port in ((ODD, 40000), (40000, ODD)):
        wire = Wire(port=port, client_port=client_port).script(exchange)
        (session,) = sessions_of(wire.packets, ANY)
        assert (session.client_port, session.server_port, session.partial) == (
            client_port, port, "began before the capture",
        )  # fmt: skip
        assert (session.bytes_client, session.bytes_server) == (
            octets_of(said(exchange), True), octets_of(said(exchange), False),
        )  # fmt: skip


@pytest.mark.parametrize("prefix", [[], TUNNELS["HTTP"], TUNNELS["SOCKS 4"], TUNNELS["SOCKS 5"], [(True, PROXY_V1)]])
@pytest.mark.parametrize("script", [DIALOGUE, PLAIN, LMTP])
@pytest.mark.parametrize("client", [True, False])
def test_one_direction_only(prefix: list[tuple[bool, bytes]], script: str, client: bool) -> None:
    turns = [*prefix, *said(script)]
    kept = [turn for turn in prefix if turn[1] == PROXY_V1]
    for pieces in (turns, cut(turns, [3, 1, 7])):
        session = session_of(talk(pieces).only(client), ANY)
        expected = session_of(talk([*kept, *said(script)], port=25).only(client))
        assert dialogue_of(session) == dialogue_of(expected)
        assert session.partial == f"{'server to client' if client else 'client to server'} not captured"
        sent = octets_of(turns, client)
        assert (session.bytes_client, session.bytes_server) == ((sent, 0) if client else (0, sent))


@pytest.mark.parametrize("client", [True, False])
def test_one_direction_begun_before_the_capture(client: bool) -> None:
    wire = Wire(port=40000, client_port=ODD).script("\n".join(DIALOGUE.strip().splitlines()[3:]))
    (session,) = sessions_of(wire.only(client).packets, ANY)
    assert (session.client_port, session.server_port) == (ODD, 40000)
    assert session.closed_by == "quit"


def test_lost_packets() -> None:
    """A packet lost anywhere leaves what port 25 would show, or, of the few that prove it, nothing."""
    for script in (DIALOGUE, PLAIN, LMTP):
        odd, usual = talk(said(script)), talk(said(script), port=25)
        for index, packet in enumerate(odd.packets):
            if packet.wire == 40:
                continue
            without = [each for each in odd.packets if each is not packet]
            (session,) = sessions_of(without, ANY)
            (expected,) = sessions_of([each for at, each in enumerate(usual.packets) if at != index])
            assert dialogue_of(session) == dialogue_of(expected)


def test_lost_packets_in_a_tunnel() -> None:
    wire = talk([*TUNNELS["HTTP"], *said(DIALOGUE)])
    for packet in wire.packets:
        if packet.wire > 40:
            (session,) = sessions_of([each for each in wire.packets if each is not packet], ANY)
            assert session.partial is not None and session.partial.endswith("not captured")
            assert (session.server_port, session.closed_by) == (ODD, "quit")
            for transaction in session.transactions:
                assert transaction.outcome in ("accepted", "unknown")
                assert transaction.mail_from in ("a@x", None)


# ---- what is not SMTP

HTTP_BODY = "220 mx.example.net ESMTP\\n250-mx\\n250 SIZE 1\\nEHLO a\\nMAIL FROM:<a@x>\\n250 2.1.0 Ok\\nRCPT TO:<b@x>"
CLIENT_SPEAKS_SMTP = ("FTP that is taken for SMTP by its client", "FTP, SMTP's commands refused", "a shell")
OTHERS = {
    "FTP": """
        S: 220 ProFTPD Server ready
        C: USER anonymous
        S: 331 Password required
        C: PASS x
        S: 230 Logged in
        C: STOR mail
        S: 150 go
        S: 250 2 files sent
        C: QUIT
        S: 221 Bye""",
    "FTP at smtp.example.com": """
        S: 220-Welcome\\n220 smtp.example.com FTP server (mail archive)
        C: AUTH TLS
        S: 234 go""",
    "FTP that is taken for SMTP by its client": """
        S: 220 (vsFTPd 3.0.3)
        C: EHLO client.example.com
        S: 530 Please login with USER and PASS.
        C: HELP
        S: 530 Please login with USER and PASS.
        C: QUIT
        S: 221 Goodbye.""",
    "FTP, SMTP's commands refused": "S: 220 a FTP\nC: HELO a\nS: 500 Unknown command\nC: QUIT\nS: 221 Bye",
    "FTP that says SMTP": "S: 220 smtp FTP service\nC: USER a\nS: 331 x\nC: PASS b\nS: 230 x",
    "NNTP": """
        S: 200 news.example.com ready
        C: ARTICLE 1
        S: 220 1 <a@smtp> article\\nSubject: x\\n\\n220 mx ESMTP\\nEHLO a\\n250 ok\\n.
        C: POST
        S: 340 go
        C: Subject: EHLO\\n\\nEHLO a\\nMAIL FROM:<a@x>\\nRCPT TO:<b@x>\\n.
        S: 240 received
        C: STARTTLS
        S: 580 no
        C: QUIT
        S: 205 bye""",
    "POP3": """
        S: +OK POP3 mx.example.net ESMTP
        C: USER a
        S: +OK
        C: RETR 1
        S: +OK\\nReceived: by mx.example.net with ESMTP\\n\\n220 mx.example.net ESMTP\\n.
        C: QUIT
        S: +OK""",
    "IMAP": """
        S: * OK IMAP4rev1 ESMTP
        C: a1 LOGIN a b
        S: a1 OK
        C: a2 APPEND INBOX {60}
        S: + go
        C: EHLO a\\nMAIL FROM:<a@x>\\nRCPT TO:<b@x>
        S: a2 OK
        C: a3 LOGOUT
        S: * BYE\\na3 OK""",
    "DICT": "S: 220 dict.example.com <a.b@c>\nC: CLIENT x\nS: 250 ok\nC: DEFINE * a\nS: 552 no\nC: QUIT\nS: 221 bye",
    "HTTP, answer": f"""
        C: GET /log HTTP/1.1\\nHost: x\\n
        S: HTTP/1.1 200 OK\\nContent-Type: text/plain\\n\\n{HTTP_BODY}
        S: 220 mx.example.net ESMTP
        C: GET /log HTTP/1.1\\nHost: x\\n
        S: HTTP/1.1 200 OK\\ncontent-length: 43\\n\\n220 mx.example.net ESMTP\\n250 2.1.0 Ok\\n354 go
        S: 220 mx.example.net ESMTP
        S: 250 2.1.0 Ok""",
    "HTTP, body posted": f"""
        C: POST /log HTTP/1.1\\nHost: x\\n\\n{HTTP_BODY}
        C: EHLO a\\nMAIL FROM:<a@x>\\nRCPT TO:<b@x>\\nDATA
        C: EHLO a
        S: HTTP/1.1 200 OK\\nContent-Length: 33\\n\\n220 mx.example.net ESMTP\\n250 ok
        C: POST /log HTTP/1.1\\nHost: x\\n
        S: HTTP/1.1 100 Continue\\n
        C: EHLO a
        C: MAIL FROM:<a@x>
        S: HTTP/1.1 500 Error\\n""",
    "HTTP in a tunnel": """
        C: CONNECT x:80 HTTP/1.1\\nHost: x\\n
        S: HTTP/1.1 200 ok\\n
        C: GET / HTTP/1.1\\n
        S: HTTP/1.1 200 ok\\nContent-Length: 26\\n\\n220 mx.example.net ESMTP""",
    "a shell": "S: login:\nC: EHLO\nS: sh: EHLO not found\nC: MAIL FROM:<a@x>\nS: sh: MAIL not found",
    "an unfinished word": "S: 220 mx.example.net\nC: HELP\nS: 214 none",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_protocols(name: str) -> None:
    turns = said("\n".join(line.strip() for line in OTHERS[name].strip().splitlines()))
    for pieces in (turns, glued(turns), cut(turns, [1]), cut(turns, [5, 2])):
        wires = [talk(pieces), talk(pieces).only(client=False)]
        if name not in CLIENT_SPEAKS_SMTP:  # then nothing in its words alone tells
            wires.append(talk(pieces).only(client=True))
        for wire in wires:
            assert sessions_of(wire.packets, ANY) == []
            assert events_of(wire.packets, ANY) == []


def test_tls_is_dark() -> None:
    hello = b"\x16\x03\x01\x00\x30\x01\x00\x00\x2c\x03\x03" + bytes(range(32)) + b"\0\0\x02\x13\x01\x01\0\0\0"
    turns = [
        (True, hello),
        (False, b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"),
        (True, b"\x17\x03\x03\x00\x0a" + b"EHLO abcd\n"),
    ]
    assert events_of(talk(turns).packets, ANY) == []
    assert events_of(talk([*TUNNELS["HTTP"], *turns]).packets, ANY) == []


def test_much_of_something_else() -> None:
    turns = [(True, b"GET / HTTP/1.1\r\n\r\n"), *((False, b"220 mx ESMTP\r\n" * 100) for _ in range(100))]
    assert events_of(talk(turns).packets, ANY) == []


def test_connections_let_go_of_themselves() -> None:
    """Whether recognised or not, without a garbage collector."""
    wires = [talk(said(script), client_port=2000 + number) for number, script in enumerate(DIALOGUES)]
    wires += [talk(said(OTHERS["DICT"]), client_port=3000), Wire(port=40000, client_port=ODD).script("C: RCPT TO:<a>")]
    pipeline = Pipeline(ANY, "mx")
    gc.collect()
    gc.disable()
    try:
        for wire in wires:
            pipeline.packets((each.time, each.data, 0, len(each.data), each.wire, raw_ip) for each in wire.packets)
        pipeline.finish()
        assert gc.collect() == 0
    finally:
        gc.enable()


# ---- any octets, any segments

WORDS = [
    b"220 ", b"220-", b"220 mx ESMTP\r\n", b"EHLO ", b"EHLO a\r\n", b"MAIL FROM:<a@x>\r\n", b"250 2.1.0 Ok\r\n",
    b"250 ok\r\n", b"DATA\r\n", b"354 go\r\n", b"\r\n", b"\n", CONNECT, ESTABLISHED, SOCKS5_ADDRESS, SOCKS5_ANSWER,
    PROXY_V1, PROXY_V2, PROXY_V2[:14], b"PROXY ", b"\x05\x00", b"\x00\x5a", b"STARTTLS\r\n", b"220 go\r\n",
    b"\x16\x03\x01\x00\x05\x01", b"x" * 9000,
]  # fmt: skip
TALK = st.lists(st.tuples(st.booleans(), st.binary(max_size=40) | st.sampled_from(WORDS)), max_size=30)


@given(TALK, st.integers(1, 65535), st.sets(st.integers(0, 60)), st.sampled_from([None, True, False]))
@settings(max_examples=300, deadline=None)
def test_any_octets_never_raise(turns: list[tuple[bool, bytes]], port: int, lost: set[int], only: bool | None) -> None:
    wire = talk(turns, port=port).drop(*lost)
    if only is not None:
        wire.only(only)
    for session in sessions_of(wire.packets, ANY):
        assert {session.client_port, session.server_port} == {40000, port}


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=80)), max_size=20))
@settings(max_examples=200, deadline=None)
def test_random_octets_are_not_smtp(turns: list[tuple[bool, bytes]]) -> None:
    assert events_of(talk(turns).packets, ANY) == []


@given(
    st.sampled_from(DIALOGUES),
    st.sampled_from(["", *TUNNELS]),
    st.sampled_from([b"", PROXY_V1, PROXY_V2]),
    st.lists(st.integers(1, 40), min_size=1, max_size=30),
)
@example(DIALOGUE, "HTTP, authenticated", PROXY_V2, [1])
@settings(max_examples=200, deadline=None)
def test_any_segmentation(script: str, tunnel: str, header: bytes, sizes: list[int]) -> None:
    turns = said(script)
    if header:
        turns = [(True, header), *turns]
    if tunnel.startswith("binary") and header:
        return  # nothing tells where such a tunnel's talk ends and the header begins
    assert_like(cut(glued([*TUNNELS.get(tunnel, []), *turns]), sizes), turns)


@given(st.sampled_from([DIALOGUE, PLAIN, LMTP]), st.lists(st.integers(1, 40), min_size=1, max_size=30), st.data())
@settings(max_examples=150, deadline=None)
def test_any_segmentation_from_mid_stream(script: str, sizes: list[int], data: st.DataObject) -> None:
    turns = said(script)
    begin = data.draw(st.integers(0, 3))
    uncut = Wire(port=40000, client_port=ODD)
    pieces = Wire(port=40000, client_port=ODD)
    for from_client, octets in turns[begin:]:
        (uncut.client if from_client else uncut.server)(octets)
    for from_client, octets in cut(turns[begin:], sizes):
        pieces.packet(from_client, octets, ACK | PSH)
    assert dialogue_of(session_of(pieces, ANY)) == dialogue_of(session_of(uncut, ANY))
