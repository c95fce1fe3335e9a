"""What a row costs when it is sent for the first time, and when it is sent again: a cache makes these differ.

Of the first visits the last ones are kept, and of the later ones the first, so that both are from the same time: a
server that is still warming up then makes them differ little.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Visits

KEPT = 500
"""Latencies of either kind that are kept: their median is then known to a few percent."""

MOST_WATCHED = 100_000
"""Requests before the order begins again up to which visits are told apart; a load that sends more of them again takes
minutes at 1,000 a second, and remembering which were sent takes some 10 MB."""


class VisitRecorder:
    """Tells the latencies of first visits from those of later ones.

    Parameters
    ----------
    same
        For each request the number of the first one that is equal to it.
    visited
        Number of the request that was sent before the load.
    """

    def __init__(self, same: Sequence[int], visited: int = 0) -> None:
        self._same = same
        self._left = set(same) - {same[visited]} if same else set()
        self._first: set[float] = set()
        self._all_sent = float("inf") if self._left else float("-inf")
        self._first_latencies: deque[float] = deque(maxlen=KEPT)
        self._later_latencies: list[float] = []
        self.watches = bool(same)
        """Whether more answers are to be told apart."""

    def sent(self, request: int, due: float) -> None:
        """Note when a request is due that was not sent before."""
        row = self._same[request]
        if row in self._left:
            self._left.remove(row)
            self._first.add(due)
            if not self._left:
                self._all_sent = due

    def count(self, dues: Sequence[float], ends: Sequence[float]) -> None:
        """Count good answers: the intended send times and the ends of as many."""
        for due, end in zip(dues, ends, strict=True):
            if due in self._first:
                self._first.discard(due)
                self._first_latencies.append(end - due)
            elif due > self._all_sent and len(self._later_latencies) < KEPT:
                self._later_latencies.append(end - due)
        self.watches = bool(self._left or self._first) or len(self._later_latencies) < KEPT

    @property
    def first(self) -> Visits | None:
        """First visits; None without any."""
        return _visits(self._first_latencies)

    @property
    def later(self) -> Visits | None:
        """Later ones, once every row was sent; None without any."""
        return _visits(self._later_latencies)


def _visits(latencies: Sequence[float]) -> Visits | None:
    if not latencies:
        return None
    return Visits(requests=len(latencies), median=Duration.of(statistics.median(latencies)))
