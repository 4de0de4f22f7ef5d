"""More lines of Exim: of sessions, and of Exim itself. Their sources are those of exim_lines.py."""

from smtpwatch import events as ev
from tests.collectors.logs.exim_lines import Case, Made, made

_C2 = ("192.0.2.2", 0, "")
_C2P = ("192.0.2.2", 40071, "")


def _gone(reason: str, stage: str = "", who: tuple[str, int, str] = _C2) -> list[Made]:
    """A session that ended badly."""
    return [made(ev.ClientLost, *who, reason, stage), made(ev.ClientDisconnected, *who, reason)]


SESSIONS: dict[str, Case] = {
    "connected": (
        "SMTP connection from [192.0.2.2]:40071 I=[192.0.2.1]:25 (TCP/IP connection count = 3)",
        [made(ev.ClientConnected, *_C2P, "192.0.2.1", 25)],
    ),
    "connected, IPv6": (
        "SMTP connection from [2001:DB8:0::2] (TCP/IP connection count = 1)",
        [made(ev.ClientConnected, "2001:db8::2", 0, "")],
    ),
    "quit": (
        "SMTP connection from (client.example.net) [192.0.2.2]:40071 I=[192.0.2.1]:25 closed by QUIT",
        [made(ev.ClientDisconnected, *_C2P, "quit")],
    ),
    "closed by an ACL": (
        "SMTP connection from [192.0.2.2]:40071 I=[192.0.2.1]:25 closed by DROP in ACL",
        [made(ev.ClientDisconnected, *_C2P, "closed by DROP in ACL")],
    ),
    "lost": ("SMTP connection from [192.0.2.2]:40071 I=[192.0.2.1]:25 lost D=0.200s", _gone("lost connection", "",
    _C2P)),
    "lost in DATA": (
        "SMTP connection from (x) [192.0.2.2] lost while reading message data (header)", _gone("lost connection",
        "DATA")
    ),
    "unexpected": (
        "unexpected disconnection while reading SMTP command from (x) [192.0.2.2] (error: Connection reset by peer) "
        "D=0s",
        _gone("lost connection"),
    ),
    "timeout": ("SMTP command timeout on connection from (x) [192.0.2.2] D=5m", _gone("timeout")),
    "timeout in TLS": ("SMTP command timeout on TLS connection from (x) [192.0.2.2] D=5m", _gone("timeout")),
    "timeout in DATA": (
        "SMTP data timeout (message abandoned) on connection from (x) [192.0.2.2] F=<a@b>", _gone("timeout", "DATA")
    ),
    "unrecognized": (
        'SMTP call from [192.0.2.2] dropped: too many unrecognized commands (last was "QUX")',
        _gone("too many unrecognized commands"),
    ),
    "nonmail": (
        'SMTP call from (x) [192.0.2.2] dropped: too many nonmail commands (last was "NOOP")',
        _gone("too many nonmail commands"),
    ),
    "errors": (
        'SMTP call from (x) [192.0.2.2] dropped: too many syntax or protocol errors (last command was "x",  '
        'C=EHLO,RCPT)',
        _gone("too many syntax or protocol errors"),
    ),
    "no mail": (
        "no MAIL in SMTP connection from [192.0.2.2]:40071 I=[192.0.2.1]:25 D=0.200s C=EHLO,AUTH,QUIT",
        [made(ev.ClientOddity, *_C2P, "no MAIL", "EHLO,AUTH,QUIT")],
    ),
    "nothing at all": ("no MAIL in SMTP connection from [192.0.2.2] D=3s", [made(ev.ClientOddity, *_C2, "no MAIL",
    "")]),
    "no name": ("no host name found for IP address 192.0.2.2", [made(ev.ClientOddity, *_C2, "no host name", "")]),
    "false name": (
        "192.0.2.2 does not match any IP address for liar.example.net",
        [made(ev.ClientOddity, *_C2, "name does not resolve to address", "liar.example.net")],
    ),
    "name without address": (
        "no IP address found for host gone.example.net (during SMTP connection from [192.0.2.2]:40071)",
        [made(ev.ClientOddity, *_C2P, "name does not resolve to address", "gone.example.net")],
    ),
    "some name without address": ("no IP address found for host gone.example.net", []),
    "syntax error": (
        'SMTP syntax error in "FOO bar" H=[192.0.2.2]:40071 I=[192.0.2.1]:25 unrecognized command',
        [made(ev.ClientOddity, *_C2P, "syntax error", "unrecognized command")],
    ),
    "protocol error": (
        'SMTP protocol error in "RCPT TO:<bob@example.org>" H=(x) [192.0.2.2] sender not yet given',
        [made(ev.ClientOddity, *_C2, "protocol error", "sender not yet given")],
    ),
    "TLS, GnuTLS": (
        "TLS error on connection from (x) [192.0.2.2] (gnutls_handshake): An unexpected TLS packet was received.",
        [made(ev.TlsTroubled, *_C2, "(gnutls_handshake): An unexpected TLS packet was received.")],
    ),
    "TLS, left without a word": (
        "TLS error on connection from (x) [192.0.2.2] (recv): The TLS connection was non-properly terminated.", []
    ),
    "TLS, OpenSSL": (
        "TLS error on connection from [192.0.2.2] (SSL_accept): error:1408F10B:SSL routines:ssl3_get_record:wrong "
        "version number",
        [made(ev.TlsTroubled, *_C2, "(SSL_accept): error:1408F10B:SSL routines:ssl3_get_record:wrong version number")],
    ),
}  # fmt: skip

