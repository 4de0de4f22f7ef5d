"""The queue id that a server names when it takes a message: the thread from one host's log to the next's."""

import re

from smtpwatch.events import CUT

LONGEST_WITH_ID = 1024  # characters of a reply that is searched for a queue id; the longest known are amavis's, of 200

# Where MTAs put the queue id in their answer to the end of data.
_QUEUED_AS = "queued as "  # Postfix, and amavis in front of it, which quotes Postfix's reply
_SAVED, _SAVED_STOP = " Saved", " Saved."  # Dovecot's LMTP
_QUEUE_ID = re.compile(
    r"\bid=([\w-]+)"  # Exim, Courier
    r"|[ :]([\w-]+) Message accepted for delivery"  # Sendmail, OpenSMTPD
    r"|\bok (\d+ qp \d+)"  # qmail
    r"|InternalId=(\d+)"  # Exchange
    r"|Message Queued \(([\w.-]+)\)"  # Haraka
    r"|OK +\d+ (\S+) - gsmtp",  # Google
    re.IGNORECASE,
)

_IN_BRACKETS = re.compile(r"<[^<>]*>")  # a Message-ID or recipient: the client's words, not the server's


def queue_id(reply: str) -> str | None:
    """The queue id in the answer to the end of data; the last one where a filter in front names its own first."""
    if len(reply) > LONGEST_WITH_ID:
        return None
    if reply.endswith((_SAVED, _SAVED_STOP)):
        given = reply[: reply.rfind(_SAVED)].rpartition(" ")[2]
        return given if given and "<" not in given and ">" not in given else None
    if "<" in reply:
        reply = _IN_BRACKETS.sub("", reply)
    if reply.endswith(CUT):  # the last word may be cut as well
        reply = reply.rpartition(" ")[0]
    at = reply.rfind(_QUEUED_AS)
    if at >= 0:
        word = reply[at + len(_QUEUED_AS) :].split(maxsplit=1)
        return word[0].rstrip(".,;)>") if word else None
    # One of these is in every text that the pattern matches, and nearly always none is.
    if not ("=" in reply or "essage" in reply or " qp " in reply or "gsmtp" in reply):
        return None
    match = _QUEUE_ID.search(reply)
    return next(group for group in match.groups() if group).rstrip(".") if match else None
