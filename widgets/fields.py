"""What the mappings of several kinds of rows to the filter's fields have in common."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from smtpwatch.events import Delivery
from smtpwatch.query import Place, Read
from smtpwatch.state.message import Message

RECIPIENTS = 1_000  # of one message that the filter looks at: 0.1 ms

T = TypeVar("T")


def no_sender(address: str | None) -> str | None:
    """A sender as the filter knows it: `<>` is the null sender, None an unknown one."""
    return "<>" if address == "" else address


def verdict_of(code: int) -> str:
    """What a refusal's code says; one that was not logged was for good."""
    return "deferred" if 400 <= code < 500 else "rejected"


def programs(names: Iterable[str]) -> list[str]:
    """Programs, and what they are called without the mail server's name before it: postfix/smtpd is smtpd too."""
    each = list(dict.fromkeys(names))
    return each + [name.rpartition("/")[2] for name in each if "/" in name]


def recipients(message: Message) -> Iterator[str]:
    """Those of one message; of one that was refused, only the refusal tells."""
    if message.refused is not None and message.refused.recipient:
        yield message.refused.recipient
    yield from islice(message.recipients, RECIPIENTS)


def attempts(message: Message) -> Iterator[Delivery]:
    """The latest attempt for each recipient."""
    return (each for each in islice(message.recipients.values(), RECIPIENTS) if each is not None)


def domains(addresses: Iterable[str]) -> set[str]:
    """The domains of addresses."""
    return {address.rpartition("@")[2].casefold() for address in addresses if "@" in address}


def of_place(source: Callable[[T], str], places: Callable[[str], Place | None] | None) -> dict[str, Read[T]]:
    """cc, asn and org of the address that `source` gives; nothing of them where nobody knows places."""

    def place(row: T) -> Place | None:
        return None if places is None else places(source(row))

    def country(row: T) -> str | None:
        found = place(row)
        return None if found is None else found.country

    def system(row: T) -> int | None:
        found = place(row)
        return None if found is None else found.asn

    def holder(row: T) -> str | None:
        found = place(row)
        return None if found is None else found.org

    return {"cc": country, "asn": system, "org": holder}
