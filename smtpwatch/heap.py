"""How the C library hands out memory.

Left to itself, glibc takes the big tables of dicts from the same heap as all else once it has seen a few of them come
and go, and what they leave behind in it stays: a fifth of the console's memory in a flood."""

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of mallopt(3)
BIG = 1 << 20  # octets; what is bigger is mapped by itself, and given back when it is freed


def map_what_is_big() -> None:
    """From now on, where the C library is glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, BIG)
