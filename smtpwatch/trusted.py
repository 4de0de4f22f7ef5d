"""Client networks that a mail server trusts: what a collector found, and what must never be blocked."""

from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple


class TrustedNetwork(NamedTuple):
    """One network, the mail server that trusts it, and where its configuration says so.

    `server` is its name among what is watched ("postfix", "postfix /etc/postfix-out", "exim"); `setting` what an admin
    looks for ("mynetworks", "submission/inet/mynetworks", "relay_from_hosts"). The same network may be in several."""

    network: IPv4Network | IPv6Network
    server: str
    setting: str


class Trusted(NamedTuple):
    """What was found, and a line for each thing that could not be read: where there are notes, there may be more
    networks. Notes hold text from outside: who shows them cleans them."""

    networks: tuple[TrustedNetwork, ...]
    notes: tuple[str, ...]
