"""What is looked up of an address: where it is (files on this host), and its name (the resolver)."""

from typing import NamedTuple

from smtpwatch.lookup.geo import Place, Places
from smtpwatch.lookup.names import Name, Names

__all__ = ["NO_LOOKUPS", "Lookups", "Name", "Names", "Place", "Places"]


class Lookups(NamedTuple):
    """What there is to ask; None: nothing of the kind."""

    places: Places | None
    names: Names | None

    @property
    def located(self) -> bool:
        """Countries or networks can be told."""
        return self.places is not None and (self.places.knows_country or self.places.knows_network)

    def place(self, address: str) -> Place | None:
        """Where it is."""
        return None if self.places is None else self.places.of(address)

    def host(self, address: str) -> str:
        """Its name as far as it is confirmed, "" for none or not yet: asked for again while it is on screen."""
        name = None if self.names is None else self.names.of(address)
        return name.host if name is not None and name.standing == "confirmed" else ""

    def named(self, address: str) -> str:
        """All that is known of its name, in words."""
        name = None if self.names is None else self.names.of(address)
        if name is None:
            return "" if self.names is None else "being looked up"
        if name.standing == "none":
            return "none (no PTR record)"
        if name.standing == "failed":
            return f"{name.host} (not confirmed: no answer)".strip() if name.host else "the resolver did not answer"
        return f"{name.host} ({_STANDING[name.standing]})"


_STANDING = {"confirmed": "forward-confirmed", "unconfirmed": "not confirmed: anybody may claim it"}


NO_LOOKUPS = Lookups(None, None)
