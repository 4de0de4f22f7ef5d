"""Times as an admin reads them."""

from datetime import datetime


def of_day(time: float) -> str:
    """Epoch seconds as `10:41:07` in the host's time zone, which is the one its logs are in; `--:--:--` for a time
    beyond any calendar, as a capture file may claim."""
    try:
        return datetime.fromtimestamp(time).strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "--:--:--"
