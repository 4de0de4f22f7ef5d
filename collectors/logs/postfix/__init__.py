"""Postfix's log: one parser for each of its services, found by the last part of the program's name.

"postfix/smtpd", "postfix/submission/smtpd" and "postfix-out/smtp" (a second instance, or syslog_name) are all its own;
the admin chooses what stands before the last slash. postlogd(8) and syslogd write the same lines.
"""

from collectors.logs.head import Parse
from collectors.logs.postfix import cleanup, daemons, delivery, postscreen, queue, smtpd

_SERVICES: dict[str, Parse] = {
    "smtpd": smtpd.parse,
    "cleanup": cleanup.parse,
    "qmgr": queue.parse,
    "oqmgr": queue.parse,
    "nqmgr": queue.parse,
    "pickup": queue.parse,
    "bounce": queue.parse,
    "defer": queue.parse,
    "trace": queue.parse,
    "postsuper": queue.parse,
    "smtp": delivery.parse,
    "lmtp": delivery.parse,
    "relay": delivery.parse,
    "local": delivery.parse,
    "virtual": delivery.parse,
    "pipe": delivery.parse,
    "error": delivery.parse,
    "retry": delivery.parse,
    "discard": delivery.parse,
    "postscreen": postscreen.parse,
    "dnsblog": postscreen.dnsblog,
    "tlsproxy": postscreen.tlsproxy,
    "anvil": daemons.anvil,
    "qmqpd": daemons.qmqpd,
    **dict.fromkeys(
        (
            "flush", "master", "postalias", "postcat", "postconf", "postdrop", "postfix", "postfix-script",
            "postfix-tls-script", "postkick", "postlog", "postlogd", "postmap", "postmulti", "postmulti-script",
            "postqueue", "posttls-finger", "proxymap", "proxywrite", "scache", "sendmail", "showq", "spawn", "tlsmgr",
            "trivial-rewrite", "verify",
        ),
        daemons.parse,
    ),
}  # fmt: skip


def parser_of(program: str) -> Parse | None:
    """The parser for `program` if it is a service of Postfix."""
    instance, slash, service = program.rpartition("/")
    if not slash or not instance or instance.startswith("cyrus"):  # Cyrus IMAP names its processes alike: "cyrus/lmtp"
        return None
    return _SERVICES.get(service)
