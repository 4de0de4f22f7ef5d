"""What tshark(1) makes of a capture, per TCP stream."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.hosts.openssl import suites

_COMMAND, _PARAMETER, _CODE = "smtp.req.command", "smtp.req.parameter", "smtp.response.code"
_TYPE, _VERSION, _SUITE = "tls.handshake.type", "tls.handshake.version", "tls.handshake.ciphersuite"
_SUPPORTED = "tls.handshake.extensions.supported_version"
_JA3, _JA3S, _SNI = "tls.handshake.ja3", "tls.handshake.ja3s", "tls.handshake.extensions_server_name"
_PORTS = ("tcp.srcport", "tcp.dstport")
_HANDSHAKE = (_TYPE, _VERSION, _SUITE, _SUPPORTED, _JA3, _JA3S, _SNI)
_FIELDS = ("tcp.stream", *_PORTS, _COMMAND, _PARAMETER, _CODE, *_HANDSHAKE)
_VERSIONS = {0x0301: "TLSv1.0", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
_BARE_VERBS = ("DATA", "QUIT", "RSET")
_VERBS = (*_BARE_VERBS, "EHLO", "HELO", "MAIL", "RCPT")
_SERVER_HELLO = "2"
_SERVER_PORTS = ("25", "465", "587")


class Stream:
    """One TCP connection. Commands are "VERB parameter"; TLS facts are those of the last ServerHello, None without."""

    def __init__(self) -> None:
        self.client_port = 0
        self.commands: list[str] = []
        self.codes: list[int] = []
        self.ja3: list[str] = []
        self.sni: str | None = None
        self.version: str | None = None
        self.cipher: str | None = None
        self.ja3s: str | None = None


def streams(capture: Path) -> list[Stream]:
    """Every connection that tshark finds SMTP or TLS in. Raises CalledProcessError."""
    fields = [word for field in _FIELDS for word in ("-e", field)]
    ran = subprocess.run(
        ["tshark", "-r", capture, "-d", "tcp.port==465,tls", "-Y", "smtp || tls", "-T", "json", *fields],
        capture_output=True,
        check=True,
    )
    found: defaultdict[str, Stream] = defaultdict(Stream)
    for packet in json.loads(ran.stdout):
        layers: dict[str, list[str]] = packet["_source"]["layers"]
        _add(found[layers["tcp.stream"][0]], layers)
    return list(found.values())


def _add(stream: Stream, layers: dict[str, list[str]]) -> None:
    stream.client_port = next(int(layers[port][0]) for port in _PORTS if layers[port][0] not in _SERVER_PORTS)
    stream.commands += _commands(layers)
    stream.codes += [int(code) for code in layers.get(_CODE, [])]
    stream.ja3 += layers.get(_JA3, [])
    stream.sni = layers.get(_SNI, [stream.sni])[0]
    if _SERVER_HELLO in layers.get(_TYPE, []):
        number = (layers.get(_SUPPORTED) or layers[_VERSION])[0]
        stream.version = _VERSIONS[int(number, 16)]
        stream.cipher = suites().by_number[int(layers[_SUITE][0], 16)]
        stream.ja3s = layers[_JA3S][0]


def _commands(layers: dict[str, list[str]]) -> Iterator[str]:
    """tshark takes the first four letters for the verb and what follows the fifth for the parameter (STARTTLS: `STAR`,
    `TLS`). It shows what AUTH carries, and takes an answer inside AUTH for a command at times; neither is told here."""
    parameters = iter(layers.get(_PARAMETER, []))
    for verb in (letters.upper() for letters in layers.get(_COMMAND, [])):
        parameter = "" if verb in _BARE_VERBS else next(parameters)
        if verb == "STAR":
            yield "STARTTLS"
        elif verb == "AUTH":
            yield f"AUTH {parameter.split()[0]}"
        elif verb in _VERBS:
            yield f"{verb} {parameter}".strip()
