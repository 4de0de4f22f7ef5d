"""What the tests play on the wire: many connections at once, other clients, and mail that the host sends on."""

import re
import time

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Reply
from tests.hosts.mail_hosts import MailHosts
from tests.hosts.scenarios import HELO, MESSAGE, SENDER, Play, Seen, Step, mail, opened, seen, transaction
from tests.hosts.scenarios_secured import SUBMISSION, auth_plain, iana_names

PARALLEL = 100
_DELIVERY_LIMIT = 10.0  # seconds; it takes a tenth of one


def parallel_senders(hosts: MailHosts) -> list[Seen]:
    """A hundred connections open at once, their dialogues interleaved, a fifth of them to an unknown recipient."""
    clients = [opened() for _ in range(PARALLEL)]
    steps = [
        mail(client, scene.UNKNOWN_RECIPIENT if at % 5 == 0 else scene.RECIPIENT)
        for at, (client, _) in enumerate(clients)
    ]
    sessions = []
    for at, (client, banner) in enumerate(clients):
        if at % 5 == 0:
            ended = transaction(steps[at], "rejected")
        else:
            ended = transaction(steps[at], "accepted", client.message(MESSAGE))
        client.quit()
        sessions.append(seen(client, [ended], "quit", banner=banner))
    return sessions


def _same(count: int, **more: object) -> list[Seen]:
    """Sessions of a client that cannot be asked for its ports: what is known of each of them."""
    one = {
        "client_ip": scene.CLIENT, "server_ip": scene.MX, "server_port": 25, "direction": "inbound",
        "helo": HELO, "auth": [], "partial": None,
    }  # fmt: skip
    return [{**one, **more} for _ in range(count)]


def smtp_source_burst(hosts: MailHosts) -> list[Seen]:
    """Postfix's own load generator, 100 sessions at once, one message each, no EHLO: smtp-source(1)."""
    ran = hosts.world.run(
        "smtp-source", "-s", str(PARALLEL), "-m", str(PARALLEL), "-M", HELO, "-f", SENDER, "-t", scene.RECIPIENT,
        f"{scene.MX}:25",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    return _same(PARALLEL, starttls="none", tls=None, closed_by="quit")


def swaks_delivery(hosts: MailHosts) -> list[Seen]:
    """swaks(1), a client of another make."""
    ran = hosts.world.run("swaks", "--server", scene.MX, "--helo", HELO, "--from", SENDER, "--to", scene.RECIPIENT)
    assert ran.returncode == 0, ran.stdout.decode()
    return _same(1, starttls="offered", tls=None, closed_by="quit")


def _sent_on(hosts: MailHosts, recipients: tuple[str, ...]) -> Seen:
    """Have the host under watch send one message on, and wait until its log says that nothing is left to do."""
    client, _ = opened(port=SUBMISSION)
    assert auth_plain(client, scene.PASSWORD).code == 235
    steps = mail(client, *recipients)
    end = client.message(MESSAGE)
    client.quit()
    limit = time.monotonic() + _DELIVERY_LIMIT
    while f"{end.queue_id}: removed" not in hosts.postfix.log.read_text():
        assert time.monotonic() < limit, hosts.postfix.log.read_text()
        time.sleep(0.05)
    auth = [{"mechanism": "PLAIN", "outcome": "success"}]
    return seen(client, [transaction(steps, "accepted", end)], "quit", auth=auth)


def _outbound(server: str, **more: object) -> Seen:
    return {
        "client_ip": scene.MX, "server_ip": server, "server_port": 25, "direction": "outbound",
        "helo": scene.MX_NAME, "auth": [], "partial": None, **more,
    }  # fmt: skip


def outbound_in_clear(hosts: MailHosts) -> list[Seen]:
    """A submission, then its delivery to a host that knows no TLS: two sessions."""
    submission = _sent_on(hosts, (scene.SINK_RECIPIENT, f"second.{scene.SINK_RECIPIENT}"))
    delivery = transaction(
        [Step(rcpt["rcpt"], Reply(250, "")) for rcpt in submission["transactions"][0]["rcpts"]],
        "accepted",
        Reply(250, "2.0.0 Ok"),
    )
    return [submission, _outbound(scene.SINK, transactions=[delivery], starttls="none", tls=None, closed_by="quit")]


def outbound_with_starttls(hosts: MailHosts) -> list[Seen]:
    """A submission, then its delivery to a host with STARTTLS; the log of our own Postfix knows what was negotiated."""
    submission = _sent_on(hosts, (scene.FAR_RECIPIENT,))
    logged = re.findall(r"TLS connection established to .*: (\S+) with cipher (\S+)", hosts.postfix.log.read_text())
    version, cipher = logged[-1]
    return [
        submission,
        _outbound(
            scene.FAR_MX,
            transactions=[],
            starttls="accepted",
            tls={**iana_names(version, cipher), "sni": None},
        ),
    ]


MANY: dict[str, Play] = {
    play.__name__: play
    for play in (parallel_senders, smtp_source_burst, swaks_delivery, outbound_in_clear, outbound_with_starttls)
}
