"""What `smtpwatch doctor` says of blocking."""

from pathlib import Path

import pytest

from smtpwatch.config import Config
from smtpwatch.doctor import Finding
from smtpwatch.firewall import checked
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.choose import Usable
from smtpwatch.firewall.request import Request
from tests.firewall.fakes import Scene, nets


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(tmp_path / "journal")
    monkeypatch.setattr(checked, "choose", lambda setting, jail, holds: made.firewall)
    usable = [Usable("fake", True, "fake 1.0"), Usable("other", True, "other 2"), Usable("third", False, "not there")]
    monkeypatch.setattr(checked, "available", lambda: usable)
    monkeypatch.setattr(checked.time, "time", made.clock)  # type: ignore[attr-defined]
    return made


def found(scene: Scene, **settings: object) -> list[Finding]:
    return list(checked.findings(Config(journal=str(scene.path), **settings)))  # type: ignore[arg-type]


def test_what_blocks_and_what_else_would(scene: Scene) -> None:
    scene.acts.block(Request(nets("203.0.113.7")))
    assert found(scene) == [
        Finding("blocking", "by fake, chosen: fake 1.0", True),
        Finding("blocking", "other would do too: other 2 (--firewall other)", None),
        Finding("blocks", f"1 in force; journal: {scene.path}", True),
    ]
    assert found(scene, firewall="iptables")[0].says == "by fake, as set: fake 1.0"


def test_what_is_wrong(scene: Scene) -> None:
    scene.acts.block(Request(nets("203.0.113.7")))
    scene.firewall.held = {(nets("203.0.113.9")[0], "smtp"): (None, "")}
    scene.firewall.trouble = "our chain is gone"
    with scene.path.open("a") as file:
        file.write("rubbish\n")
    assert [finding.says for finding in found(scene)[3:]] == [
        "our chain is gone", "1 in the journal are not in the firewall", "1 in the firewall are not in the journal",
        "1 lines of the journal cannot be read",
    ]  # fmt: skip


def test_off(scene: Scene) -> None:
    assert found(scene, block=False) == [Finding("blocking", "switched off (block = false, or --no-block)", None)]


def test_no_firewall(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(setting: str, jail: str, holds: str) -> None:
        raise BackendError("there is none")

    monkeypatch.setattr(checked, "choose", none)
    monkeypatch.setattr("smtpwatch.rights.may_block", lambda: True)
    assert found(scene) == [Finding("blocking", "there is none", False)]
    monkeypatch.setattr("smtpwatch.rights.may_block", lambda: False)
    assert found(scene)[0].remedy.startswith("sudo ")


def test_a_journal_that_cannot_be_read(scene: Scene) -> None:
    scene.path.mkdir()
    assert "cannot be read" in found(scene)[-1].says
