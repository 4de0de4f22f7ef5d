"""When the console's garbage is collected.

A full collection stops everything for as long as there is much to look through: 0.1 s with a few thousand sources, and
more in a flood, whenever Python thinks it is due, which is in the middle of a burst. State lets go of its cycles by
itself, and what Textual leaves is little: so full collections are made seldom, and the quick ones of young objects as
ever."""

import gc

EVERY = 900.0  # seconds between two full ones
YOUNG = 5_000  # objects more than before at which the young ones are looked at: Python's 700 cost a flood a tenth more
MIDDLE = 10  # such looks, as Python has it, after which those that outlived them are looked at once more
NEVER = 1 << 30  # collections of the middle generation, after which Python would make a full one by itself


def only_young() -> None:
    """From now on no full collection is made but those that are asked for."""
    gc.freeze()  # what there is by now, modules for the most part, is there to stay
    gc.set_threshold(YOUNG, MIDDLE, NEVER)


async def collect_seldom() -> None:
    """For as long as the screen is open."""
    import asyncio  # which commands without a screen, and without a loop, do not need

    only_young()
    while True:
        await asyncio.sleep(EVERY)
        gc.collect()
