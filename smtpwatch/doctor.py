"""`smtpwatch doctor`: what can be seen here, what cannot, and which command would change that."""

import ctypes.util
import os
import platform
import socket
import time
from collections.abc import Iterator
from typing import Literal, NamedTuple

import psutil

from smtpwatch import rights
from smtpwatch.clean import clean
from smtpwatch.config import Config
from smtpwatch.events import CertificateSeen
from smtpwatch.logs_checked import LogChecked

SOL_PACKET = 263
PACKET_VERSION = 10
TPACKET_V3 = 2  # linux/if_packet.h

PROGRAMS = 10  # whose lines are not understood, the most first
SAMPLE = 200  # characters of such a line that are shown

DAY = 86_400.0
RENEW = 21  # days; who renews by a machine does so a month before the end, so by then it has failed
SHOWN_NAMES = 4  # of a certificate


class Finding(NamedTuple):
    """One line: `good` None is neither good nor bad; `remedy` is a command or a step, "" for none."""

    what: str
    says: str
    good: bool | None
    remedy: str = ""


def findings(config: Config) -> Iterator[Finding]:
    """All that is worth knowing before capture starts."""
    yield Finding("system", f"{platform.system()} {platform.release()}, Python {platform.python_version()}", None)
    yield from _capture()
    yield from _interfaces(config)
    yield from _ports(config)
    yield from _certificates(config, time.time())
    yield _libpcap(config)
    yield from _logs(config)
    yield from _lookups(config)
    yield from _blocking(config)
    yield _terminal()


def _capture() -> Iterator[Finding]:
    if not rights.may_capture():
        yield Finding("capture", "not allowed (needs root or CAP_NET_RAW)", False, rights.remedy())
        yield Finding("capture ring", "not known without the right to capture", None)
        return
    yield Finding("capture", "allowed", True)
    if not hasattr(socket, "AF_PACKET"):
        yield Finding("capture ring", "none on this system: capturing with scapy, which is slower", None)
        return
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as sock:
            sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
    except OSError as error:
        yield Finding("capture ring", f"TPACKET_V3 refused: {error.strerror}", False, "a kernel of 3.2 or later")
    else:
        yield Finding("capture ring", "AF_PACKET, TPACKET_V3", True)


def _interfaces(config: Config) -> Iterator[Finding]:
    there = psutil.net_if_stats()
    addresses = psutil.net_if_addrs()
    for name in config.interfaces:
        if name not in there:
            yield Finding("interface", f"{name}: no such interface", False, f"choose from: {', '.join(sorted(there))}")
    for name, stats in sorted(there.items()):
        if config.interfaces and name not in config.interfaces:
            continue
        own = [
            address.address.partition("%")[0]
            for address in addresses.get(name, [])
            if address.family in (socket.AF_INET, socket.AF_INET6)
        ]
        state = "up" if stats.isup else "down"
        yield Finding("interface", f"{name}: {state}, {', '.join(own) or 'no address'}", stats.isup or None)


def _ports(config: Config) -> Iterator[Finding]:
    listening: dict[int, set[str]] = {}
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr:
                listening.setdefault(connection.laddr.port, set()).add(_process(connection.pid))
    except psutil.AccessDenied:
        yield Finding("ports", "who listens is not known without root", None)
    for port in config.ports:
        names = ", ".join(sorted(listening.get(port, ())))
        says = f"{port}: {names or 'nobody listens here'}"
        yield Finding("port", says, True if names else None)


def _certificates(config: Config, now: float) -> Iterator[Finding]:
    """What each listener of ours shows when it is asked."""
    if not config.certificates:
        yield Finding("certificate", "our ports are not asked (certificates = false, or --no-certificates)", None)
        return
    from smtpwatch.sensors import ask_ports

    try:
        for server, port, seen, problem in ask_ports(config, config.hostname or socket.gethostname()):
            where = f"{port} on {server}"
            if seen is None:
                yield Finding("certificate", f"{where}: {problem}", None)
            else:
                good, until, remedy = _validity(seen, now)
                by = "itself" if seen.self_signed else seen.issuer or "an issuer without a name"
                yield Finding("certificate", f"{where}: {_names(seen)}, by {by}, {until}", good, remedy)
    except psutil.AccessDenied:
        yield Finding("certificate", "whom to ask is not known without root", None)


