"""A real fail2ban with a configuration of its own, in a network namespace, whose actions run nft(8) there."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hosts.namespaces import Namespace

_SERVER = """[Definition]
loglevel = INFO
syslogsocket = auto
allowipv6 = auto
dbfile = None
dbpurgeage = 1d
dbmaxmatches = 10
"""
_JAILS = """[DEFAULT]
enabled = true
filter = none
backend = polling
usedns = no
logpath = {directory}/maillog
bantime = 600
findtime = 600
maxretry = 5
ignoreip = 127.0.0.1/8 ::1 198.51.100.0/24 2001:db8:5::1 host.invalid
action = wide[name=%(__name__)s]
[mail]
[ever]
bantime = -1
[brief]
bantime = 2
[narrow]
action = narrow[name=%(__name__)s]
[stock]
action = nftables[type=multiport, port=25, protocol=tcp, name=%(__name__)s]
"""
_ACTION = """[Definition]
actionstart = nft add table inet <name>
    nft add set inet <name> banned4 \\{ type ipv4_addr\\; FLAGS \\}
    nft add set inet <name> banned6 \\{ type ipv6_addr\\; FLAGS \\}
actionban = nft add element inet <name> <banned> \\{ <ip> \\}
actionunban = nft delete element inet <name> <banned> \\{ <ip> \\}
[Init]
banned = banned4
[Init?family=inet6]
banned = banned6
"""
_PATIENCE = 15.0  # seconds until the server is up


@contextmanager
def fail2ban(host: Namespace, directory: Path) -> Iterator[Path]:
    """A server that runs on that host until the end; gives its socket. Its jails are mail, ever, brief, narrow and
    stock."""
    etc = directory / "etc"
    for name in ("action.d", "filter.d", "jail.d"):
        (etc / name).mkdir(parents=True)
    (directory / "maillog").touch()
    (etc / "fail2ban.conf").write_text(_SERVER)
    (etc / "jail.conf").write_text(_JAILS.format(directory=directory))
    (etc / "filter.d" / "none.conf").write_text("[Definition]\nfailregex = ^no such line <HOST>$\n")
    (etc / "action.d" / "wide.conf").write_text(_ACTION.replace("FLAGS", "flags interval\\;"))
    shutil.copy("/etc/fail2ban/action.d/nftables.conf", etc / "action.d")
    (etc / "action.d" / "narrow.conf").write_text(_ACTION.replace("FLAGS ", ""))
    own = ("-c", etc, "-s", directory / "sock", "-p", directory / "pid", "--logtarget", directory / "log")
    with (directory / "said").open("wb") as said:
        server = host.popen("fail2ban-server", *own, "-f", stdout=said.fileno(), stderr=said.fileno())
        limit = time.monotonic() + _PATIENCE
        while told(directory / "sock", "ping"):
            assert time.monotonic() < limit, (directory / "said").read_text()
            assert server.poll() is None, (directory / "said").read_text()
            time.sleep(0.1)
        yield directory / "sock"


def told(sock: Path, *arguments: str) -> int:
    """Tell the server something as its client does; returns the client's exit code."""
    command = ["fail2ban-client", "-s", str(sock), *arguments]
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode
