"""What happened to the requests of a load, counted as they end."""

from __future__ import annotations

from collections import Counter
from time import monotonic

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.status import FailureCounts, LoadStatus
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.intervals import Estimates, estimate, merged
from modelprofiler.load.summary import latency_summary
from modelprofiler.load.timeline import TimelineRecorder

_NEVER = float("inf")


class Recorder:
    """Counts requests by the window their intended send time falls in.

    A request over its timeout counts as a failure and, with its age, as a latency: it took at least that long, and
    leaving it out would flatter the server. Other failures have no latency.

    Parameters
    ----------
    sub_window
        Length of a sub-window in seconds.
    now
        The moment the load starts, on the monotonic clock, as all times here.
    before
        When single requests before the load began, and how many were answered: for the server they are work too.
    """

    def __init__(self, sub_window: float, now: float, before: tuple[float, int] | None = None) -> None:
        self.due = 0
        self.dropped = 0
        self.failed = 0
        self.send_lag = Histogram()
        since, self.responses = before or (now, 0)
        self.timeline = TimelineRecorder(since)
        self.timeline.observe(now, self.responses, last=True)
        self.window_start = _NEVER
        self.window_end = _NEVER
        self.windows: list[Histogram] = []
        self.failures: Counter[str] = Counter()
        self._sub_window = sub_window
        self._good = 0
        self._at_open = (0, 0, now)
        self._at_close = (0, 0, now)

    def open(self, start: float) -> None:
        """Begin the window: requests due from ``start`` on count."""
        self.window_start = start
        self.send_lag = Histogram()
        self._at_open = (self.due, self._good, monotonic())

    def close(self, end: float) -> None:
        """End the window: no request due at or after ``end`` was sent."""
        self.window_end = end
        self._at_close = (self.due, self._good, monotonic())

    def ended(self, intended: float, now: float, failure: str | None) -> None:
        """Count a request that ended."""
        if failure is None:
            self.responses += 1
            self._good += 1
        else:
            self.failed += 1
            if failure == "status":
                self.responses += 1
            if intended >= self.window_start:
                self.failures[failure] += 1
            if failure != "timeout":
                return
        since_start = intended - self.window_start
        if since_start >= 0:
            try:
                self.windows[int(since_start / self._sub_window)].record(now - intended)
            except IndexError:  # the first request of a sub-window
                self._record(intended, now - intended)

    def _record(self, intended: float, latency: float) -> None:
        index = int((intended - self.window_start) / self._sub_window)
        while index >= len(self.windows):
            self.windows.append(Histogram())
        self.windows[index].record(latency)

    def drop(self, intended: float) -> None:
        """Count a request that was not sent, because too many were in flight."""
        self.dropped += 1
        self.failed += 1
        if intended >= self.window_start:
            self.failures["dropped"] += 1

    def give_up(self, intended: float, now: float) -> None:
        """Count a request that nobody waits for any longer: its latency so far, and no failure."""
        if intended >= self.window_start:
            self._record(intended, now - intended)

    def forget(self, requests: int) -> None:
        """Take back requests of which nothing is known."""
        due, good, at = self._at_close
        self._at_close = (due - requests, good, at)

    @property
    def requests(self) -> int:
        """Requests that were due in the window, so far or in all."""
        end = self._at_close[0] if self.window_end < _NEVER else self.due
        return end - self._at_open[0] if self.window_start < _NEVER else 0

    def finished_windows(self, now: float) -> list[Histogram]:
        """Return the sub-windows that were over at ``now``."""
        count = max(int((min(now, self.window_end) - self.window_start) / self._sub_window + 1e-6), 0)
        missing = max(count - len(self.windows), 0)
        return self.windows[:count] + [Histogram() for _ in range(missing)]

    def histogram(self) -> Histogram:
        """Return the latencies of the window."""
        return merged(self.windows)

    def estimates(self) -> Estimates:
        """Return the latencies of the closed window with their intervals."""
        return estimate(self.finished_windows(self.window_end), total=self.histogram())

    def status(
        self, estimates: Estimates, *, rows_covered: int, stopped_early: str | None, probe: float | None
    ) -> LoadStatus:
        """Return the closed window in numbers."""
        seconds = max(self._at_close[2] - self._at_open[2], 1e-9)
        counts = FailureCounts(**self.failures)
        return LoadStatus.model_validate(
            {
                "requests": self.requests,
                "failures": counts.total,
                "failures_by_kind": counts if counts.total else None,
                "rate": Quantity.decimal((self._at_close[1] - self._at_open[1]) / seconds),
                "rows_covered": rows_covered,
                "duration": Duration.of(self.window_end - self.window_start),
                "stopped_early": stopped_early,
                "latency": latency_summary(estimates.value),
                "latency_low": latency_summary(estimates.low),
                "latency_high": latency_summary(estimates.high),
                "probe": None if probe is None else Duration.of(probe),
            }
        )
