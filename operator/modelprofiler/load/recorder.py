"""Counts the requests of a load as they end: responses over time, latencies by sub-window, failures by kind."""

from __future__ import annotations

from collections import Counter
from math import floor
from operator import sub
from time import monotonic

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import FailureCounts, LoadStatus
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.insight.log import RowLog
from modelprofiler.load.intervals import Estimates, estimate, merged
from modelprofiler.load.result import latency_summary
from modelprofiler.load.timeline import TimelineRecorder
from modelprofiler.load.visits import VisitRecorder

_NEVER = float("inf")


class Recorder:
    """Counts requests by the sub-window that their intended send time falls in.

    A request that exceeds its timeout counts as a failure and, with its age, as a latency: it took at least that long,
    and leaving it out would flatter the server. Other failures have no latency.

    Parameters
    ----------
    sub_window
        Length of a sub-window in seconds.
    now
        The moment the load starts, on the monotonic clock, as all times here.
    before
        When the single requests before the load began, and how many were answered: they are work for the server, too.
    visits
        Tells first visits of a row from later ones; None where nobody asks.
    """

    def __init__(
        self,
        sub_window: float,
        now: float,
        before: tuple[float, int] | None = None,
        visits: VisitRecorder | None = None,
    ) -> None:
        self.visits = visits
        self.answered: list[float] = []
        """Intended send time, end and number of the request of each good answer that `settle` has not counted yet, one
        after the other."""
        self.lags: list[float] = []
        """How late requests were sent, in seconds; those that `settle` has not counted yet."""
        self.due = 0
        self.dropped = 0
        self.failed = 0
        self.log = RowLog()
        """Which requests had which latencies in the window."""
        self._send_lag = Histogram()
        since, self._responses = before or (now, 0)
        self.timeline = TimelineRecorder(since)
        self.timeline.observe(now, self._responses, last=True)
        self.window_start = _NEVER
        self.window_end = _NEVER
        self._windows: list[Histogram] = []
        self.failures: Counter[str] = Counter()
        self._first_failure = _NEVER
        self._sub_window = sub_window
        self._good = 0
        self._at_open = self._at_close = (0, 0, now)
        """Requests due, good answers, and the moment, when the window began and ended."""

    def open(self, start: float) -> None:
        """Begin the window: requests due from ``start`` on count."""
        self.settle()
        self.window_start = start
        self._send_lag = Histogram()
        self._at_open = (self.due, self._good, monotonic())

    def close(self, end: float) -> None:
        """End the window: no request due at or after ``end`` was sent."""
        self.settle()
        self.window_end = end
        self._at_close = (self.due, self._good, monotonic())

    def settle(self) -> None:
        """Count the answers and lags noted since the last call: many at once cost a fraction of one at a time."""
        if self.lags:
            self._send_lag.record_all(self.lags)
            self.lags.clear()
        answered = self.answered
        if not answered:
            return
        dues, ends, requests = answered[::3], answered[1::3], answered[2::3]
        answered.clear()
        self._responses += len(dues)
        self._good += len(dues)
        if self.visits is not None and self.visits.watches:
            self.visits.count(dues, ends)
        first, last = self._index(min(dues)), self._index(max(dues))
        if last < 0:  # the warm-up
            return
        latencies = list(map(sub, ends, dues))
        if first == last:  # as nearly always, and several times as fast
            self._count(first, requests, latencies)
            return
        groups: dict[int, list[int]] = {}
        for place, due in enumerate(dues):
            groups.setdefault(self._index(due), []).append(place)
        for index, places in groups.items():
            if index >= 0:
                self._count(index, [requests[place] for place in places], [latencies[place] for place in places])

    def _index(self, due: float) -> int:
        """Return the sub-window in which a request was due; negative before the window."""
        return floor((due - self.window_start) / self._sub_window) if self.window_start < _NEVER else -1

    def _count(self, index: int, requests: list[float], latencies: list[float]) -> None:
        self._window(index).record_all(latencies)
        self.log.add(index, requests, latencies)

    @property
    def send_lag(self) -> Histogram:
        """How late requests were sent, in seconds (open loop), or the generator's clock ticked (closed loop)."""
        self.settle()
        return self._send_lag

    @property
    def responses(self) -> int:
        """Responses so far, good or not."""
        self.settle()
        return self._responses

    def record_failure(self, intended: float, now: float, failure: str, request: int) -> None:
        """Count a request that failed."""
        self.failed += 1
        if failure in {"status", "content"}:
            self._responses += 1
        if intended >= self.window_start:
            self.failures[failure] += 1
            self._first_failure = min(self._first_failure, intended)
            if failure == "timeout":
                self._count(self._index(intended), [request], [now - intended])

    def _record(self, intended: float, latency: float) -> None:
        self._window(self._index(intended)).record(latency)

    def _window(self, index: int) -> Histogram:
        while index >= len(self._windows):
            self._windows.append(Histogram())
        return self._windows[index]

    @property
    def windows(self) -> list[Histogram]:
        """Latencies in seconds by sub-window, up to the last sub-window of which a request has ended."""
        self.settle()
        return self._windows

    def record_drop(self, intended: float) -> None:
        """Count a request that was not sent, because too many were in flight."""
        self.dropped += 1
        self.failed += 1
        if intended >= self.window_start:
            self.failures["dropped"] += 1
            self._first_failure = min(self._first_failure, intended)

    def give_up(self, intended: float, now: float) -> None:
        """Count a request that is no longer waited for: its latency so far, and no failure."""
        if intended >= self.window_start:
            self._record(intended, now - intended)

    def forget(self, requests: int) -> None:
        """Take back requests whose end will never be known."""
        due, good, at = self._at_close
        self._at_close = (due - requests, good, at)

    @property
    def requests(self) -> int:
        """Requests that were due in the window; so far, while it is open."""
        end = self._at_close[0] if self.window_end < _NEVER else self.due
        return end - self._at_open[0] if self.window_start < _NEVER else 0

    def finished_windows(self, now: float) -> list[Histogram]:
        """Return the sub-windows that were over at ``now``."""
        count = max(int((min(now, self.window_end) - self.window_start) / self._sub_window + 1e-6), 0)  # rounding
        missing = max(count - len(self.windows), 0)
        return self.windows[:count] + [Histogram() for _ in range(missing)]

    def histogram(self) -> Histogram:
        """Return the latencies of the window."""
        return merged(self.windows)

    def estimates(self) -> Estimates:
        """Return the latencies of the closed window with their intervals."""
        return estimate(self.finished_windows(self.window_end), total=self.histogram())

    def status(
        self,
        estimates: Estimates,
        *,
        rows_covered: int,
        distinct_rows: int | None = None,
        stopped_early: str | None,
        probe: float | None,
    ) -> LoadStatus:
        """Return the closed window in numbers."""
        seconds = max(self._at_close[2] - self._at_open[2], 1e-9)  # a window of no length has no requests either
        counts = FailureCounts(**self.failures)
        return LoadStatus.model_validate(
            {
                "requests": self.requests,
                "failures": counts.total,
                "failures_by_kind": counts if counts.total else None,
                "first_failure": Duration.of(self._first_failure - self.window_start, 3) if counts.total else None,
                "rate": Quantity.decimal((self._at_close[1] - self._at_open[1]) / seconds),
                "rows_covered": rows_covered,
                "distinct_rows": distinct_rows,
                "duration": Duration.of(self.window_end - self.window_start),
                "stopped_early": stopped_early,
                "latency": latency_summary(estimates.value),
                "latency_low": latency_summary(estimates.low),
                "latency_high": latency_summary(estimates.high),
                "probe": None if probe is None else Duration.of(probe),
            }
        )
