"""Live capture with the kernel's help: ring, filter and the interfaces as they come and go, or Scapy's sockets
elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from collectors.wire import bpf, frames
from collectors.wire.interfaces import Interfaces
from collectors.wire.pipeline import Packet
from smtpwatch.config import Config

if TYPE_CHECKING:
    from collectors.wire.portable import PortableCapture
    from collectors.wire.ring import Ring

BLOCK_WAIT = 40  # milliseconds a packet may wait in a block that does not fill: a human does not see it


class Capture(Protocol):
    """Where live packets come from; `watching` names the interfaces."""

    @property
    def watching(self) -> tuple[str, ...]: ...
    def wait(self, seconds: float) -> None:
        """Wait until there are packets, or that long."""

    def batch(self) -> Iterator[Packet]:
        """The packets that are there."""

    def dropped(self) -> int:
        """Packets lost to the kernel since the start."""

    def refresh(self) -> None:
        """Look whether interfaces came or went."""

    def close(self) -> None: ...


class RingCapture:
    """Linux: the AF_PACKET ring. Raises CaptureError, PermissionError or OSError."""

    def __init__(self, config: Config) -> None:
        from collectors.wire.ring import Ring

        self._config = config
        self._interfaces = Interfaces(config.interfaces)
        self._user = bpf.compile_expression(config.bpf, frames.LINK_RAW) if config.bpf else None
        self._ring: Ring = Ring(self._program(), config.ring_mib, BLOCK_WAIT)
        self.wait = self._ring.wait
        self.batch = self._ring.batch
        self.dropped = self._ring.dropped
        self.close = self._ring.close

    @property
    def watching(self) -> tuple[str, ...]:
        """The interfaces captured on."""
        return self._interfaces.names()

    def _program(self) -> bpf.Program:
        ours = bpf.watch(self._config.ports, self._config.snaplen, self._interfaces.indexes())
        return bpf.behind(self._user, ours) if self._user is not None else ours

    def refresh(self) -> None:
        """Look whether interfaces came or went."""
        if self._interfaces.changed():
            self._ring.refilter(self._program())


class ScapyCapture:
    """Elsewhere: Scapy's sockets. Raises CaptureError or OSError."""

    def __init__(self, config: Config) -> None:
        from collectors.wire.portable import PortableCapture, expression

        self._interfaces = Interfaces(config.interfaces)
        text = expression(config.ports, config.bpf)
        self._capture: PortableCapture = PortableCapture(self._interfaces.by_index(), text)
        self.wait = self._capture.wait
        self.batch = self._capture.batch
        self.dropped = self._capture.dropped
        self.close = self._capture.close

    @property
    def watching(self) -> tuple[str, ...]:
        """The interfaces captured on."""
        return self._interfaces.names()

    def refresh(self) -> None:
        """Look whether interfaces came or went."""
        if self._interfaces.changed():
            self._capture.listen(self._interfaces.by_index())


def open_capture(config: Config) -> Capture:
    """The capture that this system has."""
    return RingCapture(config) if hasattr(socket, "AF_PACKET") else ScapyCapture(config)
