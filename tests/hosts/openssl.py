"""What openssl(1) makes and knows: a certificate for a test's mail host, names of cipher suites."""

import functools
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    """PEM files. The certificate signs itself, so it is its own trust anchor as well."""

    certificate: Path
    key: Path


def make_certificate(directory: Path, name: str) -> Certificate:
    """A P-256 certificate for one host name, valid for a day: openssl-req(1)."""
    made = Certificate(directory / "cert.pem", directory / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", str(made.key), "-out", str(made.certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made


class Suites(NamedTuple):
    """IANA's names of cipher suites, by OpenSSL's name and by number."""

    by_openssl_name: Mapping[str, str]
    by_number: Mapping[int, str]


@functools.cache
def suites() -> Suites:
    """Every suite of this OpenSSL: openssl-ciphers(1). Its lines: `0xC0,0x2C - IANA-NAME - OPENSSL-NAME ...`."""
    listed = subprocess.run(
        ["openssl", "ciphers", "-V", "-stdname", "ALL:@SECLEVEL=0"], check=True, capture_output=True, text=True
    )
    rows = [[part.strip() for part in line.split(" - ")] for line in listed.stdout.splitlines()]
    return Suites(
        {rest.split()[0]: iana for _, iana, rest in rows},
        {int(number.replace(",0x", ""), 16): iana for number, iana, _ in rows},
    )
