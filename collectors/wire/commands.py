"""SMTP command lines, read as octets (RFC 5321, 4.1): verbs, paths, mechanisms."""

import re

# By their first five octets, upper case: of "MAIL FROM:" with the space, of a bare "QUIT" the whole. One slice and
# one look-up tell nearly every command.
_LONG = ("STARTTLS", "XCLIENT", "XFORWARD")
VERBS: dict[bytes, str] = {
    start: verb
    for verb in (
        "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "NOOP", "HELP", "VRFY", "EXPN", "AUTH",
        "ETRN", "TURN", "ATRN", "BURL", "SEND", "SOML", "SAML", *_LONG,
    )
    for start in ((verb[:5].encode(),) if verb in _LONG else (verb.encode(), f"{verb} ".encode(), f"{verb}\t".encode()))
}  # fmt: skip

# IANA's SASL mechanisms as mail servers offer them, and two of the wild. A word that is not here might be a misplaced
# credential, so it is never repeated.
MECHANISMS = frozenset(
    (
        "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "XOAUTH2", "OAUTHBEARER", "XOAUTH", "GSSAPI",
        "GS2-KRB5", "GSS-SPNEGO", "NTLM", "EXTERNAL", "ANONYMOUS", "KERBEROS_V4", "OTP", "SKEY", "SRP", "SECURID",
        "CRAM-SHA1", "APOP", "MSN",
    )
)  # fmt: skip

_USUAL_PATH = re.compile(rb'(?:FROM|TO):<((?:[^@ <>"\x80-\xff][^ <>"\x80-\xff]*)?)>', re.IGNORECASE).match
_QUOTED_PATH = re.compile(rb'<((?:"(?:[^"\\]|\\.)*"|[^>"])*)>', re.DOTALL)


def text(octets: bytes) -> str:
    """Octets from outside as text: UTF-8 (RFC 6531), anything else as \\xNN."""
    return octets.decode("utf-8", "backslashreplace")


def verb_of(line: bytes) -> str | None:
    """The verb of a command line without its line end, None for what is no SMTP command."""
    verb = VERBS.get(line[:5].upper())
    if verb in _LONG and line.split(maxsplit=1)[0].upper() != verb.encode():
        return None
    return verb


def oddly_spaced(line: bytes) -> tuple[str | None, bytes]:
    """(verb, argument) of a command line with white space where none belongs: before the verb, or CR, VT and FF after
    it. Postfix and others take it all the same, so a client could hide a transaction behind it."""
    words = line.split(maxsplit=1)
    verb = VERBS.get(words[0].upper()) if words and len(words[0]) == 4 else verb_of(words[0]) if words else None
    return verb, words[1] if len(words) == 2 else b""


def path(argument: bytes, whole: bool = True) -> str | None:
    """The address in `FROM:<a@example.com> SIZE=1`, without <> and source route (RFC 5321, 4.1.2).

    Lenient as servers are: no <>, or space after the colon. None if there is none, or the line was cut (`whole` False)
    before its end."""
    usual = _USUAL_PATH(argument)
    return usual[1].decode("ascii") if usual is not None else _unusual_path(argument, whole)


def _unusual_path(argument: bytes, whole: bool) -> str | None:
    rest = argument.partition(b":")[2].strip()
    if rest[:1] != b"<":
        address, space, _ = rest.partition(b" ")
        return text(address) if address and (whole or space) else None
    close = rest.find(b">")
    if b'"' in rest:
        match = _QUOTED_PATH.match(rest)
        close = match.end() - 1 if match else close
    if close < 0:
        return text(rest[1:].strip()) if whole else None
    address = rest[1:close].strip().lstrip(b"<")
    if address[:1] == b"@" and b":" in address:
        address = address[address.find(b":") + 1 :]
    return text(address)


def mechanism(argument: bytes) -> str:
    """The SASL mechanism of AUTH's argument, "unknown" if it is none that we know. What follows is a secret."""
    word = text(argument.split(maxsplit=1)[0]).upper() if argument.split() else ""
    return word if word in MECHANISMS else "unknown"


def chunk(argument: bytes) -> tuple[int, bool] | None:
    """`1000 LAST` of BDAT as (octets, last) (RFC 3030); None if it makes no sense."""
    size, _, last = argument.strip().partition(b" ")
    if not size.isdigit() or len(size) > 12:
        return None
    return int(size), last.strip().upper() == b"LAST"


def xclient_address(argument: bytes) -> bytes | None:
    """The ADDR= of an XCLIENT command (Postfix's XCLIENT_README), without its IPV6: tag."""
    for attribute in argument.split():
        name, _, value = attribute.partition(b"=")
        if name.upper() == b"ADDR":
            return value[5:] if value[:5].upper() == b"IPV6:" else value
    return None
