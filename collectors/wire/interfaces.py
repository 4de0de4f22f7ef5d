"""Which network interfaces there are, and which of them are captured on, as they come and go."""

import socket
from collections.abc import Sequence

from smtpwatch.errors import CaptureError

_NONE = (0,)  # no interface has index 0


class Interfaces:
    """The interfaces captured on: those named in `wanted`, or all if it names none.

    Raises CaptureError if one of them does not exist; one that goes away later may come back."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = frozenset(wanted)
        self._names: dict[int, str] = {}
        self.changed()
        there = sorted(name for _, name in socket.if_nameindex())
        for name in wanted:
            if name not in there:
                raise CaptureError(f"no interface {name} (there are: {', '.join(there)})")

    def changed(self) -> bool:
        """Look again; whether the interfaces captured on are others than at the last look."""
        names = {index: name for index, name in socket.if_nameindex() if not self._wanted or name in self._wanted}
        changed = names != self._names
        self._names = names
        return changed

    def by_index(self) -> dict[int, str]:
        """Those captured on that there are now, names by index."""
        return dict(self._names)

    def names(self) -> tuple[str, ...]:
        """Those captured on that there are now, in the order of their indexes."""
        return tuple(self._names[index] for index in sorted(self._names))

    def indexes(self) -> tuple[int, ...]:
        """What `bpf.watch` is to accept: empty for all; an index that nothing has while none of the wanted is
        there."""
        if not self._wanted:
            return ()
        return tuple(sorted(self._names)) or _NONE
