"""An Exim of the test's own: Debian's exim4-daemon-light, unpacked beside the machine's mail server and never
installed.

Configuration, spool, logs and accounts are in a scratch directory, its network a namespace. Exim looks for its user and
its configuration in /etc, so it runs in a mount namespace in which the scratch directory's own `etc` lies over /etc:
nothing outside sees that. Needs root, unshare(1) and mount(8) from util-linux.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.hosts import name_server
from tests.hosts.namespaces import Namespace
from tests.hosts.openssl import make_certificate

PROGRAM = Path(__file__).parents[2] / ".cache/debian/exim4-daemon-light/usr/sbin/exim4"
SUBMISSIONS_PORT = 465
_USER = "Debian-exim"  # the name is compiled in
_ID = 59_101  # its user and group id: Exim refuses root's, and no package has this one
_START_LIMIT = 10.0  # seconds; it takes about 0.1
_OWN_ETC = 'mount --bind "$0" /etc && exec "$@"'

_MAIN = r"""
exim_path = {directory}/exim4
primary_hostname = {hostname}
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/spool/daemon.pid
log_selector = {log_selector}
timezone = UTC
daemon_smtp_ports = 25 : 465
tls_on_connect_ports = 465
deliver_drop_privilege
queue_run_in_order
pipelining_connect_advertise_hosts =
tls_advertise_hosts = *
tls_certificate = {directory}/etc/cert.pem
tls_privatekey = {directory}/etc/key.pem
auth_advertise_hosts = *
host_lookup = *
host_lookup_order = byaddr
dns_ipv4_lookup = *
rfc1413_query_timeout = 0s
keep_environment =
add_environment =
domainlist local_domains = {domains}
acl_smtp_connect = at_connect
acl_smtp_helo = at_helo
acl_smtp_mail = at_mail
acl_smtp_rcpt = at_rcpt
acl_smtp_data = at_data
acl_smtp_vrfy = at_vrfy
{settings}
begin acl

at_connect:
  drop    hosts = {banned}
          message = your host is banned here
  accept

at_helo:
  deny    condition = ${{if match{{$sender_helo_name}}{{banned}}}}
          message = HELO banned
  accept

at_mail:
  deny    senders = *@banned.example
          message = sender banned
  defer   senders = *@slow.example
          log_message = greylisted
          message = try again later
  accept

at_rcpt:
  deny    dnslists = dnsbl.example
          message = rejected because $sender_host_address is in a black list at $dnslist_domain
  accept  authenticated = *
  deny    domains = ! +local_domains
          message = relay not permitted
  require verify = recipient
  accept

at_data:
  deny    condition = ${{if match{{$h_Subject:}}{{viagra}}}}
          message = This message contains spam
  warn    condition = ${{if match{{$h_Subject:}}{{warned}}}}
          log_message = a subject to be warned of
  accept

at_vrfy:
  deny    message = no VRFY here

begin routers

aliases:
  driver = redirect
  domains = +local_domains
  data = ${{lookup{{$local_part@$domain}}lsearch{{{directory}/etc/alias}}}}

mailboxes:
  driver = accept
  domains = +local_domains
  local_parts = lsearch;{directory}/etc/recipients
  transport = mailbox

unknown:
  driver = redirect
  domains = +local_domains
  allow_fail
  data = :fail: Unknown user

elsewhere:
  driver = manualroute
  transport = remote_smtp
  route_list = {routes}

begin transports

mailbox:
  driver = appendfile
  file = {directory}/mail/box
  user = {user}

remote_smtp:
  driver = smtp
  port = 25
  hosts_try_fastopen =
  hosts_try_dane =

begin retry

* * F,2h,1h

begin authenticators

plain_server:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{lookup{{$auth2}}lsearch{{{directory}/etc/accounts}}{{${{if eq{{$value}}{{$auth3}}}}}}\
                     {{${{if eq{{$auth2}}{{undecided}}{{no answer}}{{no}}}}}}}}
  server_set_id = $auth2

login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{lookup{{$auth1}}lsearch{{{directory}/etc/accounts}}{{${{if eq{{$value}}{{$auth2}}}}}}\
                     {{${{if eq{{$auth1}}{{undecided}}{{no answer}}{{no}}}}}}}}
  server_set_id = $auth1
