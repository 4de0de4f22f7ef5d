"""The wheel: what is in it, and that it runs in a clean environment, from a directory that knows nothing of us."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

HERE = Path(__file__).parents[1]
PACKAGES = ("smtpwatch", "widgets", "collectors")
DATA = (
    "smtpwatch/app.tcss",
    *(f"smtpwatch/demo/{name}" for name in ("burst.pcap.gz", "mail.log.gz", "dovecot.log.gz", "sensors.jsonl.gz")),
    "smtpwatch/demo/places.mmdb",
    "collectors/wire/tls-parameters.txt",
    *(f"{package}/py.typed" for package in PACKAGES),
)
LIMIT = 120.0  # seconds
# What pip says when no index answers; a pin that the index does not have names the versions that it has.
NO_INDEX = "(from versions: none)"

# One process makes what all of these tests look at.
pytestmark = pytest.mark.xdist_group("wheel")


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run to the end, as if no virtual environment and no source tree were near."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)


def _with_index(*command: str | Path, cwd: Path) -> None:
    """Run what needs a package index; skip if there is none, fail for whatever else."""
    ran = _run(*command, cwd=cwd)
    said = ran.stdout + ran.stderr
    if ran.returncode != 0 and NO_INDEX in said:
        pytest.skip("pip reaches no package index")
    assert ran.returncode == 0, said


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves build/ behind, and would pack what an older one holds."""
    source = tmp_path_factory.mktemp("source")
    for package in (*PACKAGES, "tests"):
        shutil.copytree(HERE / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(HERE / name, source)
    # Isolated: the venv's own setuptools may be older than pyproject.toml asks for.
    _with_index(sys.executable, "-m", "build", "--wheel", "--outdir", "dist", cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with nothing but the wheel and what it needs."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    made = _run(sys.executable, "-m", "venv", venv, cwd=venv.parent)
    assert made.returncode == 0, made.stderr
    pip = (venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
    _with_index(*pip, "-c", HERE / "constraints.txt", wheel, cwd=venv.parent)
    return venv


def test_it_holds_all_three_packages_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {PurePosixPath(name).parts[0] for name in names}
    assert {top for top in tops if not re.fullmatch(r"smtpwatch-[\d.]+\.dist-info", top)} == set(PACKAGES)
    assert names.issuperset(DATA)
    modules = {str(path.relative_to(HERE)) for package in PACKAGES for path in (HERE / package).rglob("*.py")}
    assert modules
    assert {name for name in names if name.endswith(".py")} == modules


def test_every_file_beside_the_modules_is_in_it(wheel: Path) -> None:
    """A data file that pyproject.toml forgets works here and nowhere else."""
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    beside = {
        str(path.relative_to(HERE))
        for package in PACKAGES
        for path in (HERE / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert beside <= names


def test_it_runs_where_only_it_is_installed(clean_venv: Path, tmp_path: Path) -> None:
    program, python = clean_venv / "bin/smtpwatch", clean_venv / "bin/python"
    probe = (
        "import sys, collectors, smtpwatch.app, widgets\nfor name in sys.argv[1:]: print(sys.modules[name].__file__)"
    )
    imported = _run(python, "-c", probe, *PACKAGES, "smtpwatch.app", cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    paths = imported.stdout.splitlines()
    assert len(paths) == len(PACKAGES) + 1
    assert all(Path(path).is_relative_to(clean_venv) for path in paths)

    version = _run(program, "--version", cwd=tmp_path)
    assert (version.returncode, version.stderr) == (0, "")
    assert re.fullmatch(r"smtpwatch \d+\.\d+\.\d+\n", version.stdout)

    doctor = _run(program, "doctor", cwd=tmp_path)
    assert (doctor.returncode, doctor.stderr) == (0, "")
    assert " capture ring " in doctor.stdout

    (demo,) = clean_venv.glob("lib/python*/site-packages/smtpwatch/demo/burst.pcap.gz")
    sessions = _run(program, "sessions", "--json", "-r", demo, cwd=tmp_path)
    assert (sessions.returncode, sessions.stderr) == (0, "")
    read = [json.loads(line) for line in sessions.stdout.splitlines()]
    assert any(session["tls"] and session["tls"]["cipher"] for session in read), "cipher names come from a data file"
