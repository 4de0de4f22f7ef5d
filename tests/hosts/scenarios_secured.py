"""What the tests play on the wire: TLS and AUTH (see scenarios.py)."""

import base64
import hmac
import smtplib
import ssl
import warnings
from collections.abc import Callable

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client, Reply
from tests.hosts.mail_hosts import MailHosts
from tests.hosts.openssl import suites
from tests.hosts.scenarios import HELO, MESSAGE, Play, Seen, mail, opened, seen, transaction

SUBMISSION = 587
SUBMISSIONS = 465
WRONG_PASSWORD = "wrong-horse-7-battery"


def iana_names(version: str | None, cipher: str) -> Seen:
    """OpenSSL's names of a TLS version and a cipher suite as `smtpwatch` writes them."""
    return {"version": "TLSv1.0" if version == "TLSv1" else version, "cipher": suites().by_openssl_name[cipher]}


def _tls(client: Client) -> Seen:
    assert client.tls is not None
    return {**iana_names(*client.tls), "sni": scene.MX_NAME}


def _starttls(context: ssl.SSLContext, version: ssl.TLSVersion) -> list[Seen]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is old on purpose
        context.minimum_version = context.maximum_version = version
    client, banner = opened()
    client.starttls(context, scene.MX_NAME)
    tls = _tls(client)
    client.command(f"EHLO {HELO}")
    mail(client, scene.RECIPIENT)
    assert client.message(MESSAGE).code == 250
    client.quit()
    return [seen(client, [], "fin", banner=banner, starttls="accepted", tls=tls)]


def starttls_1_0(hosts: MailHosts) -> list[Seen]:
    """A weak peer: TLS 1.0 and nothing better."""
    context = hosts.trust()
    context.set_ciphers("ALL:@SECLEVEL=0")
    return _starttls(context, ssl.TLSVersion.TLSv1)


def starttls_1_2(hosts: MailHosts) -> list[Seen]:
    """TLS 1.2 and nothing better."""
    return _starttls(hosts.trust(), ssl.TLSVersion.TLSv1_2)


def starttls_1_3(hosts: MailHosts) -> list[Seen]:
    """TLS 1.3 and nothing older."""
    return _starttls(hosts.trust(), ssl.TLSVersion.TLSv1_3)


def starttls_after_mail(hosts: MailHosts) -> list[Seen]:
    """A transaction in clear, one in TLS: only the first is to be seen."""
    client, _ = opened()
    steps = mail(client, scene.RECIPIENT)
    end = client.message(MESSAGE)
    client.starttls(hosts.trust(), scene.MX_NAME)
    tls = _tls(client)
    client.command(f"EHLO {HELO}")
    mail(client, scene.SECOND_RECIPIENT)
    client.quit()
    return [seen(client, [transaction(steps, "accepted", end)], "fin", starttls="accepted", tls=tls)]


def starttls_hello_retry(hosts: MailHosts) -> list[Seen]:
    """587 wants another group than that of the client's first key share (RFC 8446, 4.1.4)."""
    client, _ = opened(port=SUBMISSION)
    client.starttls(hosts.trust(), scene.MX_NAME)
    tls = {**_tls(client), "group": "secp256r1"}
    client.command(f"EHLO {HELO}")
    client.quit()
    return [seen(client, [], "fin", starttls="accepted", tls=tls)]


def certificate_refused(hosts: MailHosts) -> list[Seen]:
    """The client does not trust the certificate and says so; under TLS 1.2 the alert goes in clear."""
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client, _ = opened()
    try:
        client.starttls(context, scene.MX_NAME)
    except ssl.SSLCertVerificationError:
        client.close()
    else:
        raise AssertionError("the certificate of a stranger was trusted")
    session = seen(client, [], "fin", starttls="accepted", tls={"version": "TLSv1.2"})
    del session["closed_by"]  # FIN or RST, as the kernel finds all of the server's handshake read or not
    return [session]


def implicit_tls(hosts: MailHosts) -> list[Seen]:
    """465: TLS from the first octet, AUTH inside (RFC 8314)."""
    with Client(scene.MX, SUBMISSIONS, tls=hosts.trust(), name=scene.MX_NAME) as client:
        tls = _tls(client)
        client.reply()
        client.command(f"EHLO {HELO}")
        assert client.command(f"AUTH PLAIN {_plain(scene.PASSWORD)}").code == 235
        mail(client, scene.FOREIGN_RECIPIENT)
        client.quit()
        return [seen(client, [], "fin", banner=None, helo=None, starttls="none", tls=tls)]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _plain(password: str) -> str:
    return _encoded(f"\0{scene.USER}\0{password}")


