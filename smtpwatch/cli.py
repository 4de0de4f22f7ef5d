"""The command line: one small function per subcommand. Nothing heavy is imported before it is needed."""

import argparse
import gc
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from smtpwatch.clean import clean
from smtpwatch.config import Config, ConfigError, duration, load, ports

if TYPE_CHECKING:
    from smtpwatch.events import Event, SensorStatus
    from smtpwatch.state.session import Session
    from smtpwatch.state.sessions import Sessions

OK = 0
FAILED = 1  # something that was asked for could not be had: no rights, no such interface, a sensor that does not start
USAGE = 2  # the command line or the settings make no sense
DAMAGED = 3  # a file was read, but not to its end: what came before the damage was given

LOG_DELAY = 2.0  # seconds that an ended session waits for what the log has to say of its mail
LOG_PATIENCE = 8.0  # seconds that it waits for a log that has not yet said anything of it

EXIT_CODES = """exit codes: 0 all well (also: the reader of the pipe went away, Ctrl-C); 1 could not do it (rights,
interface, file); 2 wrong usage or settings; 3 a file is damaged: everything before the damage was given"""

BLOCK_CODES = """exit codes: 0 blocked; 1 could not do it (rights, firewall, journal); 2 wrong usage or settings; 4
refused, since it would cut off the admin, this host or its own people; 5 there is something to ask (--yes, --keep)"""


class CommandError(Exception):
    """The end of a command: a line for the admin and an exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


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
    settings = commands.add_parser("config", parents=[common], help="the settings in force, as a file of settings")
    settings.add_argument("--print-default", action="store_true", help="those without a file and options")
    settings.set_defaults(run=_settings)
    doctor = commands.add_parser("doctor", parents=[common], help="what smtpwatch can see here, and what it lacks")
    doctor.set_defaults(run=_doctor)
    _add_blocking(commands, common)
    return top


def _add_blocking(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    block = commands.add_parser("block", parents=[common], help="block sources in the firewall", epilog=BLOCK_CODES)
    block.add_argument("networks", nargs="*", metavar="NET", help="an address or a network")
    block.add_argument(
        "--from", dest="file", type=Path, metavar="FILE", help="networks, one a line, or as `blocks --json`"
    )
    block.add_argument(
        "--for", dest="time", metavar="TIME", help="10m, 1h, 1d, or `ever`; default: 1h, longer for a repeat offender"
    )
    block.add_argument("--why", default="", metavar="WORDS", help="for the journal and the list of blocks")
    block.add_argument("--all-ports", action="store_true", help="everything from there, not the ports of mail only")
    block.add_argument("--yes", action="store_true", help="though there is something to ask; it ends after 60 s")
    block.add_argument("--keep", action="store_true", help="the same, and it stays")
    block.add_argument("--dry-run", action="store_true", help="show what would be run, and do nothing")
    block.add_argument("--json", action="store_true", help="what came of it as JSON; asks nothing")
    block.set_defaults(run=_block, interrupted=FAILED)
    unblock = commands.add_parser("unblock", parents=[common], help="let sources in again")
    unblock.add_argument("networks", nargs="*", metavar="NET", help="as they were blocked")
    unblock.add_argument("--mine", action="store_true", help="all that you have blocked")
    unblock.set_defaults(run=_unblock, interrupted=FAILED)
    blocks = commands.add_parser("blocks", parents=[common], help="what is blocked, and why")
    blocks.add_argument("--json", action="store_true", help="as JSON lines")
    blocks.add_argument(
        "--restore", action="store_true", help="block again what the firewall has lost, as by a restart"
    )
    blocks.add_argument(
        "--merge", action="store_true", help="make neighbours one network, where that is dense and safe"
    )
    blocks.add_argument("--yes", action="store_true", help="though there is something to ask; it ends after 60 s")
    blocks.add_argument("--keep", action="store_true", help="the same, and it stays")
    blocks.set_defaults(run=_blocks)


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


def _put(octets: bytes) -> None:
    """Write to stdout at once. Raises BrokenPipeError once the reader has gone, CommandError for a full disk and the
    like."""
    if sys.stdout is None:  # closed by whoever started us: `>&-`
        raise CommandError("standard output is closed")
    try:
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()
    except OSError as error:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise CommandError(f"standard output: {error.strerror}") from None


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


def _hostname(config: Config) -> str:
    return config.hostname or socket.gethostname()


def _batches(options: argparse.Namespace, config: Config) -> Iterator["Sequence[Event]"]:
    """Batches from files or from the sensors; a file's problems end in CommandError."""
    from smtpwatch.feed import FeedError, batches

    gc.disable()  # events refer to nothing that refers back, so there would be nothing to collect
    files = _files(options)
    _check(config, files)
    try:
        yield from batches(config, _hostname(config), files)
    except FeedError as error:
        raise CommandError(str(error), DAMAGED if error.damaged else FAILED) from None


