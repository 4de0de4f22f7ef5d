"""`plain_server authenticator failed for (c.example) [192.0.2.1]: 535 Incorrect authentication data (set_id=user)`."""

from __future__ import annotations

import re

from collectors.logs.exim.client import client
from collectors.logs.head import Facts, Head
from smtpwatch import events as ev

_FAILED = " authenticator failed for "
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_SAID = re.compile(r": (?=[45]\d\d )", re.ASCII)
_SET_ID = " (set_id="


def login_failed(text: str, head: Head) -> Facts:
    """A login that did not succeed. What authenticated is named by Exim, as its configuration calls it, in front."""
    name = _NAME.match(text)
    if name is None or not text.startswith(_FAILED, name.end()):
        return None
    who = client(text, name.end() + len(_FAILED))
    said = _SAID.match(text, who.end) if who is not None else None
    if who is None or who.ident or said is None:  # somebody's, but whose cannot be told
        return [ev.LoginTried(*head, "", 0, "", "smtp", "failure", "", name[0])]
    why, _, rest = text[said.end() :].partition(_SET_ID)
    outcome: ev.LoginOutcome = "deferred" if why[0] == "4" else "failure"
    account, more = _account(rest)
    return [
        ev.LoginTried(*head, who.source, who.port, who.name, who.service, outcome, account, name[0], why + more),
    ]


def _account(rest: str) -> tuple[str, str]:
    """(account, what follows) of `user)` or `user): reason`. The account is the client's word and may hold both signs:
    where it cannot be told from the reason, there is neither."""
    ends = rest.count("): ")
    if rest.endswith(")") and not ends:
        return rest[:-1], ""
    if ends == 1 and not rest.endswith(")"):
        account, _, reason = rest.partition("): ")
        return account, f": {reason}"
    return "", ""
