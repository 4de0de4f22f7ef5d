"""ClamAV in front of an MTA: clamav-milter(8) with LogInfected and LogClean, and clamsmtpd(8).

The virus's name is clamd's, and ends the line; what stands before it (envelope, subject, Message-ID) is a stranger's.
Neither names the client.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev

_MESSAGE = re.compile(
    rf"(?:Message|Clean message) (?:([\w.-]{{1,40}}) )?from <<?{MAILBOX}>?> to <<?({MAILBOX})>?>", re.ASCII
)
_INFECTED = " infected by "
_MESSAGE_ID = " message-id '"
_CLAMSMTP = re.compile(r"[0-9A-F]{6,}: from=", re.ASCII)
_TROUBLE = ("No clamd server", "No reply from clamd", "Unknown reply from clamd", "ERROR: ", "WARNING: No clamd")


def clamav_milter(text: str, head: Head) -> Facts:
    """The facts of a line of clamav-milter: "Message QID from <..> to <..> with subject '..' ... infected by Eicar"."""
    match = _MESSAGE.match(text)
    if match is not None:
        clean = text.startswith("Clean")
        virus = "" if clean else text.rpartition(_INFECTED)[2]
        if not clean and _INFECTED not in text:
            return None
        result = (match[1] or "", "", _message_id(text))
        if clean:
            return (ev.Verdict(*head, "virus", "clean", *result, recipient=match[2]),)
        return (ev.Verdict(*head, "virus", "infected", *result, recipient=match[2], detail=virus),)
    return (ev.ServiceTrouble(*head, "error", text),) if text.startswith(_TROUBLE) else NOTHING


def _message_id(text: str) -> str:
    if text.count(_MESSAGE_ID) != 1:
        return ""
    _, _, rest = text.partition(_MESSAGE_ID)
    message_id = rest.partition("' date '")[0]
    return message_id[1:-1] if message_id.startswith("<") and message_id.endswith(">") else message_id


def clamsmtpd(text: str, head: Head) -> Facts:
    """The facts of a line of clamsmtpd: "100007: from=a@b, to=c@d, status=VIRUS:Eicar". The number is no queue id."""
    if _CLAMSMTP.match(text) is None:
        return NOTHING
    status = text.rpartition(", status=")[2]
    if status == "CLEAN":
        return (ev.Verdict(*head, "virus", "clean", detail=status),)
    if status.startswith("VIRUS"):
        return (ev.Verdict(*head, "virus", "infected", detail=status[6:] or status),)
    return NOTHING
