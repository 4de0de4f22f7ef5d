"""What the tests play on the wire: dialogues in clear.

Each scenario returns what its clients saw, in the terms of `smtpwatch sessions --json`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client, Reply
from tests.hosts.mail_hosts import MailHosts

Seen = dict[str, Any]
"""Keys and values of one session that must be found as they are; a key that is not there may be anything."""

Play = Callable[[MailHosts], list[Seen]]

HELO = "client.example.net"
SENDER = "frank@example.net"
MESSAGE = b"From: frank@example.net\r\nTo: alice@example.org\r\nSubject: test\r\n\r\nHello."
PIPELINED = 200
HARD_ERROR_LIMIT = 20  # Postfix's default


class Step(NamedTuple):
    """A RCPT and its reply."""

    rcpt: str
    reply: Reply


def transaction(steps: list[Step], outcome: str, end: Reply | None = None, sender: str = SENDER) -> Seen:
    """One transaction; `end` is the reply to the end of data, None where it was never reached."""
    return {
        "mail_from": sender,
        "rcpts": [{"rcpt": step.rcpt, "code": step.reply.code} for step in steps],
        "code": None if end is None else end.code,
        "reply": None if end is None else f"{end.code} {end.text}",
        "queue_id": None if end is None else end.queue_id,
        "outcome": outcome,
    }


def seen(client: Client, transactions: list[Seen], closed_by: str, **more: Any) -> Seen:
    """A session without TLS or AUTH unless `more` says so."""
    return {
        "client_ip": client.ip,
        "client_port": client.port,
        "server_ip": client.server,
        "server_port": client.server_port,
        "direction": "inbound" if client.server_port == 25 else "submission",
        "helo": HELO,
        "transactions": transactions,
        "auth": [],
        "starttls": "offered",
        "tls": None,
        "closed_by": closed_by,
        "partial": None,
        **more,
    }


def opened(server: str = scene.MX, port: int = 25) -> tuple[Client, str]:
    """A client that has said EHLO, and the banner it got."""
    client = Client(server, port)
    banner = client.reply()
    client.command(f"EHLO {HELO}")
    return client, f"{banner.code} {banner.text}"


def mail(client: Client, *recipients: str) -> list[Step]:
    """MAIL and RCPTs, one at a time."""
    client.command(f"MAIL FROM:<{SENDER}>")
    return [Step(rcpt, client.command(f"RCPT TO:<{rcpt}>")) for rcpt in recipients]


def plain_delivery(hosts: MailHosts) -> list[Seen]:
    """One message, accepted."""
    client, banner = opened()
    steps = mail(client, scene.RECIPIENT)
    end = client.message(MESSAGE)
    client.quit()
    return [seen(client, [transaction(steps, "accepted", end)], "quit", banner=banner)]


def ipv6_delivery(hosts: MailHosts) -> list[Seen]:
    """The same over IPv6."""
    client, banner = opened(scene.MX6)
    steps = mail(client, scene.RECIPIENT)
    end = client.message(MESSAGE)
    client.quit()
    return [seen(client, [transaction(steps, "accepted", end)], "quit", banner=banner)]


def unknown_user(hosts: MailHosts) -> list[Seen]:
    """The only recipient does not exist."""
    client, _ = opened()
    steps = mail(client, scene.UNKNOWN_RECIPIENT)
    assert steps[0].reply.code == 550
    client.quit()
    return [seen(client, [transaction(steps, "rejected")], "quit")]


def partly_accepted(hosts: MailHosts) -> list[Seen]:
    """Two recipients exist, one does not, and the message goes through."""
    client, _ = opened()
    steps = mail(client, scene.RECIPIENT, scene.UNKNOWN_RECIPIENT, scene.SECOND_RECIPIENT)
    end = client.message(MESSAGE)
    client.quit()
    return [seen(client, [transaction(steps, "accepted", end)], "quit")]


def relay_denied(hosts: MailHosts) -> list[Seen]:
    """A stranger tries to relay."""
    client, _ = opened()
    steps = mail(client, scene.FOREIGN_RECIPIENT)
    assert steps[0].reply.code == 554
    client.quit()
    return [seen(client, [transaction(steps, "rejected")], "quit")]


def too_big(hosts: MailHosts) -> list[Seen]:
    """MAIL itself is refused: SIZE beyond the limit (RFC 1870)."""
    client, _ = opened()
    reply = client.command(f"MAIL FROM:<{SENDER}> SIZE=999999999")
    assert reply.code == 552
    client.quit()
    return [seen(client, [transaction([], "rejected")], "quit")]


def reset_and_again(hosts: MailHosts) -> list[Seen]:
    """RSET ends one transaction, the next goes through."""
    client, _ = opened()
    first = mail(client, scene.RECIPIENT)
    client.command("RSET")
    second = mail(client, scene.SECOND_RECIPIENT)
    end = client.message(MESSAGE)
    client.quit()
    return [seen(client, [transaction(first, "reset"), transaction(second, "accepted", end)], "quit")]


def three_messages(hosts: MailHosts) -> list[Seen]:
    """Several transactions on one connection."""
    client, _ = opened()
    transactions = []
    for rcpt in (scene.RECIPIENT, scene.SECOND_RECIPIENT, scene.RECIPIENT):
        steps = mail(client, rcpt)
        transactions.append(transaction(steps, "accepted", client.message(MESSAGE)))
    client.quit()
    return [seen(client, transactions, "quit")]


def quit_without_mail(hosts: MailHosts) -> list[Seen]:
    """A look around."""
    client, _ = opened()
    client.quit()
    return [seen(client, [], "quit")]


def gone_without_quit(hosts: MailHosts) -> list[Seen]:
    """The client just closes after RCPT."""
    client, _ = opened()
    steps = mail(client, scene.RECIPIENT)
    client.close()
    return [seen(client, [transaction(steps, "abandoned")], "fin")]


def reset_in_data(hosts: MailHosts) -> list[Seen]:
    """RST in the middle of the message."""
    client, _ = opened()
    steps = mail(client, scene.RECIPIENT)
    client.command("DATA")
    client.send(MESSAGE + b"\r\n" + b"x" * 70 + b"\r\n")
    client.reset()
    return [seen(client, [transaction(steps, "abandoned")], "rst")]


def big_message(hosts: MailHosts) -> list[Seen]:
    """2 MB, with lines that look like commands and replies, and dots that are stuffed."""
    client, _ = opened()
    steps = mail(client, scene.RECIPIENT)
    line = b"MAIL FROM:<mallory@example.com>\r\n..\r\nQUIT\r\n250 2.0.0 Ok: queued as 0000\r\n" + b"y" * 900 + b"\r\n"
    end = client.message(MESSAGE + b"\r\n" + line * 2100)
    client.quit()
    return [seen(client, [transaction(steps, "accepted", end)], "quit")]


def pipelined(hosts: MailHosts) -> list[Seen]:
    """MAIL, many RCPTs, every 25th unknown, and DATA in one write (RFC 2920)."""
    client, _ = opened()
    recipients = [scene.UNKNOWN_RECIPIENT if at % 25 == 0 else f"alice+{at}@example.org" for at in range(PIPELINED)]
    lines = [f"MAIL FROM:<{SENDER}>", *(f"RCPT TO:<{rcpt}>" for rcpt in recipients), "DATA"]
    client.send("".join(line + "\r\n" for line in lines).encode())
    assert client.reply().code == 250
    steps = [Step(rcpt, client.reply()) for rcpt in recipients]
    assert client.reply().code == 354
    client.send(MESSAGE + b"\r\n.\r\nQUIT\r\n")
    end = client.reply()
    assert client.reply().code == 221
    client.end_of_stream()
    client.close()
    return [seen(client, [transaction(steps, "accepted", end)], "quit")]


def chunked(hosts: MailHosts) -> list[Seen]:
    """BDAT in three chunks, one binary with what looks like commands, the last pipelined with QUIT (RFC 3030)."""
    client, _ = opened()
    steps = mail(client, scene.RECIPIENT)
    for chunk in (MESSAGE + b"\r\n", b"QUIT\r\nRSET\r\n\x00\xff 250 no\r\n.\r\n"):
        client.send(b"BDAT %d\r\n%s" % (len(chunk), chunk))
        assert client.reply().code == 250
    client.send(b"BDAT 5 LAST\r\nbye\r\nQUIT\r\n")
    end = client.reply()
    assert client.reply().code == 221
    client.end_of_stream()
    client.close()
    return [seen(client, [transaction(steps, "accepted", end)], "quit")]


def thrown_out(hosts: MailHosts) -> list[Seen]:
    """A dictionary attack until the server has enough: 421 unasked, and it closes (smtpd_hard_error_limit)."""
    client, _ = opened()
    steps = mail(client, *(f"{name}@example.org" for name in range(HARD_ERROR_LIMIT)))
    assert client.reply().code == 421
    client.end_of_stream()
    client.close()
    return [seen(client, [transaction(steps, "rejected")], "fin")]


CLEAR: dict[str, Play] = {
    play.__name__: play
    for play in (
        plain_delivery, ipv6_delivery, unknown_user, partly_accepted, relay_denied, too_big, reset_and_again,
        three_messages, quit_without_mail, gone_without_quit, reset_in_data, big_message, pipelined, chunked,
        thrown_out,
    )
}  # fmt: skip
