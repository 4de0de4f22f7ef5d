"""What Postfix adds to the line of a refusal, for whoever reads it: the envelope so far, and the HELO name.

The reply before it may quote a stranger's words as they came, and so hold what looks like an envelope. The true one
ends the line, quotes what an address needs quoted (RFC 5321, 4.1.2), and has a HELO name with its blanks and brackets
replaced (smtpd.c, NEUTER_CHARACTERS): nothing but the true one can be read to the line's end.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX
from collectors.logs.head import Head
from collectors.logs.postfix.tokens import Client, code_of
from smtpwatch import events as ev
from smtpwatch.reasons import classified

# smtpd separates by blanks, postscreen by commas, and does not clean the HELO name. Since 3.10, the login follows.
_ENVELOPE = re.compile(
    rf"(?:from=<({MAILBOX})>)?(?:,? ?to=<({MAILBOX})>)?(?:,? ?proto=[A-Z]+)?"
    r"(?: helo=<([^ <>]*)>|, helo=<(.*)>)?"
    r"(?: sasl_method=[^ <>]*)?(?: sasl_username=[^ <>]*)?(?: sasl_sender=[^ <>]*)?$"
)
_BEGINNINGS = ("; from=<", "; proto=", "; to=<")
_TRIES = 4  # places that look like the beginning of an envelope; each costs reading the rest of the line

Evidence = tuple[int, str | None, str | None, str | None]
"""(where the reply ends, sender, recipient, helo)."""


def evidence(text: str, at: int) -> Evidence:
    """The envelope that `text` ends with, looked for from `at` on. What cannot be told from a reply is None."""
    plain = _plain(text, at)
    if plain is not None:
        return plain
    for beginning in _BEGINNINGS:
        end = text.find(beginning, at)
        for _ in range(_TRIES):
            if end < 0:
                break
            match = _ENVELOPE.match(text, end + 2)
            if match is not None:
                sender, recipient, helo, other = match.groups()
                return end, sender, recipient, other if helo is None else helo
            end = text.find(beginning, end + 1)
    return len(text) - text.endswith(";"), None, None, None


def _plain(text: str, at: int) -> Evidence | None:
    """What _ENVELOPE reads, at half its cost, of smtpd's line as nearly all are: None for any other."""
    start = text.find("; from=<", at)
    sender, first, rest = text[start + 8 :].partition("> to=<")
    recipient, second, rest = rest.partition("> proto=")
    protocol, third, helo = rest.partition(" helo=<")
    if start < 0 or not (first and second and third) or helo[-1:] != ">":
        return None
    helo = helo[:-1]
    addresses = sender + recipient
    if '"' in addresses or "<" in addresses or ">" in addresses or not protocol.isupper():
        return None
    return None if " " in helo or "<" in helo or ">" in helo else (start, sender, recipient, helo)


def refused(text: str, head: Head, queue_id: str, who: Client, stage: str, at: int, *, warning: bool) -> ev.Refused:
    """A refusal whose reply is from `at` on, then the envelope."""
    code, enhanced = code_of(text[at : at + 16])
    words = at + (4 if code else 0) + (len(enhanced) + 1 if enhanced else 0)
    end, sender, recipient, helo = evidence(text, words)
    said = text[words:end]
    if said[:1] == "<":
        said = _without_quoted(said)
    if "[" in said:  # the client's own address stands in most replies of blocklists, and need not be looked for
        said = said.replace(f"[{who[0]}]", "")
    why, listed = classified(enhanced, said)
    # By position, as the struct has them: by name would cost as much again.
    of_it = (stage, code, enhanced, why, text[at:end], listed, sender, recipient, helo, queue_id, warning)
    return ev.Refused(*head + who + of_it)


def _without_quoted(said: str) -> str:
    """A reply without the address that it begins with. That one is quoted as it came, unlike in the envelope: where it
    is not a plain one, only what stands after all that could be its end is Postfix's own."""
    end = said.find(">: ")
    address = said[1:end]
    if end < 0 or "<" in address or '"' in address or " " in address:
        end = said.rfind(">: ")
    return said[end + 3 :] if end >= 0 else said[2:]
