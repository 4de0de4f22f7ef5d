"""A log and what it was rotated to, all as it is at one moment, though logrotate may be at work."""

from __future__ import annotations

from pathlib import Path

from collectors.logs.followed import Followed
from collectors.logs.rotated import inode, names, rotated

TRIES = 20  # looks at files that are just being renamed: that takes logrotate a millisecond


class Picture:
    """`file` is what the log's name leads to, None if there is nothing to be followed, for `error`; `past` is what it
    was rotated to at or after `since` (nanoseconds), the oldest first."""

    def __init__(self, path: Path, from_end: bool = False, since: int = 0) -> None:
        real = _real(path)
        for _ in range(TRIES):
            before = names(real)
            self.file, self.error = _opened(path, from_end)
            self.past = rotated(real, since)[::-1]
            if names(real) == before and self._still(path):
                break
            self.close()
        else:
            self.file, self.error = _opened(path, from_end)
            self.past = rotated(real, since)[::-1]

    def _still(self, path: Path) -> bool:
        """Whether the log is what it was when it was opened: by that name, and not cut since."""
        file = self.file
        try:
            status = path.stat()
        except OSError:
            return file is None
        if file is None:
            return not isinstance(self.error, FileNotFoundError)
        if inode(status) != file.inode:
            return False
        return file.first().startswith(file.head) if file.head else not file.stirred()

    def close(self) -> None:
        """Let go of all files."""
        if self.file is not None:
            self.file.close()
        for each in self.past:
            each.close()


def _real(path: Path) -> Path:
    """Where the rotated files are beside it, if the log's name is a symbolic link."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links that lead to each other: Python before 3.13 has an error of its own for it
        return path


def _opened(path: Path, from_end: bool) -> tuple[Followed | None, OSError | None]:
    try:
        return Followed(path, from_end), None
    except OSError as error:
        return None, error
