"""Servers that we bring mail to and that do not let us secure it: no STARTTLS offered, refused, or stripped.

Who stands between us and a server can take STARTTLS out of its reply to EHLO, or overwrite it (RFC 3207, 6; Cisco's
firewalls write XXXXXXXA), and all looks as if the server had never offered it. That it had is remembered here."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal

Lack = Literal["stripped", "refused", "not offered"]

SERVERS = 5_000  # the latest talked to; about 300 B each
_MANGLED = re.compile(r"\nX{4,}[A-Z]?\b(?!-)")
"""A keyword that was overwritten with its length kept."""


class Server:
    """`lack` is what was wrong the last time, None if nothing was; `times` how often anything was."""

    __slots__ = ("address", "lack", "last", "offered", "said", "times")

    def __init__(self, address: str) -> None:
        self.address = address
        self.offered: float | None = None
        """When it last offered STARTTLS."""
        self.lack: Lack | None = None
        self.times = 0
        self.said = ""
        """What shows it: the keyword overwritten, or the refusal."""
        self.last = 0.0


class Servers:
    """All that are held, told of by the sessions we had with them."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Server] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def offered(self, address: str, time: float) -> None:
        """STARTTLS was there and was taken."""
        server = self._server(address, time)
        server.offered = time
        server.lack, server.said = None, ""

    def refused(self, address: str, time: float, reply: str) -> None:
        """It was offered, and then not given."""
        server = self._server(address, time)
        server.offered = time
        self._lacks(server, "refused", reply)

    def extensions(self, address: str, time: float, text: str) -> None:
        """It said so in reply to EHLO, and we did not ask for STARTTLS. `text` has the lines without their codes."""
        server = self._server(address, time)
        lines = text.upper()
        if "\nSTARTTLS" in lines:
            server.offered = time
            server.lack, server.said = None, ""
            return
        mangled = _MANGLED.search(lines)
        if mangled is not None:
            self._lacks(server, "stripped", f"{mangled[0].strip()} in its place")
        elif server.offered is not None:
            self._lacks(server, "stripped", "it offered it before")
        else:
            self._lacks(server, "not offered", "")

    def lacking(self) -> Iterator[Server]:
        """Those with whom something was wrong the last time, the latest first."""
        return (server for server in reversed(self._held.values()) if server.lack is not None)

    def _server(self, address: str, time: float) -> Server:
        server = self._held.get(address)
        if server is None:
            server = self._held[address] = Server(address)
            if len(self._held) > SERVERS:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(address)
        server.last = time
        return server

    @staticmethod
    def _lacks(server: Server, lack: Lack, said: str) -> None:
        server.lack, server.said = lack, said
        server.times += 1
