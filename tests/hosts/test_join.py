"""Wire and log of a real Postfix: five hundred sessions open at once behind STARTTLS, a mail from its submission on."""

import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.program import Facts, Live, read

pytestmark = [pytest.mark.needs("namespaces", "postfix"), pytest.mark.xdist_group("hosts")]

SESSIONS = 500
ADDRESSES = tuple(f"203.0.113.{n}" for n in range(1, 101))
_LIMIT = 30.0  # seconds
_AT_ONCE = {"default_process_limit": "600", "smtpd_client_connection_rate_limit": "0"}
_AUTHENTICATED = f"\0{scene.USER}\0{scene.PASSWORD}"


class Crowd:
    """SESSIONS clients at once, each with a HELO of its own behind STARTTLS; every third is refused its recipient."""

    def __init__(self, hosts: MailHosts, addresses: tuple[str, ...]) -> None:
        self._hosts = hosts
        self._addresses = addresses
        self._trust = hosts.trust()
        self._all_here = threading.Barrier(SESSIONS, timeout=_LIMIT)
        self.queue_ids: dict[str, str | None] = {}
        """What each was told, by its HELO."""

    def play(self) -> None:
        threads = [threading.Thread(target=self._one, args=(number,)) for number in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, number: int) -> None:
        helo = f"h{number}.example.net"
        with self._hosts.world.entered():
            client = Client(scene.MX, source=self._addresses[number % len(self._addresses)])
        client.reply()
        client.command(f"EHLO {helo}")
        client.starttls(self._trust, scene.MX_NAME)
        client.command(f"EHLO {helo}")
        self._all_here.wait()  # five hundred sessions are open now
        client.command("MAIL FROM:<frank@example.net>")
        refused = number % 3 == 0
        client.command(f"RCPT TO:<{scene.UNKNOWN_RECIPIENT if refused else scene.RECIPIENT}>")
        queue_id = None if refused else client.message(b"Subject: test\r\n\r\nHello.").queue_id
        client.quit()
        self.queue_ids[helo] = queue_id


def _assert_joined(lines: list[Facts], crowd: Crowd, kinds: set[str], share: float) -> None:
    """Each session on the wire at most once with a log, never with another's, and so many with one."""
    wire = {line["helo"]: line for line in lines if line["server_port"] == 25 and line["client_port"]}
    assert set(wire) == set(crowd.queue_ids)
    found: Counter[str] = Counter()
    for helo, line in wire.items():
        for visit in line["logs"]:
            found[visit["join"]] += 1
            # The wire saw the HELO in clear; the log has it where it refused, and the queue id where it took a message.
            assert visit["helo"] in (None, helo)
            told = crowd.queue_ids[helo]
            assert [message["queue_id"] for message in visit["messages"]] == ([] if told is None else [told])
            assert len(visit["refused"]) == (told is None)
    assert set(found) <= kinds
    assert sum(found.values()) >= share * SESSIONS, found


@pytest.mark.parametrize(
    ("logged", "addresses", "kinds", "share"),
    [
        ("yes", ADDRESSES, {"port"}, 0.99),
        ("no", ADDRESSES, {"process", "time"}, 0.95),
        # One address for all: only the processes' sockets tell them apart. None may be wrong.
        ("no", ADDRESSES[:1], {"process", "time"}, 0.5),
    ],
    ids=["port logging", "no port logging", "one address"],
)
def test_five_hundred_at_once(logged: str, addresses: tuple[str, ...], kinds: set[str], share: float) -> None:
    settings = {**_AT_ONCE, "smtpd_client_port_logging": logged}
    with mail_hosts(tuple(f"{address}/24" for address in addresses), settings) as hosts:
        crowd = Crowd(hosts, addresses)
        with Live(hosts.mx, "sessions", "--json", "--sensors", "wire,log", "--log", str(hosts.postfix.log)) as live:
            assert live.wait_for_capture(_LIMIT)
            crowd.play()
            assert live.wait(lambda lines: len(lines) >= SESSIONS, _LIMIT)
            time.sleep(1.0)  # what else there may be, as rows of the log alone, comes right after
            _assert_joined(live.lines, crowd, kinds, share)


@pytest.fixture(scope="module")
def submission() -> Iterator[MailHosts]:
    """A host whose next hop defers at first: nothing listens at SINK's port 2525 until the test says so."""
    hop = {"transport_maps": f"inline:{{ example.com=smtp:[{scene.SINK}]:2525 }}", "minimal_backoff_time": "1s"}
    with mail_hosts(settings={**hop, "maximal_backoff_time": "2s", "queue_run_delay": "1s"}) as made:
        yield made


def test_a_mail_from_submission_to_its_end(submission: MailHosts) -> None:
    hosts = submission
    with Live(hosts.mx, "events", "--sensors", "wire,log", "--log", str(hosts.postfix.log)) as live:
        assert live.wait(lambda lines: any(line["sensor"] == "log" and line.get("watching") for line in lines), _LIMIT)
        queue_id = _submit(hosts)
        assert live.wait(lambda lines: _delivered(lines, queue_id, "deferred"), _LIMIT)
        hosts.world.popen("smtp-sink", "-u", "nobody", f"{scene.SINK}:2525", "10")
        assert live.wait(lambda lines: _delivered(lines, queue_id, "sent"), _LIMIT)
        assert live.wait(lambda lines: any(_is(line, "MessageRemoved", queue_id) for line in lines), _LIMIT)
        events = live.lines
    (login,) = [line for line in events if _is(line, "LoginTried", queue_id)]
    assert (login["source"], login["outcome"], login["mechanism"]) == (scene.CLIENT, "success", "PLAIN")
    assert login["account"] == scene.USER
    _assert_whole_life(hosts.postfix.log, queue_id)


def _submit(hosts: MailHosts) -> str:
    with hosts.world.entered():
        client = Client(scene.MX, 587, source=scene.CLIENT)
    client.reply()
    client.command("EHLO laptop.example.net")
    client.starttls(hosts.trust(), scene.MX_NAME)
    client.command("EHLO laptop.example.net")
    assert client.command(f"AUTH PLAIN {b64encode(_AUTHENTICATED.encode()).decode()}").code == 235
    client.command("MAIL FROM:<bob@example.org>")
    client.command(f"RCPT TO:<{scene.SINK_RECIPIENT}>")
    queue_id = client.message(b"Message-ID: <one@example.org>\r\nSubject: test\r\n\r\nHello.").queue_id
    client.quit()
    assert queue_id is not None
    return queue_id


def _is(line: Facts, kind: str, queue_id: str) -> bool:
    return line["type"] == kind and bool(line["queue_id"] == queue_id)


def _delivered(lines: list[Facts], queue_id: str, status: str) -> bool:
    return any(_is(line, "Delivery", queue_id) and line["status"] == status for line in lines)


def _assert_whole_life(log: Path, queue_id: str) -> None:
    """The same from the log alone: the session has the account, and its message what became of it."""
    lines: list[dict[str, Any]] = read("sessions", log, "--json")
    (line,) = [line for line in lines if line["account"]]
    assert (line["client_ip"], line["account"], line["direction"]) == (scene.CLIENT, scene.USER, "submission")
    (message,) = line["logs"][0]["messages"]
    assert (message["queue_id"], message["message_id"], message["state"]) == (queue_id, "one@example.org", "sent")
    (delivery,) = message["rcpts"]
    assert (delivery["rcpt"], delivery["status"]) == (scene.SINK_RECIPIENT, "sent")
