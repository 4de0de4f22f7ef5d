"""Where deliveries go."""

from typing import Any

import msgspec
import pytest

from smtpwatch.events import Delivery
from smtpwatch.state.next_hop import Hop, Way, hop_named, hop_of, way_of
from tests.state.outbound import SUSPENDED, delivery

SLOW = Hop("mx.slow.example", "198.51.100.41", 25)


@pytest.mark.parametrize(
    ("reply", "hop"),
    [
        ("connect to mx.slow.example[198.51.100.41]:25: Connection timed out", SLOW),
        (SUSPENDED, SLOW),
        ("lost connection with mx.slow.example[198.51.100.41] while sending DATA", SLOW._replace(port=0)),
        ("host MX.slow.example[198.51.100.41] said: 450 later", SLOW._replace(port=0)),
        ("connect to mx.slow.example[2001:db8::41]:25: No route to host", Hop("mx.slow.example", "2001:db8::41", 25)),
        ("Host or domain name not found", None),
        ("it said: connect to mx.slow.example[198.51.100.41]:25: no", None),
    ],
)
def test_a_hop_that_only_the_reply_names(reply: str, hop: Hop | None) -> None:
    assert hop_of(delivery(status="deferred", reply=reply, relay="none", address="")) == hop


def test_keys_are_those_of_handshakes() -> None:
    for relay in ("mx.far.example[198.51.100.25]:25", "mx.far.example[2001:db8::9]", "mx.far.example"):
        assert hop_named(relay).key == relay
    assert hop_named("MX.far.example.").key == "mx.far.example"
    assert hop_of(delivery()) == hop_named("mx.far.example[198.51.100.25]:25")


def _by(program: str, transport: str = "", relay: str = "", address: str = "", **more: Any) -> Delivery:
    made = delivery(relay=relay, address=address, transport=transport, **more)
    return msgspec.structs.replace(made, program=program)


@pytest.mark.parametrize(
    ("attempt", "way"),
    [
        (_by("postfix/smtp", relay="mx.far.example", address="198.51.100.25"), "out"),
        (_by("postfix-out/relay/smtp", relay="mx.far.example", address="198.51.100.25"), "out"),
        (_by("postfix/smtp", relay="127.0.0.1", address="127.0.0.1"), "filter"),
        (_by("postfix/smtp", relay="localhost", address="::1"), "filter"),
        (_by("postfix/lmtp", relay="127.0.0.1", address="127.0.0.1"), "local"),
        (_by("postfix/lmtp", relay="store.example.net", address="10.0.0.5"), "local"),
        (_by("postfix/lmtp", relay="mx1.example.net[private/dovecot-lmtp]"), "local"),
        *((_by(f"postfix/{agent}", relay=agent), "local") for agent in ("local", "virtual", "pipe", "discard")),
        (_by("postfix/retry", relay="none", status="deferred", reply=SUSPENDED), "out"),
        (_by("postfix/error", relay="none", status="bounced", reply="User unknown in virtual mailbox table"), "local"),
        *((_by("sm-mta", mailer, "mx.far.example", "198.51.100.25"), "out") for mailer in ("esmtp", "smtp", "relay")),
        *((_by("sm-mta", mailer), "local") for mailer in ("local", "prog", "*file*", "cyrusv2", "procmail")),
        (_by("sm-mta", "relay", "[127.0.0.1]", "127.0.0.1"), "filter"),
        (_by("exim", "remote_smtp", "mx.far.example", "198.51.100.25"), "out"),
        (_by("exim", "remote_smtp", status="deferred", reply="Connection refused"), "out"),
        (_by("exim", "ours", "mx.far.example", "198.51.100.25"), "out"),
        (_by("exim", "ours"), "local"),
        (_by("exim", "ours", status="deferred"), ""),
        (_by("exim", "", status="bounced", reply="Unrouteable address"), ""),
        (_by("exim", "dovecot_lmtp", "store", "10.0.0.5"), "local"),
        (_by("smtpd", "mta", "mx.far.example", "198.51.100.25"), "out"),
        (_by("smtpd", "mda"), "local"),
    ],
)
def test_ways(attempt: Delivery, way: Way) -> None:
    assert way_of(attempt, hop_of(attempt)) == way