"""


class Exim:
    """One Exim, running from the start of the `with` block to its end.

    It takes mail for `recipients` on ports 25 and 465 (TLS from the start), relays nothing for strangers, and lets the
    `accounts` (user name to password) relay; "undecided" is an account that it can never decide on. `routes` are its
    next hops by domain, `names` the host names it finds for addresses, `banned` a client that it drops."""

    def __init__(
        self,
        namespace: Namespace,
        hostname: str,
        *,
        recipients: Sequence[str],
        accounts: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        routes: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        banned: str = "",
        log_selector: str = "",
        settings: Sequence[str] = (),
    ) -> None:
        self.namespace = namespace
        self.hostname = hostname
        self._recipients = recipients
        self._accounts = accounts or {}
        self._aliases = aliases or {}
        self._routes = routes or {}
        self._names = names or {}
        self._banned = banned
        self._log_selector = log_selector
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="exim-"))
        try:
            self._lay_out()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
            with contextlib.suppress(ProcessLookupError):  # those that were busy with a client
                os.killpg(self._process.pid, signal.SIGKILL)
        shutil.rmtree(self.directory)

    @property
    def log(self) -> Path:
        """Its main log."""
        return self.directory / "log" / "mainlog"

    @property
    def reject_log(self) -> Path:
        return self.directory / "log" / "rejectlog"

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
        """Call this Exim, as sendmail(8) or with options of its own, and wait for its end."""
        command = self.namespace.command(*self._in_its_etc(), *arguments)
        return subprocess.run(command, input=stdin.encode(), capture_output=True, timeout=30, check=False)

    def _in_its_etc(self) -> Sequence[str]:
        return ["unshare", "--mount", "sh", "-c", _OWN_ETC, f"{self.directory}/etc", f"{self.directory}/exim4"]

    def _lay_out(self) -> None:
        self.directory.chmod(0o755)
        shutil.copyfile(PROGRAM, self.directory / "exim4")
        (self.directory / "exim4").chmod(0o755)
        for name in ("spool", "log", "mail"):
            (self.directory / name).mkdir(mode=0o750)
            os.chown(self.directory / name, _ID, _ID)
        etc = self.directory / "etc"
        (etc / "exim4").mkdir(parents=True)
        certificate = make_certificate(etc, self.hostname)
        os.chown(certificate.key, _ID, _ID)
        (etc / "passwd").write_text(
            f"root:x:0:0:root:/root:/bin/sh\n{_USER}:x:{_ID}:{_ID}::{self.directory}/spool:/bin/false\n"
        )
        (etc / "group").write_text(f"root:x:0:\n{_USER}:x:{_ID}:\n")
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (etc / "resolv.conf").write_text(f"nameserver {name_server.ADDRESS}\noptions timeout:1 attempts:1\n")
        (etc / "hosts").write_text("".join(f"{address} {name}\n" for address, name in self._names.items()))
        (etc / "recipients").write_text("".join(f"{name.partition('@')[0]}: ok\n" for name in self._recipients))
        (etc / "accounts").write_text("".join(f"{name}: {password}\n" for name, password in self._accounts.items()))
        (etc / "alias").write_text("".join(f"{name}: {to}\n" for name, to in self._aliases.items()))
        (etc / "exim4" / "exim4.conf").write_text(self._configuration())

    def _configuration(self) -> str:
        return _MAIN.format(
            directory=self.directory,
            hostname=self.hostname,
            user=_USER,
            log_selector=self._log_selector,
            domains=" : ".join(sorted({name.partition("@")[2] for name in self._recipients})),
            routes=" ; ".join(f"{domain} {hop} byname" for domain, hop in self._routes.items()),
            banned=self._banned or ":",
            settings="\n".join(self._settings),
        )

    def _start(self) -> None:
        self._process = self.namespace.popen(
            *self._in_its_etc(), "-bdf", "-q1h", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        limit = time.monotonic() + _START_LIMIT
        while not (self.log.exists() and "daemon started" in self.log.read_text()):
            if self._process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"Exim did not start: {self._complaint()}")
            time.sleep(0.02)

    def _complaint(self) -> str:
        if self.log.exists():
            return self.log.read_text()
        stderr = self._process.stderr if self._process is not None and self._process.poll() is not None else None
        return stderr.read().decode() if stderr is not None else "no log"
