"""The load itself: warm-up, window and drain, without a pause between them, and what ends each."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Literal

from modelprofiler.load.client import Client
from modelprofiler.load.connection import Done
from modelprofiler.load.drive import ClosedLoop, OpenLoop
from modelprofiler.load.intervals import FEWEST_SECTIONS, merged
from modelprofiler.load.machine import CpuTimes
from modelprofiler.load.plan import Plan
from modelprofiler.load.recorder import Recorder
from modelprofiler.load.schedule import arrivals
from modelprofiler.load.stop import OVERLOAD_LEVELS, Level, is_certain, is_lost, is_overloaded

TICK = 0.1
"""Seconds between looks at timeouts, timeline and stop rules, at most; shorter for short timeouts and sub-windows."""
PROGRESS = 5.0
OVERLOAD_DRAIN, TERMINATED_DRAIN = 5.0, 1.0
"""Seconds to wait for what is in flight: behind an overloaded server it would be as long as the timeout."""
OVERLOAD_SHARE = 0.1
"""Of the window that is measured before an overload ends it, so that there are latencies to show."""

Ending = Literal["Certain", "Overload", "Terminated"]


class Phases:
    """One load through its phases.

    Parameters
    ----------
    plan
        What to do.
    rows
        Number of requests the client knows.
    make_client
        Makes the client that calls the given function at the end of each request.
    stop
        Ends the load early.
    say
        Called with a line of progress now and then.
    before
        When single requests before the load began, and how many were answered.
    """

    def __init__(
        self,
        plan: Plan,
        rows: int,
        make_client: Callable[[Done], Client],
        stop: asyncio.Event,
        say: Callable[[str], None],
        before: tuple[float, int] | None = None,
    ) -> None:
        self.plan = plan
        self.rows = rows
        self.stop = stop
        self.say = say
        self.stopped_early: Ending | None = None
        self.cpu_percent = 0.0
        self._machine_at_open: CpuTimes | None = None
        self.machine: tuple[float, float] | None = None
        """(busy, stolen) shares of the machine's CPU time in the window; None where it does not tell."""
        now = self.warmup_started = monotonic()
        self.recorder = Recorder(plan.sub_window, now, before)
        limit = now + plan.warmup
        self.driver: OpenLoop | ClosedLoop
        if plan.rate is not None:
            times = arrivals(plan.arrival, plan.rate, plan.seed)
            self.driver = OpenLoop(self.recorder, times, rows, limit, self._at_limit)
        else:
            self.driver = ClosedLoop(self.recorder, plan.concurrency, rows, limit, self._at_limit)
        self.client = make_client(self.driver.ended)
        self._sent_all = asyncio.Event()
        self._levels: deque[Level] = deque(maxlen=OVERLOAD_LEVELS)
        self._next_level = now + plan.sub_window
        self._next_check = FEWEST_SECTIONS
        self._next_progress = now + PROGRESS
        self._cpu_at_open = (0.0, 0.0)

    @property
    def ports_exhausted(self) -> int:
        """Connections that this machine had no port or file for."""
        return self.client.ports_exhausted

    @property
    def measured(self) -> bool:
        """Whether the window began."""
        return self._cpu_at_open[1] > 0

    async def run(self) -> None:
        """Go through all phases; returns when nothing is in flight any more, or nobody waits for it."""
        self.driver.start(self.client, monotonic())
        try:
            await self._until_all_sent()
            await self._drain()
        finally:
            self.driver.stop()
            await self.client.close()

    async def _until_all_sent(self) -> None:
        tick = min(TICK, self.plan.sub_window / 2, self.plan.timeout / 20)
        waits = [asyncio.ensure_future(self.stop.wait()), asyncio.ensure_future(self._sent_all.wait())]
        due = monotonic()
        try:
            while not self._sent_all.is_set():
                due += tick
                await asyncio.wait(waits, timeout=max(due - monotonic(), 0), return_when=asyncio.FIRST_COMPLETED)
                now = monotonic()
                if self.stop.is_set():
                    self._end("Terminated", now)
                    return
                if self.plan.rate is None and now > due:
                    self.recorder.lags.append(now - due)
                due = max(due, now - tick)
                self._tick(now)
        finally:
            for wait in waits:
                wait.cancel()

    def _tick(self, now: float) -> None:
        self.client.sweep(now)
        self.recorder.timeline.observe(now, self.recorder.responses)
        if now >= self._next_level:
            self._next_level += self.plan.sub_window
            self._look(now)
        if now >= self._next_progress:
            self._next_progress += PROGRESS
            self.say(self._progress(now))

    def _look(self, now: float) -> None:
        """Apply the stop rules."""
        recorder, plan = self.recorder, self.plan
        ages = self.client.ages(now)
        oldest = max(ages, default=0.0)
        if plan.rate is not None:
            backlog = self.client.in_flight + recorder.dropped
            self._levels.append(Level(recorder.due, recorder.responses, backlog, oldest))
        if self._sent_all.is_set() or not self.measured:
            return
        if is_overloaded(self._levels) and now - recorder.window_start >= OVERLOAD_SHARE * plan.duration:
            self._end("Overload", now)
            return
        if plan.decide and now - recorder.window_start >= FEWEST_SECTIONS * plan.sub_window and self._enough():
            due_in_window = [age for age in ages if now - age >= recorder.window_start]
            if is_lost(recorder.windows, due_in_window, plan.thresholds, self._most_requests):
                self._end("Certain", now)
                return
        # Only sub-windows of which every request has ended: those still in flight are the slow ones.
        windows = recorder.finished_windows(min(now, now - oldest))
        if plan.decide and len(windows) >= self._next_check and self._enough():
            self._next_check = len(windows) + max(len(windows) // 8, 1)
            failures = sum(recorder.failures.values())
            if is_certain(windows, plan.thresholds, recorder.requests, failures, plan.max_error_ratio):
                self._end("Certain", now)

    @property
    def _most_requests(self) -> float:
        """How many requests the window may have in the end, by all chance; unknown of a closed loop: any number."""
        if self.plan.rate is None:
            return math.inf
        expected = self.plan.rate * self.plan.duration
        return max(expected + 3 * math.sqrt(expected), self.recorder.requests)

    def _end(self, why: Ending, now: float) -> None:
        self.driver.stop()
        self.stopped_early = why
        if self.measured:
            self._close(now)
        self._sent_all.set()

    def _at_limit(self, limit: float) -> float:
        """Decide what follows when warm-up or window are over by the clock; called by the driver."""
        plan, recorder = self.plan, self.recorder
        if not self.measured:
            if recorder.due < plan.warmup_requests and limit < self.warmup_started + plan.max_warmup:
                return min(limit + TICK, self.warmup_started + plan.max_warmup)
            recorder.open(limit)
            self._cpu_at_open = (time.process_time(), monotonic())
            self._machine_at_open = CpuTimes.now()
            return limit + plan.duration
        bound = recorder.window_start + plan.max_duration
        if not self._enough() and limit < bound - 1e-9:
            return min(limit + plan.sub_window, bound)
        self._close(limit)
        self._sent_all.set()
        return limit

    def _enough(self) -> bool:
        """Whether the window has the requests and rows it must have."""
        plan, recorder = self.plan, self.recorder
        if recorder.requests < plan.required_requests:
            return False
        return not plan.cover_rows or recorder.due >= self.rows or not self._can_cover()

    def _can_cover(self) -> bool:
        """Whether every row can be sent within the bounds, at the rate so far."""
        elapsed = monotonic() - self.warmup_started
        longest = self.recorder.window_start + self.plan.max_duration - self.warmup_started
        return self.recorder.due / elapsed * longest >= self.rows

    def _close(self, end: float) -> None:
        self.recorder.close(end)
        cpu, at = self._cpu_at_open
        self.cpu_percent = 100 * (time.process_time() - cpu) / max(monotonic() - at, 1e-9)
        now = CpuTimes.now()
        if self._machine_at_open and now:
            self.machine = self._machine_at_open.busy_share(now)

    async def _drain(self) -> None:
        recorder, client = self.recorder, self.client
        self.driver.stop()
        patience = {"Overload": OVERLOAD_DRAIN, "Terminated": TERMINATED_DRAIN}.get(self.stopped_early or "", 1e9)
        end = monotonic() + min(self.plan.timeout, patience)
        tick = min(TICK, self.plan.timeout / 20)
        while client.in_flight:
            now = monotonic()
            client.sweep(now)
            recorder.timeline.observe(now, recorder.responses)
            if now >= end:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.sleep(min(tick, 0.01) if client.in_flight < 2 else tick / 4)
        now = monotonic()
        recorder.timeline.observe(now, recorder.responses, last=True)
        left = [age for age in client.ages(now) if now - age >= recorder.window_start]
        if self.stopped_early == "Overload":
            for age in left:
                recorder.give_up(now - age, now)
        else:
            recorder.forget(len(left))

    def _progress(self, now: float) -> str:
        recorder = self.recorder
        stage = "window" if self.measured else "warm-up"
        line = f"{stage} {now - self.warmup_started:.0f} s: {recorder.due} sent, {recorder.failed} failed"
        latest = merged(recorder.windows[-max(round(PROGRESS / self.plan.sub_window), 1) :])
        p95 = latest.quantile(0.95)
        return line if p95 is None else f"{line}, p95 lately {p95 * 1000:.4g} ms"
