"""cleanup(8): a message's Message-ID, and what milters and header checks made of it.

A line about a header quotes it before it names the client. The two cannot be told apart if the header looks like the
rest of the line, and then neither client nor envelope is believed.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX
from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.postfix.delivery import attempt
from collectors.logs.postfix.evidence import evidence
from collectors.logs.postfix.tokens import client, either, enhanced_of, first_word, is_queue_id, trouble
from smtpwatch import events as ev
from smtpwatch.reasons import reason

END = "END-OF-MESSAGE"

_MILTER = {"milter-reject:": "", "milter-discard:": "discard", "milter-hold:": "hold"}
_CHECKS = {
    "reject:": "", "warning:": "warn", "hold:": "hold", "discard:": "discard", "redirect:": "redirect",
    "filter:": "filter", "prepend:": "prepend", "replace:": "replace", "strip:": "strip", "bcc:": "bcc",
    "info:": "info", "pass:": "pass", "delay:": "delay",
}  # fmt: skip
_CHECKED = ("header ", "body ", "mime-header ", "nested-header ", "mime-error ")
_MILTER_CHECK = re.compile(r"milter-(?:header|body)-([a-z]+):$")  # milter_header_checks
_CONTEXT = re.compile(
    rf" from (\S+); from=<({MAILBOX})>(?: to=<({MAILBOX})>)?(?: proto=[A-Z]+)?(?: helo=<([^ <>]*)>)?(?:: (.*))?$",
    re.DOTALL,
)
_FROM = "; from=<"


def parse(text: str, head: Head) -> Facts:
    """A line of cleanup."""
    colon = text.find(": ")
    queue_id = text[:colon]
    if not is_queue_id(queue_id) or colon < 0:
        return either(trouble(text, head), text)
    at = colon + 2
    if text.startswith("message-id=<", at) and text[-1] == ">":  # nearly every line is one of these
        return [ev.MessageIdentified(*head + (queue_id, text[at + 12 : -1]))]
    if text.startswith(("message-id=", "resent-message-id="), at):
        message_id = text[text.index("=", at) + 1 :].strip()
        if message_id[:1] == "<" and message_id[-1:] == ">":
            message_id = message_id[1:-1]
        return [ev.MessageIdentified(*head, queue_id, message_id)]
    if text.startswith("to=<", at):
        return attempt(text, head, queue_id, at)
    word = first_word(text, at)
    said = text[at + len(word) + 1 :]
    if word in _MILTER:
        return _milter(said, head, queue_id, _MILTER[word])
    if word in _CHECKS and said.startswith(_CHECKED):
        return _check(said, head, queue_id, _CHECKS[word])
    if word == "removed":
        return [ev.MessageRemoved(*head, queue_id, said.strip("()"))]
    match = _MILTER_CHECK.match(word)
    if match is not None and said.startswith(_CHECKED):
        return _check(said, head, queue_id, "" if match[1] == "reject" else _CHECKS.get(f"{match[1]}:", match[1]))
    return NOTHING if said.startswith("map lookup problem") else None


def _milter(said: str, head: Head, queue_id: str, action: str) -> Facts:
    """`END-OF-MESSAGE from name[address]: 5.7.1 why; from=<a> to=<b> proto=ESMTP helo=<c>`, the client first."""
    stage, _, rest = said.partition(" from ")
    token, _, reply = rest.partition(": ")
    who = client(token)
    if who is None or not stage.replace("-", "").isupper():
        return None
    if action:
        return [ev.MessageHandled(*head, queue_id, action, reply)]
    end, sender, recipient, helo = evidence(reply, 0)
    words = reply[:end]
    enhanced = enhanced_of(words)
    why = reason(enhanced, words)
    return [ev.Refused(*head, *who, stage, 0, enhanced, why, words, "", sender, recipient, helo, queue_id)]


def _check(said: str, head: Head, queue_id: str, action: str) -> Facts:
    """`header Subject: ... from name[address]; from=<a> to=<b> proto=ESMTP helo=<c>: 5.7.1 why`, the header first."""
    if action:
        return [ev.MessageHandled(*head, queue_id, action, said)]
    source, port, name = "", 0, ""
    sender = recipient = helo = None
    reply = ""
    at = said.find(_FROM)
    match = _CONTEXT.match(said, said.rfind(" from ", 0, at)) if at >= 0 and said.find(_FROM, at + 1) < 0 else None
    if match is not None:  # the header is at most 200 characters, so Postfix's own words are never the ones cut off
        source, port, name = client(match[1]) or ("", 0, "")
        if "=<" not in (match[5] or ""):  # else an address without its quotes may have ended the envelope
            sender, recipient, helo, reply = match[2], match[3], match[4], match[5] or ""
    if said.startswith("mime-error "):
        reply = said.partition(": ")[0]
    enhanced = enhanced_of(reply)
    why: ev.Reason = "protocol" if said.startswith("mime-error ") else "content"
    return [
        ev.Refused(
            *head, source, port, name, END, 0, enhanced, why, reply, "", sender, recipient, helo, queue_id
        )
    ]  # fmt: skip
