"""Streams of events joined in time order."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import attrgetter

from smtpwatch.events import Event

BATCH = 2_000  # events

Batches = Iterable[Sequence[Event]]


def merged(streams: Sequence[Batches]) -> Iterator[Sequence[Event]]:
    """The events of all streams in batches, by time; each stream keeps its own order. One stream alone stays as it
    is."""
    if len(streams) == 1:
        yield from streams[0]
        return
    events = heapq.merge(*map(chain.from_iterable, streams), key=attrgetter("time"))
    while batch := list(islice(events, BATCH)):
        yield batch
