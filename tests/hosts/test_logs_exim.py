"""A real Exim's log, read while it and its clients are still there to be asked: the facts are what the clients saw."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC
from typing import NamedTuple

import pytest

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from tests.hosts.exim import PROGRAM, Exim
from tests.hosts.exim_clients import (
    ACCOUNTS,
    BANNED,
    CLIENTS,
    CROWD,
    DEAF_HOP,
    HOP,
    HOST,
    HOSTILE,
    MX,
    NAMED,
    STRANGER,
    VICTIM,
    Actors,
    Mail,
    Said,
)
from tests.hosts.name_server import NameServer
from tests.hosts.namespaces import Namespace, join
from tests.hosts.next_hop import ACCEPTED, NextHop

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "openssl", "mount"),
    pytest.mark.skipif(not PROGRAM.exists(), reason="needs exim4-daemon-light (make debian, as root)"),
]

WAIT = 10.0  # seconds for a line to be in the log; it takes about 0.1


class Play(NamedTuple):
    """What happened, and what the main log and the reject log tell of it. `ports`: the log has the clients' ports."""

    ports: bool
    said: list[Said]
    mails: list[Mail]
    logins: list[tuple[str, int, str, str]]
    hurried: list[tuple[bool, str]]
    facts: list[ev.Event]
    reader: Reader
    rejects: list[ev.Event]

    def of(self, kind: type[ev.Event]) -> list[ev.Event]:
        return [fact for fact in self.facts if type(fact) is kind]

    def port(self, port: int) -> int:
        return port if self.ports else 0


def _settled(exim: Exim, mails: list[Mail]) -> bool:
    """Whether each message is done with, or has had its first attempt for each recipient."""
    log = exim.log.read_text()
    for mail in mails:
        waiting = [each for each in mail.recipients if each.startswith(("later@", "x@deaf"))]
        ended = f"{mail.queue_id} == {waiting[0]}" if waiting else f"{mail.queue_id} Completed"
        if ended not in log:
            return False
    return True


def _read(text: str) -> tuple[Reader, list[ev.Event]]:
    reader = Reader(HOST, UTC, time.time())
    return reader, reader.read(text.splitlines())


def _play(exim: Exim, client: Namespace, ports: bool) -> Play:
    actors = Actors()
    with client.entered():
        actors.ordinary()
        actors.refused()
        actors.rude()
        actors.hostile()
    called = exim.run("-t", "-i", "-F", "Web Master", "-f", "www@example.org", stdin="To: bob@example.org\n\nhello\n")
    assert called.returncode == 0, called
    limit = time.monotonic() + WAIT
    while not _settled(exim, actors.mails) and time.monotonic() < limit:
        time.sleep(0.05)
    kept = next(mail.queue_id for mail in actors.mails if "x@deaf.example" in mail.recipients)
    exim.run("-Mf", kept)
    exim.run("-Mt", kept)
    exim.run("-Mrm", kept)
    reader, facts = _read(exim.log.read_text())
    return Play(
        ports,
        actors.said,
        actors.mails,
        actors.logins,
        actors.hurried,
        facts,
        reader,
        _read(exim.reject_log.read_text())[1],
    )


@pytest.fixture(scope="module", params=["", "+all"], ids=["default", "all"])
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    with ExitStack() as stack:
        server, client, hop = (stack.enter_context(Namespace(f"exim-{name}")) for name in ("mx", "client", "hop"))
        join((server, "to-client", [f"{MX}/24"]), (client, "to-mx", [f"{each}/24" for each in CLIENTS]))
        join((server, "to-hop", ["198.51.100.1/24"]), (hop, "to-mx", [f"{HOP}/24", f"{DEAF_HOP}/24"]))
        names = {"client.example.net": NAMED, "hop.far.example": HOP, "8.2.0.192.dnsbl.example": "127.0.0.2"}
        stack.enter_context(NameServer(server, names))
        answers = {"gone": "550 5.1.1 no such user", "later": f"450 4.2.1 busy H=x [{VICTIM}]: 250 ok"}
        stack.enter_context(NextHop(hop, HOP, answers))
        exim = stack.enter_context(
            Exim(
                server,
                HOST,
                recipients=["bob@example.org", "eve@example.org", "info@example.org"],
                accounts=ACCOUNTS,
                aliases={"info@example.org": "bob@example.org"},
                routes={"far.example": "hop.far.example", "deaf.example": DEAF_HOP},
                names={NAMED: "client.example.net", HOP: "hop.far.example"},
                banned=BANNED,
                log_selector=request.param,
                settings=[f"helo_accept_junk_hosts = {HOSTILE}"],
            )
        )
        yield _play(exim, client, request.param == "+all")


