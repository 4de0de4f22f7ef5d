"""A Postfix of the test's own: configuration, queue, log and accounts in a scratch directory, its network a namespace.

/etc/postfix and the machine's own queue are never read or written. Needs root and Debian's postfix, sasl2-bin and
libsasl2-modules packages.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.hosts.namespaces import Namespace
from tests.hosts.openssl import make_certificate

DAEMONS = Path("/usr/lib/postfix/sbin")
_START_LIMIT = 10.0  # seconds; it takes about 0.05

# The queue directories that `postfix check` would make: for Postfix alone, and shared with group postdrop (name, mode).
_QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")
_SHARED_QUEUES = (("maildrop", 0o1730), ("public", 0o710))

_MASTER = """\
smtp       inet  n - n - - smtpd
submission inet  n - n - - smtpd
    -o smtpd_sasl_auth_enable=yes
    -o {{tls_eecdh_auto_curves=prime256v1 secp384r1}}
    -o {{smtpd_client_restrictions=permit_sasl_authenticated, reject}}
submissions inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
    -o smtpd_sasl_auth_enable=yes
    -o {{smtpd_client_restrictions=permit_sasl_authenticated, reject}}
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One Postfix, running from the start of the `with` block to its end.

    It takes mail for `recipients` (and discards it) on port 25, relays nothing for strangers, and lets the
    `accounts` (user name to password) submit on 587 and 465. 587 offers AUTH without TLS as well, which a real
    host should not, and takes no X25519, so that a TLS 1.3 client is asked to try again (HelloRetryRequest).
    Mail for other domains goes to `next_hop` ("[192.0.2.1]:25"). `settings` are further main.cf parameters."""

    def __init__(
        self,
        namespace: Namespace,
        hostname: str,
        *,
        recipients: Sequence[str],
        accounts: Mapping[str, str] | None = None,
        next_hop: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.namespace = namespace
        self.hostname = hostname
        self._recipients = recipients
        self._accounts = accounts or {}
        self._next_hop = next_hop
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="postfix-"))
        try:
            self._lay_out()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self.directory)

    @property
    def log(self) -> Path:
        """Its mail log, in the form syslog would write."""
        return self.directory / "log" / "mail.log"

    def _lay_out(self) -> None:
        postfix = pwd.getpwnam("postfix")
        self.directory.chmod(0o755)
        for name in ("etc", "etc/sasl", "log", "queue", "queue/pid"):
            (self.directory / name).mkdir()
        for name in (*(f"queue/{queue}" for queue in _QUEUES), "data"):
            path = self.directory / name
            path.mkdir(mode=0o700)
            os.chown(path, postfix.pw_uid, -1)
        for name, mode in _SHARED_QUEUES:
            path = self.directory / "queue" / name
            path.mkdir()
            path.chmod(mode)
            shutil.chown(path, "postfix", "postdrop")
        etc = self.directory / "etc"
        self.certificate = make_certificate(etc, self.hostname)
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in self._main().items()))
        (etc / "master.cf").write_text(_MASTER.replace("{{", "{ ").replace("}}", " }"))
        (etc / "recipients").write_text("".join(f"{recipient} ok\n" for recipient in self._recipients))
        self._write_accounts(etc, postfix.pw_gid)
        for path in etc.iterdir():
            os.utime(path, (0, 0))  # Postfix reads a file again and again while it is younger than two seconds

    def _main(self) -> dict[str, str]:
        etc = self.directory / "etc"
        return {
            "compatibility_level": "3.6",
            "myhostname": self.hostname,
            "queue_directory": f"{self.directory}/queue",
            "data_directory": f"{self.directory}/data",
            "maillog_file": str(self.log),
            "maillog_file_prefixes": f"{self.directory}/log",
            # There is no DNS in the namespace, and waiting for it would be most of a test's time.
            "smtpd_peername_lookup": "no",
            "smtp_dns_support_level": "disabled",
            "smtp_host_lookup": "native",
            "mydestination": "",
            "alias_maps": "",
            "mynetworks": "",
            "virtual_mailbox_domains": " ".join(sorted({name.partition("@")[2] for name in self._recipients})),
            "virtual_mailbox_maps": f"texthash:{etc}/recipients",
            "virtual_transport": "discard:",
            "relayhost": self._next_hop,
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(self.certificate.certificate),
            "smtpd_tls_key_file": str(self.certificate.key),
            "smtpd_tls_loglevel": "1",
            "smtp_tls_security_level": "may",
            "smtp_tls_loglevel": "1",
            "smtpd_sasl_local_domain": self.hostname,
            # Test clients all come from a few addresses, many at once, and some err on purpose.
            "default_process_limit": "200",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_error_sleep_time": "0",
            **self._settings,
        }

    def _write_accounts(self, etc: Path, group: int) -> None:
        # Debian's Postfix looks in sasl/ under its configuration directory, whatever cyrus_sasl_config_path says.
        database = etc / "sasl" / "sasldb2"
        (etc / "sasl" / "smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN CRAM-MD5\n"
            f"sasldb_path: {database}\n"
        )
        for user, password in self._accounts.items():
            subprocess.run(
                ["saslpasswd2", "-p", "-c", "-f", str(database), "-u", self.hostname, user],
                input=password.encode(),
                check=True,
                capture_output=True,
            )
        if self._accounts:
            os.chown(database, 0, group)
            database.chmod(0o640)

    def _start(self) -> None:
        """Run master(8) itself: what `postfix start` adds is a check of the files that were just laid out."""
        self._process = self.namespace.popen(
            DAEMONS / "master", "-d", "-c", self.directory / "etc", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        limit = time.monotonic() + _START_LIMIT
        while not (self.log.exists() and "daemon started" in self.log.read_text()):
            if self._process.poll() is not None or time.monotonic() > limit:
                said = self.log.read_text() if self.log.exists() else "no log"
                raise RuntimeError(f"Postfix did not start: {said}")
            time.sleep(0.02)
