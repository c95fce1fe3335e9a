"""Which request had which latency: kept while a load runs, and looked at when it is over."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

MOST_KEPT = 500_000
"""Latencies that are kept: 4 MB, which are looked at in three seconds of CPU time. A window of a quarter of an hour
at 500 requests per second has fewer; of a longer one the first are kept, which are enough for every interval."""


class RowLog:
    """The latencies of a window with the numbers of their requests, in the order in which they were counted.

    Parameters
    ----------
    most
        How many are kept.

    Attributes
    ----------
    requests, latencies
        Numbers of requests, and the latency of each in seconds.
    left_out
        Latencies that were not kept.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.requests = array("I")
        self.latencies = array("f")
        self.left_out = 0
        self._most = most
        self._runs: list[tuple[int, int]] = []
        """The sub-window of as many neighbouring latencies."""

    def add(self, sub_window: int, requests: Sequence[int | float], latencies: Sequence[float]) -> None:
        """Keep latencies of requests that were due in a sub-window."""
        room = self._most - len(self.requests)
        if room < len(requests):
            self.left_out += len(requests) - max(room, 0)
            if room <= 0:
                return
            requests, latencies = requests[:room], latencies[:room]
        self.requests.fromlist(requests)  # type: ignore[arg-type]  # numbers of requests that stood beside times
        self.latencies.fromlist(latencies)  # type: ignore[arg-type]  # a list, as the callers pass
        count = len(requests)
        if self._runs and self._runs[-1][0] == sub_window:
            count += self._runs.pop()[1]
        self._runs.append((sub_window, count))

    def runs(self) -> Iterator[tuple[int, Sequence[int], Sequence[float]]]:
        """Yield a sub-window, and the requests and latencies of some neighbours in it, until all were yielded."""
        start = 0
        for sub_window, count in self._runs:
            end = start + count
            yield sub_window, self.requests[start:end], self.latencies[start:end]
            start = end
