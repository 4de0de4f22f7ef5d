"""Octets of files: plain, gzip, xz and zstd, whole, in several parts, damaged, and from a pipe."""

import gzip
import lzma
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from collectors.octets import Octets
from collectors.unpack import XZ_PIECE
from smtpwatch.errors import CaptureError

Pack = Callable[[bytes], bytes]


def _zstd(octets: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(octets)


PACKS: dict[str, Pack] = {
    "plain": bytes,
    "gzip": lambda octets: gzip.compress(octets, mtime=0),
    "xz": lzma.compress,
    "zstd": _zstd,
}
PACKED = sorted(PACKS.keys() - {"plain"})
UNPACKS: dict[str, Pack] = {
    "gzip": lambda packed: zlib.decompressobj(31).decompress(packed),
    "xz": lambda packed: lzma.LZMADecompressor().decompress(packed),
    "zstd": lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed),
}
"""What can be made of the beginning of a packed file."""


def log(lines: int, seed: int = 1) -> bytes:
    """A log's octets, that pack as a log's do."""
    some = random.Random(seed)
    return b"".join(
        b"Nov 25 09:00:%02d mx postfix/smtpd[%d]: connect from unknown[203.0.113.%d]\n"
        % (number % 60, some.randrange(30_000), some.randrange(256))
        for number in range(lines)
    )


def read(path: Path) -> tuple[bytes, str]:
    """What a file gives, and what it complains of."""
    octets = Octets(path)
    found = bytearray()
    try:
        while more := octets.more():
            found += more
    except CaptureError as error:
        return bytes(found), str(error)
    finally:
        octets.close()
    return bytes(found), ""


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(octets: bytes) -> Path:
        path = tmp_path / "a.log"
        path.write_bytes(octets)
        return path

    return write


Write = Callable[[bytes], Path]


@pytest.mark.parametrize("kind", PACKS)
@pytest.mark.parametrize("lines", [0, 1, 100, 5_000])
def test_whole_files(file: Write, kind: str, lines: int) -> None:
    assert read(file(PACKS[kind](log(lines)))) == (log(lines), "")


@pytest.mark.parametrize("kind", PACKED)
def test_several_members(file: Write, kind: str) -> None:
    """As `cat a.gz b.gz` makes, and programs that append to a packed log; empty ones among them."""
    pack = PACKS[kind]
    octets = b"".join(map(pack, (log(3), b"", log(2_000, 2), log(1, 3))))
    assert read(file(octets)) == (log(3) + log(2_000, 2) + log(1, 3), "")


@pytest.mark.parametrize("kind", PACKED)
def test_names_do_not_matter(tmp_path: Path, kind: str) -> None:
    for name in ("mail.log", "mail.gz", "mail.xz", "mail.zst"):
        (tmp_path / name).write_bytes(PACKS[kind](b"hello\n"))
        assert read(tmp_path / name) == (b"hello\n", "")


@pytest.mark.parametrize("octets", [b"\x1f", b"\x1f\x8a", b"\xfd7zX", b"\x28\xb5\x2f", b"x", b"\n"])
def test_what_is_hardly_a_magic_is_plain(file: Write, octets: bytes) -> None:
    assert read(file(octets)) == (octets, "")


@pytest.mark.parametrize("kind", PACKED)
def test_octets_that_pack_very_well(file: Write, kind: str) -> None:
    assert read(file(PACKS[kind](bytes(20_000_000)))) == (bytes(20_000_000), "")


# ---- damage


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("kind", PACKED)
def test_cut_off(file: Write, kind: str, share: float) -> None:
    """All that can be made of what is there, and what is wrong with it."""
    octets = log(20_000)
    packed = PACKS[kind](octets)
    path = file(packed[: int(len(packed) * share)])
    there = UNPACKS[kind](packed[: int(len(packed) * share)])
    assert octets.startswith(there)
    assert read(path) == (there, f"{path}: damaged {kind}: ends before its end marker")


@pytest.mark.parametrize("kind", PACKED)
def test_cut_off_anywhere(file: Write, kind: str) -> None:
    packed = PACKS[kind](log(500))
    for size in range(20, len(packed) - 1, 97):
        found, error = read(file(packed[:size]))
        assert found == UNPACKS[kind](packed[:size])
        assert error.endswith("ends before its end marker")


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_damaged_in_the_middle(file: Write, kind: str, place: float) -> None:
    """What precedes the damage is given. xz holds back what it made in the same step."""
    octets = log(20_000)
    packed = bytearray(PACKS[kind](octets))
    at = int(len(packed) * place)
    there = UNPACKS[kind](bytes(packed[:at]))
    packed[at : at + 300] = bytes(300)
    path = file(bytes(packed))
    found, error = read(path)
    assert error.startswith(f"{path}: damaged {kind}: ")
    assert error.isprintable()
    assert found.startswith(there[: len(there) - (XZ_PIECE if kind == "xz" else 0)])
    assert len(there) > 0


def test_a_small_gzip_damaged_in_the_middle(file: Write) -> None:
    """Where all of it is unpacked in one step."""
    octets = log(100)
    packed = bytearray(gzip.compress(octets, 1, mtime=0))
    at = len(packed) // 2
    there = zlib.decompressobj(31).decompress(bytes(packed[:at]))
    packed[at:] = b"\xff" * (len(packed) - at)
    found, error = read(file(bytes(packed)))
    assert found.startswith(there)
    assert len(there) > 2_000
    assert "damaged gzip" in error


