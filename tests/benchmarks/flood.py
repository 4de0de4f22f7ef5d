"""Memory under a flood: a million sources, a hundred thousand sessions held open at a time.

`python -m tests.benchmarks.flood`; takes about four minutes and root. The real program runs with all its sensors on a
pty in a network namespace; raw frames come in over a veth pair: SYN, SYN-ACK, ACK, greeting, EHLO and its reply, and,
once that many newer ones have come, RST. The frames are addressed to another card than its own, so that the kernel
does not answer them.

PSS (each page shared by several processes counted once) is what the machine pays, so it is what the budget holds; RSS
summed counts Python and its libraries once for each process."""

import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

import psutil

from tests.benchmarks.screen import Terminal
from tests.hosts.namespaces import Namespace, join

SOURCES = 1_000_000
OPEN = 100_000  # sessions at a time
MARK = 100_000  # sources between two lines of the curve
PER_SECOND = 5_000  # sessions that begin; some 40,000 packets: what two cores read with all detail, and send
BUDGET = 300_000_000  # octets
GROWTH = 1.1  # of what there is once the first sessions have ended: more is a leak
PATIENCE = 320.0  # seconds for all of it, at most

SYN, RST, PSH, ACK = 2, 4, 8, 16
GREETING = b"220 mx1.example.net ESMTP Postfix\r\n"
EHLO_REPLY = b"250-mx1.example.net\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
SERVER = socket.inet_aton("192.0.2.1")
FIRST = struct.unpack("!I", socket.inet_aton("10.0.0.0"))[0]
LINK4, LINK6 = (bytes.fromhex("02000000ff0202000000ff01") + kind for kind in (b"\x08\x00", b"\x86\xdd"))
NET6 = socket.inet_pton(socket.AF_INET6, "2001:db8::")
SERVER6 = socket.inet_pton(socket.AF_INET6, "2001:db8:ffff::1")
_TCP = struct.Struct("!HHIIBBHHH").pack
_IPV4 = struct.Struct("!BBHHHBBH4s4s").pack
_IPV6 = struct.Struct("!IHBB16s16s").pack


def frame(client: bytes, port: int, from_client: bool, seq: int, ack: int, flags: int, said: bytes = b"") -> bytes:
    """One Ethernet frame of a session between `client` and our server's port 25."""
    server = SERVER if len(client) == 4 else SERVER6
    source, target, sport, dport = (client, server, port, 25) if from_client else (server, client, 25, port)
    tcp = _TCP(sport, dport, seq, ack, 0x50, flags, 1024, 0, 0)
    size = 20 + len(said)
    if len(client) == 4:
        return LINK4 + _IPV4(0x45, 0, 20 + size, 0, 0, 64, 6, 0, source, target) + tcp + said
    return LINK6 + _IPV6(6 << 28, size, 6, 64, source, target) + tcp + said


