"""A busy mail host without a network: the real app, fed in its own process, on whatever terminal it is given.

`python -m tests.benchmarks.busy SESSIONS_PER_SECOND`; the screen benchmark runs it on a pty."""

import asyncio
import heapq
import random
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence

from smtpwatch import events as ev
from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.garbage import collect_seldom

SOURCES = 5_000
BATCH = 0.1  # seconds between batches, as a sensor sends them
SEED = 25
SENSOR, HOST = "wire", "mx1.example.net"


class Traffic:
    """Sessions of many sources: a third refused, half with TLS, most over in two seconds, one in ten a slow one."""

    def __init__(self, per_second: float, start: float) -> None:
        self._random = random.Random(SEED)
        self._per_second = per_second
        self._due: list[tuple[float, int, ev.Event]] = []
        self._next = start
        self._number = 0
        self._order = 0

    def until(self, now: float) -> list[ev.Event]:
        """All events up to `now`, in order of time."""
        while self._per_second and self._next <= now:
            self._number += 1
            for event in self._session(self._next, self._number):
                self._order += 1
                heapq.heappush(self._due, (event.time, self._order, event))
            self._next += self._random.expovariate(self._per_second)
        ready: list[ev.Event] = []
        while self._due and self._due[0][0] <= now:
            ready.append(heapq.heappop(self._due)[2])
        return ready

    def _session(self, start: float, number: int) -> Iterator[ev.Event]:
        draw = self._random
        host = draw.randrange(SOURCES)
        source = f"198.{18 + host // 2500}.{host // 250 % 10}.{host % 250 + 1}"
        slow = draw.random() < 0.1
        step = draw.uniform(0.5, 6.0) if slow else draw.uniform(0.02, 0.25)
        common = (SENSOR, HOST, number, source)
        times = (start + step * at for at in range(1_000))
        when = next(times)
        yield ev.SessionOpened(when, *common, when, 1024 + number % 60_000, "192.0.2.1", 25, "inbound")
        yield ev.Greeting(next(times), *common, 220, "mx1.example.net ESMTP")
        name = f"host{host}.example.com"
        yield ev.Command(next(times), *common, "EHLO", name)
        yield ev.Reply(next(times), *common, "EHLO", 250, None, "mx1.example.net\nSIZE 52428800\nSTARTTLS\n8BITMIME")
        if number % 2:
            yield ev.Command(next(times), *common, "STARTTLS", "")
            yield ev.Reply(next(times), *common, "STARTTLS", 220, "2.0.0", "2.0.0 Ready to start TLS")
            yield ev.TlsNegotiated(
                next(times), *common, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519", None, "ja3s", False, False
            )
        else:
            yield from self._message(common, times, f"sender{number}@example.com", refused=number % 3 == 0)
        when = next(times)
        yield ev.SessionClosed(when, *common, when, "quit", draw.randrange(300, 90_000), 900, None, True)

    @staticmethod
    def _message(
        common: tuple[str, str, int, str], times: Iterator[float], sender: str, refused: bool
    ) -> Iterator[ev.Event]:
        yield ev.Command(next(times), *common, "MAIL", f"FROM:<{sender}>")
        when = next(times)
        yield ev.Reply(when, *common, "MAIL", 250, "2.1.0", "2.1.0 Ok")
        yield ev.TransactionOpened(when, *common, sender)
        recipient = "bob@example.net"
        yield ev.Command(next(times), *common, "RCPT", f"TO:<{recipient}>")
        when = next(times)
        if refused:
            text = f"5.7.1 <{recipient}>: Relay access denied"
            yield ev.Reply(when, *common, "RCPT", 554, "5.7.1", text)
            yield ev.RecipientDecided(when, *common, recipient, 554, "5.7.1", text)
            yield ev.MessageDecided(next(times), *common, sender, True, "rejected", None, None, None, None, 0, 1, 0)
            return
        yield ev.Reply(when, *common, "RCPT", 250, "2.1.5", "2.1.5 Ok")
        yield ev.RecipientDecided(when, *common, recipient, 250, "2.1.5", "2.1.5 Ok")
        yield ev.Command(next(times), *common, "DATA", "")
        yield ev.Reply(next(times), *common, "DATA", 354, None, "End data with <CR><LF>.<CR><LF>")
        when = next(times)
        text = "2.0.0 Ok: queued as 4XyZ1a2b3c"
        yield ev.Reply(when, *common, ".", 250, "2.0.0", text)
        yield ev.MessageDecided(when, *common, sender, True, "accepted", 250, "2.0.0", text, "4XyZ1a2b3c", 1, 0, 4_096)


async def run(per_second: float) -> None:
    """The app and its traffic on one loop, for ever."""
    queue: deque[Sequence[ev.Event]] = deque()
    app = SmtpWatch(Config(), HOST, lambda: queue.popleft() if queue else (), time.time)

    async def feed() -> None:
        traffic = Traffic(per_second, time.time())
        queue.append([ev.SensorStatus(time.time(), SENSOR, HOST, "running", "", 0, 0, 0, {}, ("eth0", "lo"))])
        while True:
            app.wake()
            await asyncio.sleep(BATCH)
            queue.append(traffic.until(time.time()))

    feeding = asyncio.create_task(feed())
    collecting = asyncio.create_task(collect_seldom())  # as the console does
    await app.run_async()
    feeding.cancel()
    collecting.cancel()


if __name__ == "__main__":
    asyncio.run(run(float(sys.argv[1])))
