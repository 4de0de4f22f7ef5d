"""A Dovecot of the test's own: configuration, sockets, mail, log and accounts in a scratch directory, its network a
namespace.

/etc/dovecot and /run/dovecot are never read or written. Needs root and Debian's dovecot-core, dovecot-imapd,
dovecot-lmtpd, dovecot-sieve and dovecot-submissiond packages, whose users dovecot and dovenull it runs as.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.hosts.namespaces import Namespace
from tests.hosts.openssl import make_certificate

DAEMON = "/usr/sbin/dovecot"
IMAP_PORT = 143
SUBMISSION_PORT = 1587  # 587 is Postfix's
_START_LIMIT = 10.0  # seconds; it takes about 0.1
_MAIL_USER = "nobody"

_CONFIGURATION = """\
base_dir = {run}
state_dir = {state}
log_path = {log}
log_timestamp = "%b %d %H:%M:%S "
auth_verbose = yes
protocols = imap submission lmtp
listen = *, ::
hostname = {hostname}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = maildir:{mail}/%u
submission_relay_host = {relay}
submission_relay_port = 25
postmaster_address = postmaster@{hostname}
# A failed login is answered at once, and not after the seconds by which Dovecot slows guessing down.
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {users}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={mail}/%u allow_all_users=yes
}}
service auth {{
  unix_listener auth-postfix {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission_port}
  }}
}}
service lmtp {{
  unix_listener lmtp-test {{
    mode = 0600
  }}
}}
protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:{sieve}
}}
"""
_SIEVE = """\
require ["fileinto", "reject"];
if header :contains "Subject" "file this" { fileinto "INBOX"; stop; }
if header :contains "Subject" "drop this" { discard; stop; }
if header :contains "Subject" "refuse this" { reject "no thanks"; stop; }
"""


class Dovecot:
    """One Dovecot, running from the start of the `with` block to its end.

    It lets the `accounts` (user name to password) log in on IMAP_PORT and, relaying what they submit to `relay`, on
    SUBMISSION_PORT; answers a Postfix's questions about passwords at `auth_socket`; and takes mail at `lmtp_socket`.
    `settings` is further configuration, in Dovecot's own syntax."""

    def __init__(
        self, namespace: Namespace, hostname: str, *, accounts: Mapping[str, str], relay: str, settings: str = ""
    ) -> None:
        self.namespace = namespace
        self.hostname = hostname
        self._accounts = accounts
        self._relay = relay
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot-"))
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
        """Its log, in the form of its own file: no host, no program, but a level."""
        return self.directory / "dovecot.log"

    @property
    def auth_socket(self) -> Path:
        """For Postfix's smtpd_sasl_path."""
        return self.directory / "run" / "auth-postfix"

    @property
    def lmtp_socket(self) -> Path:
        """For whoever delivers to its accounts: smtplib.LMTP."""
        return self.directory / "run" / "lmtp-test"

    @property
    def lines(self) -> list[str]:
        """What it has logged so far, whole lines only."""
        return self.log.read_text(errors="backslashreplace").split("\n")[:-1]

    def _lay_out(self) -> None:
        self.directory.chmod(0o755)
        for name in ("run", "state", "mail"):
            (self.directory / name).mkdir()
        owner = pwd.getpwnam(_MAIL_USER)
        os.chown(self.directory / "mail", owner.pw_uid, owner.pw_gid)
        certificate = make_certificate(self.directory, self.hostname)
        users, sieve = self.directory / "users", self.directory / "default.sieve"
        users.write_text("".join(f"{name}:{{PLAIN}}{password}::::::\n" for name, password in self._accounts.items()))
        shutil.chown(users, "dovecot")
        users.chmod(0o400)
        sieve.write_text(_SIEVE)
        subprocess.run(["sievec", sieve], check=True, capture_output=True)
        self._configuration.write_text(
            _CONFIGURATION.format(
                run=self.directory / "run", state=self.directory / "state", mail=self.directory / "mail",
                log=self.log, hostname=self.hostname, certificate=certificate.certificate, key=certificate.key,
                relay=self._relay, users=users, mail_user=owner.pw_uid, mail_group=owner.pw_gid,
                imap_port=IMAP_PORT, submission_port=SUBMISSION_PORT, sieve=sieve,
            ) + self._settings
        )  # fmt: skip

    @property
    def _configuration(self) -> Path:
        return self.directory / "dovecot.conf"

    def _start(self) -> None:
        self._process = self.namespace.popen(
            DAEMON, "-F", "-c", self._configuration, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        limit = time.monotonic() + _START_LIMIT
        while not (self.log.exists() and "starting up" in self.log.read_text() and self.auth_socket.exists()):
            if self._process.poll() is not None or time.monotonic() > limit:
                said = self.log.read_text() if self.log.exists() else "no log"
                raise RuntimeError(f"Dovecot did not start: {said}")
            time.sleep(0.02)
