"""The command line: one small function per subcommand. Nothing heavy is imported before it is needed."""

import argparse
import gc
import math
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from smtpwatch.clean import clean
from smtpwatch.cli_blocks import add_blocking
from smtpwatch.command import DAMAGED, FAILED, OK, USAGE, CommandError, batches, check, files, for_people, hostname, put
from smtpwatch.config import Config, ConfigError, duration, load, ports

if TYPE_CHECKING:
    from smtpwatch.events import SensorStatus
    from smtpwatch.state.session import Session
    from smtpwatch.state.sessions import Sessions

LOG_DELAY = 2.0  # seconds that an ended session waits for what the log has to say of its mail
LOG_PATIENCE = 8.0  # seconds that it waits for a log that has not yet said anything of it

EXIT_CODES = """exit codes: 0 all well (also: the reader of the pipe went away, Ctrl-C); 1 could not do it (rights,
interface, file); 2 wrong usage or settings; 3 a file is damaged: everything before the damage was given"""

ALERT_CODES = """exit codes: 0 no alert (also: the reader of the pipe went away, Ctrl-C); 1 could not do it (rights,
interface, file); 2 wrong usage or settings; 3 a file is damaged: alerts were told of everything before the damage; 6
alerts were told"""

ALERTS = """What the rules find, as JSON lines; on a terminal as text. Live: a line when an alert is raised, becomes
worse or is over; the command of the setting alerts.on_alert is run for all of them that are raised or become worse.
With -r: each alert once, when the files have been read, with its final figures; alerts.on_alert is not run."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("-i", "--interface", action="append", metavar="IF", help="capture on IF only (repeat for more)")
    common.add_argument(
        "-r", "--read", type=Path, action="append", metavar="FILE",
        help="read a capture (pcap, pcapng) or a mail log, also gzip, xz, zstd; `-`: standard input (repeat for more)",
    )  # fmt: skip
    common.add_argument(
        "--ports", metavar="LIST", help="ports to watch: 25,465,587; `any` with -r: wherever SMTP is spoken"
    )
    common.add_argument(
        "--bpf", metavar="FILTER", help="capture filter in libpcap's language, e.g. 'net 203.0.113.0/24'"
    )
    common.add_argument(
        "--local", action="append", metavar="NET", help="an address or network of ours (repeat for more)"
    )
    common.add_argument(
        "--log",
        action="append",
        metavar="PATH",
        help="a mail log to follow, or `journald` (repeat for more); default: those found",
    )
    common.add_argument("--since", metavar="TIME", help="read the logs' past first: 30m, 2h, 7d; rotated files too")
    common.add_argument(
        "--sensors", metavar="LIST", help="what to watch live: wire,log,host (the default), or some of them"
    )
    common.add_argument("--log-zone", metavar="ZONE", help="time zone of log stamps that name none, e.g. Europe/Berlin")
    common.add_argument("--no-certificates", action="store_true", help="do not ask our own ports for their certificate")
    common.add_argument(
        "--geo",
        action="append",
        metavar="PATH",
        help="a geo database (.mmdb) or a folder of them, or `none` (repeat for more); default: those found",
    )
    common.add_argument("--no-names", action="store_true", help="ask no resolver for the names of addresses")
    common.add_argument("--no-block", action="store_true", help="look only: nothing can be blocked")
    common.add_argument("--firewall", metavar="NAME", help="what blocks: auto, nftables, iptables, fail2ban")
    common.add_argument(
        "--allow", action="append", metavar="NET", help="an address or network that is never blocked (repeat for more)"
    )
    common.add_argument("--hostname", metavar="NAME", help="this host's name in events and on screen")
    common.add_argument("--theme", metavar="NAME", help="colours: terminal, light, safe (red-green blind), mono")
    common.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="any setting of the file, e.g. refresh=2 or ports=[25,2525] (repeat for more)",
    )
    common.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML (default: /etc/smtpwatch.toml)")
    top = argparse.ArgumentParser(
        prog="smtpwatch",
        parents=[common],
        description="A terminal monitor for mail hosts. Without a command: the live screen.",
        epilog=EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=_version())
    top.add_argument("--demo", action="store_true", help="play bundled recorded traffic; needs no rights")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    events = commands.add_parser("events", parents=[common], help="every event as a JSON line", epilog=EXIT_CODES)
    events.set_defaults(run=_events)
    sessions = commands.add_parser(
        "sessions", parents=[common], help="one line per SMTP session, as it ends", epilog=EXIT_CODES
    )
    sessions.add_argument("--json", action="store_true", help="as JSON lines")
    sessions.set_defaults(run=_sessions)
    explain = commands.add_parser(
        "explain", parents=[common], help="what is made of each line of a mail log", epilog=EXIT_CODES
    )
    explain.add_argument(
        "file", nargs="?", type=Path, default=Path("-"), metavar="FILE", help="default: standard input"
    )
    explain.add_argument("--json", action="store_true", help="as JSON lines, on a terminal too")
    explain.set_defaults(run=_explain)
    _add_alerts(commands, common)
    settings = commands.add_parser("config", parents=[common], help="the settings in force, as a file of settings")
    settings.add_argument("--print-default", action="store_true", help="those without a file and options")
    settings.set_defaults(run=_settings)
    doctor = commands.add_parser("doctor", parents=[common], help="what smtpwatch can see here, and what it lacks")
    doctor.set_defaults(run=_doctor)
    add_blocking(commands, common)
    return top


def _add_alerts(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    alerts = commands.add_parser(
        "alerts", parents=[common], help="what the rules find", description=ALERTS, epilog=ALERT_CODES
    )
    alerts.add_argument(
        "--severity", choices=("notice", "warning", "critical"), default="notice",
        help="the least that is told, and counts for the exit code; default: notice",
    )  # fmt: skip
    alerts.add_argument(
        "--here", action="store_true", help="with -r: it is this host's: ask its mail server for its domains"
    )
    form = alerts.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON lines, on a terminal too")
    form.add_argument("--text", action="store_true", help="as lines of text, in a pipe too")
    alerts.set_defaults(run=_alerts)


def _version() -> str:
    from importlib.metadata import version

    return f"smtpwatch {version('smtpwatch')}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = parser().parse_args(argv)
    run: Callable[[argparse.Namespace, Config], int] = getattr(options, "run", _screen)
    # Both end us alike, also when a shell script put us in the background, where SIGINT starts out ignored.
    signal.signal(signal.SIGINT, _terminated)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        config = _config(options)
        return run(options, config)
    except (ConfigError, CommandError) as error:
        print(f"smtpwatch: {clean(str(error))}", file=sys.stderr)
        return error.code if isinstance(error, CommandError) else USAGE
    except KeyboardInterrupt:
        return getattr(options, "interrupted", OK)
    except BrokenPipeError:
        return OK  # the reader has gone, which is how `| head` ends


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _config(options: argparse.Namespace) -> Config:
    from smtpwatch.settings_text import assigned

    given = vars(options)
    settings: dict[str, Any] = {}
    if "interface" in given:
        settings["interfaces"] = tuple(given["interface"])
    for text in given.get("set", ()):
        name, value = assigned(text)
        before = settings.get(name)
        settings[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    for name in ("local", "allow", "bpf", "log_zone", "hostname", "theme", "firewall"):
        if name in given:
            settings[name] = tuple(given[name]) if name in ("local", "allow") else given[name]
    if "no_block" in given:
        settings["block"] = False
    if "log" in given:
        settings["logs"] = tuple(given["log"])
    if "geo" in given:
        settings["geo"] = tuple(given["geo"])
    if "no_names" in given:
        settings["names"] = False
    if "since" in given:
        settings["backfill"] = duration(given["since"])
    if "sensors" in given:
        settings["sensors"] = tuple(given["sensors"].split(","))
    if "no_certificates" in given:
        settings["certificates"] = False
    if "ports" in given:
        settings |= ports(given["ports"])
        if settings.get("any_port") and "read" not in given:
            raise ConfigError("--ports any works on files (-r); name the ports to capture live")
    return load(given.get("config"), settings)


def _screen(options: argparse.Namespace, config: Config) -> int:
    read = files(options)
    check(config, read)
    from smtpwatch.console import run
    from smtpwatch.feed import FeedError

    # A stream is None when whoever started us closed it.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise CommandError("the screen needs a terminal; for pipes there is: smtpwatch events", USAGE)
    try:
        return run(config, hostname(config), read, options.demo)
    except FeedError as error:
        raise CommandError(str(error)) from None


def _events(options: argparse.Namespace, config: Config) -> int:
    import msgspec

    from smtpwatch.clean import clean_json
    from smtpwatch.events import SCHEMA_VERSION

    encode_lines = msgspec.json.Encoder().encode_lines
    prefix = b'{"v":%d,' % SCHEMA_VERSION
    gc.disable()  # events refer to nothing that refers back, so there would be nothing to collect
    for batch in batches(options, config):
        if not batch:
            continue
        # JSON has no newline but those between the lines.
        lines = encode_lines(batch)[:-1].replace(b"\n{", b"\n" + prefix)
        put(clean_json(prefix + lines[1:] + b"\n"))
    return OK


def _sessions(options: argparse.Namespace, config: Config) -> int:
    """From files in the order of the sessions' beginnings, live as each ends."""
    import msgspec

    from smtpwatch.events import SensorStatus
    from smtpwatch.state.sessions import Sessions

    health: dict[str, SensorStatus] = {}
    ended: list[Session] = []

    def over(session: "Session") -> None:
        session.wakeful = True  # it is looked at again once its log has been read
        ended.append(session)

    sessions = Sessions(over)
    as_line = partial(_json_line, sessions) if options.json else _text_line
    live = not files(options)
    sessions.logs.alone = live and "wire" not in config.sensors
    watched = tuple(name for name in config.sensors if name != "host")  # the queue is no session's
    if live and not watched:
        raise CommandError("sessions come from the sensors wire and log", USAGE)
    config = msgspec.structs.replace(config, sensors=watched)
    gc.disable()  # neither events nor sessions that are over refer to what refers back
    try:
        for batch in batches(options, config):
            for event in batch:
                sessions.apply(event)
                if live and isinstance(event, SensorStatus):
                    _tell_health(event, health.get(event.sensor))
                    health[event.sensor] = event
            if live:
                logged = "log" in health and bool(health["log"].watching)
                _print_ended(ended, as_line, time.time(), sessions.logs.done_with if logged else None)
    finally:
        sessions.finish()
        ended += sessions.live.values()
        ended.sort(key=lambda session: (session.start, session.id))
        _print_ended(ended, as_line, math.inf, None)
    return OK


