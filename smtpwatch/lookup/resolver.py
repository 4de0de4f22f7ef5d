"""Questions to this host's resolver (/etc/resolv.conf) on the event loop's own sockets.

By dnspython: the C library's look-ups cannot be cancelled, so a resolver that hangs would hold up the program's end
for a minute. It is imported with the first question (40 ms, once).
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING

from smtpwatch.lookup.names import ResolverError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.asyncresolver import Resolver as Client
    from dns.resolver import Answer

TIMEOUT = 1.5  # seconds for one name server
LIFETIME = 3.0  # seconds for one question, over all name servers


class Resolver:
    """Asks `servers` (addresses; empty: those of resolv.conf, read again after a failure) for PTR, A and AAAA."""

    def __init__(self, servers: Sequence[str] = (), port: int = 53) -> None:
        self._servers = servers
        self._port = port
        self._client: Client | None = None

    async def pointers(self, address: str) -> tuple[str, ...]:
        """The PTR records of `address`, as text, with DNS's escapes; () if there are none. Raises ResolverError."""
        return await self._ask(f"{ip_address(address).reverse_pointer}.", "PTR")

    async def addresses(self, host: str, version: int) -> tuple[str, ...]:
        """The A (`version` 4) or AAAA (6) records of `host`; () if there are none. Raises ResolverError."""
        return await self._ask(f"{host}.", "A" if version == 4 else "AAAA")

    async def _ask(self, name: str, kind: str) -> tuple[str, ...]:
        if self._client is None:
            # 40 ms of import beside the keys, not before them.
            self._client = await asyncio.to_thread(self._made)
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN

        try:
            answer: Answer = await self._client.resolve(name, kind, search=False, raise_on_no_answer=False)
        except NXDOMAIN:
            return ()
        except (DNSException, OSError, ValueError) as error:  # also labels over 63 octets, networks that are down
            self._client = None
            raise ResolverError(str(error)) from None
        return tuple(record.to_text() for record in answer.rrset or ())

    def _made(self) -> Client:
        """Raises ResolverError."""
        from dns.asyncresolver import Resolver as Client
        from dns.exception import DNSException

        try:
            client = Client(configure=not self._servers)
        except (DNSException, OSError, ValueError) as error:  # no such file; not text; a name server that is no address
            raise ResolverError(str(error)) from None
        if self._servers:
            client.nameservers = list(self._servers)
            client.port = self._port
        client.timeout = TIMEOUT
        client.lifetime = LIFETIME
        return client


def servers() -> tuple[str, ...]:
    """The addresses of this host's resolver. Raises ResolverError if resolv.conf is missing or makes no sense."""
    from dns.exception import DNSException
    from dns.resolver import Resolver as Client

    try:
        return tuple(str(server) for server in Client().nameservers)
    except (DNSException, OSError, ValueError) as error:
        raise ResolverError(str(error)) from None
