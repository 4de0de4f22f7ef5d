"""Following a log by its inode, through every way that logs are rotated: no line lost, none twice, all in order.

- Renamed, and a new one made in its place (logrotate's create): the old one is read on, since its writer may not have
  reopened yet, and the new one from its beginning.
- Copied and cut to nothing (copytruncate): what was not read yet is read from the copy; then from the beginning.
- Deleted, or not there yet: it is awaited, and then read from its beginning.
- Rotated more than once between two looks: what came between is among the rotated files, and known by being unknown.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from collectors.logs.followed import EndError, Followed, Leftover
from collectors.logs.picture import Picture
from collectors.logs.rotated import LATEST, Rotated, inode

OLD_QUIET = 600.0  # seconds without a new line, after which a renamed file is let go of: its writer has long reopened
DELETED_QUIET = 60.0  # the same for one without a name, whose room on the disk is wanted
OLD_FILES = 4  # renamed files read on at a time; rotation is a matter of hours
GRACE = 2.0  # seconds that a log may be missing without a word: logrotate is at work
KNOWN = 2 * LATEST  # rotated files remembered by their first octets


class _Behind:
    """A file that is read before the one that is followed."""

    def __init__(self, file: Followed | Leftover, now: float) -> None:
        self.file = file
        self.quiet_since = now


class Tail:
    """Follows `path`: from the line that is being written at the first `read`, or, with `since`, from the beginning of
    the first rotated file that was written to at or after then.

    `trouble` says in one line why it cannot be read now, "" if it can; `more` whether to read again at once."""

    def __init__(self, path: Path, since: float | None = None) -> None:
        self.path = path
        self.trouble = ""
        self.more = False
        self._since = since
        self._from_end = since is None
        self._begun = False
        self._file: Followed | None = None
        self._behind: list[_Behind] = []
        """What is to be read before `_file`, oldest first."""
        self._known: deque[bytes] = deque(maxlen=KNOWN)
        """How rotated files begin that were read, or were there before."""
        self._past_until = 0
        """When what was followed before `_file` had last been written to: nothing older is new. Nanoseconds."""
        self._gone_at: float | None = None

    def read(self, now: float) -> list[str]:
        """New lines, some 2,000 at most; [] when there are none. `now` is for letting go of renamed files."""
        self.more = False
        try:
            return self._read(now)
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"
            return []

    def close(self) -> None:
        """Let go of all files."""
        for behind in self._behind:
            behind.file.close()
        if self._file is not None:
            self._file.close()
        self._behind, self._file = [], None

    def _read(self, now: float) -> list[str]:
        if not self._begun:
            self._begin(now)
        lines = self._read_behind(now, len(self._behind))
        if lines is not None:
            self.more = True
            return lines
        file = self._file
        if file is None:
            self._change(now, cut=False)
            return []
        # What is in a file that was empty is read only when it is known that nothing came before.
        try:
            new = [] if file.empty else file.read()
        except EndError:
            self._change(now, cut=True)
            return []
        if file.read_on:
            new = self._late(now, len(self._behind)) + new
        if file.read_on and not file.caught_up:
            self.more = True
        elif (file.empty and file.stirred()) or self._is_gone(file, now):
            if file.read_on:
                self.more = True  # to be seen once more, with nothing in hand
            else:
                self._change(now, cut=False)
        return new

    # ---- what is to be read first

    def _read_behind(self, now: float, count: int) -> list[str] | None:
        """The next lines of the first `count` files behind; None if there are no more."""
        for number, behind in enumerate(self._behind[:count]):
            try:
                lines = behind.file.read()
            except (EndError, OSError):
                return self._let_go(behind)
            if behind.file.read_on:
                behind.quiet_since = now
                return self._late(now, number) + lines
            if self._is_over(behind, now):
                return self._let_go(behind)
        return None

    def _late(self, now: float, count: int) -> list[str]:
        """What the writer wrote to files before, between our looks at those and at the one that it went over to."""
        late: list[str] = []
        while (lines := self._read_behind(now, min(count, len(self._behind)))) is not None:
            late += lines
        return late

    def _is_over(self, behind: _Behind, now: float) -> bool:
        """Whether nothing more is to be expected of a file at whose end we are."""
        file = behind.file
        if not isinstance(file, Followed):
            return False
        if len(self._behind) > OLD_FILES:  # the oldest is asked first
            return True
        if file.deleted:
            return now - behind.quiet_since > DELETED_QUIET
        # As long as there is no other, it may be written to.
        return self._file is not None and now - behind.quiet_since > OLD_QUIET

    def _let_go(self, behind: _Behind) -> list[str]:
        self._behind.remove(behind)
        behind.file.close()
        if isinstance(behind.file, Followed):
            self._known.append(behind.file.head)
        return behind.file.lines.rest()  # a last line without an end will not get one any more

    # ---- rotation

    def _begin(self, now: float) -> None:
        """What there is when the following begins: the past that is wanted, or just known to be past."""
        self._begun = True
        picture = Picture(self.path, self._from_end, int((self._since or 0.0) * 1e9))
        for each in picture.past:
            self._known.append(each.head)
            if picture.file is not None and picture.file.is_same(each):
                each.close()
                continue
            self._past_until = max(self._past_until, each.changed)
            if self._since is None:
                each.close()
            else:
                self._behind.append(_Behind(Leftover(each.octets), now))
        self._take(picture)

    def _is_gone(self, file: Followed, now: float) -> bool:
        """At the end of the file: whether its name leads to another, or for long to none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._gone_at = now if self._gone_at is None else self._gone_at
            return now - self._gone_at >= GRACE
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"
            return False
        self._gone_at, self.trouble = None, ""
        return inode(status) != file.inode

    def _change(self, now: float, cut: bool) -> None:
        """Something was rotated: what is there now, and what came between that and the file that was followed?"""
        old, self._file = self._file, None
        picture = Picture(self.path, self._from_end, self._past_until)
        missed = self._missed(picture, old, cut or (old is not None and not old.whole()), now)
        self._behind += missed
        if old is not None:
            self._past_until = old.changed
        self._take(picture)
        self.more = self._file is not None or bool(missed)

    def _take(self, picture: Picture) -> None:
        """Follow what the picture shows."""
        self._file = picture.file
        error = picture.error
        if error is None:
            self._from_end, self.trouble, self._gone_at = False, "", None
        elif isinstance(error, FileNotFoundError):
            self.trouble = f"{self.path}: not there; waiting for it"
            self._from_end = False  # what appears later is new
        else:
            self.trouble = f"{self.path}: {error.strerror}"

    def _missed(self, picture: Picture, old: Followed | None, cut: bool, now: float) -> list[_Behind]:
        """What is to be read before the file in the picture, oldest first: the rest of `old`, and whatever is not
        known."""
        new = picture.file
        between: list[Rotated] = []
        copy: Rotated | None = None
        for each in picture.past:
            if cut and old is not None and each.inode != old.inode and each.is_of(old.head):
                if copy is not None:
                    copy.close()
                copy = each
            elif (
                self._is_known(each)
                or (new is not None and new.is_same(each))
                or (old is not None and not cut and old.is_same(each))
            ):
                each.close()
            else:
                between.append(each)
        rest: list[_Behind] = []
        earlier: list[Rotated] = []
        if old is None:
            pass
        elif cut:
            self._known.append(old.head)
            if copy is not None:
                rest = [_Behind(Leftover(copy.octets, old.lines, old.at), now)]
            elif old.lines.waiting:
                rest = [_Behind(Leftover(None, old.lines), now)]
            old.close()
        elif new is not None and new.inode == old.inode:  # it was empty
            old.close()
        else:
            rest = [_Behind(old, now)]
            if old.empty:
                written = old.written()
                earlier = [each for each in between if each.changed < written]
        return [
            *(self._between(each, now) for each in earlier),
            *rest,
            *(self._between(each, now) for each in between if each not in earlier),
        ]

    def _is_known(self, each: Rotated) -> bool:
        if not each.head or any(each.is_of(head) for head in self._known):
            return True
        return any(isinstance(old.file, Followed) and old.file.is_same(each) for old in self._behind)

    def _between(self, each: Rotated, now: float) -> _Behind:
        """A whole generation of the log; if it is not packed, it may still be written to."""
        self._known.append(each.head)
        descriptor = each.octets.duplicate()
        if descriptor is None:
            return _Behind(Leftover(each.octets), now)
        each.close()
        return _Behind(Followed(descriptor), now)