def test_a_wrong_checksum_comes_after_all_octets(file: Write) -> None:
    octets = log(3_000)
    packed = bytearray(PACKS["gzip"](octets))
    packed[-8] ^= 1
    path = file(bytes(packed))
    assert read(path) == (
        octets, f"{path}: damaged gzip: Error -3 while decompressing data: incorrect data check"
    )  # fmt: skip


def test_a_wrong_checksum_of_xz(file: Write) -> None:
    octets = log(3_000)
    packed = bytearray(PACKS["xz"](octets))
    packed[-30] ^= 1
    path = file(bytes(packed))
    found, error = read(path)
    assert octets.startswith(found) and len(found) > len(octets) - XZ_PIECE
    assert error == f"{path}: damaged xz: Corrupt input data"


@pytest.mark.parametrize("kind", PACKED)
def test_something_else_behind_the_end(file: Write, kind: str) -> None:
    found, error = read(file(PACKS[kind](log(10)) + b"something else"))
    assert found == log(10)
    assert f"damaged {kind}: " in error


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_padding_behind_the_end(file: Write, kind: str) -> None:
    """As tapes and block devices leave it."""
    assert read(file(PACKS[kind](log(10)) + bytes(10_000))) == (log(10), "")
    assert read(file(PACKS[kind](log(10)) + bytes(512) + PACKS[kind](log(5)))) == (log(10) + log(5), "")


@pytest.mark.parametrize(("name", "error"), [("none", "No such file or directory"), (".", "Is a directory")])
def test_what_cannot_be_opened(tmp_path: Path, name: str, error: str) -> None:
    with pytest.raises(CaptureError, match=rf"^{tmp_path / name}: {error}$"):
        Octets(tmp_path / name)


# ---- head, skip, time


@pytest.mark.parametrize("kind", PACKS)
def test_the_head_is_still_to_be_read(file: Write, kind: str) -> None:
    path = file(PACKS[kind](log(5_000)))
    octets = Octets(path)
    assert octets.head(100) == log(5_000)[:100]
    assert octets.head(4) == log(5_000)[:4]
    found = b""
    while more := octets.more():
        found += more
    assert found == log(5_000)
    assert octets.head(4) == b""
    octets.close()


@pytest.mark.parametrize("kind", PACKS)
@pytest.mark.parametrize("ahead", [0, 256])
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 70_000, 200_000])
def test_skip(file: Write, kind: str, ahead: int, size: int) -> None:
    octets = Octets(file(PACKS[kind](log(5_000))))
    octets.head(ahead)
    assert octets.skip(size)
    found = b""
    while more := octets.more():
        found += more
    assert found == log(5_000)[size:]
    octets.close()


@pytest.mark.parametrize("kind", PACKS)
def test_skip_beyond_the_end(file: Write, kind: str) -> None:
    octets = Octets(file(PACKS[kind](log(10))))
    assert not octets.skip(len(log(10)) + 1)
    assert octets.more() == b""
    octets.close()
    octets = Octets(file(PACKS[kind](log(10))))
    assert octets.skip(len(log(10)))
    assert octets.more() == b""
    octets.close()


def test_when_it_was_written(file: Write) -> None:
    path = file(b"x")
    os.utime(path, (1_000.0, 2_000.0))
    octets = Octets(path)
    assert octets.changed == 2_000.0
    path.unlink()
    assert octets.changed == 2_000.0
    octets.close()


# ---- standard input

_READ = """
import sys
from pathlib import Path
from collectors.octets import Octets
octets = Octets(Path("-"))
while more := octets.more():
    sys.stdout.buffer.write(more)
sys.stderr.write(f"{octets.name} {octets.changed}")
"""


@pytest.mark.parametrize("kind", PACKS)
def test_from_a_pipe(kind: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _READ], input=PACKS[kind](log(5_000)), capture_output=True, timeout=20, check=True
    )
    assert (ran.stdout, ran.stderr) == (log(5_000), b"standard input None")


@pytest.mark.parametrize("kind", PACKS)
def test_from_a_pipe_octet_by_octet(kind: str) -> None:
    """However slowly the first octets come, they tell what it is."""
    packed = PACKS[kind](log(1))
    with subprocess.Popen([sys.executable, "-c", _READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        for octet in packed:
            process.stdin.write(bytes((octet,)))
            process.stdin.flush()
        process.stdin.close()
        assert process.stdout.read() == log(1)


def test_a_file_as_standard_input_tells_its_time(file: Write) -> None:
    path = file(b"hello\n")
    os.utime(path, (0, 1_234.0))
    with path.open("rb") as opened:
        ran = subprocess.run([sys.executable, "-c", _READ], stdin=opened, capture_output=True, timeout=20, check=True)
    assert (ran.stdout, ran.stderr) == (b"hello\n", b"standard input 1234.0")


def test_closed_standard_input() -> None:
    code = 'from pathlib import Path\nfrom collectors.octets import Octets\ntry: Octets(Path("-"))\n'
    code += "except Exception as error: print(error)"
    ran = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" <&-', sys.executable, code], capture_output=True, timeout=20, check=False
    )
    assert ran.stdout == b"standard input: is closed\n"
