"""Dovecot's lines. Those of 2.3 were written by Dovecot 2.3.19 (but for names and addresses); those of 2.2 and 2.4 are
as its source and its users' logs have them."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.dovecot import parse
from collectors.logs.dovecot.peer import NOBODY, Peer, peer
from collectors.logs.head import NOTHING, Facts
from collectors.logs.reader import Reader
from smtpwatch import events as ev
from tests.collectors.logs.telling import TIME, assert_quick, head, mutated, read

SESSION = "QTwjNxZhvsXAAAIH"  # of 192.0.2.7:50622
END = f"rip=192.0.2.7, lip=192.0.2.25, session=<{SESSION}>"
FORGED = "eve>, rip=9.9.9.9, lip=1.1.1.1, session=<AAAA"
PORT = 50622

Case = tuple[str, Facts]


def _login(
    text: str, service: str, outcome: ev.LoginOutcome, *rest: str, source: str = "192.0.2.7", port: int = PORT
) -> Case:
    return text, (ev.LoginTried(*head("dovecot", text), source, port, "", service, outcome, *rest),)


def _lost(text: str, reason: str, stage: str = "", source: str = "192.0.2.7", port: int = PORT) -> Case:
    return text, (ev.ClientLost(*head("dovecot", text), source, port, "", reason, stage),)


def _failed(
    text: str, account: str, why: str, *, mechanism: str = "", port: int = 0, source: str = "192.0.2.7"
) -> Case:
    return _login(text, "auth", "failure", account, mechanism, why, source=source, port=port)


LOGINS = (
    _login(f"imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.25, mpid=585, session=<{SESSION}>",
           "imap", "success", "bob", "PLAIN"),
    _login("submission-login: Login: user=<bob>, method=LOGIN, rip=192.0.2.7, lip=192.0.2.25, mpid=1, TLS, "
           f"session=<{SESSION}>",
           "submission", "success", "bob", "LOGIN"),
    _login("pop3-login: Login: user=<bob@example.org>, method=PLAIN, rip=2001:db8::7, lip=2001:db8::25, mpid=1, TLS",
           "pop3", "success", "bob@example.org", "PLAIN", source="2001:db8::7", port=0),
    _login("imap-login: Login: user=<bob>, method=PLAIN, rip=::ffff:192.0.2.7, lip=::ffff:192.0.2.25, mpid=1, secured",
           "imap", "success", "bob", "PLAIN", port=0),
    _login(f"imap-login: Started proxying to <192.0.2.80>: user=<bob>, method=PLAIN, {END}", "imap", "success", "bob",
           "PLAIN"),
    _login(f"imap-login: proxy(bob): started proxying to 192.0.2.80:143: user=<bob>, method=PLAIN, {END}",
           "imap", "success", "bob", "PLAIN"),
    _login(f"managesieve-login: Aborted login (auth failed, 1 attempts in 17 secs): user=<test>, method=PLAIN, {END}",
           "managesieve", "failure", "test", "PLAIN", "auth failed, 1 attempts in 17 secs"),
    _login("imap-login: Disconnected: Connection closed (auth failed, 3 attempts in 12 secs): user=<q2>, "
           f"method=PLAIN, {END}",
           "imap", "failure", "q2", "PLAIN", "auth failed, 3 attempts in 12 secs"),
    _login("imap-login: Login aborted: Logged out (auth failed, 3 attempts in 12 secs) (auth_failed): user=<bob>, "
           f"method=PLAIN, {END}",
           "imap", "failure", "bob", "PLAIN", "auth failed, 3 attempts in 12 secs"),
    _login("imap-login: Disconnected (auth failed, 2 attempts): user=<bob>, method=PLAIN, rip=192.0.2.7, "
           "lip=192.0.2.25, TLS",
           "imap", "failure", "bob", "PLAIN", "auth failed, 2 attempts", port=0),
    _login("imap-login: Disconnected (auth failed, 1 attempts): method=PLAIN, rip=192.0.2.7, lip=192.0.2.25, TLS: "
           "Disconnected",
           "imap", "failure", "", "PLAIN", "auth failed, 1 attempts", port=0),
    _login("submission-login: Client has quit the connection (auth failed, 1 attempts in 2 secs): user=<u>, "
           "method=LOGIN, rip=192.0.2.7, lip=192.0.2.25",
           "submission", "failure", "u", "LOGIN", "auth failed, 1 attempts in 2 secs", port=0),
    _login("submission-login: Remote closed connection (auth failed, 1 attempts in 2 secs): user=<u>, method=PLAIN, "
           f"{END}",
           "submission", "failure", "u", "PLAIN", "auth failed, 1 attempts in 2 secs"),
    _login(f"imap-login: Disconnected: Inactivity (user disabled): user=<bob>, method=PLAIN, {END}",
           "imap", "failure", "bob", "PLAIN", "user disabled"),
    _login(f"imap-login: Disconnected (auth service reported temporary failure): user=<bob>, method=PLAIN, {END}",
           "imap", "deferred", "bob", "PLAIN", "auth service reported temporary failure"),
    _login("imap-login: Disconnected: Auth process broken (internal failure, 1 successful auths): user=<bob>, "
           f"method=PLAIN, {END}",
           "imap", "deferred", "bob", "PLAIN", "internal failure, 1 successful auths"),
)  # fmt: skip
NO_LOGINS = (
    _lost("imap-login: Disconnected: Connection closed: read(size=1026) failed: Connection reset by peer (no auth "
          f"attempts in 0 secs): user=<>, {END}",
          "no auth attempts in 0 secs"),
    _lost("pop3-login: Disconnected (no auth attempts): rip=192.0.2.7, lip=192.0.2.25, TLS: Disconnected",
          "no auth attempts", port=0),
    _lost(f"imap-login: Disconnected: Too many invalid commands (no auth attempts in 0 secs): user=<>, {END}",
          "no auth attempts in 0 secs"),
    _lost("imap-login: Login aborted: Connection closed (no auth attempts in 2 secs) (no_auth_attempts): user=<>, "
          f"{END}",
          "no auth attempts in 2 secs"),
    _lost("imap-login: Disconnected: Connection closed (client didn't finish SASL auth, waited 0 secs): user=<>, "
          f"method=PLAIN, {END}",
          "client didn't finish SASL auth, waited 0 secs", "AUTH"),
    _lost("pop3-login: Aborted login (tried to use disabled plaintext auth): rip=192.0.2.7, lip=192.0.2.25",
          "tried to use disabled plaintext auth", "AUTH", port=0),
    _lost(f"imap-login: Disconnected (disconnected before auth was ready, waited 3 secs): user=<>, {END}",
          "disconnected before auth was ready, waited 3 secs"),
)  # fmt: skip
_HANDSHAKE = (
    "imap-login: Disconnected: Connection closed: SSL_accept() failed: error:0A000102:SSL routines::unsupported "
    "protocol "
    "(no auth attempts in 0 secs): user=<>, rip=192.0.2.7, lip=192.0.2.25, TLS handshaking: SSL_accept() failed: "
    f"error:0A000102:SSL routines::unsupported protocol, session=<{SESSION}>"
)
_CIPHERED = (
    "imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.25, mpid=1, TLS, TLSv1.3 with cipher "
    f"TLS_AES_256_GCM_SHA384 (256/256 bits), session=<{SESSION}>"
)
_MANY = (
    "imap-login: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10): "
    f"user=<bob>, method=PLAIN, {END}"
)
OTHERS: tuple[Case, ...] = (
    (_HANDSHAKE, (ev.TlsTroubled(*head("dovecot", _HANDSHAKE), "192.0.2.7", PORT, "",
                                 "SSL_accept() failed: error:0A000102:SSL routines::unsupported protocol"),)),
    (_CIPHERED, (ev.TlsEstablished(*head("dovecot", _CIPHERED), "192.0.2.7", PORT, "", "TLSv1.3",
                                   "TLS_AES_256_GCM_SHA384", 256),
                 ev.LoginTried(*head("dovecot", _CIPHERED), "192.0.2.7", PORT, "", "imap", "success", "bob", "PLAIN"))),
    (_MANY, (ev.Refused(*head("dovecot", _MANY), "192.0.2.7", PORT, "", "AUTH", 0, "", "rate",
                        "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"),)),
    ('imap-login: Authenticate "X, failed: Unsupported authentication mechanism.: user=<>, method="X,, ' + END,
     NOTHING),
    (f"imap-login: proxy(bob): disconnecting 192.0.2.7 (Disconnected by client): user=<bob>, method=PLAIN, {END}",
     NOTHING),
    ("imap-login: something new", None),
)  # fmt: skip
PASSDBS = (
    _failed("auth: passwd-file(bob,192.0.2.7): Password mismatch", "bob", "Password mismatch"),
    _failed(f"auth: Info: passwd-file(bob,192.0.2.7,<{SESSION}>): unknown user", "bob", "unknown user", port=PORT),
    _failed("auth: ldap(bob,192.0.2.7): invalid credentials", "bob", "invalid credentials"),
    _failed("auth: pam(bob,192.0.2.7): pam_authenticate() failed: Authentication failure (Password mismatch?)", "bob",
            "pam_authenticate() failed: Authentication failure (Password mismatch?)"),
    _failed(f"auth-worker(123): sql(bob@example.org,192.0.2.7,<{SESSION}>): Password mismatch", "bob@example.org",
            "Password mismatch", port=PORT),
    _failed("auth-worker(123): conn unix:auth-worker (pid=1,uid=2): auth-worker<1>: sql(bob,192.0.2.7): unknown user",
            "bob",
            "unknown user"),
    _failed("auth: sql(root,192.0.2.7,master): Password mismatch", "root", "Password mismatch"),
    _failed(f"auth(bob,192.0.2.7,sasl:plain)<{SESSION}>: passwd-file: Password mismatch", "bob", "Password mismatch",
            mechanism="PLAIN", port=PORT),
    _failed(f"auth-worker(bob,192.0.2.7,sasl:login)<7><{SESSION}>: request [5]: sql: unknown user", "bob",
            "unknown user",
            mechanism="LOGIN", port=PORT),
    _failed("auth: passwd-file(bob): unknown user", "bob", "unknown user", source=""),
    _failed("auth: plain(?,192.0.2.7): Username character disallowed by auth_username_chars: 0x20 (username: a "
            "b[9.9.9.9])",
            "a b[9.9.9.9]", "Username character disallowed by auth_username_chars: 0x20", mechanism="PLAIN"),
)  # fmt: skip
SECRETS: tuple[Case, ...] = (
    ("auth: passwd-file(bob,192.0.2.7): Password mismatch (given password: hunter2)", NOTHING),
    ("auth: sql(bob,192.0.2.7): unknown user (SHA1 of given password: 5baa61)", NOTHING),
    ("auth: Debug: client in: AUTH 1 PLAIN service=imap resp=AGJvYgBodW50ZXIy", NOTHING),
    ("auth-worker(1): Error: sql(bob,192.0.2.7): Password mismatch (given password: hunter2)", NOTHING),
)
FORGERIES = (
    _login("submission-login: Disconnected: Aborted login by logging out (auth failed, 1 attempts in 0 secs): "
           f"user=<{FORGED}>, method=PLAIN, {END}",
           "submission", "failure", FORGED, "PLAIN", "auth failed, 1 attempts in 0 secs"),
    _login("imap-login: Disconnected (auth failed, 1 attempts in 0 secs): user=<x>, method=PLAIN, rip=9.9.9.9>, "
           f"method=PLAIN, {END}",
           "imap", "failure", "x>, method=PLAIN, rip=9.9.9.9", "PLAIN", "auth failed, 1 attempts in 0 secs"),
    _login("imap-login: Disconnected (auth failed, 1 attempts in 0 secs): user=<x, rip=9.9.9.9>, method=PLAIN, "
           "rip=192.0.2.7, lip=192.0.2.25",
           "imap", "failure", "x, rip=9.9.9.9", "PLAIN", "auth failed, 1 attempts in 0 secs", port=0),
    # A line whose end has another address than its session: the client's own words, or an admin's own format.
    _login("imap-login: Disconnected (auth failed, 1 attempts): user=<x, rip=192.0.2.7>, method=PLAIN, rip=9.9.9.9, "
           f"session=<{SESSION}>",
           "imap", "failure", "x, rip=192.0.2.7", "PLAIN", "auth failed, 1 attempts", source="", port=0),
    # login_log_format_elements without rip.
    _login("imap-login: Disconnected (auth failed, 1 attempts): user=<x, rip=9.9.9.9>, method=PLAIN",
           "imap", "failure", "", "", "auth failed, 1 attempts", source="", port=0),
    _login("imap-login: Disconnected (auth failed, 1 attempts): user=<a??Nov 25 10:00:00 imap-login: Login: "
           f"user=<z>>, method=PLAIN, {END}",
           "imap", "failure", "a??Nov 25 10:00:00 imap-login: Login: user=<z>", "PLAIN", "auth failed, 1 attempts"),
    _lost(f"imap-login: Disconnected (no auth attempts in 1 secs): user=<>, method=X (AUTH FAILED, 1 ATTEMPTS), {END}",
          "no auth attempts in 1 secs"),
    _failed("auth: plain(?,192.0.2.7): Username character disallowed by auth_username_chars: 0x2c (username: "
            "x,9.9.9.9,<AA>): Password mismatch)",
            "x,9.9.9.9,<AA>): Password mismatch", "Username character disallowed by auth_username_chars: 0x2c",
            mechanism="PLAIN"),
    # auth_username_chars empty: every character is taken.
    _failed(f"auth: passwd-file(x,9.9.9.9,<AA>): Password mismatch,192.0.2.7,<{SESSION}>): unknown user",
            "x,9.9.9.9,<AA>): Password mismatch", "unknown user", port=PORT),
    _failed("auth: passwd-file(x,9.9.9.9,192.0.2.7): unknown user", "x,9.9.9.9", "unknown user"),
    _failed("auth: pam(x,9.9.9.9): pam_authenticate() failed: ,192.0.2.7): pam_authenticate() failed: Authentication "
            "failure",
            "x,9.9.9.9): pam_authenticate() failed: ", "pam_authenticate() failed: Authentication failure"),
)  # fmt: skip
_CHARACTERS = "Username character disallowed by auth_username_chars: 0x20 (username: "
# Of names like these nothing is understood, rather than the wrong thing. They need an empty auth_username_chars.
UNCLEAR: tuple[Case, ...] = tuple(
    (text, None)
    for text in (
        "auth: pam(x,9.9.9.9): pam_authenticate() failed: ,192.0.2.7): pam_acct_mgmt() failed: expired",
        f"auth: sql(?,9.9.9.9): {_CHARACTERS}x,192.0.2.7): something else",
        "auth: sql(x,9.9.9.9): pam_authenticate() failed: x,192.0.2.7): something else",
        "auth(x: pam(y,9.9.9.9): pam_authenticate() failed: ,192.0.2.7,sasl:plain)<AA>: pam: unknown user",
        "auth(x,9.9.9.9): pam: pam_authenticate() failed: ,192.0.2.7,sasl:plain)<AA>: pam: unknown user",
        "auth(x,9.9.9.9)<1>: sql: unknown user,192.0.2.7,sasl:plain)<AA>: sql: Password mismatch",
        f"auth(?,9.9.9.9): sql: {_CHARACTERS}x,192.0.2.7,sasl:plain)<AA>: sql: unknown user",
    )
)
CASES = (*LOGINS, *NO_LOGINS, *OTHERS, *PASSDBS, *SECRETS, *FORGERIES, *UNCLEAR)
LINES = tuple(text for text, _ in CASES)


@pytest.mark.parametrize(("text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(text: str, expected: Facts) -> None:
    assert read("dovecot", text) == expected


@pytest.mark.parametrize(
    "text", [text for text, _ in (*LOGINS, *PASSDBS, *FORGERIES)], ids=range(len((*LOGINS, *PASSDBS, *FORGERIES)))
)
def test_a_line_of_its_own_log_file(text: str) -> None:
    """Where the level stands after the service, and neither host nor program before it."""
    if ": Info: " not in text:
        service, _, said = text.partition(": ")
        text = f"{service}: Info: {said}"
    program, facts = Reader("mx", UTC, TIME).line(f"Nov 25 10:00:00 {text}")
    assert program == "dovecot"
    assert facts == parse(text, (TIME, "log", "mx", "dovecot", 0, text))
    assert facts


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (SESSION, ("192.0.2.7", PORT)),
        ("AAAAAAAAvsUgAQ24AAAAAAAAAAAAAAAH", ("2001:db8::7", PORT)),
        ("718YKdynBmsQGAAAg+zDdQ", NOBODY),
        ("", NOBODY),
        ("AAAA", NOBODY),
        ("!!!!!!!!!!!!!!!!", NOBODY),
    ],
)
def test_a_session_id_names_the_client(session: str, expected: Peer) -> None:
    assert peer(session) == expected


def test_no_password_is_told() -> None:
    for text, _ in SECRETS:
        assert not read("dovecot", text)


@given(st.text() | mutated(LINES))
def test_it_never_raises(text: str) -> None:
    parse(text, head("dovecot", text))


NAMES = st.text(st.sampled_from("ab<>, :()[]=.19") | st.characters(codec="utf-8", categories=["L", "N", "P", "Z"]),
                max_size=80) | st.lists(
    st.sampled_from([">, rip=9.9.9.9", ", lip=9.9.9.9", ">, method=PLAIN", ", session=<CQkJCQkJCQkJCQkJ>", ",9.9.9.9",
                     "): unknown user", ": "]),
    max_size=5,
).map("".join)  # fmt: skip


@given(NAMES.filter(lambda name: name != "?"))  # which stands for none
def test_no_user_name_blames_another(name: str) -> None:
    for text in (
        f"imap-login: Disconnected (auth failed, 1 attempts in 0 secs): user=<{name}>, method=PLAIN, {END}",
        f"auth: passwd-file({name},192.0.2.7,<{SESSION}>): unknown user",
    ):
        (told,) = parse(text, head("dovecot", text)) or (None,)
        assert isinstance(told, ev.LoginTried)
        assert (told.source, told.client_port, told.outcome, told.account) == (
            "192.0.2.7",
            PORT,
            "failure",
            name,
        )


def test_no_line_takes_long() -> None:
    assert_quick(parse, [LINES[0], LINES[7], _HANDSHAKE, PASSDBS[1][0], PASSDBS[9][0]])
