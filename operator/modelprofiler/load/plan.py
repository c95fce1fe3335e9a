"""A load in plain numbers: what the configuration asks for, shared out over the generators, bounds included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from modelprofiler.load.config import LoadConfig
from modelprofiler.load.intervals import FEWEST_SECTIONS, REQUIRED

EXTENSION = 4
"""A window is extended to this many times its length at most."""
WARMUP_REQUESTS = 10
"""Requests a connection in the warm-up at least."""
SMOOTHEST_SUB_WINDOWS = 120
"""A window has at most this many sub-windows before it is extended."""
SHORTEST_BOUND = 10.0
"""Warm-up may be extended to this many seconds, or to `EXTENSION` times its length, for its requests."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one generator loads the server. Times in seconds.

    Attributes
    ----------
    rate, arrival
        Open loop: requests per second, and how they arrive; rate is None for a closed loop.
    concurrency
        Closed loop: clients; 0 for an open loop.
    warmup, warmup_requests, max_warmup
        The warm-up ends after so long and so many requests, and in any case after so long.
    duration, max_duration
        The window ends after so long; with too few requests later, and in any case after so long.
    required_requests
        How many requests a window must have.
    percentiles
        Those that the objectives are about, also before their thresholds are known.
    sub_window
        Length of a sub-window: a second, less in a short window so that there are ten, more in a long one.
    decide, thresholds, max_error_ratio
        End the window as soon as it is certain on which side of all of these the server is.
    cover_rows
        Send every row once where ``max_duration`` allows.
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

    @classmethod
    def of(cls, config: LoadConfig) -> Self:
        """Return the plan of one of ``load.parallelism`` generators."""
        load, parts = config.load, config.load.parallelism
        concurrency = 0
        if load.closed_loop is not None:
            clients = load.closed_loop.concurrency
            concurrency = clients // parts + (config.index < clients % parts)
        warmup, duration = load.warmup.seconds, load.duration.seconds
        percent = config.stop.max_error_percent
        return cls(
            rate=None if load.open_loop is None else float(load.open_loop.rate) / parts,
            arrival="Poisson" if load.open_loop is None else load.open_loop.arrival,
            concurrency=concurrency,
            warmup=warmup,
            warmup_requests=WARMUP_REQUESTS * max(concurrency, 1),
            max_warmup=max(EXTENSION * warmup, SHORTEST_BOUND),
            duration=duration,
            max_duration=EXTENSION * duration,
            required_requests=math.ceil(max((REQUIRED[p] for p in config.required_percentiles), default=0) / parts),
            percentiles=tuple(config.required_percentiles),
            sub_window=min(config.sub_window or math.inf, sub_window(duration)),
            timeout=config.endpoint.timeout.seconds,
            max_in_flight=max(config.max_in_flight, concurrency),
            seed=config.seed + config.index,
            decide=config.stop.decide and parts == 1,  # a part of the requests decides nothing
            thresholds={str(metric): bound for metric, bound in config.stop.thresholds.items()},
            max_error_ratio=None if percent is None else percent / 100,
            cover_rows=config.cover_rows,
        )


def sub_window(duration: float) -> float:
    """Return the length of a sub-window, in seconds, for a window of ``duration`` seconds."""
    return max(min(1.0, duration / FEWEST_SECTIONS), duration / SMOOTHEST_SUB_WINDOWS)
