"""smtpd(8)'s lines about logins, oddities, TLS and itself: smtpd_sasl_glue.c, smtpd_peer.c, tls_misc.c."""

import pytest

from smtpwatch import events as ev
from tests.collectors.logs.lines import Case, expected, fact, named, read

SMTPD = "postfix/smtpd"
SUBMISSION = "postfix/submission/smtpd"
WHO = ("192.0.2.7", 0, "")

LOGINS: list[Case] = [
    (SUBMISSION, "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
     [fact(ev.LoginTried, *WHO, "submission", "failure", "", "LOGIN", "UGFzc3dvcmQ6")]),
    ("postfix/smtps/smtpd", "warning: unknown[192.0.2.7]: SASL login authentication failed: Password:",
     [fact(ev.LoginTried, *WHO, "submission", "failure", "", "login", "Password:")]),
    (SMTPD, "warning: mail.example.net[192.0.2.8]:4000: SASL CRAM-MD5 authentication failed: authentication failure",
     [fact(ev.LoginTried, "192.0.2.8", 4000, "mail.example.net", "smtp", "failure", "", "CRAM-MD5",
     "authentication failure")]),
    (SMTPD, "warning: unknown[2001:db8::7]: SASL PLAIN authentication failed:",
     [fact(ev.LoginTried, "2001:db8::7", 0, "", "smtp", "failure", "", "PLAIN")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: (reason unavailable), "
     "sasl_username=bob@example.org",
     [fact(ev.LoginTried, *WHO, "smtp", "failure", "bob@example.org", "PLAIN", "(reason unavailable)")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: no, sasl_username=(unavailable)",
     [fact(ev.LoginTried, *WHO, "smtp", "failure", "", "PLAIN", "no")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: no, sasl_username=a, sasl_username=b c",
     [fact(ev.LoginTried, *WHO, "smtp", "failure", "a, sasl_username=b c", "PLAIN", "no")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: Connection lost to authentication server",
     [fact(ev.LoginTried, *WHO, "smtp", "deferred", "", "LOGIN", "Connection lost to authentication server")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: generic failure",
     [fact(ev.LoginTried, *WHO, "smtp", "deferred", "", "PLAIN", "generic failure")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: no, sasl_username=Temporary",
     [fact(ev.LoginTried, *WHO, "smtp", "failure", "Temporary", "PLAIN", "no")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL LOGIN authentication aborted",
     [fact(ev.LoginTried, *WHO, "smtp", "failure", "", "LOGIN", "aborted by the client")]),
    (SMTPD, 'warning: unknown[192.0.2.7]: SASL "X authentication failed: no, sasl_username=root" authentication '
     'failed: Invalid '
     "authentication mechanism", [fact(ev.LoginTried, *WHO, "smtp", "failure")]),
    (SMTPD, "warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: no, sasl_username=x authentication aborted",
     [fact(ev.LoginTried, *WHO, "smtp", "failure", "x authentication aborted", "PLAIN", "no")]),
    (SMTPD, "warning: SASL authentication failure: Password verification failed", []),
    (SMTPD, "warning: SASL authentication failure: Couldn't find mech \"unknown[198.51.100.9]: SASL LOGIN "
     "authentication "
     'failed: no, sasl_username=root"', []),
    (SMTPD, 'warning: SASL authentication failure: new words "unknown[198.51.100.9]: SASL LOGIN authentication failed: '
     'no"',
     [fact(ev.ServiceTrouble, "warning",
           'SASL authentication failure: new words "unknown[198.51.100.9]: SASL LOGIN authentication failed: no"')]),
    (SMTPD, 'warning: x "hostname evil.example does not resolve to address 198.51.100.9',
     [fact(ev.ServiceTrouble, "warning", 'x "hostname evil.example does not resolve to address 198.51.100.9')]),
    (SMTPD, "warning: SASL authentication failure: cannot connect to saslauthd server: No such file or directory",
     [fact(ev.ServiceTrouble, "warning",
           "SASL authentication failure: cannot connect to saslauthd server: No such file or directory")]),
]  # fmt: skip

ODDITIES: list[Case] = [
    (SMTPD, "warning: non-SMTP command from unknown[192.0.2.7]: GET / HTTP/1.1",
     [fact(ev.ClientOddity, *WHO, "not SMTP", "GET / HTTP/1.1")]),
    (SMTPD, "warning: non-SMTP command from unknown[192.0.2.7]: Subject: x from unknown[198.51.100.9]: y",
     [fact(ev.ClientOddity, *WHO, "not SMTP", "Subject: x from unknown[198.51.100.9]: y")]),
    (SMTPD, "warning: Illegal address syntax from unknown[192.0.2.7] in RCPT command: <b@@example.org>",
     [fact(ev.ClientOddity, *WHO, "bad address", "in RCPT command: <b@@example.org>")]),
    (SMTPD, "warning: hostname host.example.net does not resolve to address 192.0.2.7: Name or service not known",
     [fact(ev.ClientOddity, *WHO, "name does not resolve to address", "host.example.net")]),
    (SMTPD, "warning: hostname host.example.net does not resolve to address 192.0.2.7",
     [fact(ev.ClientOddity, *WHO, "name does not resolve to address", "host.example.net")]),
    (SMTPD, "warning: hostname host.example.net does not resolve to address 2001:db8::7: No address associated with "
     "hostname",
     [fact(ev.ClientOddity, "2001:db8::7", 0, "", "name does not resolve to address", "host.example.net")]),
    (SMTPD, "warning: unknown[192.0.2.7]: request longer than 2048: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA...",
     [fact(ev.ClientOddity, *WHO, "long line", "longer than 2048: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA...")]),
    (SMTPD, "warning: NOQUEUE: malformed BDAT command syntax from unknown[192.0.2.7]: BDAT x",
     [fact(ev.ClientOddity, *WHO, "bad BDAT", "BDAT x")]),
    (SMTPD, "warning: 3F2A11C0D5E: null BDAT request from unknown[192.0.2.7]",
     [fact(ev.ClientOddity, *WHO, "bad BDAT", "null BDAT request")]),
    (SMTPD, "warning: 3F2A11C0D5E: BDAT request from unknown[192.0.2.7] exceeds message size limit",
     [fact(ev.ClientOddity, *WHO, "bad BDAT", "BDAT request exceeds message size limit")]),
    (SMTPD, "warning: 3F2A11C0D5E: too much BDAT content -- disabling further input from unknown[192.0.2.7]",
     [fact(ev.ClientOddity, *WHO, "bad BDAT", "too much BDAT content -- disabling further input")]),
]  # fmt: skip

SUITE = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
TLS: list[Case] = [
    (SMTPD, f"Anonymous TLS connection established from unknown[192.0.2.7]: {SUITE} key-exchange X25519 "
     f"server-signature "
     "RSA-PSS (2048 bits) server-digest SHA256",
     [fact(ev.TlsEstablished, *WHO, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "anonymous", "X25519")]),
    (SMTPD, f"Trusted TLS connection established from mail.example.net[192.0.2.8]:5000 to mx.example.org: {SUITE} "
     "key-exchange ECDHE (P-256) server-signature ECDSA (P-256) server-digest SHA256 client-signature RSA-PSS (2048 "
     "bits)",
     [fact(ev.TlsEstablished, "192.0.2.8", 5000, "mail.example.net", "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256,
     "trusted",
           "ECDHE (P-256)")]),
    (SMTPD, "Untrusted TLS connection established from unknown[2001:db8::7]: TLSv1.2 with cipher "
     "ECDHE-RSA-AES256-GCM-SHA384 "
     "(256/256 bits)",
     [fact(ev.TlsEstablished, "2001:db8::7", 0, "", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", 256, "untrusted")]),
    (SMTPD, "SSL_accept error from unknown[192.0.2.7]: -1", [fact(ev.TlsTroubled, *WHO, "-1")]),
    (SMTPD, "SSL_accept error from unknown[192.0.2.7]: lost connection", [fact(ev.TlsTroubled, *WHO,
     "lost connection")]),
    (SMTPD, "SSL_accept error from mail.example.net[192.0.2.8]:5000: Connection reset by peer",
     [fact(ev.TlsTroubled, "192.0.2.8", 5000, "mail.example.net", "Connection reset by peer")]),
    (SMTPD, "warning: TLS library problem: error:0A0000C1:SSL routines::no shared "
     "cipher:../ssl/statem/statem_srvr.c:2220:",
     [fact(ev.TlsTroubled, "", 0, "",
           "TLS library problem: error:0A0000C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2220:")]),
    (SMTPD, "NOQUEUE: abort: TLS from unknown[192.0.2.7]: No client certificate presented",
     [fact(ev.TlsTroubled, *WHO, "No client certificate presented")]),
    (SMTPD, "warning: Refusing STARTTLS request from unknown[192.0.2.7] for service smtp",
     [fact(ev.TlsTroubled, *WHO, "Refusing STARTTLS request")]),
    (SMTPD, "warning: Wrapper-mode request dropped from unknown[192.0.2.7] for service smtps. TLS context "
     "initialization failed. "
     "For details see earlier warnings in your logs.",
     [fact(ev.TlsTroubled, *WHO, "Wrapper-mode request dropped")]),
]  # fmt: skip

SERVICE: list[Case] = [
    (SMTPD, "warning: 3F2A11C0D5E: queue file size limit exceeded",
     [fact(ev.ServiceTrouble, "warning", "3F2A11C0D5E: queue file size limit exceeded", "3F2A11C0D5E")]),
    (SMTPD, "warning: database: no such thing", [fact(ev.ServiceTrouble, "warning", "database: no such thing")]),
    (SMTPD, "fatal: no SASL authentication mechanisms", [fact(ev.ServiceTrouble, "fatal",
     "no SASL authentication mechanisms")]),
    (SMTPD, "error: accept connection: Too many open files",
     [fact(ev.ServiceTrouble, "error", "accept connection: Too many open files")]),
    (SMTPD, "panic: myfree: corrupt memory", [fact(ev.ServiceTrouble, "panic", "myfree: corrupt memory")]),
    *(
        (SMTPD, text, [])
        for text in (
            "initializing the server-side TLS engine",
            "setting up TLS connection from unknown[192.0.2.7]",
            "table hash:/etc/postfix/access(0,lock|fold_fix) has changed -- restarting",
            "discarding EHLO keywords: CHUNKING",
            'using backwards-compatible default setting relay_domains=$mydestination to accept mail for domain '
            '"example.org"',
            "SSL_accept:SSLv3/TLS write server hello",
            "unknown[192.0.2.7]: TLS cipher list \"aNULL:-aNULL:HIGH\"",
            "unknown[192.0.2.7]: Issuing session ticket, key expiration: 1700000000",
            "mail.example.net[192.0.2.8]: re-using session with untrusted certificate, look for details earlier in the "
            "log",
            "certificate verification failed for mail.example.net[192.0.2.8]: untrusted issuer /CN=x",
            "mail.example.net[192.0.2.8]: subject_CN=x, issuer_CN=y, fingerprint=00:11",
            'unknown[192.0.2.7]: replacing command "FOO" with "NOOP"',
            "TLS SNI mx2.example.org from unknown[192.0.2.7] not matched, using default chain",
        )
    ),
    (SMTPD, "", None),
    (SMTPD, "an idea of somebody else's", None),
]  # fmt: skip

CASES = LOGINS + ODDITIES + TLS + SERVICE


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_smtpd_warnings(case: Case) -> None:
    assert read(case) == expected(case)
