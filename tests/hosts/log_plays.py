"""What the test of Postfix's log plays: mail taken, refused, put off, bounced and expired; logins and TLS."""

import ssl

from smtpwatch import events as ev
from tests.hosts import mail_hosts as scene
from tests.hosts.log_scene import (
    HELO,
    LATER,
    NEVER,
    SENDER,
    SUBMISSION,
    SUBMISSIONS,
    UNREACHABLE,
    Login,
    Scene,
    of,
)


def in_clear(scene_: Scene) -> None:
    """Mail for one, for several of whom one is unknown, and over IPv6."""
    client = scene_.client()
    scene_.send(client, scene.RECIPIENT)
    scene_.send(client, scene.SECOND_RECIPIENT, scene.UNKNOWN_RECIPIENT, scene.RECIPIENT)
    client.quit()
    scene_.commands[client.port] = {
        "ehlo": (1, 1), "mail": (2, 2), "rcpt": (3, 4), "data": (2, 2), "quit": (1, 1),
    }  # fmt: skip
    client = scene_.client(scene.MX6)
    scene_.send(client, scene.RECIPIENT)
    client.quit()


def refusals(scene_: Scene) -> None:
    """Unknown, not ours, too big, not logged in."""
    client = scene_.client()
    client.command(f"MAIL FROM:<{SENDER}>")
    for recipient in (scene.UNKNOWN_RECIPIENT, scene.FOREIGN_RECIPIENT, '"a b"@example.com'):
        scene_.refused(client, "RCPT", client.command(f"RCPT TO:<{recipient}>"))
    client.command("RSET")
    scene_.refused(client, "MAIL", client.command(f"MAIL FROM:<{SENDER}> SIZE=999999999"))
    client.quit()
    client = scene_.client(port=SUBMISSION)  # nothing goes there without a login
    client.command(f"MAIL FROM:<{SENDER}>")
    scene_.refused(client, "RCPT", client.command(f"RCPT TO:<{scene.RECIPIENT}>"))
    client.close()


def secured(scene_: Scene) -> None:
    """STARTTLS, with either version."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = scene_.hosts.trust()
        context.minimum_version = context.maximum_version = version
        client = scene_.client()
        client.starttls(context, scene.MX_NAME)
        scene_.shaken(client)
        client.command(f"EHLO {HELO}")
        scene_.send(client, scene.RECIPIENT)
        client.quit()


def logins(scene_: Scene) -> None:
    """Wrong passwords, an AUTH taken back, and an account that sends where it is not welcome."""
    client = scene_.client(port=SUBMISSION)
    for _ in range(2):
        scene_.login(client, "wrong")
    client.command("AUTH LOGIN")
    client.command("*")
    scene_.logins.append(Login(client.ip, client.port, "failure", "LOGIN"))
    client.quit()
    scene_.commands[client.port] = {"ehlo": (1, 1), "auth": (0, 3), "quit": (1, 1)}
    client = scene_.client(port=SUBMISSIONS, tls=scene_.hosts.trust())
    scene_.login(client, scene.PASSWORD)
    for recipient in (scene.RECIPIENT, scene.FAR_RECIPIENT, LATER, NEVER, UNREACHABLE):
        scene_.logins.append(Login(client.ip, client.port, "success", "PLAIN"))
        scene_.send(client, recipient, account=scene.USER)
    client.quit()


def impolite(scene_: Scene) -> None:
    """HTTP, and a client that just leaves."""
    client = scene_.client()
    client.send(b"GET / HTTP/1.1\r\n")
    client.end_of_stream()
    client.close()
    client = scene_.client()
    client.command(f"MAIL FROM:<{SENDER}>")
    client.close()


def local(scene_: Scene) -> None:
    """sendmail(1), as root: Debian's postdrop takes another configuration from nobody else."""
    etc = scene_.hosts.postfix.directory / "etc"
    ran = scene_.hosts.mx.run(
        "sh", "-c", f"printf 'Subject: local\\n\\nHello.\\n' | sendmail -C {etc} -f {SENDER} {scene.RECIPIENT}"
    )
    assert ran.returncode == 0, ran.stderr


def settled(facts: list[ev.Event]) -> bool:
    """All but the two that were put off is done with."""
    received = {fact.queue_id for fact in of(facts, ev.MessageReceived)}
    received |= {fact.queue_id for fact in of(facts, ev.MessageQueued)}
    gone = {fact.queue_id for fact in of(facts, ev.MessageRemoved)}
    deferred = {fact.queue_id for fact in of(facts, ev.Delivery) if fact.status == "deferred"}
    connected = len(of(facts, ev.ClientConnected))
    return received == gone | deferred and len(deferred) == 2 and connected == len(of(facts, ev.ClientDisconnected))


def expired(scene_: Scene) -> None:
    """An admin has had enough of what is deferred."""
    etc = scene_.hosts.postfix.directory / "etc"
    expired = scene_.hosts.mx.run("postsuper", "-c", etc, "-e", "ALL", "deferred")
    assert expired.returncode == 0, expired.stderr
    scene_.hosts.mx.run("postqueue", "-c", etc, "-f")
    scene_.until(lambda facts: len(of(facts, ev.MessageExpired)) == 2 and _all_gone(facts))


def _all_gone(facts: list[ev.Event]) -> bool:
    queued = {fact.queue_id for fact in of(facts, ev.MessageQueued)}
    return queued == {fact.queue_id for fact in of(facts, ev.MessageRemoved)}
