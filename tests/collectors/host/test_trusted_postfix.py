"""A Postfix's trusted networks: its lists and tables in every form, from programs that answer as its own do."""

import os

import pytest

from collectors.host import mta as mtas
from collectors.host import postfix_lists
from tests.collectors.host.trusted_host import Host


def test_an_instance(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its configuration is named to each program, and its server as it is elsewhere."""
    host.postfix("10.0.0.1 hash:/nowhere")
    host.program("postmap", "echo 10.0.0.2")
    server = mtas.postfix(str(host.programs / "postqueue"), "/etc/postfix-out", True)
    monkeypatch.setattr("collectors.host.trusted.mail_servers", lambda path: [server])
    assert host.networks() == ["10.0.0.1/32", "10.0.0.2/32"]
    assert {each.server for each in host.found().networks} == {"postfix /etc/postfix-out"}
    assert all(line.startswith("-c /etc/postfix-out -x ") for line in host.asked("postconf"))
    assert set(host.asked("postmap")) == {"-c /etc/postfix-out -s hash:/nowhere"}


def test_services_that_cannot_be_asked_for(host: Host) -> None:
    """What main.cf says is found all the same."""
    host.postfix("10.0.0.1")
    host.program("postconf", 'case "$*" in *-P*) exit 1;; *) echo mynetworks = 10.0.0.1;; esac')
    assert host.noted("10.0.0.1/32") == f"postfix: {host.programs}/postconf: ended with status 1"


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        ("", []),
        ("127.0.0.0/8, 10.0.0.1,\t192.0.2.0/24", ["127.0.0.0/8", "10.0.0.1/32", "192.0.2.0/24"]),
        ("10.0.0.1 10.0.0.1", ["10.0.0.1/32"]),
        ("[::1]/128 [2001:db8::]/32", ["::1/128", "2001:db8::/32"]),
        ("[2001:db8::/32] [2001:db8::1] [10.0.0.0]/8", ["2001:db8::/32", "2001:db8::1/128", "10.0.0.0/8"]),
        ("!10.0.0.1 10.0.0.0/8 !hash:/nowhere", ["10.0.0.0/8"]),
        ("!!10.0.0.1", ["10.0.0.1/32"]),
        ("0.0.0.0/0", ["0.0.0.0/0"]),
    ],
)
def test_a_list(host: Host, value: str, networks: list[str]) -> None:
    host.postfix(value)
    assert host.networks() == networks


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("relay.example.com", "'relay.example.com': no network to Postfix"),
        ("10.0.0.1/8", "'10.0.0.1/8': no network to Postfix"),
        ("10.0.0.0/255.0.0.0", "'10.0.0.0/255.0.0.0': no network to Postfix"),
        ("10.0.0.0/33", "'10.0.0.0/33': no network to Postfix"),
        ("010.0.0.1", "'010.0.0.1': no network to Postfix"),
        ("167772161", "'167772161': no network to Postfix"),
        ("[fe80::1%eth0]", "'[fe80::1%eth0]': no network to Postfix"),
        ("*", "'*': no network to Postfix"),
        ("2001:db8::/32", "'2001:db8::/32': IPv6 needs brackets"),
        ("ldap:/etc/ldap.cf", "'ldap:/etc/ldap.cf': a table of this type cannot be listed"),
        ("static:all", "'static:all': a table of this type cannot be listed"),
        (
            "inline:{10.0.0.1=x, {10.0.0.2 = y}}",
            "'inline:{10.0.0.1=x, {10.0.0.2 = y}}': a table of this type cannot be",
        ),
        ("cidr:{{10.0.0.0/8 x}}", "'cidr:{{10.0.0.0/8 x}}': a table of this type cannot be listed"),
        ("inline:{10.0.0.1=x", "'inline:{10.0.0.1=x 192.0.2.9': a table"),
        ("/nowhere", "/nowhere: No such file or directory"),
        ("/tmp", "/tmp: "),
        ("/dev/zero", "/dev/zero: not a file"),
        ("cidr:/nowhere", "/nowhere: No such file or directory"),
        ("cidr:nowhere", "'nowhere': not an absolute path"),
        ("\ufffd\x1b[2J", r"'�\x1b[2J': no network to Postfix"),
    ],
)
def test_what_cannot_be_read_is_noted(host: Host, item: str, why: str) -> None:
    """And what stands beside it is read."""
    host.postfix(f"192.0.2.8 {item} 192.0.2.9")
    closed = item.count("{") == item.count("}")
    note = host.noted("192.0.2.8/32", *(["192.0.2.9/32"] if closed else []))
    assert note.startswith(f"postfix: mynetworks: {why}")


def test_a_file(host: Host) -> None:
    """Its lines are lists; it may name others and itself."""
    other = host.file("other", "10.3.0.0/16\n!10.4.0.0/16\n")
    path = host.directory / "nets"
    host.file(
        "nets", f"# 10.9.0.0/16\n  # 10.9.0.0/16\n10.1.0.0/16, 10.2.0.0/16\n\n  {other} {path}\n !{other} [::1]\n"
    )
    host.postfix(str(path))
    assert host.networks() == ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "::1/128"]


def test_a_file_that_names_ever_more(host: Host) -> None:
    for number in range(2 * postfix_lists.SOURCES):
        host.file(f"f{number}", f"{host.directory}/f{number + 1} 10.0.0.{number}")
    host.postfix(f"{host.directory}/f0")
    networks, notes = host.found()
    assert len(networks) == postfix_lists.SOURCES
    assert notes == (f"postfix: mynetworks: '{host.directory}/f50': more than 50 files and tables",)


def test_a_fifo_is_not_waited_for(host: Host) -> None:
    os.mkfifo(host.directory / "fifo")
    host.postfix(f"{host.directory}/fifo")
    assert host.noted() == f"postfix: mynetworks: {host.directory}/fifo: not a file"


def test_a_cidr_table(host: Host) -> None:
    path = host.file(
        "cidr",
        "# 10.9.0.0/16 x\n  # 10.9.0.0/16 x\n10.1.0.0/16 OK\n 10.8.0.0/16 of the line before\n\n2001:db8::/32\tOK\n"
        "[2001:db9::]/32 OK\nif 10.0.0.0/8\n10.2.0.1 OK\nENDIF\nif !10.0.0.0/8\nendif\n!10.7.0.0/16 OK\n",
    )
    host.postfix(f"cidr:{path} proxy:cidr:{path}")
    networks, notes = host.found()
    assert [str(each.network) for each in networks] == ["10.1.0.0/16", "2001:db8::/32", "2001:db9::/32", "10.2.0.1/32"]
    assert notes == tuple(
        f"postfix: mynetworks: {kind}:{path}: '!10.7.0.0/16': no network to Postfix" for kind in ("cidr", "proxy:cidr")
    )


_TABLE = "10.1.0.1 OK\n# 10.9.0.1 x\n2001:db8::1 OK\n 10.8.0.1 of the line before\n"
_USELESS = "10.0.0.0/8 OK\nrelay.example.com OK\n[::1] OK\n"


def test_a_text_table(host: Host) -> None:
    host.postfix(f"texthash:{host.file('table', _TABLE + _USELESS)}")
    note = host.noted("10.1.0.1/32", "2001:db8::1/128")
    assert note.endswith("/table: '10.0.0.0/8' and 2 more: no address")


@pytest.mark.parametrize("kind", ["hash", "btree", "lmdb", "cdb", "proxy:hash"])
def test_an_indexed_table(host: Host, kind: str) -> None:
    """It is listed by postmap, whatever the text it was made from says by now."""
    table = host.file("table", _TABLE)
    host.postfix(f"{kind}:{table} {kind}:{table}")
    host.program("postmap", r"printf '10.5.0.1\tOK\n2001:db8::5\tOK it is\n'")
    assert host.networks() == ["10.5.0.1/32", "2001:db8::5/128"]
    assert host.asked("postmap") == [f"-s {kind.removeprefix('proxy:')}:{table}"]


def test_an_indexed_table_that_cannot_be_listed(host: Host) -> None:
    """Then its source is read; without it, postmap's reason is told."""
    table = host.file("table", _TABLE)
    host.postfix(f"cdb:{table}")
    host.program("postmap", "echo 'postmap: fatal: not supported' >&2; exit 1")
    assert host.networks() == ["10.1.0.1/32", "2001:db8::1/128"]
    table.unlink()
    assert host.noted() == (
        f"postfix: mynetworks: 'cdb:{table}': {host.programs}/postmap: postmap: fatal: not supported"
    )


def test_without_postmap(host: Host) -> None:
    table = host.file("table", _TABLE)
    host.postfix(f"hash:/nowhere hash:{table}")
    why = f"'hash:/nowhere': {host.programs}/postmap: No such file or directory"
    assert host.noted("10.1.0.1/32", "2001:db8::1/128") == f"postfix: mynetworks: {why}"


def test_a_name_with_an_octet_of_zero(host: Host) -> None:
    """Which no program and no file can have."""
    host.postfix("/a\0b hash:/a\0b 10.0.0.1")
    host.program("postmap")
    networks, notes = host.found()
    assert [str(each.network) for each in networks] == ["10.0.0.1/32"]
    assert [note.removeprefix("postfix: mynetworks: ") for note in notes] == [
        r"'/a\x00b': not an absolute path",
        rf"'hash:/a\x00b': {host.programs}/postmap: cannot be asked for '-s hash:/a\x00b'",
    ]