def auth_plain(client: Client, password: str) -> Reply:
    """With an initial response (RFC 4954, 4)."""
    return client.command(f"AUTH PLAIN {_plain(password)}")


def auth_plain_asked(client: Client, password: str) -> Reply:
    """The same without an initial response."""
    assert client.command("AUTH PLAIN").code == 334
    return client.command(_plain(password))


def auth_login(client: Client, password: str) -> Reply:
    """User name and password on lines of their own."""
    assert client.command("AUTH LOGIN").code == 334
    assert client.command(_encoded(scene.USER)).code == 334
    return client.command(_encoded(password))


def auth_cram_md5(client: Client, password: str) -> Reply:
    """A challenge and its digest (RFC 2195)."""
    challenge = client.command("AUTH CRAM-MD5")
    digest = hmac.new(password.encode(), base64.b64decode(challenge.text), "md5").hexdigest()
    return client.command(_encoded(f"{scene.USER} {digest}"))


def auth_aborted(client: Client, password: str) -> Reply:
    """The client takes AUTH back (RFC 4954, 4: "*")."""
    assert client.command("AUTH LOGIN").code == 334
    return client.command("*")


Authenticate = Callable[[Client, str], Reply]
_MECHANISMS: tuple[tuple[Authenticate, str], ...] = (
    (auth_plain, "PLAIN"),
    (auth_plain_asked, "PLAIN"),
    (auth_login, "LOGIN"),
    (auth_cram_md5, "CRAM-MD5"),
)


def auth_success(hosts: MailHosts) -> list[Seen]:
    """Each mechanism in clear on 587, and a message for another host after it: one session each."""
    sessions = []
    for authenticate, mechanism in _MECHANISMS:
        client, _ = opened(port=SUBMISSION)
        assert authenticate(client, scene.PASSWORD).code == 235
        steps = mail(client, scene.RECIPIENT)
        end = client.message(MESSAGE)
        client.quit()
        auth = [{"mechanism": mechanism, "outcome": "success"}]
        sessions.append(seen(client, [transaction(steps, "accepted", end)], "quit", auth=auth))
    return sessions


def auth_failure(hosts: MailHosts) -> list[Seen]:
    """Every mechanism with a wrong password, one taken back, on one connection; no mail."""
    client, _ = opened(port=SUBMISSION)
    auth = []
    for authenticate, mechanism in _MECHANISMS:
        assert authenticate(client, WRONG_PASSWORD).code == 535
        auth.append({"mechanism": mechanism, "outcome": "failure"})
    assert auth_aborted(client, "").code == 501
    auth.append({"mechanism": "LOGIN", "outcome": "aborted"})
    client.quit()
    return [seen(client, [], "quit", auth=auth)]


def submission_with_smtplib(hosts: MailHosts) -> list[Seen]:
    """587 as a mail program does it: STARTTLS, AUTH inside."""
    context = hosts.trust()
    context.check_hostname = False  # smtplib checks the name it connects to, here an address
    with smtplib.SMTP(scene.MX, SUBMISSION, local_hostname=HELO, timeout=10) as client:
        client.starttls(context=context)
        connection = client.sock
        assert isinstance(connection, ssl.SSLSocket)
        address, port = connection.getsockname()
        version, cipher = connection.version(), connection.cipher()
        client.login(scene.USER, scene.PASSWORD)
        client.sendmail("bob@example.org", [scene.RECIPIENT], MESSAGE)
    assert cipher is not None
    return [
        {
            "client_ip": address, "client_port": port, "server_ip": scene.MX, "server_port": SUBMISSION,
            "direction": "submission", "helo": HELO, "transactions": [], "auth": [], "starttls": "accepted",
            "tls": iana_names(version, cipher[0]), "partial": None,
        }
    ]  # fmt: skip


SECURED: dict[str, Play] = {
    play.__name__: play
    for play in (
        starttls_1_0, starttls_1_2, starttls_1_3, starttls_after_mail, starttls_hello_retry, certificate_refused,
        implicit_tls, auth_success, auth_failure, submission_with_smtplib,
    )
}  # fmt: skip
