"""What would be lost if we required TLS: mail that was accepted in sessions that had less."""

from typing import NamedTuple, get_args

from smtpwatch.events import Direction
from smtpwatch.state.tls_peers import Peer
from smtpwatch.strength import OLD, TLS12, TLS13

TOP = 3  # peers named for each requirement

REQUIREMENTS = (OLD, TLS12, TLS13)
"""The least level that would be asked for: any TLS, TLS 1.2, TLS 1.3."""


class Loss(NamedTuple):
    """`peers` with mail below the requirement, of those that are held; `messages` of all; the `top` peers by messages.

    `at_least`: peers were forgotten, there may have been more."""

    peers: int
    messages: int
    top: tuple[Peer, ...]
    at_least: bool


class Losses:
    """Counts them for each direction and requirement, since the start."""

    def __init__(self) -> None:
        cells = [(direction, need) for direction in get_args(Direction) for need in REQUIREMENTS]
        self._peers = dict.fromkeys(cells, 0)
        self._messages = dict.fromkeys(cells, 0)
        self._top: dict[tuple[Direction, int], list[Peer]] = {cell: [] for cell in cells}
        self._forgotten = dict.fromkeys(cells, False)

    def carried(self, peer: Peer, level: int | None, messages: int) -> None:
        """`messages` more of `peer` were accepted at `level`, which it has not been told of yet."""
        if level is not None and messages > 0:
            for need in REQUIREMENTS:
                if level < need:
                    cell = (peer.direction, need)
                    self._peers[cell] += not peer.below[need]
                    self._messages[cell] += messages
        peer.carried(level, messages)
        if level is not None and messages > 0:
            for need in REQUIREMENTS:
                if level < need:
                    self._rank(self._top[peer.direction, need], peer, need)

    def forget(self, peer: Peer) -> None:
        """It is no longer held."""
        for need in REQUIREMENTS:
            if peer.below[need]:
                cell = (peer.direction, need)
                self._peers[cell] -= 1
                self._forgotten[cell] = True
                if peer in self._top[cell]:
                    self._top[cell].remove(peer)

    def of(self, direction: Direction, need: int) -> Loss:
        """What that requirement would cost in that direction."""
        cell = (direction, need)
        return Loss(self._peers[cell], self._messages[cell], tuple(self._top[cell]), self._forgotten[cell])

    @staticmethod
    def _rank(top: list[Peer], peer: Peer, need: int) -> None:
        """Counts only grow, so that the top few can be kept as they do."""
        if peer not in top:
            top.append(peer)
        top.sort(key=lambda each: -each.below[need])
        del top[TOP:]
