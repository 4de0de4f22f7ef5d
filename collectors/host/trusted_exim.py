"""Which networks an Exim trusts: its named list relay_from_hosts, and the proxies in hosts_proxy.

The list's name is only a custom, of Debian's configuration as of Exim's own; what else an ACL may say is not known.
What is excluded by "!" is left out as an item only: a network around it still counts as trusted, which errs towards
blocking too little.
"""

from collections.abc import Sequence
from ipaddress import ip_network

from collectors.host.exim_lists import ListReader, values
from collectors.host.mta import Mta
from collectors.host.trusted_found import Found, network_of, quoted

NAMED = "relay_from_hosts"
OPTION = "hosts_proxy"  # not known where Exim was built without the PROXY protocol: then there are none
SETTINGS = (NAMED, OPTION)

_OWN = ("@", "@[]")  # this host's name, its addresses
_EVERY = ("0.0.0.0/0", "::/0")  # what "*" is
_LOOPBACK = ("127.0.0.1/32", "::1/128")
_LOCALHOST = "localhost"  # in Exim's own default; looked up, but no resolver says anything else (RFC 6761, 6.3)


def read(mta: Mta, found: Found, settings: Sequence[str] = SETTINGS) -> None:
    """What `mta` trusts, as its own `-bP` tells it. Raises UnreadableError."""
    exim = mta.command[0]
    told = values(exim, _List.KIND, *(f"+{name}" if name == NAMED else name for name in settings))
    for setting in settings:
        if setting in told:
            _List(mta.name, setting, exim, found).take(told[setting])
    if NAMED not in told:
        found.note(mta.name, f"has no hostlist {NAMED}: which networks it trusts is not known")


class _List(ListReader):
    """One setting's list as it is read."""

    KIND = "hostlist"
    NAMED = (NAMED,)

    def __init__(self, server: str, setting: str, exim: str, found: Found) -> None:
        super().__init__(server, setting, exim, found)
        self._found = found

    def _named(self, name: str, excluded: bool) -> None:
        if not excluded:
            super()._named(name, excluded)

    def _item(self, item: str, excluded: bool) -> None:
        """One that is trusted, and neither list nor file."""
        if excluded or not item or item in _OWN:  # an empty one is mail from this host's own programs
            return
        network = network_of(item, strict=False)  # Exim compares as many bits as the length says
        if network is not None:
            self._found.add(self._server, self._setting, network)
        elif item in ("*", _LOCALHOST):
            for each in _EVERY if item == "*" else _LOOPBACK:
                self._found.add(self._server, self._setting, ip_network(each))
        else:
            self._note(f"{quoted(item)}: neither address nor network")
