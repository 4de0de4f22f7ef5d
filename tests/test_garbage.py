"""Full collections are seldom, and those of young objects go on."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from smtpwatch import garbage


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The collector as other tests expect it."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


async def test_full_collections_are_made_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "EVERY", 0.01)
    full = []

    def told(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            full.append(info)

    gc.callbacks.append(told)
    collecting = asyncio.create_task(garbage.collect_seldom())
    try:
        await asyncio.sleep(0)
        assert gc.get_threshold() == (garbage.YOUNG, garbage.MIDDLE, garbage.NEVER)
        assert gc.get_freeze_count() > 0 and not full
        while len(full) < 2:
            await asyncio.sleep(0.01)
    finally:
        collecting.cancel()
        gc.callbacks.remove(told)
