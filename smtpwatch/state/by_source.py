"""The sessions of each source, at the least cost where there is but one: a flood comes from a hundred thousand."""

from collections.abc import Collection, Iterator

from smtpwatch.state.session import Session


class BySource:
    """Sessions by source, those of one source in the order in which they came."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, Session | dict[tuple[str, int], Session]] = {}

    def __iter__(self) -> Iterator[Session]:
        """All of them."""
        for held in self._held.values():
            if isinstance(held, Session):
                yield held
            else:
                yield from held.values()

    def add(self, source: str, session: Session) -> None:
        """One more of that source, if it is not there yet."""
        held = self._held.setdefault(source, session)
        if held is session:
            return
        if isinstance(held, Session):
            held = self._held[source] = {held.key: held}
        held[session.key] = session

    def take(self, source: str, session: Session) -> None:
        """Forget one, if it is there."""
        held = self._held.get(source)
        if isinstance(held, dict):
            held.pop(session.key, None)
        if held is session or held == {}:
            del self._held[source]

    def of(self, source: str) -> Collection[Session]:
        """Those of that source, the oldest first."""
        held = self._held.get(source)
        if held is None:
            return ()
        return (held,) if isinstance(held, Session) else held.values()
