"""The gate's own side of the talk."""

import asyncio
import socket
from pathlib import Path

import pytest

from smtpwatch.config import Config
from smtpwatch.firewall import gate, talk
from smtpwatch.firewall.gate import Gate
from smtpwatch.firewall.prefixes import as_network
from smtpwatch.firewall.request import Request
from smtpwatch.firewall.surroundings import Surroundings
from smtpwatch.trusted import Trusted
from tests.firewall.fakes import Scene


async def test_a_console_that_does_not_read_is_told_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose terminal hangs, say: the counters of many blocks move, and what is to be told of them does not pile up."""
    monkeypatch.setattr(gate, "IDLE", 0)
    scene = Scene(tmp_path / "journal")
    many = tuple(as_network(f"203.0.{at >> 8}.{at & 255}") for at in range(2_000))
    scene.acts.block(Request(many))
    ours, theirs = socket.socketpair()
    with ours:
        reader, writer = await asyncio.open_connection(sock=theirs)
        ours.sendall(talk.framed(talk.Watch(0.1)))
        serving = asyncio.create_task(
            Gate(scene.acts, Surroundings(Config(), lambda: Trusted((), ())), writer).serve(reader)
        )
        sizes = []
        for turn in range(12):
            scene.firewall.packets = turn
            await asyncio.sleep(0.1)
            sizes.append(writer.transport.get_write_buffer_size())
    await serving
    assert sizes[2] and max(sizes) == sizes[2], sizes
