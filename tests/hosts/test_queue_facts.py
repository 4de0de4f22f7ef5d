"""The queues of a real Postfix and a real Exim: what the sensor tells is what the test put in, and who may not look is
told so."""

import math
import smtplib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collectors.host.mta import Mta
from collectors.host.reading import Reading
from smtpwatch.events import AGE_LIMITS, QueueSample
from tests.hosts.exim import PROGRAM as EXIM
from tests.hosts.exim import Exim
from tests.hosts.namespaces import Namespace
from tests.hosts.postfix import Postfix
from tests.hosts.program import Facts, Live

pytestmark = [pytest.mark.xdist_group("hosts"), pytest.mark.needs("namespaces", "mount")]
needs_postfix = pytest.mark.needs("postfix", "openssl")
needs_exim = pytest.mark.skipif(not EXIM.exists(), reason="needs exim4-daemon-light (make debian, as root)")

_LIMIT = 10.0  # seconds
_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
_REFUSING = "[127.0.0.1]:2526"  # nothing listens there
_MESSAGE = "Subject: a test\n\n" + "body\n" * 100
_EMPTY = {"maildrop": 0, "incoming": 0, "active": 0, "deferred": 0, "hold": 0}


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with Namespace("queue") as made:
        yield made


@pytest.fixture(scope="module")
def postfix(namespace: Namespace) -> Iterator[Postfix]:
    """It sends to a next hop that refuses, and lets root alone see its queue."""
    settings = {
        "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "authorized_mailq_users": "root",
    }
    with Postfix(
        namespace, "mx.example.net", recipients=["a@example.net"], next_hop=_REFUSING, settings=settings
    ) as it:
        yield it


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    """Its queue is filled by -odq; nothing is sent."""
    with Namespace("queue-exim") as its_own, Exim(its_own, "mx.example.net", recipients=["a@example.net"]) as it:
        yield it


def _with_etc(etc: Path, over: str, *command: str) -> tuple[str, ...]:
    """A command that sees `etc` where `over` is, in a mount namespace of its own."""
    return ("unshare", "--mount", "sh", "-c", f'mount --bind "$0" {over} && exec "$@"', str(etc), *command)


def _read(namespace: Namespace, kind: str, *command: str) -> tuple[QueueSample, bool]:
    """The queue as the sensor reads it with that command, and whether the command complained."""
    reading = Reading(Mta(kind, "", tuple(namespace.command(*command)), True), time.time())  # type: ignore[arg-type]
    try:
        end = time.monotonic() + _LIMIT
        while not reading.read(time.time()):
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        reading.close()
    return reading.sample(time.time(), "mx"), reading.said


def _send(namespace: Namespace, *messages: tuple[str, Sequence[str]]) -> None:
    with namespace.entered():
        client = smtplib.SMTP("127.0.0.1", timeout=_LIMIT)
    with client:
        for sender, recipients in messages:
            client.sendmail(sender, recipients, _MESSAGE)


def _samples(lines: list[Facts]) -> list[Facts]:
    return [line for line in lines if line["type"] == "QueueSample"]


def _young(recipients: int) -> list[int]:
    """All of them in the first age bucket."""
    return [recipients] + [0] * len(AGE_LIMITS)


def _postfix_sample(namespace: Namespace) -> Facts:
    """The first sample of `smtpwatch events`, run beside the Postfix."""
    with Live(namespace, "events", "--sensors", "host") as events:
        assert events.wait(lambda lines: bool(_samples(lines)), _LIMIT), events.output
        assert events.wait(lambda lines: lines[-1]["type"] == "SensorStatus" and lines[-1]["watching"], _LIMIT)
        (sample,) = _samples(events.lines)
        status = [line for line in events.lines if line["type"] == "SensorStatus"][-1]
    assert (status["sensor"], status["state"], status["reason"]) == ("host", "running", "")
    assert status["watching"] == [f"postfix {sample['instance']}"], "that of another network is not looked at"
    return sample


def _listed(postfix: Postfix) -> list[str]:
    """Queue ids by `postqueue -p`, which marks those that are active with *, those on hold with !."""
    said = postfix.namespace.run("postqueue", "-c", postfix.directory / "etc", "-p").stdout.decode()
    return [line.split()[0] for line in said.splitlines() if line[:1].isalnum()]


def _wait_until_deferred(postfix: Postfix, messages: int) -> list[str]:
    end = time.monotonic() + _LIMIT
    while True:
        ids = _listed(postfix)
        if len(ids) == messages and all(each.isalnum() for each in ids):
            return ids
        assert time.monotonic() < end, ids
        time.sleep(0.05)


