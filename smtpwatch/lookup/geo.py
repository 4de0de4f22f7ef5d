"""Where an address is: its country, its network's number and who runs that, its city; from files on this host."""

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smtpwatch.lookup import records
from smtpwatch.lookup.databases import PLACES, Database, Opened, candidates, chosen, opened, stamp

if TYPE_CHECKING:
    from maxminddb import Reader

KNOWN = 20_000  # places kept, of 300 octets each: twice the rows of the longest table
DETAILED = 100  # sources that are opened one after the other
REFRESH = 60.0  # seconds between looks at the files


class Place(NamedTuple):
    """What the databases say of an address."""

    country: str = ""
    """ISO 3166 code, "" unknown."""
    asn: int | None = None
    """The number of the autonomous system."""
    org: str = ""
    """Who runs it; text from outside."""
    city: str = ""
    """In English, "" unknown: a database without cities is asked first, if there is one, as it answers sooner;
    `Places.details` asks one that has them."""


class Details(NamedTuple):
    """What is worth knowing of one opened source besides its Place; text from outside."""

    city: str = ""
    region: str = ""
    radius: int | None = None
    """Kilometres around the place within which the address is likely to be."""
    network: str = ""
    """The prefix that the database tells as one."""
    database: str = ""
    """The type of the database that said so; "" if none did."""


NOWHERE = Place()
UNDETAILED = Details()


class Places:
    """The places of addresses. Files are opened when the first one is asked for: 15 ms, 2 ms for each 10 MB.

    `paths` as in `databases.found`. Nothing here raises: a file that is of no use is told in `notes`, and the others
    answer for it."""

    def __init__(self, paths: Sequence[str] = (), places: Sequence[Path] = PLACES) -> None:
        self._paths = tuple(paths)
        self._places = places
        self._files: dict[Path, Opened] | None = None
        self._asked: list[tuple[Reader, Database]] = []
        self._spoilt: dict[Path, str] = {}
        self._databases: tuple[Database, ...] = ()
        self._next = 0.0
        self._of = lru_cache(maxsize=KNOWN)(self._look)
        self._details = lru_cache(maxsize=DETAILED)(self._look_closer)

    def of(self, address: str) -> Place:
        """Where `address` is; NOWHERE for what no database knows (private ones, as a rule) and what is no address.

        Known ones take 0.1 us, others 6.5 us in a country and an ASN file (10 us in a city and an ASN file), of which
        the reader takes 4.5 us; reading the same through geoip2's own models takes 10 us."""
        return self._of(address)

    def details(self, address: str) -> Details:
        """What a database with cities says of `address`. Takes 1 ms: for one source, not for a list of them."""
        return self._details(address)

    @property
    def databases(self) -> tuple[Database, ...]:
        """Those in use, in the order they are asked, then those that cannot be used."""
        self._opened()
        return self._databases

    @property
    def notes(self) -> list[str]:
        """A line for each file that is of no use, or not of all the use it should be; one for the whole time it is."""
        bad = {database.path: database.problem for database in self.databases if database.problem}
        return [f"{path}: {problem}" for path, problem in {**bad, **self._spoilt}.items()]

    @property
    def knows_country(self) -> bool:
        """Whether there is a database with countries: if not, a column of them would stay empty."""
        return any(database.country and not database.problem for database in self.databases)

    @property
    def knows_network(self) -> bool:
        """The same for networks (ASN)."""
        return any(database.network and not database.problem for database in self.databases)

    def refresh(self, now: float) -> bool:
        """Look whether files have come, gone or been replaced, once a minute at most (`now`: epoch seconds).

        True if something has changed: what was answered before may be answered otherwise now."""
        if self._files is None or now < self._next:  # not asked for anything yet: the first to ask will see
            return False
        self._next = now + REFRESH
        files = candidates(self._paths, self._places)
        if {path: stamp(path) for path in files} == {path: file.stamp for path, file in self._files.items()}:
            return False
        self._use(files, self._files)
        return True

    def _opened(self) -> None:
        if self._files is None:
            self._use(candidates(self._paths, self._places), {})

    def _use(self, paths: Sequence[Path], before: dict[Path, Opened]) -> None:
        """Open what is new or has changed. What can no longer be read is used on as it was: we have a copy of it."""
        files = {}
        spoilt = {}
        for path in paths:
            known = before.get(path)
            file = known if known is not None and known.stamp == stamp(path) else opened(path)
            if file is known and path in self._spoilt:
                spoilt[path] = self._spoilt[path]
            elif file.reader is None and known is not None and known.reader is not None:
                spoilt[path] = f"{file.database.problem}; the file that was there before is used on"
                file = known._replace(stamp=file.stamp)
            files[path] = file
        self._files = files
        self._spoilt = spoilt
        self._databases = tuple(chosen([file.database for file in files.values()], self._paths))
        self._asked = [
            (reader, database) for database in self._databases if (reader := files[database.path].reader) is not None
        ]
        self._of.cache_clear()
        self._details.cache_clear()

    def _look(self, address: str) -> Place:
        self._opened()
        country = city = org = ""
        asn: int | None = None
        for reader, database in self._asked:
            wants_country = database.country and not country
            wants_network = database.network and asn is None
            if not wants_country and not wants_network:
                continue
            try:
                record = reader.get(address)
            except (ValueError, TypeError):  # not an address, or an IPv6 one and the database has none
                continue
            except (RuntimeError, OSError):  # InvalidDatabaseError among them
                self._spoilt.setdefault(database.path, "damaged: some of it cannot be read")
                continue
            if not isinstance(record, dict):
                continue
            if wants_country and (country := records.country(record)) and database.city:
                city = records.city(record)
            if wants_network:
                asn, org = records.network(record)
        return Place(country, asn, org, city) if country or asn else NOWHERE

    def _look_closer(self, address: str) -> Details:
        from geoip2.database import Reader
        from geoip2.errors import GeoIP2Error
        from maxminddb import MODE_FILE

        for database in self.databases:
            if not database.city or database.problem:
                continue
            # Read, not mapped: see databases._reader. TypeError: one whose type geoip2 does not know.
            with suppress(OSError, ValueError, TypeError, RuntimeError, GeoIP2Error):
                with Reader(database.path, mode=MODE_FILE) as reader:
                    said = reader.enterprise(address) if "Enterprise" in database.kind else reader.city(address)
                return Details(
                    (said.city.name or "")[: records.TEXT],
                    (said.subdivisions.most_specific.name or "")[: records.TEXT],
                    said.location.accuracy_radius,
                    str(said.traits.network or ""),
                    database.kind,
                )
        return UNDETAILED
