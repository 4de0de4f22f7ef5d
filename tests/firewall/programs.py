"""Programs of the tests' own, in a directory of their own, which answer as they are told to and keep what they are
asked."""

from pathlib import Path
from typing import NamedTuple

HANGS = "exec sleep 30"
LIMIT = 0.3  # seconds that a program that hangs is waited for


class Asked(NamedTuple):
    """A program that was run: its name with its arguments, and what it was fed."""

    words: str
    fed: str


class Programs:
    """A directory to look for programs in, `path`."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "asked"
        self._bin = directory / "bin"
        self._bin.mkdir()
        self._log.mkdir()
        self.path = str(self._bin)

    def put(self, name: str, script: str) -> None:
        """A shell script by that name. It finds the number of its run in $n, and what it is fed in the file $fed."""
        program = self._bin / name
        program.write_text(
            f"#!/bin/sh\nexport PATH=/usr/bin:/bin\nn=$(ls {self._log} | wc -l)\nfed={self._log}/$(printf %06d $n)\n"
            f'echo "{name} $*" >$fed\ncase "$*" in *restore*|*noflush*) cat >>$fed;; esac\n{script}\n'
        )
        program.chmod(0o755)

    def drop(self, name: str) -> None:
        """It is not installed any more."""
        (self._bin / name).unlink()

    def asked(self) -> list[Asked]:
        """Each run so far, in order."""
        told = (each.read_text().partition("\n") for each in sorted(self._log.iterdir()))
        return [Asked(words, fed) for words, _, fed in told]
