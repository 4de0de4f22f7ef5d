"""The command line of blocking: `block`, `unblock`, `blocks`. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from smtpwatch.clean import clean
from smtpwatch.command import FAILED, USAGE, CommandError, files, put
from smtpwatch.config import Config, duration

BLOCK_CODES = """exit codes: 0 blocked; 1 could not do it (rights, firewall, journal); 2 wrong usage or settings; 4
refused, since it would cut off the admin, this host or its own people; 5 there is something to ask (--yes, --keep)"""


def add_blocking(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Their parsers; `common` are the options that every command has."""
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


def _only_live(options: argparse.Namespace) -> None:
    """What is played or read from files has no firewall: then nothing is to be done in this host's."""
    if options.demo or files(options):
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
        return block(config, requests(lines, asked), options.dry_run, put, options.json)
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
        return unblock(config, [as_network(text) for text in options.networks], options.mine, put)
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
            config, options.restore, options.merge, options.yes or options.keep, options.keep, put, options.json
        )
    except BlockingError as error:
        raise CommandError(str(error)) from None
