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

    def where(self, address: str, now: float) -> str:
        """Where it is, as closely as is known, and how old the databases are that say so, in words."""
        usable = [] if self.places is None else [each for each in self.places.databases if not each.problem]
        if self.places is None or not usable:
            return "not known: no geo database (smtpwatch doctor tells how to get one)"
        told, place = self.places.details(address), self.places.of(address)
        radius = f"within {told.radius:,} km" if told.radius else ""
        parts = [part for part in (told.city, told.region, radius) if part]
        known = ", ".join(parts) or place.city or place.country or "not in any database"
        ages = (f"{each.kind}, {each.age(now) / 86_400:,.0f} d old" for each in usable)
        return f"{known} ({'; '.join(ages)})"

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
