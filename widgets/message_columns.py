"""The messages table's columns."""

from itertools import islice

from smtpwatch import clock
from smtpwatch.events import Delivery, MessageHandled
from smtpwatch.query import SHOWS
from smtpwatch.state.message import Message
from widgets import figures
from widgets.cells import cut, cut_middle
from widgets.table_layout import Column, Picked, Sortable, by

SOUGHT = 100  # recipients of one message that the filter looks at
SAID = (" said: ", " refused to talk to me: ")  # Postfix's words between the next hop's name and its reply

_MARKS = {
    "rejected": "x",
    "bounced": "x",
    "expired": "x",
    "partly": "x",
    "deferred": "!",
    "held": "!",
    "discarded": "!",
}
_WEIGHT = {"sent": 0, "deliverable": 0, "deferred": 1}
"""Of an attempt's outcome; what is not here weighs most."""


def mark(message: Message) -> str:
    """x lost or refused, ! not delivered (yet), else a space."""
    return _MARKS.get(message.state, " ")


def by_whom(message: Message, now: float) -> str:
    """Who brought it: the account, else the client, else the local user; through filters, who brought the first."""
    if is_notice(message):
        return "(bounce)"
    root = message.root
    if root.account or root.source:
        return root.account or root.source
    if root.user or root.uid is not None:
        return root.user or f"uid {root.uid}"
    return "(bounce)" if is_notice(root) else ""


def is_notice(message: Message) -> bool:
    """It tells the sender what became of another message."""
    parent = message.parent
    return message.origin == "bounce" or (message.sender == "" and parent is not None and parent.sender != "")


def sender_of(message: Message) -> str | None:
    """MAIL FROM, None if unknown; of a message that was refused, only the refusal tells."""
    if message.sender is None and message.refused is not None:
        return message.refused.sender
    return message.sender


def sender(message: Message, now: float) -> str:
    """MAIL FROM; `<>` for the null sender."""
    known = sender_of(message)
    return "" if known is None else known or "<>"


def count_of_recipients(message: Message) -> int:
    """How many there are, named by now or not."""
    return max(message.told, len(message.recipients))


def weight(attempt: Delivery | None) -> int:
    """Of what became of a recipient's mail: lost 2, waits 1, there or not tried yet 0."""
    return 0 if attempt is None else _WEIGHT.get(attempt.status, 2)


def _worst(message: Message) -> tuple[str, Delivery | None]:
    """The recipient in the worst trouble, the first one where none is in any."""
    refused = message.refused.recipient if message.refused is not None else None
    return max(message.recipients.items(), key=lambda item: weight(item[1]), default=(refused or "", None))


def recipient(message: Message, now: float) -> str:
    """The recipient in the worst trouble, and how many more."""
    name, _ = _worst(message)
    more = count_of_recipients(message) - 1
    return f"{name} +{more}" if name and more > 0 else name


def sent(message: Message) -> int:
    """Recipients that have it."""
    return sum(attempt is not None and attempt.status == "sent" for attempt in message.recipients.values())


def sent_of(message: Message, now: float) -> str:
    """Recipients that have it, of all: `40/50`."""
    every = count_of_recipients(message)
    return f"{sent(message)}/{every}" if every else ""


def said(attempt: Delivery) -> str:
    """The reply, without the words about it, and the relay that gave it."""
    reply = attempt.reply
    if reply.startswith("host "):
        reply = next((after for word in SAID if (after := reply.partition(word)[2])), reply)
        reply = reply.partition(" (in reply to ")[0]
    return f"{reply} ({attempt.relay})".lstrip() if attempt.relay not in ("", "none") else reply


def last_word(message: Message, now: float) -> str:
    """Why it was refused, else the reply for the recipient in the worst trouble, else why a rule has acted on it."""
    if message.refused is not None:
        return message.refused.reply
    _, attempt = _worst(message)
    return rule(message) if attempt is None else said(attempt)


def rule(message: Message) -> str:
    """What the rule that acted on it last was about."""
    handled = (line for line in reversed(message.lines) if isinstance(line, MessageHandled))
    return next((line.detail for line in handled if line.action == message.action), "")


def _at(message: Message, now: float) -> str:
    return clock.of_day(message.start)


def age(message: Message, now: float) -> float:
    """Seconds since it came, or that it took."""
    return (now if message.end is None else message.end) - message.start


def _worth(message: Message, now: float) -> Sortable:
    return float(" !x".index(mark(message))), ""


def _state(message: Message, now: float) -> str:
    return message.state


def _queue_id(message: Message, now: float) -> str:
    return message.queue_id


def _queue_ids(message: Message) -> str:
    """Its own, and that of the message that it came of: either finds both."""
    root = message.root
    return message.queue_id if root is message else f"{message.queue_id} {root.queue_id}"


def _all_of_whom(message: Message) -> str:
    """Account, client and HELO, of the message that this one came of too."""
    root = message.root
    names = (by_whom(message, 0.0), root.account, root.source, root.helo, root.message_id, message.message_id)
    return " ".join(name for name in names if name)


def _pick_whom(message: Message, now: float) -> Picked:
    """The account or the address; of what this host itself has sent, the word that the cell has."""
    said = by_whom(message, now)
    root = message.root
    if said == "(bounce)":
        return SHOWS, said
    return ("src", said) if said == root.source and not root.account else ("account", said)


def _pick_recipient(message: Message, now: float) -> Picked:
    return "to", _worst(message)[0]


def _cut_whom(text: str, cells: int) -> str:
    """Accounts differ at their beginnings, IPv6 addresses at both ends."""
    return cut(text, cells) if "@" in text else cut_middle(text, cells)


def _all_recipients(message: Message) -> str:
    return " ".join(islice(message.recipients, SOUGHT))


# The reply stands last, where there is room; ages are at the left, since a line is sent again up to its last change.
COLUMNS: tuple[Column[Message], ...] = (
    Column("", 1, 1, 1, 0, lambda message, now: mark(message), _worth, descending=True, sought=False,
           pick=lambda message, now: ("mark", mark(message).strip())),
    Column("at", 8, 8, 8, 6, _at, lambda m, now: (m.start, ""), descending=True, sought=False),
    Column("age", 3, 3, 4, 3, lambda m, now: figures.age(age(m, now)), lambda m, now: (age(m, now), ""), right=True,
           descending=True, sought=False, term="age"),
    Column("queue id", 11, 16, 23, 1, _queue_id, by(_queue_id), seek=_queue_ids, shorten=cut_middle, term="qid"),
    Column("state", 9, 9, 9, 0, _state, by(_state), term="state"),
    Column("by", 15, 15, 30, 2, by_whom, by(by_whom), seek=_all_of_whom, shorten=_cut_whom, pick=_pick_whom),
    Column("from", 20, 20, 36, 5, sender, by(sender), term="from"),
    Column("to", 16, 16, 36, 0, recipient, by(recipient), seek=_all_recipients, pick=_pick_recipient),
    Column("sent", 5, 5, 9, 7, sent_of, lambda m, now: (sent(m) - count_of_recipients(m), ""), right=True,
           sought=False),
    Column("size", 5, 5, 5, 8, lambda m, now: "" if m.size is None else figures.octets(m.size),
           lambda m, now: (m.size or 0, ""), right=True, descending=True, sought=False,
           pick=lambda m, now: ("size", m.size)),
    Column("reply", 18, 18, 90, 4, last_word, by(last_word), term="reply"),
)  # fmt: skip
