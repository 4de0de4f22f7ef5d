"""ipset and iptables whose sets and rules are files."""

from pathlib import Path

from smtpwatch.firewall.ipset import IpsetIptables
from tests.firewall.programs import LIMIT, Programs

HASH = "hash:net family {} hashsize 1024 maxelem 1048576 timeout 0 counters comment bucketsize 12 initval 0x1"
EMPTY = "-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n"
RULES = """-A SMTPWATCH -p tcp -m set --match-set smtpwatch-ports dst -m set --match-set smtpwatch-smtp{0} src -j DROP
-A SMTPWATCH -m set --match-set smtpwatch-all{0} src -j DROP"""
IN_FORCE = f"{EMPTY}-N SMTPWATCH\n-A PREROUTING -j SMTPWATCH\n{RULES}\n"
RESTORE = "ipset -exist restore"


class Host(Programs):
    """A directory with the programs, what they hold, and the backend that runs them."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.directory = directory
        self.backend = IpsetIptables(self.path, LIMIT)
        self.ipset()
        for name, version in (("iptables", 4), ("ip6tables", 6)):
            self.rules(version, EMPTY)
            self.put(name, f"cat {directory}/rules{version}")
            self.put(f"{name}-restore", "")

    def ipset(self, restore: str = "") -> None:
        """The script `restore` is run for restore, and the sets are told otherwise."""
        sets = self.directory / "sets"
        sets.mkdir(exist_ok=True)
        self.put("ipset", f"case $1 in list) ls {sets};; save) cat {sets}/$2;; *) {restore or ':'};; esac")

    def set(self, name: str, *members: str, how: str = "") -> None:
        """A set that is there."""
        made = how or ("bitmap:port range 0-65535" if name == "smtpwatch-ports" else HASH.format(_family(name)))
        lines = [f"create {name} {made}", *(f"add {name} {member}" for member in members)]
        (self.directory / "sets" / name).write_text("\n".join(lines) + "\n")

    def rules(self, version: int, listed: str) -> None:
        """What iptables -S tells."""
        (self.directory / f"rules{version}").write_text(listed)

    def words(self) -> list[str]:
        """Every command so far."""
        return [each.words for each in self.asked()]

    def fed(self, words: str = RESTORE) -> list[str]:
        """What the last command of that kind was fed."""
        return [each.fed for each in self.asked() if each.words == words][-1].splitlines()


def _family(name: str) -> str:
    return "inet6" if name.endswith("6") else "inet"
