"""Whom an OpenSMTPD relays for: what its match rules take from anyone who has not logged in.

The first rule that matches counts (smtpd.conf(5)). What a client can choose (helo, mail-from, tls) keeps no stranger
out, and is not looked at. Of what is rejected only that is left out which is rejected for every stranger.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from collectors.host.opensmtpd import NAME, OpenSmtpd
from collectors.host.relay_found import TABLE_MAX, Domains, own_addresses
from collectors.host.smtpd_conf import Condition, Configuration, Match, Values
from collectors.host.trusted_found import Found, UnreadableError, network_of, quoted, text_of

LOCAL = "localhost"  # which "for local" names beside the host's own name
MAILNAME = "mailname"  # the file that holds that name, where the configuration is or in /etc; else the system has it

_EVERY = (ip_network("0.0.0.0/0"), ip_network("::/0"))

_Network = IPv4Network | IPv6Network


def read(server: OpenSmtpd, domains: Domains, found: Found) -> None:
    """What its configuration says. Raises UnreadableError."""
    configuration = Configuration(text_of(server.configuration), NAME, domains)
    rules = _Rules(configuration, _host_name(server.configuration), domains, found)
    for rule in configuration.rules:
        if rules.end:
            break
        rules.take(rule)


class _Rules:
    """Match rules as they are read, the first one first. `end`: no stranger comes beyond."""

    def __init__(self, configuration: Configuration, host: str, domains: Domains, found: Found) -> None:
        self.end = False
        self._host = host
        self._tables = configuration.tables
        self._domains = domains
        self._found = found
        self._out: set[str] = set()
        """Domains whose mail is rejected, whoever brings it."""
        self._only: list[_Network] | None = None
        """Those that strangers who are not rejected come from; None: any."""

    def take(self, rule: Match) -> None:
        """The next one."""
        login = rule.others.get("auth")
        if login is not None and not login.negated:
            return
        try:
            if rule.accepts:
                self._accept(rule)
            else:
                self._reject(rule)
        except UnreadableError as error:
            self._domains.note(NAME, str(error))

    def _reject(self, rule: Match) -> None:
        if set(rule.others) - {"auth"} or not _from_anyone(rule.source):
            return
        if rule.destination == Condition("any"):
            self._close(rule.source)
        elif not rule.destination.negated:
            self._out.update(self._meant(rule.destination))

    def _close(self, source: Condition) -> None:
        """All mail is rejected, but from those that a "!" leaves out."""
        if source.negated and source.what == "src":
            self._only = []  # should it turn out that they cannot be listed
            self._only = list(self._networks(source))
        elif source.negated and source.what == "local":
            self._only = list(_own())
        else:
            self.end = True

    def _accept(self, rule: Match) -> None:
        recipients = rule.others.get("rcpt-to")
        if rule.destination.what != "any" and not rule.destination.negated:
            if self._anyone(rule.source):
                self._take(self._meant(rule.destination))
        elif recipients is not None and not recipients.negated:
            if self._anyone(rule.source):
                self._take(address.rpartition("@")[2] for address in self._listed(recipients, "rcpt-to"))
        elif "tag" in rule.others and not rule.others["tag"].negated and _from_anyone(rule.source):
            raise UnreadableError("match from any tag for any: what comes by that listener alone cannot be told")
        else:
            for network in self._sources(rule.source):
                self._found.add(NAME, "match", network)

    def _anyone(self, source: Condition) -> bool:
        """Every stranger comes so far with this rule."""
        if self._only is not None:
            return False
        if source.what != "src" or source.negated:
            return _from_anyone(source)
        try:
            return any(value.endswith("/0") for value in self._listed(source, ""))
        except UnreadableError:
            return False

    def _take(self, domains: Iterable[str]) -> None:
        for domain in domains:
            if domain.lower() not in self._out:
                self._domains.add(NAME, "match", domain)

    def _sources(self, source: Condition) -> Iterable[_Network]:
        """Whence a client must come."""
        if _from_anyone(source):
            return _EVERY if self._only is None else self._only
        if source.what == "local":
            return _own()
        return self._networks(source) if source.what in ("src", "rdns") else ()

    def _networks(self, source: Condition) -> Iterator[_Network]:
        """Those of "from src". Raises UnreadableError."""
        for value in self._listed(source, f"from {source.what}"):
            network = network_of(value.strip("[]"), strict=False)
            if network is not None:
                yield network
            elif value != "local":  # mail from this host's own programs
                self._domains.note(NAME, f"match from {source.what}: {quoted(value)}: neither address nor network")

    def _meant(self, destination: Condition) -> Iterator[str]:
        """The domains of "for local" and "for domain". Raises UnreadableError."""
        if destination.what == "local":
            yield LOCAL
            yield self._host
            yield from (f"[{address}]" for address in own_addresses())  # IPv6 too: not as RFC 5321 has it
            return
        for value in self._listed(destination, "for domain"):
            if "*" not in value:
                yield value
            elif value.startswith("*.") and "*" not in value[1:]:
                yield value[1:]
            else:
                self._domains.note(NAME, f"match for domain: {quoted(value)}: which domains that is cannot be told")

    def _listed(self, condition: Condition, setting: str) -> Iterable[str]:
        """Values of a condition. Raises UnreadableError."""
        if condition.regex:
            raise UnreadableError(f"match {setting}: what a regular expression matches cannot be listed")
        values = condition.values or Values()
        if not values.table:
            return values.listed
        table = self._tables.get(values.table)
        if table is None:
            raise UnreadableError(f"match {setting}: no table {quoted(values.table)}")
        if isinstance(table, Values):
            return table.listed
        kind, _, path = table.partition(":")
        if kind != "file":
            raise UnreadableError(f"match {setting}: {quoted(table)}: a table of this type cannot be listed")
        return _lines(text_of(path, TABLE_MAX))


def _from_anyone(source: Condition) -> bool:
    """A stranger may come so: from anywhere, or from anywhere else. Anyone can have a name for his address."""
    if source.what == "any":
        return not source.negated
    return source.negated or (source.what == "rdns" and source.values is None)


def _own() -> Iterator[_Network]:
    return map(ip_network, own_addresses())


def _host_name(configuration: str) -> str:
    """As OpenSMTPD finds it."""
    for directory in (str(Path(configuration).parent), "/etc"):
        with suppress(UnreadableError):
            return text_of(f"{directory}/{MAILNAME}").split("\n", 1)[0].strip()
    name = socket.gethostname()
    return name if "." in name else socket.getfqdn(name)


def _lines(text: str) -> Iterator[str]:
    """What the lines of a table begin with."""
    for line in text.splitlines():
        words = line.partition("#")[0].split(None, 1)
        if words:
            yield words[0]
