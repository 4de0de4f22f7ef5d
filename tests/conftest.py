"""What every test shares: saying, by name, what a test needs and this machine lacks."""

import functools
import os
import shutil
import subprocess

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(*what): skip where a program, `root` or `namespaces` (network namespaces) is not to be had"
    )


@functools.cache
def _namespaces() -> bool:
    """Root in a container may still lack the right to make them."""
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@functools.cache
def _available(what: str) -> bool:
    if what == "root":
        return os.geteuid() == 0
    if what == "namespaces":
        return _available("root") and _available("unshare") and _available("ip") and _namespaces()
    # Postfix and its kin live where only root's PATH looks.
    return shutil.which(what, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = dict.fromkeys(what for mark in item.iter_markers("needs") for what in mark.args)
    missing = [what for what in needed if not _available(what)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (make debian, as root)")
