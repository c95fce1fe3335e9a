"""What sends requests: an open loop when the clock says so, a closed loop when the request before has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic

from modelprofiler.load.alarm import Alarm
from modelprofiler.load.http.client import Client
from modelprofiler.load.recorder import Recorder

NextLimit = Callable[[float], float]
"""Called with a limit when the next request would be due at or after it; returns the next limit, or the same to end."""

SETTLE_LENGTH = 768
"""Length of a recorder's `answered` (three numbers an answer) at which it is settled: 256 answers take less than a
tenth of a millisecond together, which no latency shows, and much less than one at a time."""

BACK_OFF = 0.1
"""Seconds that a client of a closed loop pauses after a failure, since it would spin against a dead server. Ten tries a
second find a server that comes back soon enough."""


class OpenLoop:
    """Sends requests when they are due, whether or not those before have ended.

    Parameters
    ----------
    recorder
        Counts what was sent and how it ended.
    arrivals
        Due times in seconds from the start.
    rows
        Number of different requests; they are sent in order, again and again.
    limit
        The first limit, on the monotonic clock.
    next_limit
        Decides what happens at the limit.
    """

    def __init__(
        self, recorder: Recorder, arrivals: Iterator[float], rows: int, limit: float, next_limit: NextLimit
    ) -> None:
        self.sent_rows = bytearray(rows)
        self._recorder = recorder
        self._arrivals = arrivals
        self._limit = limit
        self._next_limit = next_limit
        self._row = 0

    def start(self, client: Client, now: float) -> None:
        """Begin; the first request is due one gap after ``now``."""
        self._client = client
        self._origin = now
        self._due = now + next(self._arrivals)
        self._alarm = Alarm(asyncio.get_running_loop(), self._wake)
        self._alarm.set(min(self._due, self._limit))

    def ended(self, intended: float, now: float, failure: str | None, index: int) -> None:
        """Note the end of a request."""
        if failure is not None:
            self._recorder.record_failure(intended, now, failure, index)
            return
        answered = self._recorder.answered
        answered.append(intended)
        answered.append(now)
        answered.append(index)
        if len(answered) >= SETTLE_LENGTH:
            self._recorder.settle()

    def _wake(self) -> None:
        now = monotonic()
        recorder, client, arrivals, origin = self._recorder, self._client, self._arrivals, self._origin
        lags = recorder.lags
        due = self._due
        while due <= now or self._limit <= now:
            if due >= self._limit:
                limit = self._next_limit(self._limit)
                if limit <= self._limit:
                    self._alarm.close()
                    return
                self._limit = limit
                continue
            row = self._row
            self._row = row + 1 if row + 1 < len(self.sent_rows) else 0
            recorder.due += 1
            lags.append(now - due)
            if not client.submit(row, due):
                recorder.record_drop(due)
            elif not self.sent_rows[row]:
                self.sent_rows[row] = 1
                if recorder.visits is not None:
                    recorder.visits.sent(row, due)
            due = origin + next(arrivals)
            now = monotonic()
        self._due = due
        self._alarm.set(min(due, self._limit))

    def stop(self) -> None:
        """Send nothing more."""
        self._limit = self._due = float("inf")
        self._alarm.close()


class ClosedLoop:
    """A number of clients, each of which sends its next request when its last one has ended.

    Parameters
    ----------
    recorder
        Counts what was sent and how it ended.
    concurrency
        Number of clients.
    rows, limit, next_limit
        As for `OpenLoop`.
    """

    def __init__(self, recorder: Recorder, concurrency: int, rows: int, limit: float, next_limit: NextLimit) -> None:
        self.sent_rows = bytearray(rows)
        self._recorder = recorder
        self._concurrency = concurrency
        self._limit = limit
        self._next_limit = next_limit
        self._row = 0
        self._stopped = False

    def start(self, client: Client, now: float) -> None:
        """Begin with one request of each client."""
        self._client = client
        self._loop = asyncio.get_running_loop()
        for _ in range(self._concurrency):
            self._send(now)

    def ended(self, intended: float, now: float, failure: str | None, index: int) -> None:
        """Note the end of a request, and send the client's next."""
        if failure is None:
            answered = self._recorder.answered
            answered.append(intended)
            answered.append(now)
            answered.append(index)
            if len(answered) >= SETTLE_LENGTH:
                self._recorder.settle()
        else:
            self._recorder.record_failure(intended, now, failure, index)
            if failure in {"refused", "reset", "protocol"}:
                self._loop.call_later(BACK_OFF, lambda: self._send(monotonic()))
                return
        self._send(now)

    def _send(self, now: float) -> None:
        while now >= self._limit and not self._stopped:
            limit = self._next_limit(self._limit)
            if limit <= self._limit:
                self._stopped = True
            self._limit = limit
        if self._stopped:
            return
        row = self._row
        self._row = row + 1 if row + 1 < len(self.sent_rows) else 0
        if not self.sent_rows[row]:
            self.sent_rows[row] = 1
            if self._recorder.visits is not None:
                self._recorder.visits.sent(row, now)
        self._recorder.due += 1
        if not self._client.submit(row, now):  # never happens: as many requests are allowed in flight as clients exist
            self._recorder.record_drop(now)

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
