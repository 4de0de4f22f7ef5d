"""What a source, or a group of sources, says of each field of the filter."""

from collections.abc import Callable, Mapping

from smtpwatch.query import Read, Says, quoted
from smtpwatch.state.party import Dimension, Party
from widgets.blocked import Blocked, not_blocked, yes_or_no
from widgets.source_columns import NOW, fact, mark, rate


def _few(kind: str) -> Read[Party]:
    def read(party: Party) -> Says:
        few = fact(party, kind)
        return () if few is None else few.values

    return read


def _key(party: Party) -> Says:
    return party.key


def _country(party: Party) -> Says:
    return None if party.facts is None else party.facts.country


def _asn(party: Party) -> Says:
    return None if party.facts is None else party.facts.asn


def _org(party: Party) -> Says:
    return None if party.facts is None else party.facts.org


def _number(party: Party) -> Says:
    return int(party.key.removeprefix("AS"))


def _of_domain(party: Party) -> Says:
    """As the end of an address, so that members_term finds the group too."""
    return party.key if party.key == "<>" else f"@{party.key}"


def _tls(party: Party) -> Says:
    few = fact(party, "versions")
    if few is not None:
        return [version.removeprefix("TLSv") for version in few.values]
    return None if party.tls else "none"


def _verdicts(party: Party) -> Says:
    told = (
        (party.accepted, "accepted"),
        (party.rejected, "rejected"),
        (party.deferred, "deferred"),
        (party.abandoned, "abandoned"),
    )
    return [verdict for n, verdict in told if n]


def _domains(kind: str) -> Callable[[Party], list[str]]:
    def read(party: Party) -> list[str]:
        few = fact(party, kind)
        return [] if few is None else [value.rpartition("@")[2] for value in few.values]

    return read


def source_fields(
    now: Callable[[], float], host: Callable[[str], str] | None = None, blocked: Blocked = not_blocked
) -> Mapping[str, Read[Party]]:
    """Each field's function, of sources; `now` tells the time that rates and ages are told against, `host` gives
    names, `blocked` knows who is."""
    return {
        **_figures(now),
        "src": _key,
        "net": _key,
        "cc": _country,
        "asn": _asn,
        "org": _org,
        "account": _few("accounts"),
        "helo": _few("helos"),
        "ja4": _few("ja4s"),
        "from": _few("senders"),
        "to": _few("recipients"),
        "domain": _domains("recipients"),
        "reason": _few("reasons"),
        "cipher": _few("ciphers"),
        "tls": _tls,
        "name": lambda party: "" if host is None else host(party.key),
        "blocked": lambda party: yes_or_no(blocked, party.key),
    }


_OWN: Mapping[Dimension, Mapping[str, Read[Party]]] = {
    Dimension.NETWORK: {"src": _key, "net": _key},
    Dimension.ASN: {"asn": _number, "org": lambda party: party.label},
    Dimension.COUNTRY: {"cc": _key},
    Dimension.ACCOUNT: {"account": _key},
    Dimension.HELO: {"helo": _key},
    Dimension.JA4: {"ja4": _key},
    Dimension.SENDER_DOMAIN: {"from": _of_domain},
    Dimension.RECIPIENT_DOMAIN: {"to": _of_domain, "domain": _key},
}


def group_fields(dimension: Dimension, now: Callable[[], float]) -> Mapping[str, Read[Party]]:
    """The same of groups by that: what they are a group by, and figures. What else a filter asks is no matter of
    groups, and leaves none out."""
    return {**_figures(now), **_OWN[dimension]}


def _figures(now: Callable[[], float]) -> Mapping[str, Read[Party]]:
    return {
        "verdict": _verdicts,
        "mark": lambda party: mark(party).strip(),
        "age": lambda party: now() - party.last,
        "rate": lambda party: rate(party, now(), NOW),
        "sessions": lambda party: party.sessions,
        "accepted": lambda party: party.accepted,
        "refused": lambda party: party.refused,
        "auth": lambda party: party.auth_failed,
    }


def members_term(party: Party) -> str:
    """The filter that finds the sources of a group. Of names that a source gave, only the most frequent are known; the
    numbers in a pattern of HELO names may be any text."""
    key = party.key
    match party.dimension:
        case Dimension.NETWORK:
            return f"src:{key}"
        case Dimension.ASN:
            return f"asn:{key.removeprefix('AS')}"
        case Dimension.COUNTRY:
            return f"cc:{key}"
        case Dimension.ACCOUNT:
            return f"account:{quoted(key)}"
        case Dimension.HELO:
            return f"helo:{'[*' if key == '[address]' else quoted(key).replace('#', '*')}"
        case Dimension.JA4:
            return f"ja4:{quoted(key)}"
        case Dimension.SENDER_DOMAIN:
            return "from:<>" if key == "<>" else f"from:{_at(key)}"
        case Dimension.RECIPIENT_DOMAIN:
            return f"to:{_at(key)}"
    return f"src:{key}"


def _at(domain: str) -> str:
    """All addresses there; a local name stands for itself, without an @."""
    text = quoted(domain)
    every = f'"*@{text[1:]}' if text.startswith('"') else f"*@{text}"
    return every if "." in domain else f"{every},{text}"
