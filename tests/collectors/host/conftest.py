"""A host of scripts."""

from pathlib import Path

import psutil
import pytest

from collectors.host import mta as mtas
from collectors.host import opensmtpd
from tests.collectors.host.relay_host import RelayHost
from tests.collectors.host.trusted_host import Host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(()))
    monkeypatch.setattr(mtas, "DEFAULT_DIRECTORIES", (str(tmp_path),))
    return Host(tmp_path)


@pytest.fixture
def relay_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RelayHost:
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(()))
    monkeypatch.setattr(mtas, "DEFAULT_DIRECTORIES", (str(tmp_path),))
    monkeypatch.setattr(opensmtpd, "CONFIGURATIONS", (f"{tmp_path}/smtpd.conf",))
    return RelayHost(tmp_path)
