"""Addresses as logs have them: of hosts, checked and in the form that `ipaddress` prints, and of mailboxes."""

from ipaddress import ip_address
from socket import AF_INET, inet_pton

MAILBOX = r'[^"<>]*(?:"(?:[^"\\]|\\.)*"[^"<>]*)*'
"""A pattern for what stands between < and > in an envelope: quoted strings may hold <, > and blanks (RFC 5321,
4.1.2)."""


def address(text: str) -> str:
    """The IP address that `text` is, "" if it is none. "IPv6:" before it and a scope after it are left out; an IPv4
    address mapped into IPv6 is the IPv4 address."""
    try:
        inet_pton(AF_INET, text)
    except (OSError, ValueError):
        return _other(text)
    return text


def _other(text: str) -> str:
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if parsed.version == 6 else None
    return str(mapped or parsed)
