"""Networks in a file: read, one a line or as JSON; and blocks written, as `smtpwatch blocks --json` prints them."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from smtpwatch.clean import clean, clean_json
from smtpwatch.firewall.block import Block, Scope
from smtpwatch.firewall.prefixes import Network, NetworkError, as_network
from smtpwatch.firewall.request import Request

LARGEST = 64 << 20  # octets; a million networks


class ListError(Exception):
    """A file that cannot be used; the message is one line for the admin, with the number of the line."""


class Listed(NamedTuple):
    """A line. `seconds` are what is left of its block, None: until removed; not `timed`: the file does not say."""

    network: Network
    scope: Scope = "smtp"
    why: str = ""
    seconds: float | None = None
    timed: bool = False


class _Row(msgspec.Struct):
    """What is needed of a line of JSON."""

    network: str
    until: float | None
    scope: Scope = "smtp"
    why: str = ""


def row_json(block: Block) -> bytes:
    """A block as a line of JSON; README.md, "Blocks as JSON", tells what is what."""
    row = {
        "network": str(block.network), "scope": block.scope, "since": block.since, "until": block.until,
        "why": block.why, "who": block.who, "backend": block.backend, "act": block.act, "state": block.state,
        "reason": block.reason, "probation": not block.kept, "gone": block.gone, "dropped": block.dropped,
        "octets": block.octets,
    }  # fmt: skip
    return clean_json(msgspec.json.encode(row)) + b"\n"


_DECODER = msgspec.json.Decoder(_Row)


def listed(path: Path, now: float) -> list[Listed]:
    """Each line's network. What follows a `#` is a remark; networks whose time is over by `now` are left out. `-` is
    standard input. Raises ListError, and then nothing of the file is to be used."""
    found: list[Listed] = []
    for number, line in enumerate(_read(path).removeprefix(BOM_UTF8).splitlines(), 1):
        try:
            each = _row(line, now) if line.lstrip().startswith(b"{") else _plain(line)
        except RecursionError:
            raise ListError(f"{path}, line {number}: brackets in brackets") from None
        except (NetworkError, ValueError, msgspec.MsgspecError) as error:
            raise ListError(f"{path}, line {number}: {error}") from None
        if each is not None and (not each.timed or each.seconds is None or each.seconds > 0):
            found.append(each)
    return found


def _plain(line: bytes) -> Listed | None:
    text = line.partition(b"#")[0].decode().strip()
    return Listed(as_network(text)) if text else None


def _row(line: bytes, now: float) -> Listed:
    row = _DECODER.decode(line)
    left = None if row.until is None else row.until - now
    return Listed(as_network(row.network), row.scope, clean(row.why), left, timed=True)


def _read(path: Path) -> bytes:
    try:
        if str(path) == "-" and sys.stdin is None:
            raise ListError("standard input is closed")
        if str(path) == "-":
            octets = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with path.open("rb") as file:
                octets = file.read(LARGEST + 1)
    except OSError as error:
        raise ListError(f"{path}: {error.strerror}") from None
    if len(octets) > LARGEST:
        raise ListError(f"{path}: is longer than {LARGEST >> 20} MB")
    return octets


def requests(lines: Iterable[Listed], asked: Request) -> list[Request]:
    """As few acts as may be, each as `asked` says where a line does not say otherwise: what is for the same ports, for
    the same reason, is one."""
    groups: dict[tuple[Scope, str], list[Listed]] = {}
    for each in lines:
        scope: Scope = each.scope if asked.scope == "smtp" else "all"
        groups.setdefault((scope, asked.why or each.why), []).append(each)
    made = []
    for (scope, why), group in groups.items():
        networks = tuple(each.network for each in group)
        times = {each.network: each.seconds for each in group if each.timed} if asked.usual else {}
        made.append(msgspec.structs.replace(asked, networks=networks, scope=scope, why=why, times=times))
    return made
