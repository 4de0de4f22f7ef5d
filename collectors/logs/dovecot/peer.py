"""Dovecot's session ids: the last thing in a login's line, and they hold the client's address and port."""

from __future__ import annotations

from binascii import Error, a2b_base64
from ipaddress import ip_address
from socket import AF_INET, inet_ntop

from collectors.logs.addresses import address

_STAMP = 6  # octets of the id: the time's lower 48 bits
_START = 8  # where the address begins, after the port's two octets, the lower first
_IPV4, _IPV6 = 4, 16  # octets
_SIZES = (16, 32)  # characters, of an IPv4 and of an IPv6 client's


Peer = tuple[str, int]
"""Address and port of who is at the other end, "" and 0 if unknown. A plain tuple: one is made for each line."""

NOBODY: Peer = ("", 0)


def peer(session: str) -> Peer:
    """The client that a session id names: base64 of time, port and address (client_get_session_id() in Dovecot's
    login-common). Ids of other making, as a proxy or an LMTP client may give, name nobody."""
    if len(session) not in _SIZES:
        return NOBODY
    try:
        octets = a2b_base64(session)
    except (Error, ValueError):
        return NOBODY
    size = len(octets) - _START
    if size == _IPV4:
        source = inet_ntop(AF_INET, octets[_START:])
    elif size == _IPV6:
        source = address(str(ip_address(octets[_START:])))
    else:
        return NOBODY
    return source, octets[_STAMP] | octets[_STAMP + 1] << 8


def port_of(source: str, session: str) -> int:
    """The client's port, 0 if `session` names another address than `source` or none."""
    named, port = peer(session)
    return port if source and named == source else 0


def peer_of(service: str) -> Peer:
    """The client of "imap(bob)<123><session>"."""
    if not service.endswith(">"):
        return NOBODY
    return peer(service[service.rfind("<") + 1 : -1])


def account_of(service: str) -> str:
    """The account of "imap(bob)<123><session>", "imap(bob)", "lmtp(123, bob)"; "" where there is none."""
    start = service.find("(") + 1
    end = service.rfind(")")
    if not start or end < start:
        return ""
    account = service[start:end]
    pid, comma, name = account.partition(", ")
    if comma and pid.isdecimal():
        return name
    return "" if account.isdecimal() else account
