"""`=>`, `->`, `>>`, `*>`, `**` and `==`: what became of a message for one recipient."""

from __future__ import annotations

import re
from typing import NamedTuple

from collectors.logs.addresses import MAILBOX, address
from collectors.logs.exim.client import cipher, seconds
from collectors.logs.head import Facts, Head
from collectors.queue_ids import queue_id as id_given
from smtpwatch import events as ev

# A recipient is a mailbox; or, for a local delivery, a local part, a file or a pipe's command. Addresses that it was
# made from follow in parentheses, the one that the message came with in < and >.
_TO_COLON = r"(?:[^\s()<\"\\:]++|:(?! |$))++"  # a colon and a blank end it
_PLAIN = re.compile(rf"(?![|/>])({_TO_COLON})(?: \([^()]*\))?(?: <({MAILBOX})>)?(?=[ :]|$)")
_LOCAL = re.compile(
    rf"(?:save )?([|/>].*?)(?: \([^()]*\))? <({MAILBOX})>(?= (?:[FP]=<|[QRT]=)| defer \(|: )", re.DOTALL
)
_QUOTED = re.compile(r' <((?:[^<>"\\\s]++|"(?:[^"\\]|\\.)*+"|\\.)++)>(?=[ :])')
_UNQUOTE = re.compile(r'"|\\(.)')

_SENT_FROM = rf"(?: F=<(?P<sender>{MAILBOX})>)?(?: Q=\S++)?(?: SRS=<{MAILBOX}>)?(?: P=<{MAILBOX}>)?"
_ROUTE = r"(?: R=(?P<router>[^\s:]++))?(?: T=(?P<transport>[^\s:]++))?(?: S=\d++)?"
_HOST = (
    r"(?: H=(?P<host>\S++)(?: DS)?(?: \[(?P<address>[0-9A-Fa-f:.]{2,45}(?:%\w+)?)\](?::(?P<port>\d{1,5}))?\*?)?)?"
    r"(?: PRX=\S++)?(?: I=\[[^\]\s]*+\](?::\d++)?)?(?: TFO\*{0,2})?"
)
_TLS = r'(?: X=(?P<tls>(?:[^\s:]++|:(?! |$))++))?(?: CV=(?P<verified>\w++))?(?: DN="(?:[^"\\]|\\.)*+")?'
_SENT = re.compile(
    _SENT_FROM + _ROUTE + _HOST + r"(?: ST=[^\s]++)?" + _TLS + r"(?: A=\S++)?(?: L\*?)?(?: PRDR)?(?: K)?"
    r'(?: C="(?P<reply>(?:[^"\\]|\\.)*+)")?(?: QT=(?P<queued>\S++))?',
    re.ASCII | re.DOTALL,
)
_FAILED = re.compile(_SENT_FROM + _ROUTE + _HOST + _TLS + r"(?:: (?P<reply>.*))?$", re.ASCII | re.DOTALL)
_DEFERRED = re.compile(
    r"(?: Q=\S++)?" + _ROUTE + r"(?: routing| transporting)? defer \((?P<number>-?\d{1,6})\)", re.ASCII
)
_WHY = re.compile(_HOST + r"(?: DT=\S+?)?(?:: (?P<reply>.*))?$", re.ASCII | re.DOTALL)
_SYSTEM_ERROR = re.compile(r": ([^:]{1,80}?)(?= H=\S+ (?:DS )?\[| DT=|:|$)")
_TOOK = re.compile(r" DT=[\d.wdhms]+$", re.ASCII)

# "SMTP error from remote mail server after RCPT TO:<a@b>: 550 5.1.1 ..."; before 4.93 "host name [address]: " came
# first.
_SAID = re.compile(
    r"(?:LMTP|SMTP) error from remote mail(?:er| server) after (?:pipelined |initial )?"
    rf"(?:[\w ]*(?:FROM|TO):<{MAILBOX}>[^:]*|[\w ()]*|.{{1,40}}?): "
    r"(?:host (\S+) \[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?: )?(?=[245]\d\d[ -])",
    re.ASCII,
)
_CODES = re.compile(r"([245]\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?=[ :;]|$))?|$)", re.ASCII)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DISCARDED = (":blackhole: ", "discarded ", "blackhole (")


class Whose(NamedTuple):
    recipient: str
    original: str
    end: int


