"""The process that blocks for the console: what it does, and what becomes of it when one of both is killed."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.namespaces import Namespace
from tests.hosts.walled import assert_confined

pytestmark = [pytest.mark.xdist_group("blocks"), pytest.mark.needs("namespaces", "nft")]

START = """
import asyncio, json, os, sys
from smtpwatch.config import Config
from smtpwatch.firewall.blocking import BlockingError
from smtpwatch.firewall.gated import GatedBlocking
from smtpwatch.firewall.guard import Finding
from smtpwatch.firewall.prefixes import as_network
from smtpwatch.firewall.request import Request

def say(*told):
    print(json.dumps(told, default=str), flush=True)

def one(network, **how):
    return Request((as_network(network),), **how)

async def main():
    blocking = GatedBlocking(Config(journal=sys.argv[1], allow=("198.51.100.1",)))
    running = asyncio.create_task(blocking.run())
    await blocking.plan(one("203.0.113.7"))
    gate = blocking._process.pid
    await script(blocking, gate, running)
    blocking.stop()

"""


def script(namespace: Namespace, directory: Path, body: str) -> list[list[object]]:
    """What a console says that does `body` in there, line by line."""
    assert_confined(namespace)
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    code = f"{START}async def script(blocking, gate, running):\n{lines}\nasyncio.run(main())\n"
    done = namespace.run(sys.executable, "-c", code, directory / "journal", timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace("gate") as made:
        yield made


def held(namespace: Namespace) -> bytes:
    return namespace.run("nft", "-j", "list", "table", "inet", "smtpwatch").stdout


def test_it_blocks_and_tells(namespace: Namespace, tmp_path: Path) -> None:
    told = script(namespace, tmp_path, """
answer = await blocking.block(one("203.0.113.7", why="spam"))
say(blocking.backend, answer.outcome, answer.networks)
say([(block.network, block.state, block.why) for _, block in blocking.blocks.items()])
looked = await blocking.verify(answer.act)
say(looked.outcome, [block.state for _, block in blocking.blocks.items()])
undone = await blocking.undo(answer.act)
say(undone.outcome, [block.over is None for _, block in blocking.blocks.items()])
""")  # fmt: skip
    assert told == [
        ["nftables", "applied", ["203.0.113.7/32"]], [[["203.0.113.7/32", "applied", "spam"]]],
        ["verified", ["verified"]], ["applied", [False]],
    ]  # fmt: skip


def test_it_asks_its_own_guard_whatever_the_console_says(namespace: Namespace, tmp_path: Path) -> None:
    told = script(namespace, tmp_path, """
for network in ("127.0.0.1", "198.51.100.1", "198.51.100.0/24", "0.0.0.0/0"):
    answer = await blocking.block(one(network, sure=True, keep=True))
    say(answer.outcome, [finding.kind for finding in answer.findings][0])
good = Finding(as_network("203.0.113.9"), "good mail", "31 messages")
say((await blocking.block(one("203.0.113.9", findings=(good,)))).outcome)
""")  # fmt: skip
    assert told == [
        ["refused", "loopback"], ["refused", "allowlist"], ["refused", "allowlist"], ["refused", "too wide"], ["asks"],
    ]  # fmt: skip
    assert held(namespace) == b""


def test_what_others_do_shows(namespace: Namespace, tmp_path: Path) -> None:
    told = script(namespace, tmp_path, """
import subprocess
await blocking.block(one("203.0.113.7"))
subprocess.run(["nft", "flush", "set", "inet", "smtpwatch", "smtp4_32"], check=True)
subprocess.run(["nft", "add element inet smtpwatch smtp4_32 { 203.0.113.8 }"], check=True)
await blocking.watch(0.1)
await asyncio.sleep(1.0)
say(sorted((str(block.network), block.gone, block.who != "") for _, block in blocking.blocks.items()))
subprocess.run(["nft", "delete", "table", "inet", "smtpwatch"], check=True)
await asyncio.sleep(1.0)
say(sorted((str(block.network), block.gone) for _, block in blocking.blocks.items()))
""")  # fmt: skip
    assert told == [[[["203.0.113.7/32", True, True], ["203.0.113.8/32", False, False]]], [[["203.0.113.7/32", True]]]]


def test_a_gate_that_is_killed(namespace: Namespace, tmp_path: Path) -> None:
    told = script(namespace, tmp_path, """
await blocking.block(one("203.0.113.7"))
os.kill(gate, 9)
try:
    await blocking.block(one("203.0.113.8"))
except BlockingError as error:
    say(str(error))
say(blocking.problem, len(blocking.blocks))
""")  # fmt: skip
    gone = "the process that blocks has ended; what is blocked stays blocked"
    assert told == [[gone], [gone, 1]]
    assert b"203.0.113.7" in held(namespace) and b"203.0.113.8" not in held(namespace)


def test_a_console_that_is_killed_leaves_no_gate_and_all_blocks(namespace: Namespace, tmp_path: Path) -> None:
    told = script(namespace, tmp_path, """
await blocking.block(one("203.0.113.7"))
say(gate)
os._exit(0)
""")  # fmt: skip
    gate = int(str(told[0][0]))
    end = time.monotonic() + 5
    while time.monotonic() < end and _alive(gate):
        time.sleep(0.05)
    assert not _alive(gate) and b"203.0.113.7" in held(namespace)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_no_firewall_is_told(namespace: Namespace, tmp_path: Path) -> None:
    told = script(namespace, tmp_path, """
bad = GatedBlocking(Config(journal="/proc/nowhere/journal"))
running = asyncio.create_task(bad.run())
try:
    await bad.block(one("203.0.113.7"))
except BlockingError as error:
    say(str(error))
bad.stop()
""")  # fmt: skip
    assert "the journal /proc/nowhere/journal cannot be" in str(told[0][0])


def test_a_stopped_gate_goes_on(namespace: Namespace, tmp_path: Path) -> None:
    told = script(namespace, tmp_path, f"""
os.kill(gate, {signal.SIGSTOP})
asking = asyncio.create_task(blocking.block(one("203.0.113.7")))
await asyncio.sleep(0.3)
say(asking.done())
os.kill(gate, {signal.SIGCONT})
say((await asking).outcome)
""")  # fmt: skip
    assert told == [[False], ["applied"]]


@pytest.mark.parametrize("octets", [b"\xff\xff\xff\x7f", b"\x01\x00\x00\x00\xc1", b"\x05\x00\x00\x00hello"])
def test_what_no_console_says_ends_it_quietly(namespace: Namespace, tmp_path: Path, octets: bytes) -> None:
    """A length that no message has, and octets that are none."""
    told = script(namespace, tmp_path, f"""
await blocking.block(one("203.0.113.7"))
blocking._writer.write({octets!r})
await running
say(blocking.problem)
""")  # fmt: skip
    assert told == [["the process that blocks has ended; what is blocked stays blocked"]]


def test_its_last_words_are_told_and_not_written_over_the_screen(namespace: Namespace, tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("")
    told = script(namespace, tmp_path, """
import os
os.environ["PYTHONPATH"] = sys.argv[1] + ".d"
os.mkdir(sys.argv[1] + ".d")
with open(sys.argv[1] + ".d/sitecustomize.py", "w") as file:
    file.write("import sys\\nif 'smtpwatch.firewall.gate' in sys.orig_argv:\\n    sys.exit('no \\\\x1b[31mroom')")
bad = GatedBlocking(Config(journal=sys.argv[1]))
await bad.run()
say(bad.problem)
""")  # fmt: skip
    assert told == [["the process that blocks has ended; what is blocked stays blocked (SystemExit: no \\e[31mroom)"]]
