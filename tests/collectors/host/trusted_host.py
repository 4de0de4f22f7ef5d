"""A host whose mail servers' programs are scripts, for what is asked of them about trusted networks."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from collectors.host.trusted import trusted_networks
from smtpwatch.trusted import Trusted

NO_LIST = 'no address, domain, host, or local part list called "{}" exists'
UNKNOWN = "hosts_proxy is not a known option"


class Host:
    """A host whose programs are scripts; nothing runs on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.programs = directory / "bin"
        self.programs.mkdir()

    def program(self, name: str, script: str = "") -> None:
        """One that does this; what it was called with is appended to NAME.asked."""
        asked = shlex.quote(str(self.directory / f"{name}.asked"))
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n{script}\n')
        path.chmod(0o755)

    def asked(self, name: str) -> list[str]:
        path = self.directory / f"{name}.asked"
        return path.read_text().splitlines() if path.exists() else []

    def file(self, name: str, *lines: str) -> Path:
        path = self.directory / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def postfix(self, mynetworks: str, *others: str, services: Sequence[str] = ()) -> None:
        """A Postfix that is set up; `others` are further lines that postconf tells, `services` those of master.cf."""
        (self.directory / "main.cf").touch()
        main = self.file("main", f"mynetworks = {mynetworks}", *others)
        master = self.file("master", *services)
        self.program("postqueue")
        self.program("postconf", f'case "$*" in *-P*) cat {master};; *) cat {main};; esac')

    def exim(self, *lines: str, status: int = 0) -> None:
        """An Exim that answers whatever it is asked with these lines."""
        self.program("exim4", f"cat {self.file('said', *lines)}; exit {status}")

    def relays(self, value: str, **named: str) -> None:
        """An Exim with that list of relay_from_hosts, and other named lists."""
        lists = {name: self.file(name, f"hostlist {name} = {text}") for name, text in named.items()}
        first = self.file("first", f"hostlist relay_from_hosts = {value}", UNKNOWN)
        cases = [f"'-bP +{name}') cat {path};;" for name, path in lists.items()]
        cases.append(f"'-bP +relay_from_hosts hosts_proxy') cat {first}; exit 1;;")
        none = self.file("none", NO_LIST.format("any"))
        self.program("exim4", f'case "$*" in {" ".join(cases)} *) cat {none}; exit 1;; esac')

    def found(self) -> Trusted:
        return trusted_networks(str(self.programs))

    def networks(self) -> list[str]:
        """Those that are found, with nothing noted."""
        networks, notes = self.found()
        assert notes == ()
        return [str(each.network) for each in networks]

    def noted(self, *networks: str) -> str:
        """The one note, where these are found beside it."""
        found, notes = self.found()
        assert [str(each.network) for each in found] == list(networks)
        (note,) = notes
        return note