def _validity(seen: CertificateSeen, now: float) -> tuple[bool, str, str]:
    """Whether all is well with its time, in words, and what would mend it."""
    if now < seen.not_before:
        begins = f"not valid yet: begins in {_days(seen.not_before - now)}"
        return False, begins, "check this host's clock, and the certificate"
    left = seen.not_after - now
    if left < 0:
        return False, f"expired {_days(-left)} ago", "renew it, then have the mail server read it anew (reload)"
    remedy = "" if left >= RENEW * DAY else "renew it, then have the mail server read it anew (reload)"
    return not remedy, f"expires in {_days(left)}", remedy


def _days(seconds: float) -> str:
    days = int(seconds // DAY)
    return f"{days:,} day{'' if days == 1 else 's'}" if days else "less than a day"


def _names(seen: CertificateSeen) -> str:
    more = len(seen.names) - SHOWN_NAMES
    return ", ".join(seen.names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "") or "for no name"


def _process(pid: int | None) -> str:
    if pid is None:
        return "a process not shown to us"
    try:
        return f"{psutil.Process(pid).name()} ({pid})"
    except psutil.Error:
        return f"process {pid}"


def _libpcap(config: Config) -> Finding:
    found = ctypes.util.find_library("pcap")
    if found:
        return Finding("libpcap", f"{found}: --bpf filters can be compiled", True)
    return Finding(
        "libpcap", "not found; needed for --bpf only", False if config.bpf else None, "apt install libpcap0.8"
    )


def _logs(config: Config) -> Iterator[Finding]:
    """Each log that would be followed, how much of it is understood, and samples of what is not."""
    from smtpwatch.sensors import check_logs

    none = True
    for log in check_logs(config, socket.gethostname(), time.time()):
        none = False
        if log.problem:
            remedy = "run it with sudo, or as a member of group adm" if "ermission" in log.problem else ""
            yield Finding("log", f"{log.name}: {log.problem}", False, remedy)
        elif not log.lines:
            yield Finding("log", f"{log.name}: followed", True)
        else:
            share = 100 * (log.lines - log.unknown) / log.lines
            share = min(share, 99.9) if log.unknown else share
            yield Finding("log", f"{log.name}: {share:.1f} % of its latest {log.lines:,} lines are understood", True)
            yield from _unknown(log)
    if none:
        yield Finding("log", "none found; --log PATH names one", None)


def _unknown(log: LogChecked) -> Iterator[Finding]:
    worst = sorted(log.by_program.items(), key=lambda item: -item[1])[:PROGRAMS]
    for program, count in worst:
        sample = log.samples.get(program, [""])[0][:SAMPLE]
        yield Finding("", f"not understood: {program}, {count:,} lines, as: {sample}", None)


def _lookups(config: Config) -> Iterator[Finding]:
    from smtpwatch.lookup.checked import geo, names

    yield from geo(config, time.time())
    yield names(config)


def _blocking(config: Config) -> Iterator[Finding]:
    from smtpwatch.firewall.checked import findings as firewall

    yield from firewall(config)


def _terminal() -> Finding:
    size = os.get_terminal_size() if os.isatty(1) else None
    where = f"{size.columns}x{size.lines}" if size else "not a terminal"
    colours = "no colours (NO_COLOR)" if os.environ.get("NO_COLOR") else os.environ.get("TERM", "no TERM")
    return Finding("terminal", f"{where}, {colours}", None)


def lines(config: Config) -> list[str]:
    """The report as text: a mark, the subject, what holds, and what would mend it."""
    marks: dict[bool | None, Literal["ok", "--", "  "]] = {True: "ok", False: "--", None: "  "}
    report = []
    for finding in findings(config):
        # Any user names processes, and a host names its interfaces.
        report.append(f"{marks[finding.good]} {finding.what:<13} {clean(finding.says)}")
        if finding.remedy:
            report.append(f"   {'':<13} -> {clean(finding.remedy)}")
    return report
