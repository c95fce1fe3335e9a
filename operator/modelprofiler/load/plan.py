"""A load in plain numbers: what the configuration asks for, divided among the generators, with all bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from modelprofiler.core.rows import EXTENSION
from modelprofiler.core.stats import FEWEST_REQUESTS
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.intervals import FEWEST_SECTIONS

WARMUP_REQUESTS = 10
"""Fewest requests of each connection in the warm-up, as the resource's documentation of load.warmup says."""

SHORTEST_WARMUP_BOUND = 10.0
"""The warm-up may be extended to this many seconds, or to `EXTENSION` times its length, to reach its requests. Chosen
for a warm-up of zero, whose multiples would leave no time for any request."""

LONGEST_SUB_WINDOW = 1.0
"""Seconds of a sub-window where ten of them fit into the window: ten periods of a CFS quota (100 ms), so that the phase
of the quota averages out."""

MOST_SUB_WINDOWS = 120
"""Sub-windows of a window before it is extended: a window of hours has longer ones, so that the stop rules, which look
at all of them, stay cheap. The usual window has 30."""


SETTLING_SECONDS = 1.0
"""In the warm-up of an open loop no more requests are in flight than arrive in this time, or in half the time that the
objective allows where that is longer. A server that meets the objective has fewer, as its mean is well below its
percentiles; one that still loads or compiles would start into the window with all that it has not answered since."""
FEWEST_IN_FLIGHT = 10
"""Requests that may be in flight whatever the rate: a few slow requests are no queue."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one generator loads the server. Times are in seconds.

    Attributes
    ----------
    rate, arrival
        Open loop: requests per second, and how they arrive; the rate is None for a closed loop.
    concurrency
        Closed loop: number of clients; 0 for an open loop.
    warmup, warmup_requests, max_warmup
        The warm-up ends after this time and this many requests, and after its longest time in any case.
    duration, max_duration
        The window ends after this time; later with too few requests, and after its longest time in any case.
    required_requests
        How many requests a window must have.
    percentiles
        Percentiles that the objectives are about, also before their thresholds are known.
    sub_window
        Length of a sub-window: a second, less in a short window so that there are ten, more in a long one.
    timeout
        From the intended send time of a request until it has failed.
    max_in_flight
        Requests in flight at most.
    seed
        Of the arrival times.
    decide, thresholds, max_error_ratio
        Whether the window ends as soon as it is certain on which side of all of these the server is.
    cover_rows
        Whether every row of the generator's part is sent once where ``max_duration`` allows.
    most_requests
        Requests after which the load ends in any case; None without such a limit.
    """

    rate: float | None
    arrival: Literal["Poisson", "Constant"]
    concurrency: int
    warmup: float
    warmup_requests: int
    max_warmup: float
    duration: float
    max_duration: float
    required_requests: int
    percentiles: tuple[str, ...]
    sub_window: float
    timeout: float
    max_in_flight: int
    seed: int
    decide: bool
    thresholds: dict[str, float]
    max_error_ratio: float | None
    cover_rows: bool
    most_requests: int | None = None

    @property
    def max_in_flight_in_warmup(self) -> int:
        """Requests in flight at most while the server warms up."""
        if self.rate is None:
            return self.max_in_flight
        seconds = max([SETTLING_SECONDS, *(threshold / 2 for threshold in self.thresholds.values())])
        return min(max(FEWEST_IN_FLIGHT, math.ceil(self.rate * seconds)), self.max_in_flight)

    @classmethod
    def of(cls, config: LoadConfig) -> Self:
        """Return the plan of one of ``load.parallelism`` generators."""
        load, generators = config.load, config.load.parallelism
        concurrency = 0
        if load.closed_loop is not None:
            clients = load.closed_loop.concurrency
            concurrency = clients // generators + (config.index < clients % generators)
        warmup, duration = load.warmup.seconds, load.duration.seconds
        percent = config.stop.max_error_percent
        required = max((FEWEST_REQUESTS[p] for p in config.required_percentiles), default=0)
        return cls(
            rate=None if load.open_loop is None else float(load.open_loop.rate) / generators,
            arrival="Poisson" if load.open_loop is None else load.open_loop.arrival,
            concurrency=concurrency,
            warmup=warmup,
            warmup_requests=WARMUP_REQUESTS * max(concurrency, 1),
            max_warmup=max(EXTENSION * warmup, SHORTEST_WARMUP_BOUND),
            duration=duration,
            max_duration=EXTENSION * duration,
            required_requests=required,  # of each, since each has to have intervals of its own
            percentiles=tuple(config.required_percentiles),
            sub_window=min(config.sub_window or math.inf, sub_window(duration)),
            timeout=config.endpoint.timeout.seconds,
            max_in_flight=max(math.ceil(config.max_in_flight / generators), concurrency),
            seed=config.seed + config.index,
            decide=config.stop.decide and generators == 1,  # no generator sees the requests of the others
            thresholds={str(metric): bound for metric, bound in config.stop.thresholds.items()},
            max_error_ratio=None if percent is None else percent / 100,
            cover_rows=config.cover_rows,
            most_requests=config.most_requests,
        )


def sub_window(duration: float) -> float:
    """Return the length of a sub-window, in seconds, for a window of ``duration`` seconds."""
    return max(min(LONGEST_SUB_WINDOW, duration / FEWEST_SECTIONS), duration / MOST_SUB_WINDOWS)
