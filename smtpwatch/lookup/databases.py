"""The geo databases of this host (MaxMind DB files): which there are, and what each of them knows."""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smtpwatch.lookup import records

if TYPE_CHECKING:
    from maxminddb import Reader

NONE = "none"  # set in place of a path: no database is used
PLACES = tuple(
    Path(place)
    for place in (
        "/usr/share/GeoIP",  # geoipupdate as packaged
        "/var/lib/GeoIP",  # geoipupdate on Debian
        "/usr/local/share/GeoIP",  # geoipupdate as built, and on FreeBSD
        "/usr/local/var/GeoIP",  # Homebrew on Intel
        "/opt/homebrew/var/GeoIP",
        "/var/lib/geoip",
        "/etc/GeoIP",
    )
)
FILES = 32  # looked at in all: a folder may hold a year's monthly files, of which the newest is used
STALE = 60 * 86_400.0  # seconds: MaxMind and IPinfo publish weekly or daily, DB-IP monthly
COPIED = 80 << 20  # octets; country and ASN files have some 10 MB each, GeoLite2-City 60 MB

# What a database's type says of its contents; others are asked about a few addresses.
_COUNTRY_KINDS = ("country", "city", "enterprise", "location")
_NETWORK_KINDS = ("asn", "isp", "enterprise")
_CITY_KINDS = ("city", "enterprise", "location")
_PROBES = (
    *(f"{first}.8.8.8" for first in range(1, 224)), "172.16.0.1", "192.168.0.1",
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1",
)  # fmt: skip


class Database(NamedTuple):
    """A file: what it is and what it knows, or why it is of no use."""

    path: Path
    kind: str = ""
    """The type that its maker gave it ("GeoLite2-City"); text from outside."""
    built: float = 0.0
    """When its maker made it, epoch seconds; 0: not known."""
    country: bool = False
    network: bool = False
    city: bool = False
    problem: str = ""
    """Why it cannot be used; "" if it can."""

    def age(self, now: float) -> float:
        """Seconds since it was made, never negative."""
        return max(now - self.built, 0.0)


class Opened(NamedTuple):
    """A database with its reader (None if it has a problem), and what the file was like when it was opened."""

    database: Database
    reader: "Reader | None"
    stamp: tuple[int, ...]


def found(paths: Sequence[str] = (), places: Sequence[Path] = PLACES) -> list[Database]:
    """The databases that would be used, and those that cannot be, with the reason, in the order they are asked.

    `paths`: as set, files or folders; empty: those in `places`; ("none",): nothing. Never raises."""
    return chosen([opened(path).database for path in candidates(paths, places)], paths)


def candidates(paths: Sequence[str] = (), places: Sequence[Path] = PLACES) -> list[Path]:
    """The files to look at; those that are set need not exist, so that their absence is told."""
    if tuple(paths) == (NONE,):
        return []
    if not paths:
        files = [path for place in places for path in _files(place)]
    else:
        files = [file for path in map(Path, paths) for file in (_files(path) if path.is_dir() else (path,))]
    seen: dict[object, Path] = {}
    for file in files:  # one place is often a link to another
        seen.setdefault(stamp(file) or file, file)
    return list(seen.values())[:FILES]


def _files(folder: Path) -> Iterator[Path]:
    try:
        # The other way round: of monthly files, the latest come first, within FILES.
        yield from sorted(folder.glob("*.mmdb"), reverse=True)
    except OSError:
        return


def stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file is replaced or written to; () if there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def chosen(databases: Sequence[Database], paths: Sequence[str] = ()) -> list[Database]:
    """Those worth asking, in order; and all with a problem, last.

    First the files that `paths` name, in that order. Of those that were found, the latest of each kind: first those
    not left behind by newer ones, and of them first the ones without cities, which take half the time."""
    given = [Path(path) for path in paths]
    named = []
    latest: dict[str, Database] = {}
    for database in databases:
        known = latest.get(database.kind)
        if database.problem:
            continue
        if database.path in given:
            named.append(database)
        elif known is None or known.built < database.built:
            latest[database.kind] = database
    newest = max((database.built for database in latest.values()), default=0.0)
    others = sorted(latest.values(), key=lambda one: (newest - one.built > STALE, one.city, -one.built, str(one.path)))
    return [*named, *others, *(database for database in databases if database.problem)]


def opened(path: Path) -> Opened:
    """The database in a file, ready to be asked; with its `problem` if it is missing, damaged or of no use here."""
    from maxminddb import InvalidDatabaseError

    before = stamp(path)
    try:
        reader = _reader(path)
        database = _described(path, reader)
    except OSError as error:
        return Opened(Database(path, problem=error.strerror or "cannot be read"), None, before)
    except (InvalidDatabaseError, ValueError, TypeError):
        return Opened(Database(path, problem="damaged, or not a MaxMind DB file"), None, before)
    return Opened(database, None if database.problem else reader, before)


def _reader(path: Path) -> "Reader":
    """Raises OSError, InvalidDatabaseError, ValueError."""
    from maxminddb import open_database

    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        size = before.st_size
        if not hasattr(os, "memfd_create") or size > COPIED:
            return open_database(path)
        # The reader maps its file into memory: whoever overwrites that in place (`gunzip -c > ...`) would end us by
        # SIGBUS. So it maps a copy, which takes 2 ms for 10 MB in the page cache, and reads it at one go from a disk.
        copy = os.memfd_create("geo", os.MFD_CLOEXEC)
        try:
            offset = 0
            while sent := os.sendfile(copy, file.fileno(), offset, max(size - offset, 0)):
                offset += sent
            after = os.fstat(file.fileno())
            if (after.st_size, after.st_mtime_ns) != (size, before.st_mtime_ns) or offset != size:
                # Half an old file and half a new one pass for a database, but may crash the reader, which is in C.
                raise BlockingIOError(errno.EAGAIN, "is being written")
            return open_database(f"/proc/self/fd/{copy}")
        finally:
            os.close(copy)


def _described(path: Path, reader: "Reader") -> Database:
    metadata = reader.metadata()
    kind = str(metadata.database_type)
    words = kind.lower()
    country = any(word in words for word in _COUNTRY_KINDS)
    network = any(word in words for word in _NETWORK_KINDS)
    city = any(word in words for word in _CITY_KINDS)
    if not country and not network:
        some = list(_probed(reader))
        # One that knows none of the probes may be of a company's own networks: it is asked about everything.
        country = not some or any(records.country(record) for record in some)
        network = not some or any(records.network(record)[0] for record in some)
        city = any(records.city(record) for record in some)
    problem = "" if country or network else f"{kind}: has neither countries nor networks"
    return Database(path, kind, float(metadata.build_epoch), country, network, city, problem)


def _probed(reader: "Reader") -> Iterator[dict[str, object]]:
    """Not by iterating: in a damaged tree that may take for ever."""
    for address in _PROBES:
        try:
            record = reader.get(address)
        except (ValueError, RuntimeError, OSError):  # no IPv6 in it; damaged here
            continue
        if isinstance(record, dict):
            yield dict(record)
