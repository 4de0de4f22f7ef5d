"""The scene of the tests: a mail host under watch, and the rest of the world on the other end of its wire.

Addresses are those of RFC 5737 and RFC 3849, names those of RFC 2606.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from tests.hosts.namespaces import Namespace, join
from tests.hosts.postfix import Postfix

INTERFACE = "eth0"
MX = "192.0.2.25"
MX6 = "2001:db8::25"
MX_NAME = "mx.example.org"
CLIENT = "192.0.2.7"
CLIENT6 = "2001:db8::7"
FAR_MX = "198.51.100.25"
FAR_MX_NAME = "mx.example.net"
RECIPIENT = "alice@example.org"
SECOND_RECIPIENT = "carol@example.org"
RECIPIENTS = (RECIPIENT, SECOND_RECIPIENT, "heidi@example.org", "ivan@example.org")
UNKNOWN_RECIPIENT = "nobody@example.org"
FOREIGN_RECIPIENT = "dave@example.com"
FAR_RECIPIENT = "erin@example.net"
SINK = "198.51.100.26"
SINK_RECIPIENT = "grace@example.com"
USER = f"bob@{MX_NAME}"
PASSWORD = "correct-horse-9-battery"

_SINK_BACKLOG = 100
# TLS 1.0 too, so that tests can be old clients; OpenSSL allows it at security level 0 only.
_OLD_TLS = {"smtpd_tls_protocols": ">=TLSv1", "tls_medium_cipherlist": "ALL:@SECLEVEL=0"}
_HOST = {
    **_OLD_TLS,
    "recipient_delimiter": "+",
    "transport_maps": f"inline:{{ example.com=smtp:[{SINK}]:25 }}",
}


class MailHosts(NamedTuple):
    """`mx` runs `postfix`, the host under watch. `world` holds its clients, `far`, which takes its outbound mail, and
    smtp-sink(1) at SINK, which takes that for example.com, without TLS."""

    mx: Namespace
    world: Namespace
    postfix: Postfix
    far: Postfix

    def trust(self) -> ssl.SSLContext:
        """A client's TLS settings that trust the certificate of `postfix`."""
        return ssl.create_default_context(cafile=str(self.postfix.certificate.certificate))


@contextmanager
def mail_hosts(world_addresses: tuple[str, ...] = (), settings: Mapping[str, str] | None = None) -> Iterator[MailHosts]:
    """Both hosts up. `world_addresses` ("203.0.113.7/24") are the world's besides CLIENT, CLIENT6 and FAR_MX;
    `settings` are main.cf parameters of the host under watch."""
    own = (f"{MX}/24", f"{MX6}/64")
    others = (f"{CLIENT}/24", f"{CLIENT6}/64", f"{FAR_MX}/24", f"{SINK}/24", *world_addresses)
    with Namespace("mx") as mx, Namespace("world") as world:
        join((mx, INTERFACE, own), (world, INTERFACE, others))
        mx.ip("route", "add", "default", "via", CLIENT)
        mx.ip("-6", "route", "add", "default", "via", CLIENT6)
        world.popen("smtp-sink", "-u", "nobody", "-h", "sink.example.com", f"{SINK}:25", str(_SINK_BACKLOG))
        with (
            Postfix(
                world,
                FAR_MX_NAME,
                recipients=[FAR_RECIPIENT],
                settings={"inet_interfaces": FAR_MX},
            ) as far,
            Postfix(
                mx,
                MX_NAME,
                recipients=RECIPIENTS,
                accounts={USER.partition("@")[0]: PASSWORD},
                next_hop=f"[{FAR_MX}]:25",
                settings={**_HOST, **(settings or {})},
            ) as postfix,
        ):
            yield MailHosts(mx, world, postfix, far)
