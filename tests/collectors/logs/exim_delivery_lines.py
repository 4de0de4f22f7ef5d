"""More lines of Exim: of deliveries. Their sources are those of exim_lines.py."""

from smtpwatch import events as ev
from tests.collectors.logs.exim_lines import ID, NEW_ID, TLS13, Case, X, made

_OK = "250 2.0.0 Ok: queued as 4Zc0Ht6Lqhz1Yb"
_HOP = ("hop.far.example", "198.51.100.2")
DELIVERIES: dict[str, Case] = {
    "mailbox": (
        f"{ID} => bob <bob@example.org> R=mailboxes T=mailbox",
        [made(ev.Delivery, ID, "bob", "sent", "", "", "bob@example.org", transport="mailbox")],
    ),
    "alias, log_selector +all": (
        f"{ID} => someone@far.example <info@example.org> F=<> P=<> R=elsewhere T=remote_smtp S=223 "
        f'H=hop.far.example [198.51.100.2]:25 I=[198.51.100.1]:43932 C="{_OK}" QT=0.036s DT=0.000s',
        [
            made(
                ev.Delivery, ID, "someone@far.example", "sent", "2.0.0", _OK, "info@example.org", *_HOP, 25, 0.036, (),
                250,
                "4Zc0Ht6Lqhz1Yb", "", "remote_smtp",
            )
        ],
    ),
    "next hop is Exim, TLS": (
        f'{ID} => x@far.example R=dnslookup T=remote_smtp H=hop.far.example [198.51.100.2]* {X} CV=yes K '
        'C="250- 1 byte chunk, total 2\\\\n250 OK id=1sEdEt-00000001fW5-2iYm" QT=3m45s',
        [
            made(
                ev.Delivery, ID, "x@far.example", "sent", "", "250- 1 byte chunk, total 2\\n250 OK "
                "id=1sEdEt-00000001fW5-2iYm", "",
                *_HOP, 0, 225.0, (), 250, NEW_ID, None, "remote_smtp",
            ),
            made(ev.TlsEstablished, "", 0, "", "TLS1.3", TLS13, 256, "verified", "", "hop.far.example[198.51.100.2]"),
        ],
    ),
    "one of several recipients": (
        f'{ID} -> y@far.example R=elsewhere T=remote_smtp H=hop.far.example [198.51.100.2] {X} CV=no C="{_OK}"',
        [
            made(
                ev.Delivery, ID, "y@far.example", "sent", "2.0.0", _OK, "", *_HOP, 0, None, (), 250, "4Zc0Ht6Lqhz1Yb",
                None,
                "remote_smtp",
            )
        ],
    ),
    "cutthrough": (
        f'{ID} >> y@far.example R=elsewhere T=remote_smtp H=hop.far.example [198.51.100.2] C="250 Ok"',
        [made(ev.Delivery, ID, "y@far.example", "sent", "", "250 Ok", "", *_HOP, 0, None, (), 250, "", None,
        "remote_smtp")],
    ),
    "not really (-N)": (
        f"{ID} *> y@far.example R=elsewhere T=remote_smtp",
        [made(ev.Delivery, ID, "y@far.example", "suppressed", transport="remote_smtp")],
    ),
    "pipe": (
        f"{ID} => |/usr/bin/vacation -a b (bob@example.org) <info@example.org> R=userforward T=address_pipe",
        [
            made(
                ev.Delivery, ID, "|/usr/bin/vacation -a b", "sent", "", "", "info@example.org", transport="address_pipe"
            )
        ],
    ),
    "file": (
        f"{ID} => /var/mail/bob <bob@example.org> R=local T=file",
        [made(ev.Delivery, ID, "/var/mail/bob", "sent", "", "", "bob@example.org", transport="file")],
    ),
    "black hole": (
        f"{ID} => :blackhole: <hole@nowhere.example> R=blackhole_router",
        [made(ev.MessageHandled, ID, "discard", ":blackhole: <hole@nowhere.example> R=blackhole_router")],
    ),
    "black hole of an ACL": (
        f"{ID} => blackhole (DATA ACL discarded recipients): spam",
        [made(ev.MessageHandled, ID, "discard", "blackhole (DATA ACL discarded recipients): spam")],
    ),
    "discarded": (
        f"{ID} => discarded <low.club@bridge.example> R=userforward",
        [made(ev.MessageHandled, ID, "discard", "discarded <low.club@bridge.example> R=userforward")],
    ),
    "refused by the next hop": (
        f"{ID} ** gone@far.example R=elsewhere T=remote_smtp H=hop.far.example [198.51.100.2]: SMTP error from "
        "remote mail "
        "server after RCPT TO:<gone@far.example>: 550 5.1.1 <gone@far.example>: no such user H=evil [9.9.9.9]",
        [
            made(
                ev.Delivery, ID, "gone@far.example", "bounced", "5.1.1",
                "550 5.1.1 <gone@far.example>: no such user H=evil [9.9.9.9]", "", *_HOP, 0, None, (), 550, "", None,
                "remote_smtp",
            )
        ],
    ),
    "refused, log_selector +all": (
        f"{ID} ** gone@far.example F=<alice@sender.example> P=<alice@sender.example> R=elsewhere T=remote_smtp "
        "H=hop.far.example [198.51.100.2]:25 I=[198.51.100.1]:43920: SMTP error from remote mail server after RCPT "
        "TO:<gone@far.example>: 550 5.1.1 no such user DT=0.000s",
        [
            made(
                ev.Delivery, ID, "gone@far.example", "bounced", "5.1.1", "550 5.1.1 no such user", "", *_HOP, 25, None,
                (), 550,
                "", "alice@sender.example", "remote_smtp",
            )
        ],
    ),
    "refused, as before 4.93": (
        f"{ID} ** ace400@pb.example R=dnslookup T=remote_smtp: SMTP error from remote mailer after pipelined RCPT "
        "TO:<ace400@pb.example>: host pbmail3.py.example [192.168.63.111]: 553 5.3.0 <ace400@pb.example>...Addressee "
        "unknown",
        [
            made(
                ev.Delivery, ID, "ace400@pb.example", "bounced", "5.3.0", "553 5.3.0 <ace400@pb.example>...Addressee "
                "unknown", "",
                "pbmail3.py.example", "192.168.63.111", 0, None, (), 553, "", None, "remote_smtp",
            )
        ],
    ),
    "refused after DATA": (
        f"{ID} ** a@b.example R=r T=t H=h [198.51.100.2] {X} CV=no: SMTP error from remote mail server after end of "
        "data: "
        "554 5.7.1 spam",
        [
            made(
                ev.Delivery, ID, "a@b.example", "bounced", "5.7.1", "554 5.7.1 spam", "", "h", "198.51.100.2", 0, None,
                (), 554,
                "", None, "t",
            )
        ],
    ),
    "cannot be routed": (
        f"{ID} ** alice@sender.example F=<>: Unrouteable address DT=0.000s",
        [made(ev.Delivery, ID, "alice@sender.example", "bounced", "", "Unrouteable address", sender="")],
    ),
    "cannot be routed, with parent": (
        f"{ID} ** jim@trek99.example <jim@trek99.example>: unknown mail domain",
        [made(ev.Delivery, ID, "jim@trek99.example", "bounced", "", "unknown mail domain", "jim@trek99.example")],
    ),
    "too old": (
        f"{ID} ** x@refused.example: retry timeout exceeded",
        [made(ev.Delivery, ID, "x@refused.example", "bounced", "", "retry timeout exceeded")],
    ),
    "next hop asks to come later": (
        f"{ID} == later@far.example R=elsewhere T=remote_smtp defer (-44) H=hop.far.example [198.51.100.2]:25 "
        "I=[198.51.100.1]:43920 DT=0.000s: SMTP error from remote mail server after RCPT TO:<later@far.example>: 450 "
        "4.2.1 busy",
        [
            made(
                ev.Delivery, ID, "later@far.example", "deferred", "4.2.1", "450 4.2.1 busy", "", *_HOP, 25, None, (),
                450, "",
                None, "remote_smtp",
            )
        ],
    ),
    "next hop cannot be reached": (
        f"{ID} == x@refused.example R=elsewhere T=remote_smtp defer (111): Connection refused DT=0.000s",
        [made(ev.Delivery, ID, "x@refused.example", "deferred", "", "Connection refused", transport="remote_smtp")],
    ),
    "next hop cannot be reached, by name": (
        f"{ID} == x@y.example R=r T=t defer (110): Connection timed out H=mx.y.example [198.51.100.9] DT=2m: detail",
        [
            made(
                ev.Delivery, ID, "x@y.example", "deferred", "", "Connection timed out: detail", "", "mx.y.example",
                "198.51.100.9", transport="t",
            )
        ],
    ),
    "not before its time": (
        f"{ID} == x@y.example R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host for "
        "'y.example'",
        [
            made(
                ev.Delivery, ID, "x@y.example", "deferred", "", "retry time not reached for any host for 'y.example'",
                transport="remote_smtp",
            )
        ],
    ),
    "routing defer": (
        f"{ID} == x@y.example routing defer (-52): retry time not reached",
        [made(ev.Delivery, ID, "x@y.example", "deferred", "", "retry time not reached")],
    ),
    "router defer": (
        f"{ID} == x@y.example <info@example.org> R=dnslookup defer (-1): host lookup did not complete",
        [made(ev.Delivery, ID, "x@y.example", "deferred", "", "host lookup did not complete", "info@example.org")],
    ),
}  # fmt: skip
