"""Which client networks the mail servers of this host trust, by their own configuration."""

from collectors.host import trusted_exim, trusted_postfix
from collectors.host.mta import PROGRAMS, mail_servers
from collectors.host.trusted_found import Found, UnreadableError
from smtpwatch.trusted import Trusted

READERS = {"postfix": trusted_postfix.read, "exim": trusted_exim.read}


def trusted_networks(path: str = PROGRAMS) -> Trusted:
    """The networks that each mail server trusts to relay, and the proxies that speak for other clients, as the servers'
    own programs in `path` tell them: postconf(1) and postmap(1) of Postfix, `exim -bP` of Exim. The servers are those
    that run, else those that are set up; without any, nothing is found and nothing noted.

    Takes a moment for each server; a program that hangs is ended after LIMIT seconds. Never raises for what a server
    says: what cannot be read is a note."""
    found = Found()
    for mta in mail_servers(path):
        try:
            READERS[mta.kind](mta, found)
        except UnreadableError as error:
            found.note(mta.name, str(error))
    return found.all()
