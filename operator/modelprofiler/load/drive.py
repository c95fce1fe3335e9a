"""What makes requests due: an open loop by the clock, a closed loop by the end of the request before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic

from modelprofiler.load.alarm import Alarm
from modelprofiler.load.client import Client
from modelprofiler.load.recorder import Recorder

Limit = Callable[[float], float]
"""Called when the next request would be due at or after the limit; returns the new limit, or the same to end."""

TOGETHER = 512
"""Numbers of a recorder's `answered` from which on they are counted: in less than a tenth of a millisecond."""

BACK_OFF = 0.1
"""Seconds that a client of the closed loop pauses after a failure: against a dead server it would spin."""


class OpenLoop:
    """Sends requests when they are due, whether or not those before have ended.

    Parameters
    ----------
    arrivals
        Due times in seconds from the start.
    rows
        Number of different requests; they are sent in order, again and again.
    limit
        The first limit, on the monotonic clock.
    at_limit
        Decides what happens at the limit.
    """

    def __init__(self, recorder: Recorder, arrivals: Iterator[float], rows: int, limit: float, at_limit: Limit) -> None:
        self.sent_rows = bytearray(rows)
        self._recorder = recorder
        self._arrivals = arrivals
        self._limit = limit
        self._at_limit = at_limit
        self._row = 0

    def start(self, client: Client, now: float) -> None:
        """Begin; the first request is due a gap after ``now``."""
        self._client = client
        self._origin = now
        self._due = now + next(self._arrivals)
        self._alarm = Alarm(asyncio.get_running_loop(), self._wake)
        self._alarm.set(min(self._due, self._limit))

    def ended(self, intended: float, now: float, failure: str | None) -> None:
        """Note the end of a request."""
        if failure is not None:
            self._recorder.failed_with(intended, now, failure)
            return
        answered = self._recorder.answered
        answered.append(intended)
        answered.append(now)
        if len(answered) >= TOGETHER:
            self._recorder.settle()

    def _wake(self) -> None:
        now = monotonic()
        recorder, client, arrivals, origin = self._recorder, self._client, self._arrivals, self._origin
        lags = recorder.lags
        due = self._due
        while due <= now or self._limit <= now:
            if due >= self._limit:
                limit = self._at_limit(self._limit)
                if limit <= self._limit:
                    self._alarm.close()
                    return
                self._limit = limit
                continue
            row = self._row
            self._row = row + 1 if row + 1 < len(self.sent_rows) else 0
            self.sent_rows[row] = 1
            recorder.due += 1
            lags.append(now - due)
            if not client.submit(row, due):
                recorder.drop(due)
            due = origin + next(arrivals)
            now = monotonic()
        self._due = due
        self._alarm.set(min(due, self._limit))

    def stop(self) -> None:
        """Send nothing more."""
        self._limit = self._due = float("inf")
        self._alarm.close()


class ClosedLoop:
    """A number of clients, each sending its next request when the last has ended.

    Parameters
    ----------
    concurrency
        How many clients.
    rows, limit, at_limit
        As for `OpenLoop`.
    """

    def __init__(self, recorder: Recorder, concurrency: int, rows: int, limit: float, at_limit: Limit) -> None:
        self.sent_rows = bytearray(rows)
        self._recorder = recorder
        self._concurrency = concurrency
        self._limit = limit
        self._at_limit = at_limit
        self._row = 0
        self._stopped = False

    def start(self, client: Client, now: float) -> None:
        """Begin with one request of each client."""
        self._client = client
        self._loop = asyncio.get_running_loop()
        for _ in range(self._concurrency):
            self._send(now)

    def ended(self, intended: float, now: float, failure: str | None) -> None:
        """Note the end of a request, and send the client's next."""
        if failure is None:
            answered = self._recorder.answered
            answered.append(intended)
            answered.append(now)
            if len(answered) >= TOGETHER:
                self._recorder.settle()
        else:
            self._recorder.failed_with(intended, now, failure)
            if failure in {"refused", "reset", "protocol"}:
                self._loop.call_later(BACK_OFF, lambda: self._send(monotonic()))
                return
        self._send(now)

    def _send(self, now: float) -> None:
        while now >= self._limit and not self._stopped:
            limit = self._at_limit(self._limit)
            if limit <= self._limit:
                self._stopped = True
            self._limit = limit
        if self._stopped:
            return
        row = self._row
        self._row = row + 1 if row + 1 < len(self.sent_rows) else 0
        self.sent_rows[row] = 1
        self._recorder.due += 1
        if not self._client.submit(row, now):  # never: there are as many in flight as there are clients
            self._recorder.drop(now)

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
