"""Lines of Dovecot's services behind the login: mail that is stored, filtered by Sieve or submitted, sessions that
end.

The account in "lmtp(bob)<pid><session>" is one that exists. A message-id is a stranger's text, and comes before what
was done; Dovecot itself ends the id with ">: ", of which the last one counts.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX
from collectors.logs.dovecot.peer import account_of, peer_of
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev

_RELAYED = re.compile(
    rf"Successfully relayed message: from=<({MAILBOX})>, size=(\d+), id=([\w+/=-]+), nrcpt=\d+, reply=`(.*)'", re.ASCII
)
_QUEUED = re.compile(r"queued as ([\w.-]+)", re.ASCII)
_ENDED = re.compile(r"(?:Disconnected: |Connection closed)?.*?(?= \(state=| in=\d| bytes=\d| top=\d|$)", re.ASCII)
_PREFIX = re.compile(r"(?:[\w+/=]{10,60}: )?(sieve: )?msgid=", re.ASCII)
_ACTION = re.compile(r"(?:fileinto|keep|redirect|discard|reject|implicit keep) action: ")

_DONE = (
    ("forwarded to ", "redirect"),
    ("Marked message to be discarded", "discard"),
    ("marked message to be discarded", "discard"),
    ("discarded", "discard"),
    ("rejected", "reject"),
    ("Sent rejection", "reject"),
    ("sent rejection", "reject"),
    ("sent vacation response", "vacation"),
    ("save failed to ", "save failed"),
    ("failed to store into mailbox ", "save failed"),
)
_STORED = ("saved mail to ", "stored mail into mailbox ")


def store(service: str, text: str, head: Head) -> Facts:
    """The facts of a line of lmtp or lda, Sieve's among them."""
    match = _PREFIX.match(text)
    if match is None:
        return NOTHING if text.startswith(("Connect from ", "Disconnect from ", "sieve: ", "program ")) else None
    said = _ACTION.sub("", _after_id(text, match.end()), 1)
    if said.startswith(_STORED):
        transport = service.partition("(")[0]
        recipient = account_of(service)
        return (ev.Delivery(*head, "", recipient, "sent", reply=said, transport=transport),)
    for words, action in _DONE:
        if said.startswith(words):
            return (ev.MessageHandled(*head, "", action, said),)
    return NOTHING


def _after_id(text: str, at: int) -> str:
    end = text.rfind(">: ") if text.startswith("<", at) else text.find(": ", at) - 1
    return text[end + 3 :] if end > 0 else ""


def session(service: str, text: str, head: Head) -> Facts:
    """The facts of a line of imap, pop3, managesieve or submission."""
    if text.startswith("Successfully relayed message: "):
        return _relayed(service, text, head)
    if text.startswith(("Disconnected", "Logged out", "Connection closed")):
        match = _ENDED.match(text)
        reason = match[0].removeprefix("Disconnected: ") if match is not None else ""
        client = peer_of(service)
        return (ev.ClientDisconnected(*head, *client, "", reason),)
    return NOTHING


def _relayed(service: str, text: str, head: Head) -> Facts:
    """A message of somebody who has logged in to the submission service: it came, and its relay took it at once."""
    match = _RELAYED.fullmatch(text)
    if match is None:
        return None
    sender, size, name, reply = match[1], int(match[2]), match[3], match[4]
    client = peer_of(service)
    queued = _QUEUED.search(reply)
    next_id = queued[1] if queued is not None else ""
    return (
        ev.MessageReceived(
            *head, *client, "", name, "smtp", sender, size=size, account=account_of(service)
        ),
        ev.Delivery(
            *head, name, "", "sent", reply=reply, next_queue_id=next_id, sender=sender, transport="submission",
        ),
    )  # fmt: skip
