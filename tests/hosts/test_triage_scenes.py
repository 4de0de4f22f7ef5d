"""Rules that need more than clients: a mail server that is set up wrongly, next hops that refuse, processes of the
host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts import mail_hosts as scene
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.next_hop import NextHop
from tests.hosts.program import Facts
from tests.hosts.test_triage import LIMIT, SETTLED, Watched, ready, watching
from tests.hosts.triage_plays import (
    ADDRESSES,
    SETTINGS,
    TEXT,
    bot,
    client,
    deliver,
    fails_tls,
    guess,
    hold,
    old_tls,
    submit,
)

pytestmark = [
    pytest.mark.xdist_group("triage"),
    pytest.mark.needs("namespaces", "postfix", "saslpasswd2", "openssl", "smtp-sink"),
]

HOP = "198.51.100.27"
HOP_NAME = "picky.example"
STRANGER = "203.0.113.100"
ANSWERS = {
    "listed": "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org",
    "spam": "550 5.7.1 Message rejected as spam by content filter",
    "slow": "450 4.7.28 Unusual rate of unsolicited mail from your address, try again later",
    "nobody": "550 5.1.1 No such user here",
    "alice": "550 5.1.1 No such user here",
}
TRANSPORT = f"inline:{{ example.com=smtp:[{scene.SINK}]:25, {HOP_NAME}=smtp:[{HOP}]:25 }}"
DOWN = "down.example"


@contextmanager
def watched(*options: str, **settings: str) -> Iterator[Watched]:
    """A scene of its own."""
    with (
        mail_hosts((*ADDRESSES, f"{HOP}/24"), {**SETTINGS, "transport_maps": TRANSPORT, **settings}) as hosts,
        NextHop(hosts.world, HOP, ANSWERS),
        watching(hosts, *options) as live,
    ):
        ready(live)
        yield Watched(hosts, live)


def _asks_elsewhere(hosts: MailHosts, source: str) -> None:
    with hosts.world.entered(), client(source) as made:
        made.command("MAIL FROM:<a@sender.example>")
        if made.command(f"RCPT TO:<{scene.FOREIGN_RECIPIENT}>").code == 250:
            made.message(TEXT)


LETS_ALL = {"smtpd_relay_restrictions": "check_recipient_access static:OK, reject_unauth_destination"}
TRUSTS_ALL = {"mynetworks": "0.0.0.0/0", "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"}


@pytest.mark.parametrize("wrong", [LETS_ALL, TRUSTS_ALL], ids=["restrictions let all", "mynetworks trusts all"])
def test_an_open_relay_is_proven(wrong: dict[str, str]) -> None:
    with watched(**wrong) as scene_:
        _asks_elsewhere(scene_.hosts, STRANGER)
        line = scene_.tells("open-relay", ("source", STRANGER))
        assert line["severity"] == "critical"
        assert f"open relay: {STRANGER} is neither trusted nor logged in" in line["says"]
        if "mynetworks" in wrong:
            said = [each for each in scene_.alerts.lines if each["subject"]["kind"] == "server"]
            assert "lets all of 0.0.0.0/0 send anywhere" in said[0]["says"]


def test_who_may_relay_is_no_open_relay() -> None:
    """A stranger is denied, one of our own networks may, and so may who has logged in."""
    restrictions = "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
    with watched(mynetworks="198.51.100.0/24", smtpd_relay_restrictions=restrictions) as scene_:
        _asks_elsewhere(scene_.hosts, STRANGER)
        _asks_elsewhere(scene_.hosts, "198.51.100.100")
        with scene_.hosts.world.entered():
            submit(scene_.hosts, "10.1.1.100", [scene.FOREIGN_RECIPIENT])
        time.sleep(2 * SETTLED)
        assert [line["says"] for line in scene_.alerts.lines if line["rule"] == "open-relay"] == []


def test_a_login_that_succeeds_after_many_have_failed() -> None:
    """Three that failed before are a mistyped password."""
    with watched() as scene_, scene_.hosts.world.entered():
        guess(scene_.hosts, "10.4.4.103", 3)
        submit(scene_.hosts, "10.4.4.103", [scene.RECIPIENT])
        time.sleep(2 * SETTLED)
        assert [line["says"] for line in scene_.alerts.lines if line["rule"] in ("takeover", "brute-force")] == []
        guess(scene_.hosts, "10.3.3.103", 10)
        submit(scene_.hosts, "10.3.3.103", [scene.RECIPIENT])
        line = scene_.tells("takeover", ("account", scene.USER))
        assert line["severity"] == "critical"
        assert "10.3.3.103 logged in after" in line["says"]
        assert line["sources"] == ["10.3.3.103"]


def test_an_account_that_sends_too_much() -> None:
    with watched() as scene_, scene_.hosts.world.entered():
        submit(scene_.hosts, "10.1.1.100", [f"x{k}@example.com" for k in range(49)], 10)
        time.sleep(SETTLED)
        assert [line for line in scene_.alerts.lines if line["rule"] == "outbound-burst"] == []
        submit(scene_.hosts, "10.1.1.100", [f"y{k}@example.com" for k in range(10)])
        line = scene_.tells("outbound-burst", ("account", scene.USER))
        assert "500 recipients within an hour" in line["says"]
        assert line["sources"] == ["10.1.1.100"]


def test_a_process_that_sends_past_the_mail_server() -> None:
    """It is another user's. What Postfix itself delivers meanwhile is nothing of the kind."""
    with watched() as scene_:
        with scene_.hosts.world.entered():
            submit(scene_.hosts, "10.1.1.100", [scene.FAR_RECIPIENT])
        time.sleep(SETTLED)
        assert [line for line in scene_.alerts.lines if line["rule"] == "bypass"] == []
        bot(scene_.hosts, HOP)
        line = _wait(scene_, "bypass")[0]
        assert f"user nobody) sends mail past the mail server, to {HOP}:25" in line["says"]
        assert "os.setuid(65534)" in line["says"]  # its command line
        assert line["severity"] == "critical"