SERVICE: dict[str, Case] = {
    "started": ("exim 4.96 daemon started: pid=739, -q1h, listening for SMTP on port 25 (IPv6 and IPv4)", []),
    "queue run": ("Start queue run: pid=743", []),
    "queue run's end": ("End queue run: pid=845 -qff", []),
    "named queue": ("Start 'slow' queue run: pid=743", []),
    "reload": ("pid 739: SIGHUP received: re-exec daemon", []),
    "ETRN": ("ETRN #x received from (a) [192.0.2.9]", []),
    "warning": (
        "Warning: purging the environment.", [made(ev.ServiceTrouble, "warning", "purging the environment.")]
    ),
    "error": (
        "failed to expand message_size_limit: x", [made(ev.ServiceTrouble, "error", "failed to expand "
        "message_size_limit: x")]
    ),
    "fatal": (
        "socket bind() to port 25 for address (any IPv6) failed: Address already in use: daemon abandoned",
        [
            made(
                ev.ServiceTrouble, "fatal",
                "socket bind() to port 25 for address (any IPv6) failed: Address already in use: daemon abandoned",
            )
        ],
    ),
    "submission": (
        "cwd=/var/www/x 5 args: /usr/sbin/sendmail -t -i -f a@b",
        [made(ev.LocalSubmission, "/var/www/x", ("/usr/sbin/sendmail", "-t", "-i", "-f", "a@b"))],
    ),
    "submission, quoted": (
        'cwd=/var/www/my site 4 args: /usr/sbin/sendmail -F "Web Master" ""',
        [made(ev.LocalSubmission, "/var/www/my site", ("/usr/sbin/sendmail", "-F", "Web Master", ""))],
    ),
    "submission, quotes within": (
        'cwd=/tmp 2 args: /usr/sbin/sendmail "a "b" c"',
        [made(ev.LocalSubmission, "/tmp", ('/usr/sbin/sendmail "a "b" c"',))],
    ),
    "Exim's own call": ("cwd=/var/spool/exim4 3 args: /usr/sbin/exim4 -Mc 1xW9Fr-0002Ui-0Z", []),
    "dumped header": ("P Received: from [192.0.2.2] (helo=client.example.net)", None),
    "nothing": ("", None),
    "words": ("some words", None),
}  # fmt: skip
