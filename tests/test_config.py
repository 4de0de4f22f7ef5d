"""Settings: where they come from, who wins, and that a wrong one is told in one line."""

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpwatch import config as module
from smtpwatch.config import Config, ConfigError, load, network, ports


@pytest.fixture(autouse=True)
def default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where /etc/smtpwatch.toml would be; absent until a test writes it, whatever the machine has."""
    path = tmp_path / "etc-smtpwatch.toml"
    monkeypatch.setattr(module, "DEFAULT_FILE", path)
    return path


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def written(content: str | bytes) -> Path:
        path = tmp_path / "given.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


def _complaint(path: Path | None, options: dict[str, Any]) -> str:
    """The one line that is told."""
    with pytest.raises(ConfigError) as raised:
        load(path, options)
    said = str(raised.value)
    assert said
    assert said.isprintable(), "one line, and nothing that acts on a terminal"
    return said


def test_defaults() -> None:
    config = load(None, {})
    assert config == Config()
    assert config.ports == (25, 465, 587)
    assert config.submission_ports == (465, 587)
    assert config.interfaces == ()
    assert not config.any_port
    assert config.refresh == 1.0


@pytest.mark.parametrize("command", ["tell-alert", "", "./tell-alert", "bin/tell-alert", "~/tell-alert"])
def test_the_command_for_alerts_has_its_whole_path(command: str) -> None:
    said = _complaint(None, {"alerts": {"on_alert": [command, "x"]}})
    assert said == f"alerts.on_alert begins with the command's whole path: {command!r}"
    assert load(None, {"alerts": {"on_alert": ["/bin/tell-alert", "x"]}}).on_alert() == ("/bin/tell-alert", "x")


def test_the_command_for_alerts_can_be_run() -> None:
    assert "NUL" in _complaint(None, {"alerts": {"on_alert": ["/bin/tell-alert", "x\0y"]}})


def test_a_file_sets_what_it_names(write: Callable[[str], Path]) -> None:
    path = write('ports = [25, 2525]\nlocal = ["192.0.2.0/24", "2001:db8::1"]\nrefresh = 2\ntheme = "mono"\n')
    config = load(path, {})
    assert config == Config(ports=(25, 2525), local=("192.0.2.0/24", "2001:db8::1"), refresh=2.0, theme="mono")
    assert config.networks() == (ip_network("192.0.2.0/24"), ip_network("2001:db8::1/128"))


def test_options_win_over_the_file(write: Callable[[str], Path]) -> None:
    path = write('ports = [2525]\nhostname = "file"\n')
    assert load(path, {"hostname": "option"}) == Config(ports=(2525,), hostname="option")


def test_the_default_file_is_read_if_it_is_there(default_file: Path) -> None:
    default_file.write_text('hostname = "etc"\n')
    assert load(None, {}) == Config(hostname="etc")


def test_a_file_that_is_named_replaces_the_default_one(default_file: Path, write: Callable[[str], Path]) -> None:
    default_file.write_text('hostname = "etc"\n')
    assert load(write("refresh = 3\n"), {}) == Config(refresh=3.0)


def test_unknown_key(write: Callable[[str], Path]) -> None:
    path = write("port = 25\n")
    said = _complaint(path, {})
    assert str(path) in said
    assert "`port`" in said


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("ports = [0]", "ports[0]"),
        ("ports = [25, 65536]", "ports[1]"),
        ("ports = 25", "ports"),
        ('ports = ["25"]', "ports[0]"),
        ("any_port = 1", "any_port"),
        ("snaplen = 127", "snaplen"),
        ("snaplen = 262145", "snaplen"),
        ("ring_mib = 0", "ring_mib"),
        ("refresh = 0.01", "refresh"),
        ("refresh = nan", "refresh"),
        ('theme = "dark"', "theme"),
        ('interfaces = "eth0"', "interfaces"),
        ('local = ["example.org"]', "example.org"),
        ('local = ["192.0.2.0/33"]', "192.0.2.0/33"),
        ("hostname = 1979-05-27", "hostname"),
        ('geo = "/a.mmdb"', "geo"),
        ('geo = ["none", "/a.mmdb"]', "either `none` or paths"),
        ('geo = [""]', "an empty path"),
        ("names = 0", "names"),
    ],
)
def test_a_bad_value_is_named(write: Callable[[str], Path], setting: str, names: str) -> None:
    assert names in _complaint(write(setting), {})


@pytest.mark.parametrize(
    "content",
    [
        b"ports = \n",
        b"\xff\xfe\x00",
        b"ports = [25]\nports = [26]\n",
        b"<xml/>",
        pytest.param(b"refresh = " + b"9" * 5000, id="more digits than an int takes"),
        pytest.param(b"refresh = " + b"[" * 5000, id="deeply nested"),
        pytest.param(b'"a\\nb\\u001b[2J" = 1', id="hostile key"),
    ],
)
def test_not_toml_or_worse(write: Callable[[bytes], Path], content: bytes) -> None:
    path = write(content)
    assert str(path) in _complaint(path, {})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert _complaint(missing, {}) == f"{missing}: No such file or directory"
    assert _complaint(tmp_path, {}) == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize(
    ("text", "fields"),
    [("any", {"any_port": True}), ("25", {"ports": (25,)}), ("25,465,2525", {"ports": (25, 465, 2525)})],
)
def test_ports_as_an_option(text: str, fields: dict[str, Any]) -> None:
    assert ports(text) == fields


@given(st.text(st.sampled_from("0123456789,-any ٣²")))
@example("")
@example("25,")
@example("25, 465")
@example("9" * 5000)
def test_ports_are_given_or_refused_in_one_line(text: str) -> None:
    try:
        config = load(None, ports(text))
    except ConfigError as error:
        assert str(error).isprintable()
    else:
        assert config.any_port == (text == "any")
        assert all(1 <= port <= 65535 for port in config.ports)


@given(st.text())
@example("10.0.0.1/8")
@example("fe80::1%eth0")
def test_a_network_or_a_refusal(text: str) -> None:
    try:
        found = network(text)
    except ConfigError as error:
        assert str(error).isprintable()
    else:
        assert ip_network(text, strict=False) == found


def test_host_bits_are_allowed() -> None:
    assert network("10.1.2.3/8") == ip_network("10.0.0.0/8")


def test_geo_and_names(write: Callable[[str], Path]) -> None:
    path = write('geo = ["/srv/geo/own.mmdb", "/var/lib/GeoIP"]\nnames = false\n')
    config = load(path, {})
    assert config == Config(geo=("/srv/geo/own.mmdb", "/var/lib/GeoIP"), names=False)
    assert config.places() == ("/srv/geo/own.mmdb", "/var/lib/GeoIP")
    assert load(path, {"geo": ("none",)}).places() == ("none",)