def whose(text: str, at: int) -> Whose | None:
    """The recipient at `at`. Its local part is logged without its quotes, so it may look like the rest of the line;
    then, and only then, the address as it came has quotes or backslashes, and must be the same but for those."""
    if '<"' in text or "\\" in text:
        quoted = next((match for match in _QUOTED.finditer(text, at) if '"' in match[1] or "\\" in match[1]), None)
        if quoted is not None:
            if _UNQUOTE.sub(r"\1", quoted[1]).lower() != text[at : quoted.start()].lower():
                return None
            return Whose(quoted[1], "", quoted.end())
    match = (_LOCAL if text[at : at + 1] in ("|", "/", ">", "s") else _PLAIN).match(text, at) or _PLAIN.match(text, at)
    if match is None:
        return None
    return Whose(match[1], match[2] or "", match.end())


def delivery(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`=> x@y.example R=dnslookup T=remote_smtp H=mx.y.example [192.0.2.1] X=... C="250 OK id=..."`, from `at`."""
    if text.startswith(_DISCARDED, at) and " T=" not in text:
        return [ev.MessageHandled(*head, queue_id, "discard", text[at:])]
    who = whose(text, at)
    if who is None:
        return None
    recipient, original, end = who
    fields = _SENT.match(text, end)
    if fields is None:
        return None
    relay, where, port = _relay(fields)
    said = fields["reply"] or ""
    if "\\" in said:
        said = _ESCAPED.sub(r"\1", said)
    code, enhanced = _codes(said)
    flag = text[at - 3 : at - 1]
    facts: list[ev.Event] = [
        ev.Delivery(
            *head, queue_id, recipient, "suppressed" if flag == "*>" else "sent", enhanced, said, original, relay,
            where, port, seconds(fields["queued"]), (), code, (said and id_given(said)) or "", fields["sender"],
            fields["transport"] or "",
        )
    ]  # fmt: skip
    if fields["tls"] and flag == "=>":  # "->": another recipient, by the same connection
        hop = f"{relay}[{where}]" + (f":{port}" if port else "")
        trust = "verified" if fields["verified"] in ("yes", "dane") else ""
        facts.append(ev.TlsEstablished(*head, "", 0, "", *cipher(fields["tls"]), trust, "", hop))
    return facts


def failure(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`** x@y.example R=dnslookup T=remote_smtp H=mx.y.example [192.0.2.1]: SMTP error ... 550 ...`, from `at`."""
    who = whose(text, at)
    if who is None:
        return None
    fields = _FAILED.match(text, who.end)
    if fields is None:
        return None
    reply = fields["reply"] or ""
    took = _TOOK.search(reply) if " DT=" in reply else None
    if took is not None:
        reply = reply[: took.start()]
    return [_attempt(head, queue_id, who, "bounced", reply, fields, _relay(fields), fields["sender"])]


def deferral(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`== x@y.example R=dnslookup T=remote_smtp defer (-44) H=mx.y.example [192.0.2.1]: SMTP error ... 450 ...`."""
    who = whose(text, at)
    fields = _DEFERRED.match(text, who.end) if who is not None else None
    if who is None or fields is None:
        return None
    end, error = fields.end(), ""
    if fields["number"][0] != "-":  # an error of the system's own, then, by its name
        named = _SYSTEM_ERROR.match(text, end)
        if named is not None:
            end, error = named.end(), named[1]
    why = _WHY.match(text, end)
    if why is None:
        return None
    reply = ": ".join(part for part in (error, why["reply"] or "") if part)
    return [_attempt(head, queue_id, who, "deferred", reply, fields, _relay(why), None)]


def _attempt(
    head: Head,
    queue_id: str,
    who: Whose,
    status: ev.DeliveryStatus,
    reply: str,
    fields: re.Match[str],
    hop: tuple[str, str, int],
    sender: str | None,
) -> ev.Delivery:
    """The fact of an attempt that did not end well. If the next hop said why, `reply` is what it said."""
    code, enhanced = 0, ""
    said = _SAID.match(reply)
    if said is not None:
        reply = reply[said.end() :]
        code, enhanced = _codes(reply)
        if said[1] and not hop[0]:
            hop = said[1], address(said[2]), int(said[3] or 0)
    return ev.Delivery(
        *head, queue_id, who.recipient, status, enhanced, reply, who.original, *hop, None, (), code, "", sender,
        fields["transport"] or "",
    )  # fmt: skip


def _relay(fields: re.Match[str]) -> tuple[str, str, int]:
    host, where, port = fields.group("host", "address", "port")
    return host or "", address(where) if where else "", int(port or 0)


def _codes(reply: str) -> tuple[int, str]:
    match = _CODES.match(reply)
    return (int(match[1]), match[2] or "") if match is not None else (0, "")
