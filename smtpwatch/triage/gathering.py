"""One alert in place of many: what several sources of a network do is told of the network."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from smtpwatch.state.networks import network_of
from smtpwatch.triage.alert import Subject
from smtpwatch.triage.alerts import Alerts

TOGETHER = 3  # members of a group that have an alert each; with one more they have one together
GROUPS = 500  # with alerts at a time, the latest
MEMBERS = 1_000  # of one group, the latest


class Whom(NamedTuple):
    """Whom an alert is about: `members` of it do so `much` in all."""

    subject: Subject
    much: int
    members: int

    def __str__(self) -> str:
        """`203.0.113.7`, `203.0.113.0/24, 14 sources`."""
        return self.subject.name if self.members == 1 else f"{self.subject.name}, {self.members:,} sources"


def source_and_network(source: str) -> tuple[Subject, Subject]:
    """A source, and the network that it is gathered by."""
    return Subject("source", source), Subject("network", network_of(source))


class _Group:
    """How much each member does, as it was last told, and all together."""

    __slots__ = ("members", "much")

    def __init__(self) -> None:
        self.members: dict[Subject, int] = {}
        self.much = 0

    def put(self, member: Subject, much: int) -> None:
        self.drop(member)
        self.members[member] = much
        self.much += much
        if len(self.members) > MEMBERS:
            self.drop(next(iter(self.members)))

    def drop(self, member: Subject) -> None:
        self.much -= self.members.pop(member, 0)


class Gathering:
    """The alerts of one rule, by group: those of its members give way to one of the group."""

    def __init__(self, alerts: Alerts, rule: str) -> None:
        self._alerts = alerts
        self._rule = rule
        self._groups: OrderedDict[Subject, _Group] = OrderedDict()

    def take(self, member: Subject, group: Subject, much: int) -> Whom:
        """A member of that group does so much."""
        found = self._groups.get(group)
        if found is None:
            found = self._groups[group] = _Group()
            if len(self._groups) > GROUPS:
                self._groups.popitem(last=False)
        together = (self._rule, group) in self._alerts.present
        if not together:
            for each in [each for each in found.members if (self._rule, each) not in self._alerts.present]:
                found.drop(each)  # that one is over
        found.put(member, much)
        self._groups.move_to_end(group)
        if not together and len(found.members) <= TOGETHER:
            return Whom(member, much, 1)
        if not together:
            self._alerts.gather([(self._rule, each) for each in found.members], (self._rule, group))
        return Whom(group, found.much, len(found.members))
