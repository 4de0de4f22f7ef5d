"""Trusted networks, from programs that answer as postconf and exim do, or go wrong."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.host import mta as mtas
from collectors.host import trusted_exim, trusted_found, trusted_postfix
from collectors.host.trusted_found import Found
from smtpwatch import sensors
from tests.collectors.host.trusted_host import Host


def test_no_mail_server(host: Host) -> None:
    assert host.found() == ((), ())


def test_as_the_core_asks(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.postfix("10.0.0.0/8")
    monkeypatch.setattr("collectors.host.trusted.trusted_networks", host.found)
    assert sensors.trusted_networks() == host.found() != ((), ())


def test_each_setting_of_each_server(host: Host) -> None:
    host.postfix(
        "127.0.0.0/8",
        "smtpd_authorized_xclient_hosts = 192.0.2.1",
        "smtpd_authorized_xforward_hosts = ",
        services=["127.0.0.1:10025/inet/mynetworks = 127.0.0.0/8 192.0.2.2"],
    )
    host.exim("hostlist relay_from_hosts = 10.0.0.0/8", "hosts_proxy = 10.1.0.1")
    networks, notes = host.found()
    assert [(str(network), server, setting) for network, server, setting in networks] == [
        ("127.0.0.0/8", "postfix", "mynetworks"),
        ("192.0.2.1/32", "postfix", "smtpd_authorized_xclient_hosts"),
        ("127.0.0.0/8", "postfix", "127.0.0.1:10025/inet/mynetworks"),
        ("192.0.2.2/32", "postfix", "127.0.0.1:10025/inet/mynetworks"),
        ("10.0.0.0/8", "exim", "relay_from_hosts"),
        ("10.1.0.1/32", "exim", "hosts_proxy"),
    ]
    assert notes == ()
    names = "mynetworks smtpd_authorized_xclient_hosts smtpd_authorized_xforward_hosts"
    everywhere = " ".join(f"*/*/{name}" for name in names.split())
    assert host.asked("postconf") == [f"-x {names}", f"-x -P {everywhere}"]


# ---- programs that go wrong


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'fatal: no main.cf' >&2; echo 'fatal: no main.cf' >&2; exit 1", "fatal: no main.cf"),
        ("exit 3", "ended with status 3"),
        ("kill -9 $$", "ended with status -9"),
        ("exec yes mynetworks = 10.0.0.0/8", "wrote more than 1,048,576 octets"),
        ("sleep 60", "took longer than 1 s"),
        ("exec >&- 2>&-; sleep 60", "took longer than 1 s"),
        ("sleep 60 & exit 0", "took longer than 1 s"),
        ("exec yes >&2", "took longer than 1 s"),
    ],
)
def test_a_program_that_goes_wrong(host: Host, monkeypatch: pytest.MonkeyPatch, script: str, why: str) -> None:
    """It is told, in time, and another server is asked all the same."""
    monkeypatch.setattr(trusted_found, "LIMIT", 1.0)
    host.postfix("10.0.0.1")
    host.exim("hostlist relay_from_hosts = 10.0.0.2")
    host.program("postconf", script)
    began = time.monotonic()
    assert host.noted("10.0.0.2/32") in {
        f"postfix: {host.programs}/postconf: {why}", f"postfix: {host.programs}/postconf {why}",
    }  # fmt: skip
    assert time.monotonic() - began < 5


def test_a_program_that_complains_much(host: Host) -> None:
    """The last words count, and a note is short all the same."""
    host.postfix("")
    host.program("postconf", f"echo first >&2; echo {'x' * trusted_found.SAID_MAX} last >&2; exit 1")
    note = host.noted()
    assert "first" not in note
    assert len(note) == trusted_found.NOTE_MAX + 1


def test_its_children_end_with_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusted_found, "LIMIT", 0.5)
    host.postfix("")
    host.program("postconf", f"(sleep 1; touch {host.directory}/late) & wait")
    host.noted()
    time.sleep(1)
    assert not (host.directory / "late").exists()


def test_programs_that_are_not_there(host: Host) -> None:
    host.postfix("")
    (host.programs / "postconf").unlink()
    assert host.noted() == f"postfix: {host.programs}/postconf: No such file or directory"


def test_what_a_program_is_given(host: Host) -> None:
    """Neither our environment nor our input, nor the directory that we happen to be in."""
    host.postfix("")
    host.program("postconf", f"(env; cat; pwd) >> {host.directory}/given")
    reads, writes = os.pipe()
    before = os.dup(0)
    os.write(writes, b"typed\n")
    os.close(writes)
    os.dup2(reads, 0)
    try:
        host.found()
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reads)
    given = (host.directory / "given").read_text().splitlines()
    assert "LC_ALL=C" in given
    assert f"PATH={mtas.PROGRAMS}:/bin" in given
    assert given[-1] == "/"
    assert "typed" not in given
    assert not any(line.startswith("HOME=") for line in given)


def test_everything_is_bounded(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusted_found, "NETWORKS", 3)
    monkeypatch.setattr(trusted_found, "NOTES", 4)
    names = [f"{number}{'x' * 1_000}" for number in range(9)]
    host.postfix(" ".join([*(f"10.0.0.{number}" for number in range(9)), *(f"ldap:{name}" for name in names)]))
    networks, notes = host.found()
    assert len(networks) == 3
    assert notes[0] == "postfix: mynetworks: more than 3 networks; the others are left out"
    assert (len(notes), notes[-1]) == (5, "more could not be read than is told here")
    assert all(len(note) < 500 for note in notes)
    host.file("long", "#" * trusted_found.TEXT_MAX + "#")
    host.postfix(f"{host.directory}/long")
    assert host.noted() == f"postfix: mynetworks: {host.directory}/long: longer than 1,048,576 octets"


# ---- any text

_PIECES = st.sampled_from(
    [":", "::", "<;", "!", "+a", "hash:", "{", "}", "[", "]", "/", "10.0.0.1", "::1", "/8", " ", ",", "\\n", "\0"]
)
_TEXTS = st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=20).map("".join))


@given(_TEXTS)
def test_no_text_does_harm(text: str) -> None:
    found = Found()
    trusted_postfix._List("postfix", "mynetworks", ("/nowhere/postmap",), found).take(text)
    trusted_exim._List("exim", "relay_from_hosts", "/nowhere/exim", found).take(text)
    assert all(len(note) <= trusted_found.NOTE_MAX + 1 for note in found.all().notes)
