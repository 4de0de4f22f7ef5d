"""Times as an admin reads them."""

from datetime import datetime


def of_day(time: float) -> str:
    """Epoch seconds as `10:41:07` in the host's time zone, which is the one its logs are in; `--:--:--` for a time
    beyond any calendar, as a capture file may claim."""
    return _as(time, "%H:%M:%S", "--:--:--")


def day(time: float) -> str:
    """The same as `2026-03-01`."""
    return _as(time, "%Y-%m-%d", "----------")


def of_file(time: float) -> str:
    """The same for the name of a file: `20260301-104107`."""
    return _as(time, "%Y%m%d-%H%M%S", "unknown")


def _as(time: float, form: str, otherwise: str) -> str:
    try:
        return datetime.fromtimestamp(time).strftime(form)
    except (ValueError, OverflowError, OSError):
        return otherwise
