"""What `smtpwatch doctor` says of geo databases and of the resolver."""

from collections.abc import Iterator, Sequence

from smtpwatch.config import Config
from smtpwatch.doctor import Finding
from smtpwatch.lookup.databases import NONE, PLACES, STALE, Database, found
from smtpwatch.lookup.names import ResolverError
from smtpwatch.lookup.resolver import servers

DB_IP = "https://db-ip.com/db/lite.php"
_DAY = 86_400.0


def geo(config: Config, now: float) -> Iterator[Finding]:
    """The databases, their age at `now` (epoch seconds), and how to get what is missing."""
    if config.geo == (NONE,):
        yield Finding("geo", "off: countries and networks of sources are not shown", None)
        return
    databases = found(config.geo)
    yield from (_database(database, now) for database in databases)
    yield from _missing([database for database in databases if not database.problem], config.geo)


def _database(database: Database, now: float) -> Finding:
    if database.problem:
        return Finding("geo", f"{database.path}: {database.problem}", False)
    days = int(database.age(now) // _DAY)
    says = f"{database.kind}, {days:,} day{'' if days == 1 else 's'} old: {database.path}"
    if days * _DAY <= STALE:
        return Finding("geo", says, True)
    return Finding("geo", f"{says} (stale)", False, f"geoipupdate, best by a timer; or this month's file from {DB_IP}")


def _missing(usable: Sequence[Database], paths: Sequence[str]) -> Iterator[Finding]:
    missing = []
    if not any(database.country for database in usable):
        missing.append(("countries", "Country"))
    if not any(database.network for database in usable):
        missing.append(("networks", "ASN"))
    if not missing:
        return
    what = " and ".join(plural for plural, _ in missing)
    maxmind = " and ".join(f"GeoLite2-{kind}" for _, kind in missing)
    db_ip = " and ".join(f"dbip-{kind.lower()}-lite" for _, kind in missing)
    yield Finding(
        "geo",
        f"no database of the {what} of sources in {', '.join(paths or map(str, PLACES))}",
        None,
        f"geoipupdate fetches {maxmind} (free, with an account at MaxMind); or without one: {db_ip} from {DB_IP}",
    )
    yield Finding("geo", 'a .mmdb file elsewhere is named by --geo PATH, or in the settings by geo = ["PATH"]', None)


def names(config: Config) -> Finding:
    """Whether names are asked for, and whom."""
    if not config.names:
        return Finding("names", "off: no reverse DNS", None)
    try:
        return Finding("names", f"reverse DNS of what is on screen, asked of {', '.join(servers())}", True)
    except ResolverError as error:
        return Finding("names", f"no resolver for reverse DNS: {error}", False, "name one in /etc/resolv.conf")
