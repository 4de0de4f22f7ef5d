"""A host whose mail servers' programs are scripts, for what is asked of them about whom they relay for."""

from collections.abc import Sequence

from collectors.host.relay import relay_policies
from collectors.host.relay_found import Policy
from tests.collectors.host.trusted_host import NO_LIST, UNKNOWN, Host


class RelayHost(Host):
    """Its programs answer what they are asked, and no more."""

    def relays_postfix(self, services: Sequence[str] = (), **settings: str) -> None:
        """A Postfix with these settings, and lines of master.cf as `postconf -P` tells them."""
        (self.directory / "main.cf").touch()
        main = self.file("main", *(f"{name} = {value}" for name, value in settings.items()))
        master = self.file("master", *services)
        self.program("postqueue")
        asked = (
            f'for name; do case "$name" in */*) grep "/${{name##*/}} = " {master};; *) grep "^$name = " {main};; esac'
        )
        self.program("postconf", f"{asked}; done; true")

    def relays_exim(self, primary_hostname: str = "mx.example.net", **lists: str) -> None:
        """An Exim with these lists: domainlists, but for relay_from_hosts, which is there in any case."""
        lists.setdefault("relay_from_hosts", "")
        cases = [f"primary_hostname) echo primary_hostname = {primary_hostname};;"]
        for name, text in lists.items():
            kind = "hostlist" if name == "relay_from_hosts" else "domainlist"
            cases.append(f"+{name}) cat {self.file(name, f'{kind} {name} = {text}')};;")
        none = self.file("none", NO_LIST.format("any"), UNKNOWN)
        cases.append(f"-bP) ;; *) cat {none}; status=1;;")
        self.program("exim4", f'status=0; for name; do case "$name" in {" ".join(cases)} esac; done; exit $status')

    def relays_opensmtpd(self, *lines: str) -> None:
        """An OpenSMTPD that is set up with these lines."""
        self.program("smtpd")
        self.file("smtpd.conf", *lines)

    def policies(self) -> tuple[Policy, ...]:
        return relay_policies(str(self.programs))

    def policy(self) -> Policy:
        """The one there is."""
        (policy,) = self.policies()
        return policy

    def told(self) -> tuple[list[str], list[str]]:
        """Domains and networks of the one there is, which are all."""
        policy = self.policy()
        assert (policy.note, policy.complete, policy.troubled) == ("", True, False)
        return list(policy.domains), list(policy.networks)

    def domains(self) -> list[str]:
        """Its domains alone, which are all."""
        return self.told()[0]
