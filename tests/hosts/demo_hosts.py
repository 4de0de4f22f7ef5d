"""The scene of the recording for `smtpwatch --demo`: a mail host under watch, with Dovecot behind it, and the world.

Which address is whose: demo_cast.py."""

import shutil
import ssl
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.hosts import demo_hops as hops
from tests.hosts.demo_hops import Hop, NextHop
from tests.hosts.demo_names import BLOCKLIST, NameServer, records
from tests.hosts.dovecot import Dovecot
from tests.hosts.namespaces import Namespace, join
from tests.hosts.openssl import Certificate, make_certificate
from tests.hosts.postfix import Postfix

INTERFACE = "eth0"
NAME = "mx1.example.net"
DOMAIN = "example.net"
MX, MX6 = "192.0.2.1", "2001:db8:1::1"
BALANCED = "192.0.2.2"
"""Ours too, and reached through BALANCER only, which speaks the PROXY protocol."""
BALANCER = "192.0.2.3"
OWN = (MX, BALANCED, MX6)
_GATEWAY, _GATEWAY6 = "192.0.2.254", "2001:db8:1::fe"

PASSWORDS = {
    "alice": "correct-horse-9-battery", "bob": "Summer2026", "carol": "lamp-orbit-31-violin", "scan": "scan2019",
    "newsletter": "quiet-9-harbour-stone",
}  # fmt: skip
USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "info", "sales", "postmaster")
RECIPIENTS = tuple(f"{user}@{DOMAIN}" for user in USERS)
GREYLISTED = "203.0.113.140"  # a newcomer, which our host asks to come again
_RATE = 100  # connections a minute that a client may make
_PATIENCE = 8  # seconds; the clients of the tests have 10
_DAYS = 17  # that the certificate is valid still; that time is shifted too when the recording is played

OLD_TLS = "ALL:@SECLEVEL=0"
"""OpenSSL allows TLS 1.0 and 1.1 so only."""

_MASTER = f"""\
{MX}:25       inet n - n - - smtpd
[{MX6}]:25    inet n - n - - smtpd
{BALANCED}:25 inet n - n - - smtpd
    -o smtpd_upstream_proxy_protocol=haproxy
    -o smtpd_client_connection_rate_limit=0
{{submission}}
lmtp       unix - - n - - lmtp
"""
_SUBMISSION = """\
{address}:{port} inet n - n - - smtpd
    -o syslog_name=postfix/{name}
    -o smtpd_tls_wrappermode={wrapped}
    -o smtpd_tls_protocols=>=TLSv1.2
    -o smtpd_sasl_auth_enable=yes
    -o smtpd_client_connection_rate_limit=0
    -o {{ smtpd_client_restrictions = permit_sasl_authenticated, reject }}
"""
_HEADER_CHECKS = "/^Subject:.*(cheap pills|you have won)/ REJECT 5.7.1 This looks like spam\n"
_SETTINGS = {
    "mydomain": DOMAIN,
    "myorigin": DOMAIN,
    "inet_interfaces": f"{MX}, {BALANCED}, {MX6}, 127.0.0.1",
    "smtp_bind_address": MX,
    "enable_long_queue_ids": "yes",
    "smtpd_client_port_logging": "yes",
    "smtpd_peername_lookup": "yes",
    "smtp_dns_support_level": "enabled",
    "smtp_host_lookup": "dns",
    "virtual_mailbox_domains": DOMAIN,
    "virtual_transport": "lmtp:unix:private/dovecot-lmtp",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_path": "private/auth",
    "smtpd_sasl_tls_security_options": "noanonymous",
    "smtpd_helo_required": "yes",
    "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject_unknown_sender_domain, "
    f"reject_unlisted_recipient, reject_rbl_client {BLOCKLIST}, "
    f"check_client_access inline:{{ {{ {GREYLISTED} = 450 4.2.0 Greylisted, please try again in 5 minutes }} }}",
    "smtpd_client_connection_rate_limit": str(_RATE),
    "smtpd_timeout": f"{_PATIENCE}s",
    "smtpd_tls_protocols": ">=TLSv1",
    "smtp_tls_protocols": ">=TLSv1",
    "tls_medium_cipherlist": OLD_TLS,
    "smtp_connect_timeout": "4s",
    # A day's worth of attempts in two minutes.
    "minimal_backoff_time": "20s",
    "maximal_backoff_time": "40s",
    "queue_run_delay": "6s",
}
_DOVECOT = """
log_timestamp = "%Y-%m-%dT%H:%M:%S.%{{usecs}}+00:00 "
service auth {{
  unix_listener {queue}/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service lmtp {{
  unix_listener {queue}/private/dovecot-lmtp {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
"""
_FAR_NAME, _FAR = "mx.example.org", "198.51.100.200"
_FAR_RECIPIENTS = tuple(f"{user}@example.org" for user in ("grace", "heidi", "ivan", "judy"))
REFUSING, DEAD = "203.0.113.207", "203.0.113.250"
"""One on which nobody listens, and one that is not there."""


class Scene(NamedTuple):
    """`mx` runs `postfix` and `dovecot`, and is what is watched; `world` is all else."""

    mx: Namespace
    world: Namespace
    postfix: Postfix
    dovecot: Dovecot
    certificate: Certificate

    def trust(self) -> ssl.SSLContext:
        """A client's TLS settings that trust our certificate."""
        return ssl.create_default_context(cafile=str(self.certificate.certificate))


