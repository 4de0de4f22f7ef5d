"""Who sends mail past the mail server: not a real Postfix, nor a real Exim; but programs that only look like one."""

import os
import shutil
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.hosts.exim import PROGRAM as EXIM
from tests.hosts.exim import Exim
from tests.hosts.owner_scene import HOST, LIMIT, NOBODY, PEER, Scene, owner_scene, until
from tests.hosts.postfix import DAEMONS, Postfix

pytestmark = [pytest.mark.xdist_group("hosts"), pytest.mark.needs("namespaces", "nft")]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with owner_scene() as made:
        yield made


@contextmanager
def _server_on_25(scene: Scene, address: str) -> Iterator[None]:
    sink = scene.peer.popen("smtp-sink", "-u", "nobody", f"{address}:25", "100")
    try:
        until(lambda: _greets(scene, address))
        yield
    finally:
        os.killpg(sink.pid, 15)


def _greets(scene: Scene, address: str) -> bool:
    try:
        with scene.peer.entered():
            smtplib.SMTP(address, timeout=LIMIT).quit()
    except OSError:
        return False
    return True


@pytest.fixture
def next_hop(scene: Scene) -> Iterator[str]:
    """A mail server elsewhere."""
    address = "192.0.2.8"
    scene.peer.ip("address", "add", f"{address}/24", "dev", "eth0")
    try:
        with _server_on_25(scene, address):
            yield address
    finally:
        scene.peer.ip("address", "del", f"{address}/24", "dev", "eth0")


@pytest.mark.needs("postfix", "openssl", "smtp-sink")
def test_postfix_is_not_told(scene: Scene, next_hop: str) -> None:
    settings = {
        "mynetworks": "127.0.0.0/8", "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "smtp_connection_cache_on_demand": "no", "inet_interfaces": "127.0.0.3", "smtp_bind_address": HOST,
    }  # fmt: skip
    scene.host.ip("address", "replace", "127.0.0.3/8", "dev", "lo")  # beside those of `scene`, as Postfix wants it
    hop = f"[{next_hop}]:25"
    with Postfix(scene.host, "mx.example.net", recipients=["a@example.net"], next_hop=hop, settings=settings) as it:

        def deliver() -> None:
            with scene.host.entered():
                client = smtplib.SMTP("127.0.0.3", timeout=LIMIT)
            with client:
                for number in range(20):
                    client.sendmail("a@example.net", [f"b{number}@example.com"], "Subject: a test\n\ntest\n")
            until(lambda: it.log.read_text().count("status=sent") == 20)

        assert scene.told_of(deliver) == []


@pytest.mark.skipif(not EXIM.exists(), reason="needs exim4-daemon-light (make debian, as root)")
@pytest.mark.needs("openssl", "smtp-sink", "mount")
def test_exim_is_not_told(scene: Scene, next_hop: str) -> None:
    """Neither its daemon's deliveries nor those of a message that is handed to its program."""
    with Exim(
        scene.host, "mx.example.net", recipients=["a@example.net"], aliases={"a@example.net": "b@example.com"},
        routes={"example.com": next_hop}, settings=["local_interfaces = 127.0.0.4"],
    ) as it:  # fmt: skip
        (it.directory / "exim4").chmod(0o4755)  # as its package has it

        def deliver() -> None:
            with scene.host.entered():
                client = smtplib.SMTP("127.0.0.4", timeout=LIMIT)
            with client:
                client.sendmail("a@example.net", ["a@example.net"], "Subject: a test\n\ntest\n")
            assert it.run("-odf", "b@example.com", stdin="Subject: a test\n\ntest\n").returncode == 0
            until(lambda: it.log.read_text().count(" => ") == 2)

        assert scene.told_of(deliver) == []


@pytest.mark.needs("setpriv", "bash")
class TestNotTheMailServer:
    """Programs that look like it."""

    _SEND = f"exec 3<>/dev/tcp/{PEER}/25; sleep 0.2; true"
    _NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env", "-C", "/")

    def test_by_the_name_of_its_file(self, scene: Scene) -> None:
        own = scene.home / "lib" / "postfix" / "sbin"
        own.mkdir(parents=True)
        program = shutil.copy("/bin/bash", own / "smtp")
        os.chown(program, NOBODY, NOBODY)
        (found,) = scene.told_of(lambda: scene.run(*self._NOBODY, str(program), "-c", self._SEND))
        assert (found["name"], found["program"], found["uid"]) == ("smtp", str(program), NOBODY)

    def test_by_its_first_argument(self, scene: Scene) -> None:
        script = f"exec -a smtp /bin/bash -c '{self._SEND}'"
        (found,) = scene.told_of(lambda: scene.run(*self._NOBODY, "bash", "-c", script))
        assert found["command"][:2] == ["smtp", "-c"]
        assert found["program"] == os.path.realpath("/bin/bash")

    @pytest.mark.needs("unshare", "mount", "postfix")
    def test_in_a_view_of_its_own(self, scene: Scene) -> None:
        """A user may put what they like at any place in it."""
        smtp = DAEMONS / "smtp"
        script = f"mount --bind /bin/bash {smtp} && exec {smtp} -c '{self._SEND}'"
        command = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script)
        (found,) = scene.told_of(lambda: scene.run(*self._NOBODY, *command))
        assert (found["program"], found["uid"]) == (str(smtp), NOBODY)