def _tell_health(status: "SensorStatus", before: "SensorStatus | None") -> None:
    """Say on stderr what a sensor suffers from; one that has nothing to look at suffers nothing. A failure is told once
    it starts again: else it is the end of the command, which says so itself."""
    if before is not None and before.state == "failed" and status.state == "starting":
        print(f"smtpwatch: {clean(before.reason)}", file=sys.stderr)
    elif status.state == "degraded" and status.watching and (before is None or status.reason != before.reason):
        print(f"smtpwatch: {clean(status.reason)}", file=sys.stderr)


def _print_ended(
    ended: "list[Session]",
    as_line: "Callable[[Session], bytes]",
    now: float,
    done_with: "Callable[[Session], bool] | None",
) -> None:
    """Print what ended by `now`, and take it off the list; where there is a log, what it may yet tell of waits for
    that."""

    def waits(session: "Session") -> bool:
        since = now - session.end
        if done_with is None or since >= LOG_PATIENCE:
            return False
        return since < LOG_DELAY or not done_with(session)

    kept: list[Session] = []
    due: list[Session] = []
    for session in ended:
        (kept if waits(session) else due).append(session)
    ended[:] = kept
    put(b"".join([as_line(session) + b"\n" for session in due if session.smtp]))


def _json_line(sessions: "Sessions", session: "Session") -> bytes:
    import msgspec

    from smtpwatch.clean import clean_json
    from smtpwatch.state.facts import session_facts

    return clean_json(msgspec.json.encode(session_facts(session, sessions.logs.messages)))


