"""Settings as a file, and set one by one."""

from pathlib import Path

import msgspec
import pytest

from smtpwatch.cli import main
from smtpwatch.config import Config, ConfigError, load
from smtpwatch.settings_text import as_toml, assigned, explanations
from smtpwatch.thresholds import Thresholds

CHANGED = Config(
    ports=(25, 2525), local=('192.0.2.0/24', "2001:db8::1"), bpf='net "x" \\ y', log_zone="Europe/Berlin", refresh=2.5,
    names=False, theme="light", hostname="mäil.example.net",
    alerts=Thresholds(off=("rejects",), on_alert=("/usr/bin/notify", "-s"), bell=True, failed_logins=7, quiet=60),
)  # fmt: skip


@pytest.mark.parametrize("settings", [Config(), CHANGED], ids=["default", "changed"])
def test_it_reads_back_as_it_was(settings: Config, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(as_toml(settings))
    assert load(path, {}) == settings


@pytest.mark.parametrize("of", [Config, Thresholds])
def test_every_setting_is_explained(of: type[msgspec.Struct]) -> None:
    said = explanations(of)
    assert list(said) == list(of.__struct_fields__)
    assert all(len(words) > 10 and "\n" not in words for words in said.values())


def test_default_and_in_force(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("refresh = 3\n")
    assert main(["config", "--config", str(path), "--print-default", "--theme", "mono"]) == 0
    assert capsys.readouterr().out == as_toml(Config())
    assert main(["config", "--config", str(path), "--theme", "mono", "--set", "ports=[25, 2525]"]) == 0
    assert capsys.readouterr().out == as_toml(Config(refresh=3.0, theme="mono", ports=(25, 2525)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("refresh=2", ("refresh", 2)),
        ("ring-mib = 32", ("ring_mib", 32)),
        ("names=false", ("names", False)),
        ("ports=[25, 587]", ("ports", [25, 587])),
        ("theme=light", ("theme", "light")),
        ('theme="light"', ("theme", "light")),
        ("bpf=net 203.0.113.0/24", ("bpf", "net 203.0.113.0/24")),
        ("bpf=", ("bpf", "")),
        ("alerts.bell=true", ("alerts", {"bell": True})),
        ("alerts.failed-logins = 7", ("alerts", {"failed_logins": 7})),
    ],
)
def test_assignments(text: str, found: tuple[str, object]) -> None:
    assert assigned(text) == found


@pytest.mark.parametrize("text", ["refresh", "colour=red", "=1", "", "alerts.colour=1", "ports.bell=1", ".=1"])
def test_no_assignments(text: str) -> None:
    with pytest.raises(ConfigError):
        assigned(text)


def test_a_value_out_of_range_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "refresh=soon"]) == 2
    assert capsys.readouterr().err.splitlines() == ["smtpwatch: options: Expected `float`, got `str` - at `$.refresh`"]


def test_a_value_cannot_set_another_key() -> None:
    assert assigned('bpf="a"\ntheme = "mono"') == ("bpf", "a")


def test_one_key_of_a_table_leaves_the_others_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[alerts]\nbell = true\nfailed_logins = 7\n")
    options = ["--set", "alerts.failed_logins=8", "--set", "alerts.quiet=60"]
    assert main(["config", "--config", str(path), *options]) == 0
    assert capsys.readouterr().out == as_toml(Config(alerts=Thresholds(bell=True, failed_logins=8, quiet=60.0)))


def test_a_threshold_out_of_range_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "alerts.failed_logins=0"]) == 2
    said = "smtpwatch: options: Expected `int` >= 1 - at `$.alerts.failed_logins`"
    assert capsys.readouterr().err.splitlines() == [said]
