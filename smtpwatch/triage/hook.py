"""The admin's command that is run with each alert that is raised or becomes worse: the setting alerts.on_alert.

It gets the alert as a line of JSON on its standard input, and nothing of it in its arguments: strangers have a say in
an alert's words, and no shell reads them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from smtpwatch.clean import clean_json
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.alerts import News
from smtpwatch.triage.facts import HookFacts, hook_facts
from smtpwatch.triage.hook_run import Run

TOGETHER = 4  # runs at once
WAITING = 100  # alerts that wait for one of those to end; a thousand fit into a minute's limit, but not into its time
MINUTE = 60.0  # seconds in which so many runs are started
GOODBYE = 1.0  # seconds that runs get to end by themselves when we end
STEP = 0.02  # seconds between looks, then
LAST = 0.3  # seconds that those that do not get to tidy up


class Hook:
    """Runs the command for `news`, where there is one. Nothing here waits, but `stop`, and nothing raises: `problem`
    says what was wrong with the latest run that ended or could not be started, in one line, "" if nothing was.
    `clock` gives monotonic seconds."""

    def __init__(self, limits: Thresholds, clock: Callable[[], float]) -> None:
        self.problem = ""
        self._limits = limits
        self._clock = clock
        self._runs: list[Run] = []
        self._started: deque[float] = deque()
        """When, within the last minute."""
        self._waiting: deque[HookFacts] = deque()
        self._left_out = 0

    def take(self, news: Sequence[News]) -> None:
        """What has happened to alerts; the worst go first."""
        if not self._limits.on_alert:
            return
        taken: set[int] = set()
        for alert, what in sorted(news, key=lambda each: -each.alert.severity):
            if what == "over" or alert.number in taken:  # raised and worse at once is told once
                continue
            taken.add(alert.number)
            if len(self._waiting) < WAITING:
                self._waiting.append(hook_facts(alert, what))
            else:
                self._left_out += 1
        self._start()

    def poll(self) -> None:
        """To be called about once a second: ends what takes too long, starts what waits."""
        now = self._clock()
        for run in self._runs:
            run.look(now)
        over = [run for run in self._runs if run.over]
        if over:
            self._tell(next((run.problem for run in over if run.problem), ""))
            self._runs = [run for run in self._runs if not run.over]
        self._start()

    def stop(self) -> None:
        """No more; what still runs gets a moment."""
        self._waiting.clear()
        for _ in range(round(GOODBYE / STEP)):
            if not self._runs:
                return
            time.sleep(STEP)
            self.poll()
        for run in self._runs:
            run.ask_to_end()
        time.sleep(LAST)
        for run in self._runs:
            run.end()
        self._runs.clear()

    def _start(self) -> None:
        """As many as may run by now. Those beyond the limit of the minute are left out, and the next run is told how
        many they were."""
        while self._waiting:
            now = self._clock()
            while self._started and now - self._started[0] >= MINUTE:
                self._started.popleft()
            if len(self._started) >= self._limits.on_alert_per_minute:
                self._left_out += len(self._waiting)
                self._waiting.clear()
                return
            if len(self._runs) >= TOGETHER:
                return
            self._started.append(now)
            self._run(self._waiting.popleft(), now)

    def _run(self, facts: HookFacts, now: float) -> None:
        facts.left_out = self._left_out
        fed = clean_json(msgspec.json.encode(facts)) + b"\n"
        command = self._limits.on_alert
        try:
            self._runs.append(Run(command, fed, now, self._limits.on_alert_limit))
        except OSError as error:
            self._left_out += 1
            self._tell(f"{command[0]}: {error.strerror}")
        else:
            self._left_out = 0

    def _tell(self, problem: str) -> None:
        self.problem = f"on_alert: {problem}" if problem else ""
