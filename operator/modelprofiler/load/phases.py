"""The load itself: warm-up, window and drain, with no pause between them, and what ends each."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from time import monotonic

from modelprofiler.load.drive import ClosedLoop, OpenLoop
from modelprofiler.load.http.client import Client
from modelprofiler.load.http.connection import Done
from modelprofiler.load.intervals import FEWEST_SECTIONS, merged
from modelprofiler.load.machine.procfs import CpuTimes
from modelprofiler.load.plan import Plan
from modelprofiler.load.recorder import Recorder
from modelprofiler.load.rendezvous.company import COMMON_ENDINGS, Company, Ending
from modelprofiler.load.schedule import arrivals
from modelprofiler.load.stop_rules import OVERLOAD_STATES, QueueState, is_certain, is_lost, is_overloaded
from modelprofiler.load.visits import VisitRecorder

TICK = 0.1
"""Longest time, in seconds, between two checks of timeouts, timeline and stop rules: ten checks a second cost next to
nothing compared with the requests. Short timeouts and sub-windows are checked more often."""
CHECKS_IN_TIMEOUT = 20
"""Checks within one timeout, so that a request fails at most 5 % later than it should."""
PROGRESS = 5.0
"""Seconds between two lines of progress: a usual window of 30 s has six."""

OVERLOAD_DRAIN, TERMINATED_DRAIN = 5.0, 1.0
"""Seconds to wait for requests in flight after an overload, and when the load is to stop. Behind an overloaded server
the wait would last as long as the timeout, 30 s by default, for requests whose latency decides nothing any more."""
OVERLOAD_SHARE = 0.1
"""Share of the window that is measured before an overload ends it, so that there are latencies to report."""

CHECKS_GROWTH = 8
"""Whether the verdict is certain is checked again when the window has grown by an eighth: fewer looks at the same data
leave less room for chance, and the window is at most an eighth longer than it had to be."""
ARRIVALS_DEVIATIONS = 3
"""Standard deviations above its mean that a Poisson number of arrivals is taken to be at most: exceeded once in 740."""

DRAIN_POLL, LAST_REQUEST_POLL = TICK / 4, 0.01
"""Seconds between checks in the drain, and while the last request is in flight: the drain should not outlast it."""


class Phases:
    """One load through its phases.

    Parameters
    ----------
    plan
        How the server is loaded.
    rows
        Number of different requests.
    make_client
        Makes the client that calls the given function at the end of each request.
    stop
        Ends the load early.
    say
        Called with a line about the progress every five seconds.
    before
        When the single requests before the load began (monotonic clock), and how many were answered.
    visits
        Tells first visits of a row from later ones; None where nobody asks.
    company
        The other generators of the load, with which the window opens and ends.
    """

    def __init__(
        self,
        plan: Plan,
        rows: int,
        make_client: Callable[[Done], Client],
        stop: asyncio.Event,
        say: Callable[[str], None],
        before: tuple[float, int] | None = None,
        visits: VisitRecorder | None = None,
        company: Company | None = None,
    ) -> None:
        self.plan = plan
        self.company = company or Company()
        self.company.on_end(self._end_with_others)
        self.rows = rows
        self.stop = stop
        self.say = say
        self.stopped_early: Ending | None = None
        self.cpu_percent = 0.0
        self._machine_at_open: CpuTimes | None = None
        self.machine: tuple[float, float] | None = None
        """(busy, stolen) shares of the machine's CPU time in the window; None where they cannot be read."""
        now = self.warmup_started = monotonic()
        self.recorder = Recorder(plan.sub_window, now, before, visits)
        limit = now + plan.warmup
        self.driver: OpenLoop | ClosedLoop
        if plan.rate is not None:
            times = arrivals(plan.arrival, plan.rate, plan.seed)
            self.driver = OpenLoop(self.recorder, times, rows, limit, self._next_limit)
        else:
            self.driver = ClosedLoop(self.recorder, plan.concurrency, rows, limit, self._next_limit)
        self.client = make_client(self.driver.ended)
        self.client.max_in_flight = plan.max_in_flight_in_warmup
        self._dropped = 0
        """Requests of the warm-up that were not sent until its last sub-window began."""
        self._catching_up = False
        """Whether there were some in the sub-window before."""
        self._sent_all = asyncio.Event()
        self._queue_states: deque[QueueState] = deque(maxlen=OVERLOAD_STATES)
        self._next_sub_window = now + plan.sub_window
        self._next_certainty_check = FEWEST_SECTIONS
        self._next_progress = now + PROGRESS
        self._cpu_at_open = (0.0, 0.0)
        """CPU time of this process, and the moment, when the window began."""

    @property
    def ports_exhausted(self) -> int:
        """Connections that could not be opened because this machine had no local port or file descriptor left."""
        return self.client.ports_exhausted

    @property
    def measured(self) -> bool:
        """Whether the window began."""
        return self._cpu_at_open[1] > 0

    async def run(self) -> None:
        """Go through all phases; return when no request is in flight any more, or none is waited for."""
        self.driver.start(self.client, monotonic())
        try:
            await self._until_all_sent()
            await self._drain()
        finally:
            self.driver.stop()
            await self.client.close()

    async def _until_all_sent(self) -> None:
        tick = min(TICK, self.plan.sub_window / 2, self.plan.timeout / CHECKS_IN_TIMEOUT)
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
        if self.measured and self._enough():
            self.company.reach("enough")
        most = self.plan.most_requests
        if most is not None and self.recorder.due >= most and not self._sent_all.is_set():
            self._end("Terminated", now)
        if now >= self._next_sub_window:
            self._next_sub_window += self.plan.sub_window
            self._apply_stop_rules(now)
        if now >= self._next_progress:
            self._next_progress += PROGRESS
            self.say(self._progress(now))

    def _apply_stop_rules(self, now: float) -> None:
        recorder, plan = self.recorder, self.plan
        ages = self.client.ages(now)
        oldest = max(ages, default=0.0)
        if plan.rate is not None:
            backlog = self.client.in_flight + recorder.dropped
            self._queue_states.append(QueueState(recorder.due, recorder.responses, backlog, oldest))
        if not self.measured:
            self._dropped, self._catching_up = recorder.dropped, recorder.dropped > self._dropped
        if self._sent_all.is_set() or not self.measured:
            return
        if is_overloaded(self._queue_states) and now - recorder.window_start >= OVERLOAD_SHARE * plan.duration:
            self._end("Overload", now)
            return
        if plan.decide and now - recorder.window_start >= FEWEST_SECTIONS * plan.sub_window and self._enough():
            due_in_window = [age for age in ages if now - age >= recorder.window_start]
            if is_lost(recorder.windows, due_in_window, plan.thresholds, self._most_requests):
                self._end("Certain", now)
                return
        # Only sub-windows whose requests have all ended: those still in flight are the slow ones.
        windows = recorder.finished_windows(min(now, now - oldest))
        if plan.decide and len(windows) >= self._next_certainty_check and self._enough():
            self._next_certainty_check = len(windows) + max(len(windows) // CHECKS_GROWTH, 1)
            failures = sum(recorder.failures.values())
            if is_certain(windows, plan.thresholds, recorder.requests, failures, plan.max_error_ratio):
                self._end("Certain", now)

    @property
    def _most_requests(self) -> float:
        """The largest number of requests that the window may have in the end; without limit for a closed loop."""
        if self.plan.rate is None:
            return math.inf
        expected = self.plan.rate * self.plan.duration
        return max(expected + ARRIVALS_DEVIATIONS * math.sqrt(expected), self.recorder.requests)

    def _end(self, ending: Ending, now: float) -> None:
        self.driver.stop()
        self.stopped_early = ending
        if self.measured:
            self._close(now)
        self._sent_all.set()
        if ending in COMMON_ENDINGS:
            self.company.tell_end(ending)

    def _end_with_others(self, ending: Ending) -> None:
        """End since another generator has: it alone is not the load that was asked for."""
        if not self._sent_all.is_set():
            self._end(ending, monotonic())

    def _next_limit(self, limit: float) -> float:
        """Return the next limit when warm-up or window are over by the clock; called by the driver."""
        plan, recorder = self.plan, self.recorder
        if not self.measured:
            bound = self.warmup_started + plan.max_warmup
            is_warm = recorder.due >= plan.warmup_requests and not self._is_settling()
            if is_warm:
                self.company.reach("warm")
            if limit < bound and not (is_warm and self.company.all_reached("warm")):
                return min(limit + TICK, bound)
            self.client.max_in_flight = plan.max_in_flight
            recorder.open(limit)
            self._cpu_at_open = (time.process_time(), monotonic())
            self._machine_at_open = CpuTimes.now()
            return limit + plan.duration
        bound = recorder.window_start + plan.max_duration
        enough = self._enough() and self.company.all_reached("enough")
        if not enough and limit < bound - 1e-9:  # a nanosecond: sums of sub-windows are rounded
            return min(limit + plan.sub_window, bound)
        self._close(limit)
        self._sent_all.set()
        return limit

    def _is_settling(self) -> bool:
        """Return whether the server could not take all requests in the last sub-window of the warm-up.

        It may still load its model or compile its code. Only a load that measures waits for it, since a size that is
        too small would be waited for as well.
        """
        return (
            self.plan.warmup > 0
            and not self.plan.decide
            and (self._catching_up or self.recorder.dropped > self._dropped)
        )

    def _enough(self) -> bool:
        """Return whether the window has the requests and rows that it must have."""
        plan, recorder = self.plan, self.recorder
        if recorder.requests < plan.required_requests:
            return False
        return not plan.cover_rows or recorder.due >= self.rows or not self._can_cover()

    def _can_cover(self) -> bool:
        """Return whether every row can be sent within the bounds, at the rate so far."""
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
        longest = {"Overload": OVERLOAD_DRAIN, "Terminated": TERMINATED_DRAIN}.get(self.stopped_early or "", math.inf)
        end = monotonic() + min(self.plan.timeout, longest)
        poll = min(DRAIN_POLL, self.plan.timeout / CHECKS_IN_TIMEOUT / 4)
        while client.in_flight:
            now = monotonic()
            client.sweep(now)
            recorder.timeline.observe(now, recorder.responses)
            if now >= end:
                break
            await asyncio.sleep(min(poll, LAST_REQUEST_POLL) if client.in_flight < 2 else poll)
        now = monotonic()
        recorder.timeline.observe(now, recorder.responses, last=True)
        unanswered = [age for age in client.ages(now) if now - age >= recorder.window_start]
        if self.stopped_early == "Overload":
            for age in unanswered:
                recorder.give_up(now - age, now)
        else:
            recorder.forget(len(unanswered))

    def _progress(self, now: float) -> str:
        recorder = self.recorder
        stage = "window" if self.measured else "warm-up"
        line = f"{stage} {now - self.warmup_started:.0f} s: {recorder.due} sent, {recorder.failed} failed"
        latest = merged(recorder.windows[-max(round(PROGRESS / self.plan.sub_window), 1) :])
        p95 = latest.quantile(0.95)
        return line if p95 is None else f"{line}, p95 {p95 * 1000:.4g} ms in the last {PROGRESS:.0f} s"
