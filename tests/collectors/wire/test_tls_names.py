"""The table of names against those of tshark and scapy."""

import subprocess
from collections.abc import Callable

from collectors.wire import tls_names
from tests.collectors.wire.handshakes import needs_tshark


class TestNames:
    def numbers(self, look_up: Callable[[int], str]) -> dict[int, str]:
        named = {number: look_up(number) for number in range(0x10000)}
        return {number: name for number, name in named.items() if not name.startswith("0x")}

    def tshark(self, field: str) -> dict[int, str]:
        lines = subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True).stdout
        rows = (line.split("\t") for line in lines.splitlines())
        return {int(row[2], 0): row[3] for row in rows if row[:2] == ["V", field]}

    @needs_tshark
    def test_ciphers_as_in_tshark(self) -> None:
        ours, theirs = self.numbers(tls_names.cipher), self.tshark("tls.handshake.ciphersuite")
        for number in ours.keys() - {0x1306, 0x1307}:  # these came after tshark 4.0
            assert ours[number] == theirs.get(number)
        # SSLv3's and drafts' numbers, which IANA keeps reserved or unassigned, and private ones.
        unregistered = {
            0x1C,
            0x1D,
            *range(0x60, 0x84),
            *range(0xCC13, 0xCC16),
            0xC0FF,
            *range(0xE000, 0x10000),
        }
        assert {n for n in theirs.keys() - ours.keys() if "GREASE" not in theirs[n]} <= unregistered

    @needs_tshark
    def test_groups_and_alerts_as_in_tshark(self) -> None:
        ours, theirs = self.numbers(tls_names.group), self.tshark("tls.handshake.extensions_supported_group")
        private = range(0x200, 0x203)  # tshark 4.0 has experiments there; IANA gave the numbers to ML-KEM
        for number in ours.keys() & theirs.keys() - set(private):
            assert ours[number] == theirs[number]
        described = self.tshark("tls.alert_message.desc")
        for number in set(range(256)) & described.keys() - {1}:  # end_of_early_data was in drafts of TLS 1.3
            assert tls_names.alert(number) == described[number].lower().replace(" ", "_")

    def test_ciphers_and_groups_as_in_scapy(self) -> None:
        from scapy.layers.tls.crypto.groups import _tls_named_groups
        from scapy.layers.tls.crypto.suites import _tls_cipher_suites

        misnamed = {0x26, 0x29, 0xC0AA, 0xC0AB}  # against RFC 2712 and RFC 6655
        draft = {0xCC13, 0xCC14, 0xCC15}
        for number, name in _tls_cipher_suites.items():
            if number < 0x10000 and number not in misnamed | draft:
                assert tls_names.cipher(number) == name
        assert {n: tls_names.group(n) for n in _tls_named_groups} == _tls_named_groups

    def test_unknown_numbers_are_shown_as_they_are(self) -> None:
        assert tls_names.cipher(0x00FE) == "0x00FE"
        assert tls_names.group(0xFE01) == "0xFE01"
        assert tls_names.version(0x7F1C) == "0x7F1C"
        assert tls_names.alert(200) == "0xC8"
