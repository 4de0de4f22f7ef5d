"""What `smtpwatch doctor` finds, as data and as typed, in a namespace with a listener of its own."""

import ctypes.util
import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from smtpwatch import rights
from smtpwatch.config import Config
from smtpwatch.doctor import Finding, findings, lines
from smtpwatch.lookup import checked
from smtpwatch.lookup.databases import PLACES, STALE, found
from smtpwatch.lookup.names import ResolverError
from tests.hosts.namespaces import Namespace
from tests.hosts.program import PROGRAM
from tests.lookup import databases

# Still root, which may run the virtual environment wherever it is, but without any capability.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
PORT = 2525


@pytest.fixture(scope="module")
def lab() -> Iterator[Namespace]:
    """A host that listens on PORT, and has interfaces that are down."""
    with Namespace("doctor") as namespace:
        namespace.ip("link", "add", "spare0", "type", "veth", "peer", "name", "spare1")
        with namespace.entered():
            listener = socket.create_server(("127.0.0.1", PORT))
        with listener:
            yield namespace


def _found(config: Config, what: str) -> list[Finding]:
    return [finding for finding in findings(config) if finding.what == what]


def _report(ran: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The lines of a run: doctor ends well whatever it finds."""
    assert (ran.returncode, ran.stderr) == (0, b"")
    return ran.stdout.decode().splitlines()


# ---- as typed


@pytest.mark.needs("namespaces")
def test_with_rights(lab: Namespace) -> None:
    report = _report(lab.run(PROGRAM, "doctor", "--ports", f"25,{PORT}", "--geo", "none", "--no-certificates"))
    assert report[0].startswith(f"   system        {platform.system()} {platform.release()}, Python ")
    assert "ok capture       allowed" in report
    assert "ok capture ring  AF_PACKET, TPACKET_V3" in report
    assert "ok interface     lo: up, 127.0.0.1, ::1" in report
    assert "   interface     spare0: down, no address" in report
    assert "   port          25: nobody listens here" in report
    assert f"ok port          {PORT}: {psutil.Process().name()} ({os.getpid()})" in report
    assert "->" not in "".join(line for line in report if "libpcap" not in line)


@pytest.mark.needs("namespaces", "setpriv")
@pytest.mark.parametrize("program", [(PROGRAM,), (sys.executable, "-P", "-m", "smtpwatch")])
def test_without_rights(lab: Namespace, program: tuple[str | Path, ...]) -> None:
    report = _report(lab.run(*POWERLESS, *program, "doctor", "--ports", str(PORT), "--no-certificates"))
    at = report.index("-- capture       not allowed (needs root or CAP_NET_RAW)")
    assert report[at + 1] == f"                 -> sudo {shlex.quote(str(PROGRAM))}"
    assert "   capture ring  not known without the right to capture" in report
    (port,) = (line for line in report if line[3:].startswith("port "))
    assert port.startswith(f"ok port          {PORT}: "), "that somebody listens is known, if not who"


@pytest.mark.needs("namespaces")
def test_an_interface_that_is_not_there(lab: Namespace) -> None:
    report = _report(lab.run(PROGRAM, "doctor", "-i", "nope0", "-i", "lo"))
    at = report.index("-- interface     nope0: no such interface")
    assert report[at + 1] == "                 -> choose from: lo, spare0, spare1"
    assert [line for line in report if line[3:].startswith("interface")][1:] == [
        "ok interface     lo: up, 127.0.0.1, ::1"
    ]


# ---- as data


@pytest.mark.needs("namespaces")
def test_findings(lab: Namespace, tmp_path: Path) -> None:
    log = _log(tmp_path / "mail.log")
    with lab.entered():
        found = list(
            findings(
                Config(ports=(PORT, 25), logs=(str(log),), geo=("none",), names=False, certificates=False, block=False)
            )
        )
    subjects = [
        "system",
        "capture",
        "capture ring",
        *["interface"] * 3,
        *["port"] * 2,
        "certificate",
        "libpcap",
        "log",
        "geo",
        "names",
        "blocking",
        "terminal",
    ]
    assert [finding.what for finding in found] == subjects
    assert Finding("interface", "lo: up, 127.0.0.1, ::1", True) in found
    assert Finding("interface", "spare0: down, no address", None) in found
    assert Finding("port", "25: nobody listens here", None) in found
    assert not any(finding.good is False for finding in found if finding.what != "libpcap")


@pytest.mark.parametrize(("bpf", "good"), [("", None), ("tcp", False)])
def test_libpcap_is_missed_only_if_there_is_a_filter(
    monkeypatch: pytest.MonkeyPatch, bpf: str, good: bool | None
) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    (finding,) = _found(Config(bpf=bpf), "libpcap")
    assert finding == Finding("libpcap", "not found; needed for --bpf only", good, "apt install libpcap0.8")
    report = lines(Config(bpf=bpf))
    at = report.index(f"{'--' if bpf else '  '} libpcap       not found; needed for --bpf only")
    assert report[at + 1] == "                 -> apt install libpcap0.8"


def test_libpcap_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"lib{name}.so.1")
    assert _found(Config(bpf="tcp"), "libpcap") == [
        Finding("libpcap", "libpcap.so.1: --bpf filters can be compiled", True)
    ]


def test_without_the_right_to_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "may_capture", lambda: False)
    (finding,) = _found(Config(), "capture")
    assert (finding.good, finding.remedy) == (False, rights.remedy())


def test_a_kernel_without_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(socket.socket):
        def __init__(self, *_: object) -> None:
            super().__init__()

        def setsockopt(self, *_: object) -> None:
            raise OSError(92, "Protocol not available")

    monkeypatch.setattr(rights, "may_capture", lambda: True)
    monkeypatch.setattr(socket, "socket", Refusing)
    (finding,) = _found(Config(), "capture ring")
    assert finding == Finding(
        "capture ring", "TPACKET_V3 refused: Protocol not available", False, "a kernel of 3.2 or later"
    )


def test_sockets_that_may_not_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    assert _found(Config(), "ports") == [Finding("ports", "who listens is not known without root", None)]


@pytest.mark.needs("namespaces")
def test_a_process_name_does_not_act_on_the_terminal(lab: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """prctl(2) PR_SET_NAME takes any octets, from anybody."""
    monkeypatch.setattr(psutil.Process, "name", lambda _: "\x1b[2J\nsmtpd")
    with lab.entered():
        report = lines(Config(ports=(PORT,), certificates=False))
    assert f"ok port          {PORT}: \\e[2J smtpd ({os.getpid()})" in report
    assert all(line.isprintable() for line in report)


def test_the_remedy_falls_back_to_the_bare_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "a b" / "python"))
    assert rights.remedy() == "sudo smtpwatch"
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "smtpwatch").touch()
    assert rights.remedy() == f"sudo '{tmp_path}/a b/smtpwatch'"


# ---- the logs


def _log(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_log_and_what_is_not_understood_of_it(tmp_path: Path) -> None:
    known = "Nov 10 10:00:00 mx postfix/smtpd[7]: connect from unknown[203.0.113.7]"
    unknown = "Nov 10 10:00:00 mx strange/smtpfoo[7]: \x1b[2J does what it does"
    log = _log(tmp_path / "mail.log", *[known] * 6, *[unknown] * 2, "no stamp at all")
    found = [finding for finding in findings(Config(logs=(str(log),))) if finding.what in ("log", "")]
    assert found == [
        Finding("log", f"{log}: 66.7 % of its latest 9 lines are understood", True),
        Finding("", f"not understood: strange/smtpfoo, 2 lines, as: {unknown}", None),
        Finding("", "not understood: no program, 1 lines, as: no stamp at all", None),
    ]
    assert not any("\x1b" in line for line in lines(Config(logs=(str(log),))))


def test_only_the_end_of_a_long_log_is_looked_at(tmp_path: Path) -> None:
    log = _log(
        tmp_path / "mail.log",
        *["unknown " * 100] * 4_000,
        *["Nov 10 10:00:00 mx postfix/qmgr[7]: A1B2C3: removed"] * 50_000,
    )
    (found,) = [finding for finding in findings(Config(logs=(str(log),))) if finding.what == "log"]
    assert "100.0 % of its latest " in found.says


def test_logs_that_cannot_be_read(tmp_path: Path) -> None:
    empty = _log(tmp_path / "empty.log")
    missing, folder = tmp_path / "missing.log", tmp_path
    found = [
        finding for finding in findings(Config(logs=(str(empty), str(missing), str(folder)))) if finding.what == "log"
    ]
    assert [finding.says for finding in found] == [
        f"{empty}: followed", f"{missing}: No such file or directory", f"{folder}: Is a directory",
    ]  # fmt: skip
    assert [finding.good for finding in found] == [True, False, False]


# ---- geo databases and names

NOW = databases.BUILT + 12.5 * 86_400
DB_IP = "https://db-ip.com/db/lite.php"
ELSEWHERE = Finding("geo", 'a .mmdb file elsewhere is named by --geo PATH, or in the settings by geo = ["PATH"]', None)


def test_geo_databases(tmp_path: Path) -> None:
    country, asn = databases.country(tmp_path), databases.asn(tmp_path)
    assert list(checked.geo(Config(geo=(str(country), str(asn))), NOW)) == [
        Finding("geo", f"GeoLite2-Country, 12 days old: {country}", True),
        Finding("geo", f"GeoLite2-ASN, 12 days old: {asn}", True),
    ]


def test_a_geo_database_that_nobody_renews(tmp_path: Path) -> None:
    path = databases.demo(tmp_path)
    config = Config(geo=(str(path),))
    assert [finding.good for finding in checked.geo(config, databases.BUILT + STALE + 86_399)] == [True]
    assert list(checked.geo(config, databases.BUILT + STALE + 86_400)) == [
        Finding(
            "geo",
            f"Demo-City-ASN, 61 days old: {path} (stale)",
            False,
            f"geoipupdate, best by a timer; or this month's file from {DB_IP}",
        )
    ]


def test_no_geo_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checked, "found", lambda paths: found(paths, ()))
    where = ", ".join(map(str, PLACES))
    assert list(checked.geo(Config(), NOW)) == [
        Finding(
            "geo",
            f"no database of the countries and networks of sources in {where}",
            None,
            "geoipupdate fetches GeoLite2-Country and GeoLite2-ASN (free, with an account at MaxMind); or without one: "
            f"dbip-country-lite and dbip-asn-lite from {DB_IP}",
        ),
        ELSEWHERE,
    ]


def test_geo_databases_of_which_some_are_of_no_use(tmp_path: Path) -> None:
    country, missing = databases.country(tmp_path), tmp_path / "missing.mmdb"
    assert list(checked.geo(Config(geo=(str(missing), str(country))), NOW)) == [
        Finding("geo", f"GeoLite2-Country, 12 days old: {country}", True),
        Finding("geo", f"{missing}: No such file or directory", False),
        Finding(
            "geo",
            f"no database of the networks of sources in {missing}, {country}",
            None,
            "geoipupdate fetches GeoLite2-ASN (free, with an account at MaxMind); or without one: "
            f"dbip-asn-lite from {DB_IP}",
        ),
        ELSEWHERE,
    ]


def test_geo_and_names_switched_off() -> None:
    config = Config(geo=("none",), names=False)
    assert [finding for finding in findings(config) if finding.what in ("geo", "names")] == [
        Finding("geo", "off: countries and networks of sources are not shown", None),
        Finding("names", "off: no reverse DNS", None),
    ]


def test_whom_names_are_asked_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, "servers", lambda: ("192.0.2.53", "2001:db8::53"))
    assert checked.names(Config()) == Finding(
        "names", "reverse DNS of what is on screen, asked of 192.0.2.53, 2001:db8::53", True
    )


def test_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[str, ...]:
        raise ResolverError("cannot open /etc/resolv.conf")

    monkeypatch.setattr(checked, "servers", refuse)
    assert checked.names(Config()) == Finding(
        "names",
        "no resolver for reverse DNS: cannot open /etc/resolv.conf",
        False,
        "name one in /etc/resolv.conf",
    )


@pytest.mark.needs("namespaces", "setpriv")
def test_a_geo_database_that_may_not_be_read(lab: Namespace, tmp_path: Path) -> None:
    path, asn = databases.country(tmp_path), databases.asn(tmp_path)
    path.chmod(0)
    report = _report(lab.run(*POWERLESS, PROGRAM, "doctor", "--geo", path, "--geo", asn, "--no-names"))
    lines = [line for line in report if line[3:].startswith(("geo ", "names "))]
    age = lines[0].removeprefix("ok geo           GeoLite2-ASN, ").removesuffix(f" old: {asn}")
    assert age.split()[1] in ("day", "days")
    assert lines[1:] == [
        f"-- geo           {path}: Permission denied",
        f"   geo           no database of the countries of sources in {path}, {asn}",
        f"   geo           {ELSEWHERE.says}",
        "   names         off: no reverse DNS",
    ]


def test_geo_databases_and_none_at_once() -> None:
    ran = subprocess.run([PROGRAM, "doctor", "--geo", "a.mmdb", "--geo", "none"], capture_output=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr == b"smtpwatch: geo databases: either `none` or paths\n"