class _Mx(Postfix):
    """With services for each of our addresses, submission under its own name, and LMTP."""

    def _start(self) -> None:
        etc = self.directory / "etc"
        path = etc / "master.cf"
        services = "".join(
            _SUBMISSION.format(address=address, port=port, name=name, wrapped=wrapped)
            for address in (MX, f"[{MX6}]")
            for port, name, wrapped in ((587, "submission", "no"), (465, "submissions", "yes"))
        )
        usual = path.read_text().partition("pickup ")[2]
        path.write_text(_MASTER.replace("{submission}\n", services) + "pickup " + usual)
        (etc / "header_checks").write_text(_HEADER_CHECKS)
        super()._start()


def _certificate(directory: Path) -> Certificate:
    made = Certificate(directory / "mx1.pem", directory / "mx1.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", str(_DAYS), "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:mail.{DOMAIN}",
         "-keyout", str(made.key), "-out", str(made.certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made


def _server(directory: Path, name: str, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A next hop's TLS: no other than that version."""
    place = directory / name
    place.mkdir()
    made = make_certificate(place, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is old on purpose
        if version < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers(OLD_TLS)
        context.minimum_version = context.maximum_version = version
    return context


def _next_hops(directory: Path) -> dict[str, tuple[Hop, ...]]:
    """Who takes mail for which domain, but for example.org."""
    new, usual = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
    limited = hops.limiting(12, 20, 84)
    big = _server(directory, "mx1.bigmail.example", new)
    old = _server(directory, "mail.oldmail.example", ssl.TLSVersion.TLSv1)
    six = _server(directory, "mx.example.com", usual)
    business = _server(directory, "mx.business.example", usual)
    filtered = _server(directory, "in.filtered.example", usual)
    spam = "554 5.7.1 Message rejected as spam by content filter"
    return {
        "bigmail.example": (Hop("mx1.bigmail.example", "198.51.100.201", limited, big),),
        "example.com": (Hop("mx.example.com", "2001:db8:25::1", hops.welcome, six),),
        "freemail.example": (Hop("mx.freemail.example", "203.0.113.202", hops.greylisting()),),
        "business.example": (Hop("mx.business.example", "198.51.100.203", hops.choosy(("judy", "olivia")), business),),
        "filtered.example": (Hop("in.filtered.example", "198.51.100.204", hops.welcome, filtered, after_data=spam),),
        # A firewall on the way has made STARTTLS into something of equal length.
        "stripped.example": (
            Hop("mx.stripped.example", "203.0.113.204", hops.welcome, None, ("PIPELINING", "XXXXXXXA", "8BITMIME")),
        ),
        "oldmail.example": (Hop("mail.oldmail.example", "198.51.100.205", hops.welcome, old),),
        "badtls.example": (Hop("mx.badtls.example", "203.0.113.206", hops.welcome, broken=True),),
    }


@contextmanager
def _resolving(namespace: Namespace) -> Iterator[None]:
    """What is run in the namespace asks the name server there: ip-netns(8)."""
    place = Path("/etc/netns") / namespace.name
    place.mkdir(parents=True)
    try:
        (place / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (place / "hosts").write_text(f"127.0.0.1 localhost\n{MX} {NAME} mx1\n{MX6} {NAME} mx1\n")
        yield
    finally:
        shutil.rmtree(place)


@contextmanager
def scene(addresses: tuple[str, ...], names: dict[str, str], listed: tuple[str, ...]) -> Iterator[Scene]:
    """All of it up. The world has `addresses`; `names` are those of some of them; `listed` are in the blocklist."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        mx, world = stack.enter_context(Namespace("mx1")), stack.enter_context(Namespace("world"))
        stack.enter_context(_resolving(mx))
        by_domain = _next_hops(directory)
        all_hops = [hop for each in by_domain.values() for hop in each]
        theirs = (BALANCER, _FAR, REFUSING, *(hop.address for hop in all_hops), *addresses)
        join(
            (mx, INTERFACE, (f"{MX}/24", f"{BALANCED}/24", f"{MX6}/64")),
            (world, INTERFACE, (f"{_GATEWAY}/24", f"{_GATEWAY6}/64", *map(_alone, theirs))),
        )
        mx.ip("route", "add", "default", "via", _GATEWAY)
        mx.ip("-6", "route", "add", "default", "via", _GATEWAY6)
        hosts = {
            **names, NAME: MX, _FAR_NAME: _FAR, "mx.silent.example": REFUSING, "mx.dead.example": DEAD,
            **{hop.name: hop.address for hop in all_hops},
        }  # fmt: skip
        exchangers = {
            "example.org": (_FAR_NAME,), "silent.example": ("mx.silent.example",), "dead.example": ("mx.dead.example",),
            "partner.example": ("mail.partner.example",), DOMAIN: (NAME,),
            **{domain: tuple(hop.name for hop in each) for domain, each in by_domain.items()},
        }  # fmt: skip
        stack.enter_context(NameServer(mx, records(hosts, exchangers, listed)))
        for hop in all_hops:
            stack.enter_context(NextHop(world, hop))
        far = {"inet_interfaces": _FAR, "enable_long_queue_ids": "yes"}
        stack.enter_context(Postfix(world, _FAR_NAME, recipients=_FAR_RECIPIENTS, settings=far))
        certificate = _certificate(directory)
        settings = {
            **_SETTINGS,
            "smtpd_tls_cert_file": str(certificate.certificate),
            "smtpd_tls_key_file": str(certificate.key),
            "header_checks": "regexp:$config_directory/header_checks",
        }
        postfix = stack.enter_context(_Mx(mx, NAME, recipients=RECIPIENTS, settings=settings))
        dovecot = stack.enter_context(
            Dovecot(
                mx, NAME, accounts=PASSWORDS, relay=MX,
                settings=_DOVECOT.format(queue=postfix.directory / "queue"),
            )
        )  # fmt: skip
        yield Scene(mx, world, postfix, dovecot, certificate)


def _alone(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"
