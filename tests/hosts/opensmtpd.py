"""An OpenSMTPD of the test's own, out of Debian's package, in a namespace and a view of the file system of its own.

Debian 12's OpenSMTPD 6.8 cannot sign a handshake (its keys are in a process of their own, by a way that OpenSSL 3 no
longer takes), so that TLS here is 1.2 with a suite that needs no signature; AUTH is offered under TLS alone.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.hosts.confined import Confined
from tests.hosts.namespaces import Namespace
from tests.hosts.openssl import make_certificate

PACKAGES = ("opensmtpd",)
CIPHERS = "aNULL:@SECLEVEL=0"

_USERS = "opensmtpd:x:901:901::/nonexistent:/bin/false\nopensmtpq:x:902:902::/nonexistent:/bin/false\n"
_MAIL_USER = "vmail:x:903:903::/var/vmail:/bin/sh\n"
_GROUPS = "opensmtpd:x:901:\nopensmtpq:x:902:\nvmail:x:903:\n"
_PREPARE = (
    "mkdir -p /var/lib/opensmtpd/empty /var/vmail /var/spool/smtpd\n"
    "chmod 711 /var/lib/opensmtpd/empty /var/spool/smtpd; chown 903:903 /var/vmail"
)
_CONFIGURATION = """\
smtp ciphers "{ciphers}"
pki own cert "/etc/mail.pem"
pki own key "/etc/mail.key"
table logins file:/etc/logins
table recipients file:/etc/recipients
filter unwanted phase mail-from match mail-from regex {{ "^unwanted@" }} reject "550 5.7.1 We do not like you"
listen on {address} port 25 tls pki own hostname {hostname} filter unwanted
listen on {address} port 465 smtps pki own auth <logins> hostname {hostname}
listen on {address} port 587 tls-require pki own auth <logins> hostname {hostname}
listen on socket
action "here" maildir "/var/vmail/%{{rcpt.user}}" virtual <recipients>
action "away" relay host smtp://{next_hop}
match from any for domain "{domain}" action "here"
match auth from any for any action "away"
match for any action "away"
"""


def opensmtpd(
    namespace: Namespace,
    scratch: Path,
    *,
    address: str,
    hostname: str,
    domain: str,
    recipients: Sequence[str],
    accounts: Mapping[str, str],
    next_hop: str,
    names: Mapping[str, str],
) -> Confined:
    """The server's view, not yet started: `start` it with COMMAND. It takes mail for `recipients` of `domain`, lets
    `accounts` (name to password) submit on 465 and 587, and sends the rest to `next_hop`. `names` are hosts' names by
    address: there is no DNS."""
    pair = make_certificate(scratch, hostname)
    logins = "".join(f"{name} {_hashed(password)}\n" for name, password in accounts.items())
    etc = {
        "passwd": Path("/etc/passwd").read_text() + _USERS + _MAIL_USER,
        "group": Path("/etc/group").read_text() + _GROUPS,
        "smtpd.conf": _CONFIGURATION.format(
            ciphers=CIPHERS, address=address, hostname=hostname, domain=domain, next_hop=next_hop
        ),
        "mail.pem": pair.certificate.read_text(),
        "mail.key": pair.key.read_text(),
        "logins": logins,
        "recipients": "".join(f"{recipient} vmail\n" for recipient in recipients),
        "hosts": "127.0.0.1 localhost\n" + "".join(f"{where} {name}\n" for where, name in names.items()),
        "resolv.conf": "nameserver 127.0.0.1\n",
        "mailname": f"{hostname}\n",
        "aliases": "",
    }
    return Confined(namespace, PACKAGES, etc, _PREPARE, private=("mail.key",))


COMMAND = ("/usr/sbin/smtpd", "-F")


def _hashed(password: str) -> str:
    made = subprocess.run(["openssl", "passwd", "-6", password], check=True, capture_output=True, text=True)
    return made.stdout.strip()