def test_accepted_messages(play: Play) -> None:
    """Each has the queue id that the client was told, and is the client's, unless its HELO leaves that open."""
    told = {fact.queue_id: fact for fact in play.facts if isinstance(fact, ev.MessageReceived)}
    for mail in play.mails:
        fact = told[mail.queue_id]
        assert (fact.origin, fact.sender) == ("smtp", mail.sender)
        if mail.doubtful or (play.ports and f") [{VICTIM}]" in mail.subject):  # with all selectors, subjects are logged
            assert fact.source in (mail.source, "")
            continue
        assert (fact.source, fact.client_port, fact.name) == (mail.source, play.port(mail.port), mail.name)
        assert (fact.account, fact.message_id, fact.helo) == (mail.account, "1@client.example.org", mail.helo)
        assert fact.recipients == (mail.recipients if play.ports else ())
        assert (fact.protocol in ("esmtpsa", "esmtps")) == (mail.tls is not None)


def test_logins(play: Play) -> None:
    told = [fact for fact in play.facts if isinstance(fact, ev.LoginTried)]
    succeeded = [(fact.queue_id, fact.account) for fact in told if fact.outcome == "success"]
    assert sorted(succeeded) == sorted((mail.queue_id, mail.account) for mail in play.mails if mail.account)
    failed = [fact for fact in told if fact.outcome != "success"]
    assert len(failed) == len(play.logins)
    for fact, (source, port, account, reply) in zip(failed, play.logins, strict=True):
        assert fact.outcome == ("failure" if reply.startswith("535 ") else "deferred") or not fact.source
        assert fact.mechanism == "plain_server"
        if source != HOSTILE:
            assert (fact.source, fact.client_port, fact.account) == (source, play.port(port), account)
            assert fact.reason == reply
        else:
            assert fact.source in (HOSTILE, "")
            assert fact.account in (account, "")


def test_tls(play: Play) -> None:
    told = [fact for fact in play.facts if isinstance(fact, ev.TlsEstablished)]
    seen = [mail for mail in play.mails if mail.tls is not None]
    for fact, mail in zip(told, seen, strict=True):
        assert mail.tls == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
        assert (fact.source, fact.version, fact.bits) == (mail.source, "TLS1.3", 256)
        assert fact.cipher.endswith("__AES_256_GCM")  # GnuTLS names the key exchange besides
    troubled = [fact for fact in play.facts if isinstance(fact, ev.TlsTroubled)]
    assert [fact.source for fact in troubled] == [STRANGER]


def test_those_who_do_not_wait(play: Play) -> None:
    told = [(fact.source, fact.stage) for fact in _refusals(play.facts) if "synchronization" in fact.reply]
    refused = [awaited for awaited, reply in play.hurried if reply == "SMTP synchronization error"]
    assert told == [(CROWD, "CONNECT")] * refused.count(False) + [(CROWD, ""), ("", "")]
    assert refused.count(True) == 2


_STAGES = {"EHLO": "EHLO", "MAIL": "MAIL", "RCPT": "RCPT", "VRFY": "VRFY", "": "CONNECT", "SUBJ": "END-OF-MESSAGE"}


def _refusals(facts: list[ev.Event]) -> list[ev.Refused]:
    return [fact for fact in facts if isinstance(fact, ev.Refused) and not fact.warning]


def test_refusals(play: Play) -> None:
    """Every refusal that a client has read, but for those of the hostile one, in that order; nothing else."""
    told = [fact for fact in _refusals(play.facts) if fact.source != HOSTILE and fact.reason != "protocol"]
    seen = [
        said
        for said in play.said
        if said.source != HOSTILE
        and (stage := said.command[:4].upper()) in _STAGES
        and said.reply.startswith(("5", "4"))
        and not (stage == "" and said.source != BANNED)
    ]
    assert len(told) == len(seen)
    for fact, said in zip(told, seen, strict=True):
        assert (fact.source, fact.client_port) == (said.source, play.port(said.port))
        assert fact.stage == _STAGES[said.command[:4].upper()]
        assert fact.reply == "greylisted" or fact.reply == said.reply[4:]
        if fact.stage == "RCPT":
            assert f"RCPT TO:<{fact.recipient}>" == said.command
        if fact.stage == "MAIL":
            assert f"MAIL FROM:<{fact.sender}>" == said.command
    reasons = {fact.reason for fact in told}
    assert reasons == {"unknown user", "relay denied", "blocklist", "content", "policy", "greylist", "HELO", "client"}
    assert {fact.blocklist for fact in told} == {"", "dnsbl.example"}