@needs_postfix
def test_postfix(namespace: Namespace, postfix: Postfix) -> None:
    """Seven messages, one of them put on hold: counts, ages, domains and size as they went in."""
    empty = _postfix_sample(namespace)
    assert (empty["counts"], empty["oldest"], empty["waiting"], empty["octets"]) == (_EMPTY, {}, {}, 0)
    assert empty["ages"] == {}
    assert (empty["complete"], empty["note"], empty["instance"]) == (True, "", str(postfix.directory / "etc"))
    before = time.time()
    many = [f"user{number}@slow.example" for number in range(20)]
    _send(namespace, ("a@example.com", many), *[("", ["one@other.example", "two@OTHER.example"])] * 6)
    after = time.time()
    held = _wait_until_deferred(postfix, 7)[0]
    namespace.run("postsuper", "-c", postfix.directory / "etc", "-h", held)
    sample = _postfix_sample(namespace)
    assert sample["counts"] == {**_EMPTY, "deferred": 6, "hold": 1}
    assert sample["waiting"] == {"slow.example": 20, "other.example": 12}
    assert sample["ages"] == {name: _young(n) for name, n in (("", 32), ("slow.example", 20), ("other.example", 12))}
    assert 7 * len(_MESSAGE) < sample["octets"] < 7 * (len(_MESSAGE) + 1_000)
    assert set(sample["oldest"]) == {"deferred", "hold"}
    for age in sample["oldest"].values():  # Postfix tells whole seconds
        assert math.floor(before) <= round(sample["time"] - age, 3) <= after


@needs_postfix
@pytest.mark.needs("setpriv", "unshare")
def test_postfix_may_not_be_looked_at(namespace: Namespace, postfix: Postfix) -> None:
    etc = postfix.directory / "etc"
    sample, complained = _read(namespace, "postfix", *_with_etc(etc, "/etc/postfix", *_NOBODY, "postqueue", "-j"))
    assert complained
    assert "authorized_mailq_users" in sample.note
    assert (sample.counts, sample.complete) == ({}, False)
    sample, complained = _read(namespace, "postfix", *_with_etc(etc, "/etc/postfix", "postqueue", "-j"))
    assert (complained, sample.note, sample.complete) == (False, "", True)


@needs_postfix
@pytest.mark.needs("setpriv")
def test_an_instance_that_is_not_named(namespace: Namespace, postfix: Postfix) -> None:
    """A user who is not root may look at another instance only if main.cf says so."""
    command = ("postqueue", "-c", str(postfix.directory / "etc"), "-j")
    sample, _ = _read(namespace, "postfix", *_NOBODY, *command)
    assert sample.note.startswith("postqueue: fatal: ")
    assert (sample.counts, sample.complete) == ({}, False)


@needs_postfix
def test_a_postfix_that_is_down() -> None:
    """Root sees its queue all the same, with a warning."""
    with Namespace("queue-down") as its_own, Postfix(its_own, "mx.example.net", recipients=["a@example.net"]) as it:
        assert it._process is not None
        it._process.terminate()
        it._process.wait()
        sample, warned = _read(its_own, "postfix", "postqueue", "-c", str(it.directory / "etc"), "-j")
    assert warned
    assert (sample.counts, sample.complete, sample.note) == (_EMPTY, True, "")


def _exim_command(exim: Exim, *before: str) -> tuple[str, ...]:
    return _with_etc(exim.directory / "etc", "/etc", *before, f"{exim.directory}/exim4", "-bpr")


@needs_exim
@pytest.mark.needs("openssl")
def test_exim(exim: Exim) -> None:
    """Four messages, one of them frozen, one delivered to in part: as they went in."""
    command = _exim_command(exim)
    empty, _ = _read(exim.namespace, "exim", *command)
    assert (empty.counts, empty.oldest, empty.octets, empty.complete) == ({"queued": 0, "frozen": 0}, {}, 0, True)
    forger = '"x> *** frozen ***"@example.com'
    for sender, *recipients in (
        ("a@example.com", "one@slow.example", "two@SLOW.example", "three@other.example"), ("<>", "one@slow.example"),
        (forger, "one@slow.example"), (forger, '"a b@c"@other.example'),
    ):  # fmt: skip
        assert exim.run("-odq", "-f", sender, *recipients, stdin=_MESSAGE).returncode == 0
    by_first: dict[str, str] = {}
    for entry in exim.run("-bp").stdout.decode().strip().split("\n\n"):
        by_first.setdefault(entry.split("\n")[0].partition("<")[2], entry.split()[2])
    assert exim.run("-Mf", by_first[">"]).returncode == 0
    assert exim.run("-Mmd", by_first["a@example.com>"], "three@other.example").returncode == 0
    sample, _ = _read(exim.namespace, "exim", *command)
    assert sample.counts == {"queued": 3, "frozen": 1}
    assert sample.waiting == {"slow.example": 4, "other.example": 1}
    assert {name: list(ages) for name, ages in sample.ages.items()} == {
        "": _young(5), "slow.example": _young(4), "other.example": _young(1),
    }  # fmt: skip
    assert 4 * len(_MESSAGE) < sample.octets < 4 * (len(_MESSAGE) + 1_000)
    assert set(sample.oldest) == {"queued", "frozen"}
    assert all(age < 60 + _LIMIT for age in sample.oldest.values())
    assert (sample.complete, sample.note) == (True, "")


@needs_exim
@pytest.mark.needs("openssl", "setpriv")
def test_exim_may_not_be_looked_at(exim: Exim) -> None:
    sample, complained = _read(exim.namespace, "exim", *_exim_command(exim, *_NOBODY))
    assert complained
    assert "queue_list_requires_admin" in sample.note
    assert (sample.counts, sample.complete) == ({}, False)
