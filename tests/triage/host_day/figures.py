"""How much there is of everything in a normal day, and why so much.

They are estimates that an admin of such a host would not wonder at, and no survey's; the comment says what each rests
on. Nothing in here was chosen by what a rule of smtpwatch looks at."""

from __future__ import annotations

DAY = 86_400
WHOLE = 200_000
"""Sessions of a whole day: 2.3 a second, a host that is on some lists of spammers."""
LEAST = 6_000
"""Fewer than that would be little but what is the same each day."""
START = 1_772_409_600.0
"""2026-03-02 00:00:00 UTC, a Monday."""

PER_MILLE = {
    "provider": 100,  # large providers: two in five of the sessions that bring wanted mail
    "burst": 60,  # newsletters and shops, which come in bursts
    "list": 12,  # mailing lists: one message to many local recipients
    "small": 95,  # all other servers
    "greylisted": 25,  # small servers not seen for a month (postgrey's memory)
    "spf": 9,  # forged senders of domains with -all
    "dmarc": 4,  # refused by a milter once the content is there
    "content": 10,  # refused by a milter as spam
    "old": 12,  # good servers that write to addresses which are gone, or mistyped
    "unlisted": 20,  # spam to guessed addresses, from whom no list knows yet
    "manners": 15,  # no host name, a HELO that is none, a sender's domain that does not exist
    "silent": 30,  # connect and leave: load balancers' checks, port scans
    "hello": 14,  # EHLO and QUIT
    "secured": 5,  # scanners that do a handshake and leave
    "unsecured": 3,  # scanners whose handshake fails
    "garbled": 1,  # HTTP and the like on port 25
    "auth25": 3,  # AUTH on port 25, which does not offer it
    "account": 35,  # our accounts: 17 sessions each, where phones and programs look in too
    "guess": 3,  # logins to accounts that are nobody's, from hundreds of addresses
}
"""Of a thousand sessions. What is refused by a DNS list fills up the rest: about half of port 25, where hosts without
postscreen have 40 to 60 %."""

# Of the mail that is wanted.
TLS13, TLS12, CLEAR = 0.62, 0.335, 0.043
"""Of small servers; the rest is TLS 1.0, some forty sessions a day. Large providers all speak 1.3, so that nineteen in
twenty of all mails come under TLS."""
IPV6 = 0.25  # of the providers' and ESPs' sessions
RELAYED = 0.05  # for the domain that we are a relay for
FORWARDED = 0.02  # of recipients whose alias is a mailbox elsewhere
BURSTS = 40  # of newsletters in a day; a few hundred each at 200,000 sessions
BURST_SECONDS = 420.0

# Of those that are not wanted.
BOT_TRIES = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3)
BOT_TLS = 0.15  # begin TLS before they are refused
BOT_HANGS = 0.012  # say nothing any more until smtpd gives them up
SNOWSHOE = 0.08  # of listed ones are of some /24s that were rented for it, and come within an hour or two
SNOWSHOES = 60  # such /24s
STUBBORN, STUBBORN_TRIES = 12, 30  # single hosts that try again all day: mailers that were broken into
BOT_EARLY = 0.02  # talk before the greeting; there were far more once
BOT_QUIT = 0.45  # say QUIT; the others hang up
LAME = 0.02  # whose reverse zone does not answer: smtpd waits for its resolver before it greets
RETURNING = 0.8  # of those greylisted, come again; the rest was spam

IDLE = 0.04  # of those that only connect, do not leave either

# What does not grow with the number of sessions.
PROBES = 40  # scanners that look for an open relay
MISTYPED = 24  # people who mistype, or whose program has an old password: 6 % of 400
FORMS = 45  # mails of a web server's contact form
ACCOUNTS = 400
OFFICE = 60  # accounts behind one address
TRAVELLERS = 4
NEWSLETTER = 1_500  # recipients, from 10:00 on
NEWSLETTER_HOUR = 10
MONITOR_EVERY = 300
PHONE_EVERY = 900  # a phone with an old password
SCANS = 60  # of a printer

# Mail to others.
NOBODY = 0.008  # of recipients elsewhere are unknown there
GREYLISTING = 0.12  # of small destinations
THROTTLED = (11.6 * 3_600, 12.3 * 3_600)
"""When one provider says 4.7.28 to two in five of what we bring."""
THROTTLES = 0.4
DOWN = (10.15 * 3_600, 10.65 * 3_600)
"""When one destination cannot be reached: half an hour in which the newsletter has many recipients there."""

# Two peaks, before noon and in the afternoon, and few at night: weights of the hours.
PEOPLE = (3, 2, 1, 1, 1, 3, 10, 30, 72, 95, 100, 88, 62, 80, 94, 88, 70, 50, 34, 26, 22, 18, 12, 6)
"""Who works: our accounts, small servers."""
MACHINES = (38, 34, 32, 32, 34, 40, 55, 72, 88, 98, 100, 95, 86, 90, 95, 92, 86, 78, 70, 66, 62, 58, 50, 44)
"""Providers: shops and notices at all hours."""
BOTS = (88, 84, 82, 82, 84, 86, 90, 94, 98, 100, 100, 98, 96, 96, 98, 98, 98, 98, 98, 100, 100, 98, 94, 90)
"""Bots live all over the world."""
