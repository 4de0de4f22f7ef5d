"""Which lines of a log are of this host: a central log has those of many."""

HOSTS = 1_000  # names remembered


class OwnHost:
    """Logs name a host as its syslog does, often without its domain; `name` is this host's own name.

    Once lines with our own name have been seen, all others are of other hosts. Until then, any may be ours by another
    name; for `sure` if all lines have the same."""

    def __init__(self, name: str = "") -> None:
        self.named(name)

    def named(self, name: str) -> None:
        """This host's own name is known, or another one than before."""
        self.name = name
        self._name = _short(name)
        self._seen: dict[str, bool] = {}
        self.found = False
        """Lines with our own name have been seen."""

    def may_be(self, host: str) -> bool:
        """Whether a line that names `host` may be of this host."""
        own = self._seen.get(host)
        if own is None:
            own = _short(host) == self._name
            if own or len(self._seen) < HOSTS:
                self._seen[host] = own
            self.found = self.found or own
        return own or not self.found

    @property
    def sure(self) -> bool:
        """What may be of this host is."""
        return self.found or len(self._seen) < 2


def _short(name: str) -> str:
    return name.partition(".")[0].lower()
