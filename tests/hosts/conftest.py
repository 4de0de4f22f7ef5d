"""Everything in this directory plays on one pair of hosts, set up once per run (and per worker of pytest-xdist)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.stage import Stage, stage


@pytest.fixture(scope="session")
def hosts() -> Iterator[MailHosts]:
    with mail_hosts() as made:
        yield made


@pytest.fixture(scope="session")
def the_stage(hosts: MailHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory: Path = tmp_path_factory.mktemp("captures")
    with stage(hosts, directory) as made:
        yield made
