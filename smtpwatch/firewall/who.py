"""Who is acting: the person, not the root they have become."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

UNSET = 4_294_967_295  # loginuid of a process that nobody has logged in for: pam_loginuid(8)


class Who(NamedTuple):
    """A user of this host."""

    name: str
    uid: int


def real_user(environment: Mapping[str, str] = os.environ, proc: Path = Path("/proc/self")) -> Who:
    """The user who logged in (audit's loginuid, which no sudo and no su changes), else who called sudo(8), else the one
    we run as."""
    for uid in (_login(proc), _number(environment.get("SUDO_UID", ""))):
        if uid is not None and (name := _name(uid)):
            return Who(name, uid)
    return Who(_name(os.getuid()) or str(os.getuid()), os.getuid())


def _login(proc: Path) -> int | None:
    try:
        uid = _number((proc / "loginuid").read_text().strip())
    except OSError:
        return None
    return None if uid == UNSET else uid


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 10 else None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return ""