def test_the_reject_log_tells_the_same(play: Play) -> None:
    def plain(facts: list[ev.Event]) -> list[tuple[str, str, str]]:
        return [(fact.source, fact.stage, fact.reply) for fact in _refusals(facts)]

    assert plain(play.rejects) == plain(play.facts)


def test_deliveries(play: Play) -> None:
    told = [fact for fact in play.facts if isinstance(fact, ev.Delivery)]
    known = {mail.queue_id for mail in play.mails}
    for mail in play.mails:
        mine = {fact.original or fact.recipient: fact for fact in told if fact.queue_id == mail.queue_id}
        assert set(mine) == set(mail.recipients)
        for recipient, fact in mine.items():
            if "@far.example" in recipient and not recipient.startswith(("gone@", "later@")):
                assert (fact.status, fact.reply, fact.next_queue_id) == ("sent", ACCEPTED, ACCEPTED.split()[-1])
                assert (fact.relay, fact.relay_address) == ("hop.far.example", HOP)
                assert fact.relay_port == (25 if play.ports else 0)
            elif recipient.startswith("gone@"):
                assert (fact.status, fact.code, fact.enhanced, fact.relay_address) == ("bounced", 550, "5.1.1", HOP)
            elif recipient.startswith("later@"):
                assert (fact.status, fact.code, fact.enhanced, fact.relay_address) == ("deferred", 450, "4.2.1", HOP)
            elif recipient == "x@deaf.example":
                assert (fact.status, fact.reply) == ("deferred", "Connection refused")
            else:
                assert (fact.status, fact.transport, fact.original) == ("sent", "mailbox", recipient)
    bounces = [fact for fact in play.facts if isinstance(fact, ev.MessageReceived) and fact.origin == "bounce"]
    notices = [fact for fact in play.facts if isinstance(fact, ev.NoticeSent)]
    assert [fact.notice_id for fact in notices] == [fact.queue_id for fact in bounces]
    assert {fact.queue_id for fact in notices} <= known
    assert len(bounces) == 1


def test_what_an_admin_does_to_a_message(play: Play) -> None:
    kept = next(mail.queue_id for mail in play.mails if "x@deaf.example" in mail.recipients)
    handled = [fact for fact in play.facts if isinstance(fact, ev.MessageHandled) and fact.queue_id == kept]
    assert [fact.action for fact in handled] == ["hold", "release"]
    removed = [fact.reason for fact in play.facts if isinstance(fact, ev.MessageRemoved) and fact.queue_id == kept]
    assert removed[0] == "removed by root"


def test_local_programs(play: Play) -> None:
    local = [fact for fact in play.facts if isinstance(fact, ev.MessageReceived) and fact.origin == "local"]
    assert local[-1].user == "root"
    assert local[-1].sender == "www@example.org"
    calls = [fact for fact in play.facts if isinstance(fact, ev.LocalSubmission)]
    if play.ports:
        assert ("-t", "-i", "-F", "Web Master", "-f", "www@example.org") in [fact.arguments[1:] for fact in calls]
    else:
        assert not calls


def test_sessions(play: Play) -> None:
    """With all selectors, each session begins and ends."""
    if not play.ports:
        return
    begun = [(fact.source, fact.client_port) for fact in play.facts if isinstance(fact, ev.ClientConnected)]
    sessions = list(dict.fromkeys((said.source, said.port) for said in play.said))
    assert [each for each in begun if each[0] != CROWD] == sessions
    assert {fact.server for fact in play.facts if isinstance(fact, ev.ClientConnected)} == {MX}
    ended = {(fact.source, fact.client_port) for fact in play.facts if isinstance(fact, ev.ClientDisconnected)}
    assert {each for each in sessions if each[0] != HOSTILE} <= ended


def test_nobody_else_is_blamed(play: Play) -> None:
    sources = {getattr(fact, "source", "") for fact in play.facts}
    assert sources <= {*CLIENTS, ""}
    assert not any(getattr(fact, "relay_address", "") == VICTIM for fact in play.facts)
    assert not {getattr(fact, "account", "") for fact in play.facts} & {"root", "plain:root"}
    assert "root@b" not in {getattr(fact, "sender", "") for fact in play.facts}


def test_what_is_not_understood_is_what_is_doubtful(play: Play) -> None:
    assert play.reader.unknown.keys() <= {"exim"}
    assert all(VICTIM in line for line in play.reader.samples.get("exim", []))


def test_no_secret(play: Play) -> None:
    told = repr(play.facts)
    assert not any(password in told for password in (*ACCOUNTS.values(), "wrong"))
