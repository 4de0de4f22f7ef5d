"""Trusted networks as a real Postfix and a real Exim tell them, asked in their own network namespaces."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hosts.exim import PROGRAM as EXIM
from tests.hosts.exim import Exim
from tests.hosts.namespaces import Namespace
from tests.hosts.postfix import Postfix

pytestmark = [pytest.mark.xdist_group("hosts"), pytest.mark.needs("namespaces", "mount")]

_ASK = """\
import json, sys
from collectors.host.trusted import trusted_networks
networks, notes = trusted_networks(*sys.argv[1:])
print(json.dumps([[[str(each.network), each.server, each.setting] for each in networks], notes]))
"""


def _asked(command: Sequence[str], *path: str) -> tuple[list[list[str]], list[str]]:
    """What is found where `command` runs a program."""
    ran = subprocess.run(
        [*command, sys.executable, "-c", _ASK, *path],
        capture_output=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    networks, notes = json.loads(ran.stdout)
    return networks, notes


@pytest.mark.needs("postfix", "postmap", "openssl")
def test_postfix(tmp_path: Path) -> None:
    """A list with each kind of item, tables among them, proxies, and a service with a list of its own."""
    lines = ["# 10.9.0.0/16", "10.2.0.0/16, [2001:db8:1::]/48", "!10.3.0.0/16"]
    (tmp_path / "nets").write_text("\n".join(lines))
    (tmp_path / "cidr").write_text("10.4.0.0/16 OK\nif 10.0.0.0/8\n10.5.0.1 OK\nendif\n")
    (tmp_path / "table").write_text("10.6.0.1 OK\n2001:db8::6 OK\n")
    tables = f"cidr:{tmp_path}/cidr hash:{tmp_path}/table static:all"
    settings = {
        "ours": "10.1.0.0/16",
        "mynetworks": f"127.0.0.0/8 [::1]/128, $ours !10.1.2.0/24 {tmp_path}/nets {tables}",
        "smtpd_authorized_xclient_hosts": "10.7.0.1",
        "smtpd_authorized_xforward_hosts": "10.7.0.2",
    }
    with (
        Namespace("trusted") as namespace,
        Postfix(namespace, "mx.example.net", recipients=["a@example.net"], settings=settings) as postfix,
    ):
        with (postfix.directory / "etc" / "master.cf").open("a") as master:
            master.write("10025 inet n - n - - smtpd\n    -o mynetworks=10.8.0.0/16,$ours\n")
        made = namespace.run("postmap", "-c", postfix.directory / "etc", f"hash:{tmp_path}/table")
        assert made.returncode == 0, made.stderr
        (tmp_path / "table").unlink()  # what it was made from is not needed
        networks, notes = _asked(namespace.command())
        server = f"postfix {postfix.directory}/etc"
    assert {each[1] for each in networks} == {server}
    by_setting: dict[str, list[str]] = {}
    for network, _, setting in networks:
        by_setting.setdefault(setting, []).append(network)
    assert sorted(by_setting.pop("mynetworks")) == sorted([
        "127.0.0.0/8", "::1/128", "10.1.0.0/16", "10.2.0.0/16", "2001:db8:1::/48", "10.4.0.0/16", "10.5.0.1/32",
        "10.6.0.1/32", "2001:db8::6/128",
    ])  # fmt: skip
    assert by_setting == {
        "smtpd_authorized_xclient_hosts": ["10.7.0.1/32"],
        "smtpd_authorized_xforward_hosts": ["10.7.0.2/32"],
        "10025/inet/mynetworks": ["10.8.0.0/16", "10.1.0.0/16"],
    }
    assert notes == [f"{server}: mynetworks: 'static:all': a table of this type cannot be listed"]


@pytest.mark.skipif(not EXIM.exists(), reason="needs exim4-daemon-light (make debian, as root)")
@pytest.mark.needs("openssl")
def test_exim(tmp_path: Path) -> None:
    """A list with each kind of item, written over several lines. This Exim knows no hosts_proxy."""
    (tmp_path / "nets").write_text("10.2.0.0/16 # ours\n2001:db8:1::/48\n")
    settings = [
        "OURS = 10.1.2.3/16",
        r"hostlist others = <; ::1 ; 2001:db8::/32 ; +more",
        "hostlist more = 10.3.0.1 : +others",
        "domainlist relay_from_hosts = relay.example",
        "hostlist relay_from_hosts = : 127.0.0.1 : ::::1 : OURS : \\",
        f"    @[] : ! 10.4.0.1 : {tmp_path}/nets : +others : +nothing : *.example.com",
    ]
    with (
        Namespace("trusted-exim") as namespace,
        Exim(namespace, "mx.example.net", recipients=["a@example.net"], settings=settings) as exim,
    ):
        in_its_etc = namespace.command(*exim._in_its_etc()[:-1])
        networks, notes = _asked(in_its_etc, str(exim.directory))
        configuration = exim.directory / "etc" / "exim4" / "exim4.conf"
        configuration.write_text(configuration.read_text().replace("hostlist relay_from_hosts", "hostlist another"))
        without = _asked(in_its_etc, str(exim.directory))
        configuration.write_text("nonsense\n")
        broken = _asked(in_its_etc, str(exim.directory))
    assert networks == [
        [network, "exim", "relay_from_hosts"]
        for network in (
            "127.0.0.1/32", "::1/128", "10.1.0.0/16", "10.2.0.0/16", "2001:db8:1::/48", "2001:db8::/32", "10.3.0.1/32",
        )
    ]  # fmt: skip
    assert notes == [
        "exim: relay_from_hosts: no hostlist nothing",
        "exim: relay_from_hosts: '*.example.com': neither address nor network",
    ]
    assert without == ([], ["exim: has no hostlist relay_from_hosts: which networks it trusts is not known"])
    assert broken[0] == []
    assert len(broken[1]) == 1
    assert "configuration error in line 1" in broken[1][0]
