"""What a row of the screen stands for, where it is to be blocked."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """`sources` are addresses or networks, as text, that are one act together; `named` is what they are called where
    they are several ("JA4 t13d...: 14 sources"); `why` is what the row says against them. `refusal`: why the row
    cannot be blocked, "" if it can."""

    sources: tuple[str, ...] = ()
    named: str = ""
    why: str = ""
    refusal: str = ""