def _text_line(session: "Session") -> bytes:
    from smtpwatch.listing import line

    return line(session).encode()


def _explain(options: argparse.Namespace, config: Config) -> int:
    """Line by line, as they come: so that it can stand behind a `tail -f`."""
    from smtpwatch.clean import clean_json
    from smtpwatch.errors import CaptureError
    from smtpwatch.explained import as_json, as_text
    from smtpwatch.sensors import explain

    as_json_lines = options.json or not for_people()
    given = False
    try:
        for line in explain(options.file, config, hostname(config), time.time()):
            given = True
            put((clean_json(as_json(line)) if as_json_lines else as_text(line).encode()) + b"\n")
    except CaptureError as error:
        raise CommandError(str(error), DAMAGED if given else FAILED) from None
    return OK


def _alerts(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.triage import command

    read = files(options)
    if options.here and not read:
        raise CommandError("--here is for files (-r): live, this host's mail server is asked anyway", USAGE)
    as_text = options.text or (for_people() and not options.json)
    telling = command.Telling(put, options.severity, as_text)
    if read:
        return command.from_files(config, batches(options, config), telling, hostname(config) if options.here else "")
    return command.live(config, batches(options, config), telling)


def _settings(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.settings_text import as_toml

    put(as_toml(Config() if options.print_default else config).encode())
    return OK


def _doctor(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.doctor import lines

    put("".join(f"{line}\n" for line in lines(config)).encode())
    return OK
