"""What this process may do, and which command would let it do more."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

CAP_NET_ADMIN, CAP_NET_RAW = 12, 13  # capabilities(7)
NICE = -10  # a sensor's place in the queue for the processor


def go_first() -> None:
    """On a host under load the sensors come first: what is missed of the moment is gone, everything else can wait."""
    with suppress(PermissionError):  # not root: it has to do without
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def may_capture() -> bool:
    """Whether the kernel would let this process open a packet socket."""
    return _has(CAP_NET_RAW)


def may_block() -> bool:
    """Whether the kernel would let this process change the firewall."""
    return _has(CAP_NET_ADMIN)


def _has(capability: int) -> bool:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return os.geteuid() == 0
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> capability & 1)


def remedy() -> str:
    """The command that would give the rights that we lack."""
    where = Path(sys.executable).with_name("smtpwatch")
    return f"sudo {shlex.quote(str(where) if where.exists() else 'smtpwatch')}"


def not_allowed() -> str:
    """The line for an admin whose process may not capture."""
    return (
        f"packets: not allowed (needs root or CAP_NET_RAW). Run: {remedy()}   or look at a recording: smtpwatch --demo"
    )