def _files(options: argparse.Namespace) -> list[Path]:
    files: list[Path] = getattr(options, "read", [])
    if files.count(Path("-")) > 1:
        raise CommandError("standard input can be read once only", USAGE)
    return files


def _check(config: Config, files: Sequence[Path]) -> None:
    """What is wrong with interfaces or filter is told before anything starts."""
    from smtpwatch.sensors import check

    problem = check(config, files)
    if problem:
        raise CommandError(problem)


def _screen(options: argparse.Namespace, config: Config) -> int:
    files = _files(options)
    _check(config, files)
    from smtpwatch.console import run
    from smtpwatch.feed import FeedError

    # A stream is None when whoever started us closed it.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise CommandError("the screen needs a terminal; for pipes there is: smtpwatch events", USAGE)
    try:
        return run(config, _hostname(config), files, options.demo)
    except FeedError as error:
        raise CommandError(str(error)) from None


def _events(options: argparse.Namespace, config: Config) -> int:
    import msgspec

    from smtpwatch.clean import clean_json
    from smtpwatch.events import SCHEMA_VERSION

    encode_lines = msgspec.json.Encoder().encode_lines
    prefix = b'{"v":%d,' % SCHEMA_VERSION
    for batch in _batches(options, config):
        # JSON has no newline but those between the lines.
        lines = encode_lines(batch)[:-1].replace(b"\n{", b"\n" + prefix)
        _put(clean_json(prefix + lines[1:] + b"\n"))
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
    live = not _files(options)
    sessions.logs.alone = live and "wire" not in config.sensors
    watched = tuple(name for name in config.sensors if name != "host")  # the queue is no session's
    if live and not watched:
        raise CommandError("sessions come from the sensors wire and log", USAGE)
    config = msgspec.structs.replace(config, sensors=watched)
    try:
        for batch in _batches(options, config):
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
    _put(b"".join([as_line(session) + b"\n" for session in due if session.smtp]))


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

    as_json_lines = options.json or sys.stdout is None or not sys.stdout.isatty()
    given = False
    try:
        for line in explain(options.file, config, _hostname(config), time.time()):
            given = True
            _put((clean_json(as_json(line)) if as_json_lines else as_text(line).encode()) + b"\n")
    except CaptureError as error:
        raise CommandError(str(error), DAMAGED if given else FAILED) from None
    return OK


def _settings(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.settings_text import as_toml

    _put(as_toml(Config() if options.print_default else config).encode())
    return OK


def _doctor(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.doctor import lines

    _put("".join(f"{line}\n" for line in lines(config)).encode())
    return OK


def _only_live(options: argparse.Namespace) -> None:
    """What is played or read from files has no firewall: then nothing is to be done in this host's."""
    if options.demo or _files(options):
        raise CommandError("blocking is this host's own: neither with --demo nor with -r", USAGE)


def _block(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.firewall.block import LONGEST
    from smtpwatch.firewall.blocking import BlockingError
    from smtpwatch.firewall.commands import block
    from smtpwatch.firewall.listed import Listed, ListError, listed, requests
    from smtpwatch.firewall.prefixes import NetworkError, as_network
    from smtpwatch.firewall.request import Request

    _only_live(options)
    usual = options.time is None
    seconds = None if usual or options.time == "ever" else duration(options.time)
    if seconds is not None and not 1 <= seconds <= LONGEST:
        raise CommandError(f"--for: between 1s and {int(LONGEST / 86_400)}d, or `ever`", USAGE)
    asked = Request(
        (), "all" if options.all_ports else "smtp", seconds,
        usual, why=clean(options.why), sure=options.yes or options.keep, keep=options.keep,
    )  # fmt: skip
    try:
        lines = [Listed(as_network(text)) for text in options.networks]
        lines += listed(options.file, time.time()) if options.file is not None else []
    except (NetworkError, ListError) as error:
        raise CommandError(str(error), USAGE) from None
    if not lines and options.file is None:
        raise CommandError("block what? An address, a network, or --from FILE", USAGE)
    try:
        return block(config, requests(lines, asked), options.dry_run, _put, options.json)
    except BlockingError as error:
        raise CommandError(str(error)) from None


def _unblock(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.firewall.blocking import BlockingError
    from smtpwatch.firewall.commands import unblock
    from smtpwatch.firewall.prefixes import NetworkError, as_network

    _only_live(options)
    if bool(options.networks) == options.mine:
        raise CommandError("unblock what? Addresses or networks, or --mine", USAGE)
    try:
        return unblock(config, [as_network(text) for text in options.networks], options.mine, _put)
    except NetworkError as error:
        raise CommandError(str(error), USAGE) from None
    except BlockingError as error:
        raise CommandError(str(error)) from None


def _blocks(options: argparse.Namespace, config: Config) -> int:
    from smtpwatch.firewall.blocking import BlockingError
    from smtpwatch.firewall.commands import blocks

    _only_live(options)
    try:
        return blocks(
            config, options.restore, options.merge, options.yes or options.keep, options.keep, _put, options.json
        )
    except BlockingError as error:
        raise CommandError(str(error)) from None