def test_sessions_that_only_wait() -> None:
    with watched() as scene_, scene_.hosts.world.entered():
        hold(9, "198.51.100.100", 20)
        assert [line for line in scene_.alerts.lines if line["rule"] == "slot-hog"] == []
        hold(10, STRANGER, 25)
        assert "holds 10 sessions open" in scene_.tells("slot-hog", ("source", STRANGER))["says"]


def test_logins_in_clear() -> None:
    """The test's Postfix offers AUTH in clear on 587, which no host should. Under TLS nothing is wrong with it."""
    with watched() as scene_, scene_.hosts.world.entered():
        submit(scene_.hosts, "10.1.1.100", [scene.RECIPIENT])
        time.sleep(SETTLED)
        assert [line for line in scene_.alerts.lines if line["rule"] == "clear-login"] == []
        submit(scene_.hosts, "10.1.1.101", [scene.RECIPIENT], tls=False)
        line = scene_.tells("clear-login", ("server", "port 587"))
        assert "10.1.1.101 logged in in clear" in line["says"]


def test_handshakes_that_fail() -> None:
    with watched() as scene_, scene_.hosts.world.entered():
        fails_tls(20, ["10.1.1.100", "10.2.2.100"])
        time.sleep(4 * SETTLED)
        assert [line["says"] for line in scene_.alerts.lines if line["rule"] == "tls-failures"] == []
        fails_tls(1, ["10.3.3.100"])
        time.sleep(1)
        line = scene_.tells("tls-failures", ("server", "TLS inbound"))
        assert "21 inbound TLS handshakes failed" in line["says"]


def test_old_versions() -> None:
    with watched() as scene_, scene_.hosts.world.entered():
        old_tls(scene_.hosts, 19, "10.1.1.100")
        time.sleep(4 * SETTLED)
        assert [line for line in scene_.alerts.lines if line["rule"] == "old-tls"] == []
        old_tls(scene_.hosts, 1, "10.1.1.101")
        assert "use TLS 1.1 or older" in scene_.tells("old-tls", ("server", "TLS inbound"))["says"]


def test_what_others_think_of_us() -> None:
    with watched() as scene_, scene_.hosts.world.entered():
        submit(scene_.hosts, "10.1.1.100", [f"nobody@{HOP_NAME}"], 15)
        submit(scene_.hosts, "10.1.1.100", [f"spam@{HOP_NAME}"], 9)
        time.sleep(2 * SETTLED)
        assert [line["says"] for line in scene_.alerts.lines if line["rule"] in ("listed", "reputation")] == []
        submit(scene_.hosts, "10.1.1.100", [f"spam@{HOP_NAME}"], 1)
        subject = f"{HOP}, blocked as spam"
        assert scene.USER in scene_.tells("reputation", ("provider", subject))["says"]
        submit(scene_.hosts, "10.1.1.100", [f"listed@{HOP_NAME}"], 5)
        line = scene_.tells("listed", ("provider", "zen.spamhaus.org"))
        assert "we are listed at zen.spamhaus.org" in line["says"]
        time.sleep(SETTLED)
        raised = [each for each in scene_.told("listed", ("provider", "zen.spamhaus.org")) if each["event"] == "raised"]
        assert len(raised) == 1


