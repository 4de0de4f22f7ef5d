"""A Sendmail of the test's own, out of Debian's packages, in a namespace and a view of the file system of its own."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.hosts.confined import Confined
from tests.hosts.namespaces import Namespace
from tests.hosts.openssl import make_certificate

PACKAGES = ("m4", "liblockfile1", "sendmail-bin", "sendmail-cf", "sendmail-base")
COMMAND = ("/usr/libexec/sendmail/sendmail", "-C/run/sendmail.cf", "-bD", "-q1h")

_TOOLS = "/usr/libexec/sendmail"
_USERS = "smmta:x:901:901::/nonexistent:/bin/false\nsmmsp:x:902:902::/nonexistent:/bin/false\n"
_GROUPS = "smmta:x:901:\nsmmsp:x:902:\n"
_CONFIGURATION = """\
divert(0)dnl
define(`_USE_ETC_MAIL_')dnl
OSTYPE(`linux')dnl
DOMAIN(`generic')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`ALIAS_FILE', `/run/aliases')dnl
define(`confPID_FILE', `/run/sendmail.pid')dnl
define(`confTO_IDENT', `0')dnl
define(`confMAX_RCPTS_PER_MESSAGE', `4')dnl
define(`SMART_HOST', `smtp:[{next_hop}]')dnl
define(`confSERVER_CERT', `/etc/mail/cert.pem')dnl
define(`confSERVER_KEY', `/etc/mail/key.pem')dnl
define(`confCACERT', `/etc/mail/cert.pem')dnl
define(`confCACERT_PATH', `/etc/mail')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`access_db', `hash -T<TMPF> /run/access')dnl
FEATURE(`greet_pause', `{greet_pause}')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`local_lmtp', `/usr/libexec/sendmail/mail.local')dnl
DAEMON_OPTIONS(`Name=MTA, Addr={address}, Port=25')dnl
DAEMON_OPTIONS(`Name=MSA, Addr={address}, Port=587, M=Ea')dnl
DAEMON_OPTIONS(`Name=TLSMTA, Addr={address}, Port=465, M=s')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `+w')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
_SASL = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /run/sasldb2\nmech_list: PLAIN LOGIN\n"


def sendmail(
    namespace: Namespace,
    scratch: Path,
    *,
    address: str,
    hostname: str,
    domain: str,
    users: Sequence[str],
    accounts: Mapping[str, str],
    access: Mapping[str, str],
    next_hop: str,
    names: Mapping[str, str],
    greet_pause: int,
) -> Confined:
    """The server's view, not yet started: `start` it with COMMAND. It has mailboxes for `users` of `domain`, lets
    `accounts` (name to password) log in, does to others as `access` says, and sends the rest to `next_hop`. `names`
    are hosts' names by address: there is no DNS. Who speaks within `greet_pause` milliseconds is turned away."""
    pair = make_certificate(scratch, hostname)
    mailboxes = "".join(f"{user}:x:{910 + at}:910::/nonexistent:/bin/sh\n" for at, user in enumerate(users))
    etc = {
        "passwd": Path("/etc/passwd").read_text() + _USERS + mailboxes,
        "group": Path("/etc/group").read_text() + _GROUPS,
        "mail/sendmail.mc": _CONFIGURATION.format(
            address=address, hostname=hostname, next_hop=next_hop, greet_pause=greet_pause
        ),
        "mail/access": "".join(f"{what}\t{ruling}\n" for what, ruling in access.items()),
        "mail/local-host-names": f"{domain}\n{hostname}\n",
        "mail/cert.pem": pair.certificate.read_text(),
        "mail/key.pem": pair.key.read_text(),
        "sasl2/Sendmail.conf": _SASL,
        "hosts": "127.0.0.1 localhost\n" + "".join(f"{where} {name}\n" for where, name in names.items()),
        "nsswitch.conf": "passwd: files\nhosts: files\n",
        "mail/service.switch": "hosts files\naliases files\n",
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    }
    return Confined(namespace, PACKAGES, etc, _prepare(hostname, accounts), private=("mail/key.pem",))


def _prepare(hostname: str, accounts: Mapping[str, str]) -> str:
    steps = [
        f"hostname {shlex.quote(hostname)}",
        "mkdir -m 700 /var/spool/mqueue; mkdir -p /var/lib/sendmail; chmod 1777 /var/mail; mkdir -m 755 /var/tmp",
        "cd /usr/share/sendmail/cf/cf; m4 ../m4/cf.m4 /etc/mail/sendmail.mc >/run/sendmail.cf; cd /",
        f"echo 'postmaster: root' >/run/aliases; {COMMAND[0]} {COMMAND[1]} -bi",
        f"{_TOOLS}/makemap -C/run/sendmail.cf hash /run/access </etc/mail/access",
        *(
            f"echo {shlex.quote(password)} | saslpasswd2 -p -c -f /run/sasldb2 -u {shlex.quote(hostname)} {name}"
            for name, password in accounts.items()
        ),
        "[ ! -e /run/sasldb2 ] || chmod 640 /run/sasldb2",
    ]
    return "\n".join(steps)
