"""Which parser reads the lines of which program."""

from functools import lru_cache

from collectors.logs import courier, dovecot, exim, opensmtpd, postfix, qmail, sendmail
from collectors.logs.filters import amavis, authentication, clamav, greylist, rspamd, spamassassin, spf
from collectors.logs.head import Parse

PARSERS: dict[str, Parse] = {
    "exim": exim.parse,
    "exim4": exim.parse,
    "dovecot": dovecot.parse,
    "opendkim": authentication.opendkim,
    "opendmarc": authentication.opendmarc,
    "policyd-spf": spf.policyd_spf,
    "postfix/policyd-spf": spf.policyd_spf,
    "policy-spf": spf.policy_spf,
    "postfix/policy-spf": spf.policy_spf,
    "postgrey": greylist.postgrey,
    "postfix/postgrey": greylist.postgrey,
    "milter-greylist": greylist.milter_greylist,
    "spamd": spamassassin.spamd,
    "spampd": spamassassin.spampd,
    "spamass-milter": spamassassin.spamass_milter,
    "rspamd": rspamd.parse,
    "amavis": amavis.parse,
    "amavisd": amavis.parse,
    "amavisd-new": amavis.parse,
    "/usr/sbin/amavisd-new": amavis.parse,
    "/usr/sbin/amavisd": amavis.parse,
    "clamav-milter": clamav.clamav_milter,
    "clamsmtpd": clamav.clamsmtpd,
    "smtpd": opensmtpd.parse,
    "sendmail": sendmail.parse,
    "sendmail.sendmail": sendmail.parse,
    "sm-mta": sendmail.parse,
    "sm-msp": sendmail.parse,
    "sm-msp-queue": sendmail.parse,
    "sm-acceptingconnections": sendmail.parse,
    "sm-que": sendmail.parse,
    "courieresmtpd": courier.parse,
    "esmtpd": courier.parse,
    "courierd": courier.parse,
    "imapd": courier.parse,
    "imapd-ssl": courier.parse,
    "imaplogin": courier.parse,
    "pop3d": courier.parse,
    "pop3d-ssl": courier.parse,
    "courierpop3login": courier.parse,
    "qmail-smtpd": qmail.smtpd,
    "rblsmtpd": qmail.rblsmtpd,
    "spamdyke": qmail.spamdyke,
    "tcpserver": qmail.tcpserver,
    "vpopmail": qmail.vpopmail,
    "vchkpw": qmail.vchkpw,
    "vchkpw-imap": qmail.vchkpw,
    "vchkpw-pop3": qmail.vchkpw,
    "vchkpw-smtp": qmail.vchkpw,
    "vchkpw-smtps": qmail.vchkpw,
    "vchkpw-submission": qmail.vchkpw,
}
"""By the name that a program logs under. Postfix's services are found by their own rule, since syslog_name is the
admin's."""


@lru_cache(4_096)
def parser_of(program: str) -> Parse | None:
    """The parser for lines of `program`, as logged without its process id; None if there is none."""
    return PARSERS.get(program) or postfix.parser_of(program)