def client_of(number: int) -> bytes:
    """The address of that source: of one family as often as of the other, all along."""
    if number % 2:
        return struct.pack("!I", FIRST + number // 2)
    return NET6[:6] + struct.pack("!IHI", number, 0, 1)


def beginning(number: int) -> list[bytes]:
    """The frames of a session up to the reply to its EHLO."""
    client, port, ours, theirs = client_of(number), 1024 + number % 60_000, 1_000 + number, 9_000_000 + number
    hello = b"EHLO host%d.example.com\r\n" % number
    greeted, answered = theirs + 1 + len(GREETING), theirs + 1 + len(GREETING) + len(EHLO_REPLY)
    said = ours + 1 + len(hello)
    return [
        frame(client, port, True, ours, 0, SYN),
        frame(client, port, False, theirs, ours + 1, SYN | ACK),
        frame(client, port, True, ours + 1, theirs + 1, ACK),
        frame(client, port, False, theirs + 1, ours + 1, ACK | PSH, GREETING),
        frame(client, port, True, ours + 1, greeted, ACK | PSH, hello),
        frame(client, port, False, greeted, said, ACK | PSH, EHLO_REPLY),
        frame(client, port, True, said, answered, ACK),
    ]


def end(number: int) -> bytes:
    """The client's RST."""
    said = 1_001 + number + len(b"EHLO host%d.example.com\r\n" % number)
    return frame(client_of(number), 1024 + number % 60_000, True, said, 0, RST)


def send(interface: str) -> None:
    """Send the flood at its pace; each MARK sources a line tells so."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        begin = time.perf_counter()
        for number in range(SOURCES):
            if number >= OPEN:
                out.send(end(number - OPEN))
            for each in beginning(number):
                out.send(each)
            if number % 100 == 99:
                time.sleep(max(0.0, begin + number / PER_SECOND - time.perf_counter()))
            if (number + 1) % MARK == 0:
                print(number + 1, flush=True)


class Resident:
    """Octets resident of a program and its sensors: by process, and both sums."""

    def __init__(self, pid: int) -> None:
        self.rss: dict[str, int] = {}
        self.pss = 0
        program = psutil.Process(pid)
        for process in (program, *program.children()):
            words = process.cmdline()
            name = "console" if process.pid == pid else next((w for w in words if w in ("wire", "log", "host")), "?")
            fields = Path(f"/proc/{process.pid}/smaps_rollup").read_text().split()
            self.rss[name] = self.rss.get(name, 0) + 1024 * int(fields[fields.index("Rss:") + 1])
            self.pss += 1024 * int(fields[fields.index("Pss:") + 1])


def _line(sources: str, open_: str, figures: list[str]) -> str:
    return f"{sources:>10}{open_:>9}" + "".join(f"{each:>9}" for each in figures)


def _told(sources: int, resident: Resident) -> str:
    octets = [resident.rss.get(name, 0) for name in ("console", "wire", "log", "host")]
    figures = [f"{each / 1e6:,.1f}" for each in (*octets, sum(octets), resident.pss)]
    return _line(f"{sources:,}", f"{min(sources, OPEN):,}", figures)


def curve(terminal: Terminal, sender: "subprocess.Popen[bytes]") -> list[int]:
    """Print a line for each MARK sources; returns the PSS of all at each."""
    assert sender.stdout is not None
    os.set_blocking(sender.stdout.fileno(), False)
    marks: deque[int] = deque()
    sums: list[int] = []
    begun = time.perf_counter()
    while len(sums) < SOURCES // MARK and time.perf_counter() - begun < PATIENCE:
        terminal.read(0.5)
        marks += map(int, (sender.stdout.read() or b"").split())
        while marks:
            resident = Resident(terminal.pid)
            print(_told(marks.popleft(), resident), flush=True)
            sums.append(resident.pss)
    return sums


def left_out(terminal: Terminal) -> str:
    """What its sensors had to shed or lost, as the screen says, which is painted anew."""
    terminal.resize(200, 50)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", " ", terminal.read(3.0).decode(errors="replace"))
    return "; ".join(dict.fromkeys(re.findall(r"[\d.,]+[kMG]? +(?:packets|dropped|shed)", text))) or "nothing"


def main() -> int:
    """Print the curve; the exit code tells whether the budget is kept."""
    with tempfile.TemporaryDirectory() as home, Namespace("flooded") as host, Namespace("flood") as strangers:
        join((host, "eth0", ["192.0.2.1/24"]), (strangers, "eth0", ["192.0.2.2/24"]))
        log = Path(home, "mail.log")
        log.touch()
        program = host.command(sys.executable, "-m", "smtpwatch", "-i", "eth0", "--log", log, "--no-names")
        terminal = Terminal(program, home)
        try:
            terminal.read(4.0)
            print("MB resident (RSS); all together as RSS and as PSS")
            print(_line("sources", "open", ["console", "wire", "log", "host", "RSS", "PSS"]))
            print(_told(0, Resident(terminal.pid)), flush=True)
            sender = strangers.popen(
                sys.executable, "-m", "tests.benchmarks.flood", "eth0", stdout=subprocess.PIPE, stderr=None
            )
            sums = curve(terminal, sender)
            print(f"told by the screen: {left_out(terminal)}")
        finally:
            terminal.close()
    most, settled = max(sums, default=0), sums[1] if len(sums) > 1 else 0
    print(f"PSS at most {most / 1e6:,.0f} MB (budget {BUDGET / 1e6:,.0f});", end=" ")
    print(f"the last is {sums[-1] / settled:.2f} of the second (at most {GROWTH})" if settled else "not finished")
    return 0 if len(sums) == SOURCES // MARK and most <= BUDGET and sums[-1] <= GROWTH * settled else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        send(sys.argv[1])
    else:
        sys.exit(main())
