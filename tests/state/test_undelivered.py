"""Why mail could not be delivered: replies as large and small hosts write them, and what four mail servers say of hosts
that they could not speak to."""

import pytest

from smtpwatch.state.undelivered import Said, as_ours, said, trouble
from tests.state.outbound import SUSPENDED, delivery

_BY_THEM = [
    ("450 4.2.0 <a@far.example>: Recipient address rejected: Greylisted, see http://far.example/", "greylisted"),
    ("451 4.7.1 Greylisting in action, please come back later", "greylisted"),
    ("421 4.7.0 Too many connections from your IP", "rate limited"),
    ("421-4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address.",
     "rate limited"),
    ("451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.", "rate limited"),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
     "rate limited"),
    ("452 4.2.2 The email account that you tried to reach is over quota.", "over quota"),
    ("552-5.2.2 The recipient's inbox is out of storage space and inactive.", "over quota"),
    ("552 5.2.2 mailbox full", "over quota"),
    ("550 5.1.1 <a@far.example>: Recipient address rejected: User unknown in virtual mailbox table", "unknown user"),
    ("550-5.1.1 The email account that you tried to reach does not exist.", "unknown user"),
    ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", "unknown user"),
    ("550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider "
     "since part of their network is on our block list (S3140).", "on a blocklist"),
    ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example.net", "on a blocklist"),
    ("550 High probability of spam", "blocked as spam"),
    ("550-5.7.1 Our system has detected that this message is likely unsolicited mail.", "blocked as spam"),
    ("421-4.7.0 Our system has detected that this message is suspicious due to the very low reputation of the sending "
     "domain.", "blocked as spam"),
    ("554 5.7.9 Message not accepted for policy reasons.", "blocked as spam"),
    ("550-5.7.26 Unauthenticated email from x.example is not accepted due to domain's DMARC policy.", "DMARC"),
    ("550 5.7.23 The message was rejected because of Sender Policy Framework violation", "SPF"),
    ("550 5.7.25 Client does not have a PTR record", "host refused"),
    ("554 5.7.1 <a@far.example>: Relay access denied", "relay denied"),
    ("530 5.7.0 Must issue a STARTTLS command first", "TLS required"),
    ("552 5.3.4 Message size exceeds fixed limit", "too big"),
    ("451 4.3.0 Temporary lookup failure", "busy there"),
    ("550 5.0.0 no", "other"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "why"), _BY_THEM)
def test_what_the_next_hop_says(reply: str, why: str) -> None:
    """As Exim, Sendmail and OpenSMTPD log it, and in Postfix's words."""
    code, enhanced = int(reply[:3]), reply[4:].split(" ")[0]
    enhanced = enhanced if enhanced.count(".") == 2 else ""
    plain = delivery(status="deferred", reply=reply, code=code, enhanced=enhanced)
    assert trouble(plain) == (why, "ok")
    wrapped = f"host mx.far.example[198.51.100.25] said: {reply} (in reply to RCPT TO command)"
    postfix = delivery(status="deferred", reply=wrapped, code=code, enhanced=enhanced or f"{reply[0]}.0.0")
    assert trouble(postfix) == (why, "ok")
    assert said(postfix) == Said(reply, True, False)


_BY_US = [
    # Postfix
    ("connect to mx.far.example[198.51.100.25]:25: Connection refused", "connection refused", "refused"),
    ("connect to mx.far.example[198.51.100.25]:25: Connection timed out", "timed out", "timed out"),
    ("connect to mx.far.example[2001:db8::25]:25: Network is unreachable", "no route", "no route"),
    ("connect to mx.far.example[198.51.100.25]:25: No route to host", "no route", "no route"),
    ("connect to timed-out.example[198.51.100.25]:25: Connection refused", "connection refused", "refused"),
    (SUSPENDED, "timed out", "timed out"),
    ("delivery temporarily suspended", "retry pending", ""),
    ("lost connection with mx.far.example[198.51.100.25] while receiving the initial server greeting",
     "connection lost", "lost"),
    ("conversation with mx.far.example[198.51.100.25] timed out while sending message body", "timed out", "timed out"),
    ("Host or domain name not found. Name service error for name=far.example type=MX: Host not found, try again",
     "no DNS answer", "no DNS"),
    ("Host or domain name not found. Name service error for name=far.example type=A: Host not found", "no such host",
     "no host"),
    ("unable to look up host mx.far.example: Name or service not known", "no such host", "no host"),
    ("Domain far.example does not accept mail (nullMX)", "accepts no mail", ""),
    ("Cannot start TLS: handshake failure", "TLS failure", "no TLS"),
    ("TLS is required, but was not offered by host mx.far.example[198.51.100.25]", "TLS failure", "no TLS"),
    ("Server certificate not trusted", "TLS failure", "no TLS"),
    ("SASL authentication failed; server mx.far.example[198.51.100.25] said: 535 5.7.8 no", "login failed", "no login"),
    ("mail for far.example loops back to myself", "mail loop", ""),
    ("mail transport unavailable", "own trouble", ""),
    # Exim
    ("Connection refused", "connection refused", "refused"),
    ("Connection timed out: SMTP timeout while connected after initial connection", "timed out", "timed out"),
    ("Remote host closed connection in response to initial connection", "connection lost", "lost"),
    ("host lookup did not complete", "no DNS answer", "no DNS"),
    ("all relevant MX records point to non-existent hosts", "no such host", "no host"),
    ("retry timeout exceeded", "retries used up", ""),
    ("retry time not reached for any host for 'far.example'", "retry pending", ""),
    # Sendmail
    ("Connection reset by mx.far.example.", "connection lost", "lost"),
    ("Connection timed out with mx.far.example.", "timed out", "timed out"),
    ("Name server: mx.far.example.: host name lookup failure", "no DNS answer", "no DNS"),
    ("Host unknown (Name server: far.example: host not found)", "no such host", "no host"),
    # OpenSMTPD
    ("Network error on destination MXs", "connection lost", "lost"),
    ("Temporary failure in MX lookup", "no DNS answer", "no DNS"),
    ("Destination seem to reject all mails", "accepts no mail", ""),
    ("No MX found for domain", "no such host", "no host"),
    ("Envelope expired", "retries used up", ""),
    ("", "other", ""),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "why", "connection"), _BY_US)
def test_what_our_server_says(reply: str, why: str, connection: str) -> None:
    assert trouble(delivery(status="deferred", reply=reply, relay="none", address="")) == (why, connection)


def test_a_greeting_that_refuses() -> None:
    reply = "host mx.far.example[198.51.100.25] refused to talk to me: 554 5.7.1 You are on our blacklist"
    assert trouble(delivery(status="deferred", reply=reply)) == ("on a blocklist", "unwelcome")
    assert said(delivery(status="deferred", reply=reply)) == Said("554 5.7.1 You are on our blacklist", True, True)


def test_a_host_whose_words_are_like_ours() -> None:
    """What they say of themselves is theirs."""
    reply = (
        "host mx.far.example[198.51.100.25] said: 451 4.4.0 connect to db: Connection refused (in reply to end of DATA)"
    )
    assert trouble(delivery(status="deferred", reply=reply, code=451, enhanced="4.4.0")).connection == "ok"


@pytest.mark.parametrize("reply", ["x" * 100_000, "host " * 20_000, "connect to " + ": " * 50_000, "a[" * 50_000])
def test_long_replies_are_read_quickly(reply: str) -> None:
    assert trouble(delivery(status="deferred", reply=reply, relay="none", address="")).why


def test_words_of_ours() -> None:
    assert as_ours("greylisted") == "greylist"
    assert as_ours("timed out") == ""
