"""The class of a refusal, by the replies of real mail servers, as their own code words them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.events import Reason
from smtpwatch.reasons import blocklist, reason

_LONGEST = 64 * 1024
_HANG = 2.0  # seconds: only a guard against a search without end; milliseconds are the rule

_POSTFIX: tuple[tuple[str, str, Reason], ...] = (
    ("5.7.1", "<bob@example.com>: Relay access denied", "relay denied"),
    ("5.7.0", "Must issue a STARTTLS command first", "TLS required"),
    ("5.7.1", "Session encryption is required", "TLS required"),
    ("4.7.0", "TLS not available due to local problem", "resources"),
    ("5.7.1", "<x@example.org>: Sender address rejected: not logged in", "auth required"),
    ("5.7.8", "Error: authentication failed: UGFzc3dvcmQ6", "auth failed"),
    ("4.7.0", "Temporary authentication failure: Connection lost to authentication server", "resources"),
    ("4.7.1", "Client host rejected: cannot find your hostname, [192.0.2.1]", "client"),
    ("4.7.25", "Client host rejected: cannot find your reverse hostname, [192.0.2.1]", "client"),
    ("5.7.1", "<unknown[192.0.2.1]>: Client host rejected: Access denied", "client"),
    ("5.5.2", "<User>: Helo command rejected: need fully-qualified hostname", "HELO"),
    ("4.7.1", "<host.example>: Helo command rejected: Host not found", "HELO"),
    ("5.5.1", "Error: send HELO/EHLO first", "protocol"),
    ("4.1.8", "<a@nowhere.example>: Sender address rejected: Domain not found", "sender"),
    ("5.1.0", "<a@example.org>: Sender address rejected: User unknown in virtual mailbox table", "sender"),
    ("5.7.1", "<a@example.org>: Sender address rejected: not owned by user bob@example.org", "sender"),
    ("5.1.1", "<n@example.org>: Recipient address rejected: User unknown in local recipient table", "unknown user"),
    ("5.1.1", "<n@example.org>: Recipient address rejected: undeliverable address: host mx[192.0.2.9] said: 550 "
     "5.1.1 No such user (in reply to RCPT TO command)", "unknown user"),
    ("4.1.1", "<n@example.org>: Recipient address rejected: unverified address: Address verification in progress",
     "unknown user"),
    ("4.1.2", "<n@nowhere.example>: Recipient address rejected: Domain not found", "unknown user"),
    ("5.7.1", "<n@example.org>: Recipient address rejected: Access denied", "policy"),
    ("4.2.0", "<n@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example/", "greylist"),
    ("5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
     "https://www.spamhaus.org/query/ip/192.0.2.1", "blocklist"),
    ("5.7.1", "<n@example.org>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. Please "
     "see http://www.openspf.net/Why?s=helo", "SPF"),
    ("5.3.4", "Message size exceeds fixed limit", "size"),
    ("4.3.1", "Insufficient system storage", "resources"),
    ("4.3.5", "Server configuration error", "resources"),
    ("4.3.0", "<n@example.org>: Temporary lookup failure", "resources"),
    ("4.7.0", "mx.example.org Error: too many connections from unknown[192.0.2.1]", "rate"),
    ("4.7.0", "Error: too many errors", "rate"),
    ("4.7.1", "Error: too much mail from unknown[192.0.2.1]", "rate"),
    ("", "too many connections", "rate"),
    ("", "all server ports busy", "resources"),
    ("5.5.1", "Protocol error", "protocol"),
    ("5.5.0", "<DATA>: Data command rejected: Multi-recipient bounce", "protocol"),
    ("5.5.0", "<DATA>: Data command rejected: Improper use of SMTP command pipelining", "protocol"),
    ("", "bare <LF> received", "protocol"),
    ("5.7.1", "Spam message rejected", "content"),
    ("5.7.1", "rejected by DMARC policy for example.com", "DMARC"),
    ("5.7.0", "bad DKIM signature data", "DKIM"),
    ("4.7.1", "Service unavailable - try again later", "resources"),
    ("5.7.1", "Command rejected", "policy"),
)  # fmt: skip

_OTHERS: tuple[tuple[str, str, Reason], ...] = (
    # Exim
    ("", "relay not permitted", "relay denied"),
    ("", "Unrouteable address", "unknown user"),
    ("", "Unknown user", "unknown user"),
    ("", "Sender verify failed", "sender"),
    ("", "rejected EHLO or HELO: syntactically invalid argument(s): -", "HELO"),
    ("", "Administrative prohibition", "policy"),
    ("", "rejected because 192.0.2.1 is in a black list at zen.spamhaus.org", "blocklist"),
    ("", "Incorrect authentication data", "auth failed"),
    ("", "AUTH command used when not advertised", "protocol"),
    ("", "SMTP synchronization error", "protocol"),
    ("", "Temporary local problem - please try later", "resources"),
    ("", "message too big", "size"),
    ("", "This message contains a virus (Eicar-Test-Signature).", "content"),
    ("", "Too many concurrent SMTP connections; please try again later", "rate"),
    # OpenSMTPD
    ("", "Invalid recipient: <n@example.org>", "unknown user"),
    ("5.5.1", "Invalid command: Must issue an AUTH command first", "auth required"),
    ("5.5.1", "Invalid command: Must issue a STARTTLS command first", "TLS required"),
    ("", "Authentication failed", "auth failed"),
    ("4.3.0", "Temporary Error", "resources"),
    ("5.5.1", "Invalid command: Command not supported", "protocol"),
    ("", "Line too long", "protocol"),
    # Sendmail
    ("5.7.1", "<n@example.com>... Relaying denied. IP name lookup failed [192.0.2.1]", "relay denied"),
    ("5.1.1", "<n@example.org>... User unknown", "unknown user"),
    ("5.1.8", "<a@nowhere.example>... Domain of sender address a@nowhere.example does not exist", "sender"),
    ("4.1.8", "Domain of sender address a@nowhere.example does not resolve", "sender"),
    ("5.5.4", "<a>... Domain name required for sender address a", "sender"),
    ("4.3.2", "Connection rate limit exceeded.", "rate"),
    ("4.3.2", "Too many open connections.", "rate"),
    ("5.7.0", "Authentication required", "auth required"),
    ("5.7.1", "Fix reverse DNS for 192.0.2.1", "client"),
    ("4.4.5", "Insufficient disk space; try again later", "resources"),
    ("5.2.3", "Message exceeds maximum fixed size (1000000)", "size"),
    ("5.0.0", "Polite people say HELO first", "protocol"),
    ("5.7.1", "Access denied", "policy"),
    # qmail
    ("5.7.1", "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "relay denied"),
    ("5.1.1", "sorry, no mailbox here by that name (#5.1.1)", "unknown user"),
    ("5.3.4", "sorry, that message size exceeds my databytes limit (#5.3.4)", "size"),
    ("5.7.1", "sorry, your envelope sender is in my badmailfrom list (#5.7.1)", "sender"),
    ("", "See http://pobox.com/~djb/docs/smtplf.html.", "protocol"),
    ("5.5.1", "MAIL first (#5.5.1)", "protocol"),
    ("5.5.1", "unimplemented (#5.5.1)", "protocol"),
    ("4.3.0", "qq temporary problem (#4.3.0)", "resources"),
    # Exchange
    ("5.7.54", "SMTP; Unable to relay recipient in non-accepted domain", "relay denied"),
    ("5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient n@example not found by SMTP address lookup", "unknown user"),
    ("5.7.57", "SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", "auth required"),
    ("5.7.60", "SMTP; Client does not have permissions to send as this sender", "sender"),
    ("5.7.3", "Authentication unsuccessful", "auth failed"),
    ("5.7.606", "Access denied, banned sending IP [192.0.2.1]", "client"),
    ("4.3.1", "Insufficient system resources", "resources"),
    ("4.3.2", "Service not available", "resources"),
    ("5.3.4", "Message size exceeds fixed maximum message size", "size"),
    ("5.4.1", "Recipient address rejected: Access denied. AS(201806281)", "unknown user"),
    # Gmail
    ("5.1.1", "The email account that you tried to reach does not exist. Please try double-checking the recipient's "
     "email address for typos", "unknown user"),
    ("5.7.26", "This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to "
     "authenticate with either SPF or DKIM.", "DMARC"),
    ("4.7.28", "Gmail has detected an unusual rate of unsolicited mail originating from your IP address", "rate"),
    ("5.7.1", "Our system has detected that this message is likely unsolicited mail.", "content"),
    ("5.7.25", "The IP address sending this message does not have a PTR record setup", "client"),
    ("4.2.2", "The recipient's inbox is out of storage space and over its quota.", "mailbox full"),
    ("5.2.3", "Your message exceeded Google's message size limits.", "size"),
    ("5.7.0", "This message was blocked because its content presents a potential security issue.", "content"),
    ("5.7.0", "Authentication Required. For more information, go to", "auth required"),
    ("5.7.8", "Username and Password not accepted. For more information, go to", "auth failed"),
    ("4.2.1", "The user you are trying to contact is receiving mail too quickly.", "rate"),
    ("4.7.0", "Try again later, closing connection.", "resources"),
    # Words that say nothing: the enhanced code does, or nothing
    ("5.1.1", "n@example.org", "unknown user"),
    ("5.2.2", "", "mailbox full"),
    ("5.7.1", "", "policy"),
    ("5.1.1", "rejected", "unknown user"),
    ("", "no", "other"),
    ("", "", "other"),
)  # fmt: skip


@pytest.mark.parametrize(("enhanced", "reply", "expected"), _POSTFIX + _OTHERS)
def test_reason(enhanced: str, reply: str, expected: Reason) -> None:
    assert reason(enhanced, reply) == expected


@pytest.mark.parametrize(
    "address",
    ["spam@spamhaus.example", '"> blocked using evil.example; <"@example.org', "user.unknown.relay.denied@example.org"],
)
def test_an_address_decides_nothing(address: str) -> None:
    assert reason("5.2.2", f"<{address}>: no") == "mailbox full"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; see there", "zen.spamhaus.org"),
        ("rejected because 192.0.2.1 is in a black list at bl.example.org", "bl.example.org"),
        ("192.0.2.1 listed by domain dnsbl.example.net as 127.0.0.2", "dnsbl.example.net"),
        ("rejected by DNSBL", ""),
        ("", ""),
    ],
)
def test_blocklist(reply: str, expected: str) -> None:
    assert blocklist(reply) == expected


@given(st.text(max_size=8), st.text(max_size=300))
def test_never_raises(enhanced: str, reply: str) -> None:
    assert reason(enhanced, reply)
    blocklist(reply)


@pytest.mark.parametrize(
    "piece", ["<", '<"', '<"\\', "[1", "relaying to ", "insufficient ", "exceeds ", "mail from ", "a."]
)
def test_long_replies_do_not_hang(piece: str) -> None:
    begin = time.monotonic()
    reason("5.7.1", piece * (_LONGEST // len(piece)))
    blocklist(piece * (_LONGEST // len(piece)))
    assert time.monotonic() - begin < _HANG
