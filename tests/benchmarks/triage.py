"""What the rules add: to the time that state takes to fold an event, and to memory when everybody in the world is bad.

`python -m tests.benchmarks.triage`; about ten minutes. The same events are folded with rules and without, in turns: the
recorded incident of the demo, in which something is found all the time. Of a world in which every client does all that
is forbidden, once, the cost is told, and memory is held to its budget."""

import gc
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice

from smtpwatch import bundled
from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.picture import Picture
from smtpwatch.triage.triage import Triage

BUDGET = 0.10  # of the time without rules
TURNS = 5
BATCH = 250  # events: what the console folds at a time
SOME = 20_000  # of the bad sources, for the cost

SOURCES, ACCOUNTS = 1_000_000, 100_000
MARK = 250_000  # sources between two looks at memory
GROWTH = 1.05  # of what there is at the first mark: more is a leak
MOST = 60 << 20  # octets that the rules may take in all, beside what state takes


def _seconds(batches: Sequence[Sequence[ev.Event]], rules: bool) -> float:
    picture = Picture()
    into = Triage(picture, Config(domains=("ours.example",))) if rules else picture
    gc.collect()
    begun = time.process_time()
    for batch in batches:
        into.apply(batch)
    return time.process_time() - begun


def _cost(what: str, events: Iterable[ev.Event]) -> bool:
    every = iter(events)
    batches = list(iter(lambda: list(islice(every, BATCH)), []))
    without, with_ = [], []
    for _ in range(TURNS):
        without.append(_seconds(batches, rules=False))
        with_.append(_seconds(batches, rules=True))
    n = sum(map(len, batches))
    more = min(with_) / min(without) - 1
    print(
        f"{what}: {n:,} events; {min(without) / n * 1e6:.2f} us each without rules, {min(with_) / n * 1e6:.2f} us with:"
        f" {more:+.1%} (budget {BUDGET:+.0%})",
        flush=True,
    )
    return more <= BUDGET


def bad_world(sources: int) -> Iterable[ev.Event]:
    """From each source: a failed login to one of the accounts, a relay try, an unknown recipient, and bad manners."""
    for k in range(sources):
        now = 1_772_361_600.0 + k / 500
        source = f"{11 + k // 65_536 % 200}.{k // 256 % 256}.{k % 256}.{k // 13_107_200 + 1}"
        head = (now, "wire", "mx", k, source)
        yield ev.SessionOpened(*head, now, 1_024 + k % 60_000, "192.0.2.25", 25, "inbound")
        yield ev.Command(*head, "EHLO", f"bot{k}.example")
        yield ev.RecipientDecided(*head, f"x{k}@theirs.example", 554, "5.7.1", "Relay access denied")
        yield ev.RecipientDecided(*head, f"x{k}@ours.example", 550, "5.1.1", "User unknown")
        yield ev.Oddity(*head, "pipelining", "x")
        yield ev.SessionClosed(now, *head[1:], now, "quit", 100, 100, None, True)
        log = (now, "log", "mx", "postfix/submission/smtpd", k % 4_000_000)
        client = (source, 30_000 + k % 30_000, "")
        yield ev.ClientConnected(*log, "connect", *client)
        yield ev.LoginTried(*log, "login", *client, "submission", "failure", f"user{k % ACCOUNTS}", "PLAIN")
        yield ev.ClientDisconnected(*log, "disconnect", *client)


def _memory(rules: bool) -> None:
    """In a process of its own: prints the octets in use at each mark."""
    picture = Picture()
    into = Triage(picture, Config(domains=("ours.example",))) if rules else picture
    every = iter(bad_world(SOURCES))
    for _ in range(SOURCES // MARK):
        for _ in range(MARK * 9 // BATCH):
            into.apply(list(islice(every, BATCH)))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


def _marks(rules: bool) -> list[int]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.triage", "memory", "rules" if rules else "state"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [int(line) for line in ran.stdout.split()]


def _bounded() -> bool:
    without, with_ = _marks(rules=False), _marks(rules=True)
    print(f"memory, {SOURCES:,} bad sources, {ACCOUNTS:,} accounts, at each {MARK:,} sources (MB, state | with rules):")
    for one, other in zip(without, with_, strict=True):
        print(f"  {one / 1e6:.0f} | {other / 1e6:.0f}: rules {max(0, other - one) / 1e6:.0f} (budget {MOST / 1e6:.0f})")
    return with_[-1] - without[-1] <= MOST and with_[-1] <= GROWTH * with_[0]


def main() -> int:
    """1 if a budget is not kept."""
    gc.disable()  # as the console does, but now and then
    recorded = [event for batch in bundled.recorded() for event in batch]
    kept = [
        _cost("the demo's incident", recorded),
        _bounded(),
    ]
    _cost(f"{SOME:,} bad sources", bad_world(SOME))
    return int(not all(kept))


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        _memory(sys.argv[2] == "rules")
    else:
        sys.exit(main())