def test_a_next_hop_that_no_longer_offers_starttls() -> None:
    with watched() as scene_, scene_.hosts.world.entered():
        submit(scene_.hosts, "10.1.1.100", [scene.SINK_RECIPIENT, scene.FAR_RECIPIENT])
        time.sleep(4 * SETTLED)
        assert [line["says"] for line in scene_.alerts.lines if line["rule"] == "starttls-stripped"] == []
        _without_starttls(scene_.hosts)
        submit(scene_.hosts, "10.1.1.100", [scene.FAR_RECIPIENT])
        line = scene_.tells("starttls-stripped", ("server", scene.FAR_MX))
        assert "no longer offers STARTTLS" in line["says"]


def _without_starttls(hosts: MailHosts) -> None:
    etc = str(hosts.far.directory / "etc")
    hosts.world.run("postconf", "-c", etc, "-e", "smtpd_discard_ehlo_keywords=starttls")
    hosts.world.run("postfix", "-c", etc, "reload")
    time.sleep(1.0)


def test_a_queue_that_grows() -> None:
    """Nobody listens where the mail is to go."""
    maps = f"inline:{{ {DOWN}=smtp:[198.51.100.99]:25 }}"
    with watched("--set", "queue_interval=5", transport_maps=maps) as scene_, scene_.hosts.world.entered():
        submit(scene_.hosts, "10.1.1.100", [f"x@{DOWN}"], 5)
        time.sleep(7)
        submit(scene_.hosts, "10.1.1.100", [f"x@{DOWN}"], 190)
        time.sleep(7)
        assert [line["says"] for line in scene_.alerts.lines if line["rule"] == "queue"] == []
        submit(scene_.hosts, "10.1.1.100", [f"x@{DOWN}"], 10)
        line = next(iter(_wait(scene_, "queue")))
        assert "grew from" in line["says"]
        assert DOWN in line["says"]


def test_bounces_to_strangers() -> None:
    """A server that takes all mail, and finds out later that nobody is there."""
    with watched(virtual_transport=f"smtp:[{HOP}]:25") as scene_, scene_.hosts.world.entered():
        for k in range(19):
            deliver(f"10.1.1.{100 + k}", sender=f"a{k}@example.net")
        time.sleep(SETTLED)
        assert [line["says"] for line in scene_.alerts.lines if line["rule"] == "backscatter"] == []
        deliver("10.1.1.120", sender="b@example.net")
        assert "20 bounces to senders elsewhere" in scene_.tells("backscatter", ("queue", "MAILER-DAEMON"))["says"]


def test_a_certificate_near_its_end() -> None:
    """That of the test's Postfix is good for a day."""
    with mail_hosts(ADDRESSES, SETTINGS) as hosts, watching(hosts, certificates=True) as live:
        ready(live)
        assert live.wait(lambda lines: any(line["rule"] == "certificate" for line in lines), 30.0), live.output
        line = next(line for line in live.lines if line["rule"] == "certificate")
        assert f"the certificate of {scene.MX_NAME}" in line["says"]
        assert "renew it" in line["says"]


def test_a_log_that_nothing_is_written_to(tmp_path: Path) -> None:
    silent = tmp_path / "mail.log"
    silent.touch()
    with mail_hosts(ADDRESSES, SETTINGS) as hosts, watching(hosts, "--log", str(silent), log=False) as live:
        ready(live)
        watch = Watched(hosts, live)
        time.sleep(8)
        assert live.lines == []
        with hosts.world.entered():
            for _ in range(6):
                deliver(STRANGER)
        assert f"no line in {silent}" in watch.tells("log-silent", ("sensor", "log"))["says"]


def _wait(scene_: Watched, rule: str, limit: float = LIMIT) -> list[Facts]:
    assert scene_.alerts.wait(lambda lines: any(line["rule"] == rule for line in lines), limit), scene_.alerts.lines
    return [line for line in scene_.alerts.lines if line["rule"] == rule]
