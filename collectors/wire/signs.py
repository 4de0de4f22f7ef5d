"""What SMTP and the tunnels that carry it look like: the signs by which a connection is recognised.

Patterns and functions of octets alone; what they prove together is `recognise`'s to say.
"""

import re

from collectors.wire import commands, proxy

HELLO = re.compile(rb"\s*(?:EHLO|HELO|LHLO)[ \t\r\n]", re.IGNORECASE)
ENVELOPE = re.compile(rb"(?:MAIL FROM|RCPT TO):", re.IGNORECASE)
SMTP_COMMAND = re.compile(
    rb"(?:EHLO|HELO|LHLO)[ \t\r\n]|(?:DATA|STARTTLS)\r?\n|XCLIENT [A-Z]+="
    rb"|AUTH (?:PLAIN|LOGIN|CRAM-MD5|SCRAM-|XOAUTH2|OAUTHBEARER|NTLM)",  # FTP has AUTH with other mechanisms
    re.IGNORECASE,
)
REPLY = re.compile(rb"[2-5]\d\d[ -]")
UNDERSTOOD = re.compile(rb"(?:2[2-5]\d|334|354|4\d\d|5(?!00|02|30|80)\d\d)[ -]")
"""The same from a server that knows the command; FTP and NNTP servers refuse it with the codes left out."""
_ENHANCED = rb"(?!220)([245])\d\d[ -]\1\.\d{1,3}\.\d{1,3}[ \r]"  # RFC 2034; only SMTP and LMTP have it
ENHANCED_REPLY = re.compile(_ENHANCED)
REPLIES = re.compile(rb"(?:[2-5]\d\d[ -][^\n]*\n)*")
SMTP_REPLY = re.compile(
    rb"^(?:354 |250[ -](?:PIPELINING|8BITMIME|SIZE|STARTTLS|DSN)\b|" + _ENHANCED + rb")", re.IGNORECASE | re.MULTILINE
)
GREETING = re.compile(rb"(?:220[ -][^\n]*\n)+")
_SAYS_SMTP = re.compile(rb"(?<![\w.@-])(?:E?SMTP|LMTP)(?![\w-]|\.\w)", re.IGNORECASE)  # smtp.example.com does not
SAYS_FTP = re.compile(rb"FTP(?![\w-]*\.\w)", re.IGNORECASE)
TEXT = re.compile(rb"[\t\r\n\x20-\x7e]*\n")

_HEAD = rb"(?:(?!Content-|Transfer-)[^\r\n][^\n]*\n)*\r?\n"  # no content follows (RFC 9110, 9.3.6)
_ADDRESS = rb"(?:\x01.{6}|\x04.{18})"  # with the port; IPv4 or IPv6
TUNNEL_ASKED = re.compile(
    rb"CONNECT [^\n]*\n" + _HEAD + rb"|\x04\x01.{6}[^\0]*\0"
    rb"|\x05(?:\x01.|\x02..|\x03...)(?:\x05\x01\0" + _ADDRESS + rb")?"
    rb"|\x05\x01\0" + _ADDRESS,
    re.IGNORECASE | re.DOTALL,
)
TUNNEL_GIVEN = re.compile(
    rb"HTTP/1\.\d 2\d\d[^\n]*\n" + _HEAD + rb"|\0\x5a.{6}|(?:\x05\0)?\x05\0\0" + _ADDRESS,
    re.IGNORECASE | re.DOTALL,
)
"""How a tunnel is asked for and given by HTTP, SOCKS 4 and SOCKS 5 (RFC 1928)."""


def behind_header(said: bytes) -> bytes:
    """`said` without the PROXY header that it may begin with."""
    header = proxy.read(said) if said and proxy.is_begun(said) else None
    return said[header.size :] if header is not None else said


def greeting_at(said: bytes) -> int:
    """Where the 220 reply begins that `said` ends with, -1 if it ends otherwise. It need not begin a line: the answer
    of a SOCKS proxy has no line end."""
    end = len(said)
    if not said.endswith(b"\n"):
        return -1
    while end:
        begin = said.rfind(b"\n", 0, end - 1) + 1
        if said[begin : begin + 4] not in (b"220 ", b"220-"):
            glued = GREETING.search(said, begin, end)
            return glued.start() if glued is not None else end if end < len(said) else -1
        end = begin
    return 0


def says_smtp(greeting: bytes) -> bool:
    """Whether a server's greeting names SMTP, and not FTP."""
    return _SAYS_SMTP.search(greeting) is not None and not SAYS_FTP.search(greeting)


def commands_at(said: bytes, understood: bool) -> int:
    """Where the command lines begin that `said` ends with, -1 if none is of SMTP only; `understood`: their reply is one
    of a server that knows them."""
    end, found = len(said), False
    if not said.endswith(b"\n"):
        return -1
    limit = max(said.rfind(proxy.V2), 0)
    limit = len(said) - len(behind_header(said[limit:]))
    while end > limit:
        begin = max(said.rfind(b"\n", 0, end - 1) + 1, limit)
        line = said[begin:end]
        if commands.verb_of(line.rstrip(b"\r\n")) is None:
            break
        found = found or ENVELOPE.match(line) is not None or (understood and SMTP_COMMAND.match(line) is not None)
        end = begin
    return end if found else -1


def run_of_commands(said: bytes) -> bool:
    """Whether `said` begins with two commands, one of them of SMTP only."""
    lines = said.split(b"\n", 2)[:-1]
    return (
        len(lines) == 2
        and all(commands.verb_of(line.rstrip(b"\r")) is not None for line in lines)
        and any(ENVELOPE.match(line) or SMTP_COMMAND.match(line + b"\n") for line in lines)
    )
