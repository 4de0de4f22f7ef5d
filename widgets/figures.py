"""Numbers as an admin reads them: short, and of one width so that nothing jumps."""

MINUTE = 60
HOUR = 3600
DAY = 86400


def octets(n: int) -> str:
    """`812`, `1.2k`, `812k`, `1.3M`: at most 4 characters up to 999G; powers of 1000, as mail logs count."""
    if n < 1000:
        return str(n)
    size = float(n)
    for unit in "kMGT":
        size /= 1000
        if size < 9.95:
            return f"{size:.1f}{unit}"
        if size < 999.5:
            return f"{size:.0f}{unit}"
    return f"{size:.0f}T"


def age(seconds: float) -> str:
    """`3s`, `59s`, `12m`, `5h`, `2d`: whole units that have passed, never negative."""
    passed = max(0, int(seconds))
    if passed < MINUTE:
        return f"{passed}s"
    if passed < HOUR:
        return f"{passed // MINUTE}m"
    if passed < DAY:
        return f"{passed // HOUR}h"
    return f"{passed // DAY}d"


def rate(per_second: float) -> str:
    """`0`, `0.3`, `12`, `1.2k` per second: a decimal only where it matters."""
    if 0 < per_second < 9.95:
        return f"{max(per_second, 0.1):.1f}"
    return octets(round(per_second))


def share(part: float | None) -> str:
    """0..1 as `85%`; `-` where there is nothing to share. Never rounded to the 0 % or 100 % that it is not."""
    if part is None:
        return "-"
    percent = round(part * 100)
    if percent == 100 and part < 1:
        percent = 99
    elif percent == 0 and part > 0:
        percent = 1
    return f"{percent}%"


def since(seconds: float) -> str:
    """Relative time in a transcript: `+0.012`, `+12.3`, `+1:02:03`."""
    if seconds < 10:
        return f"+{max(0.0, seconds):.3f}"
    if seconds < 100:
        return f"+{seconds:.1f}"
    return since_whole(seconds)


def since_whole(seconds: float) -> str:
    """Relative time where nothing finer is known: `+0`, `+59`, `+12:03`, `+1:02:03`."""
    minutes, rest = divmod(max(0, int(seconds)), MINUTE)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"+{hours}:{minutes:02}:{rest:02}"
    return f"+{minutes}:{rest:02}" if minutes else f"+{rest}"


def span(seconds: float) -> str:
    """How long something took or is taking, in running text: `0.3 s`, `12 min 3 s`, `5 h 2 min`, `2 d 4 h`."""
    if seconds < 100:
        return f"{max(0.0, seconds):.1f} s"
    whole = int(seconds)
    units = (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1))
    at = next(at for at, (_, size) in enumerate(units) if whole >= size)
    (big, size), (small, part) = units[at : at + 2]
    return f"{whole // size} {big} {whole % size // part} {small}"
