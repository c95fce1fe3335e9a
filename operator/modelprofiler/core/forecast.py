"""How far from the objectives a CPU size will be, from the sizes measured so far: where to measure next.

A forecast only chooses the next trial; what is recommended is always measured.

With S the CPU time of a request, L its latency at the ceiling and R the rate, a limit of c cores has the utilisation
rho = R S / c (utilisation law). The CPU part of the latency stretches by 1/c below one core, and waits by 1/(1 - rho)
(M/G/1, Pollaczek-Khinchine). A closed loop of N clients cannot be faster than N S / c (asymptotic bound). What this
gets wrong is the same at neighbouring sizes, so its error at the measured sizes is interpolated and added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from modelprofiler.core.axis import Axis
from modelprofiler.core.checks import MOST_EXCESS
from modelprofiler.core.run import Run

HIGHEST_UTILISATION = 0.98
"""Queues near 1 grow for longer than any window: forecasts stop here."""


@dataclass(frozen=True, slots=True)
class QueueModel:
    """Latency at a CPU limit relative to that of an unlimited idle server.

    Attributes
    ----------
    demand
        CPU that the load needs, in cores; 0 with a closed loop.
    busy
        CPU time of all clients' requests together, over the latency of one, in cores; 0 with an open loop.
    cpu_share
        Share of CPU in the latency of a request at the ceiling, from 0 to 1.
    parallel
        Cores that the server can use at most.
    """

    demand: float
    busy: float
    cpu_share: float
    parallel: float

    def log_latency(self, cores: float) -> float:
        """Return the logarithm of the latency; infinite where the server cannot keep up."""
        capacity = min(cores, self.parallel)
        utilisation = self.demand / capacity
        if utilisation >= HIGHEST_UTILISATION:
            return math.inf
        stretched = 1 - self.cpu_share + self.cpu_share / (min(1.0, cores) * (1 - utilisation))
        return math.log(max(stretched, self.busy / capacity))


@dataclass(frozen=True, slots=True)
class Forecast:
    """Logarithm of latency over objective at any CPU size.

    Attributes
    ----------
    model
        The shape.
    anchors
        The measured sizes as (logarithm of millicores, measured less modelled), ascending.
    """

    model: QueueModel
    anchors: tuple[tuple[float, float], ...]

    def excess(self, cpu: int) -> float:
        """Return the forecast for a limit in millicores; positive does not meet the objectives."""
        return self.model.log_latency(cpu / 1000) + self._correction(math.log(cpu))

    def _correction(self, x: float) -> float:
        below = [a for a in self.anchors if a[0] <= x]
        above = [a for a in self.anchors if a[0] >= x]
        if not below or not above:
            return (below or above)[-1 if below else 0][1]
        (x0, y0), (x1, y1) = below[-1], above[0]
        return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)

    def smallest_passing(self, axis: Axis, low: int, high: int) -> int:
        """Return the position, above `low` and at most `high`, of the smallest size that is forecast to pass."""
        while high - low > 1:
            middle = (low + high) // 2
            if self.excess(axis[middle]) <= 0:
                high = middle
            else:
                low = middle
        return high


def forecast_for(run: Run) -> Forecast | None:
    """Return the forecast that fits all measured sizes; absent when CPU time or latency was not measured."""
    model = _model(run)
    if model is None:
        return None
    anchors = []
    for point in run.cpu_points.values():
        modelled = model.log_latency(point.cpu / 1000)
        if abs(point.excess) < MOST_EXCESS and math.isfinite(modelled):
            anchors.append((math.log(point.cpu), point.excess - modelled))
    return Forecast(model, tuple(anchors)) if anchors else None


def _model(run: Run) -> QueueModel | None:
    time = run.cpu_time_per_request
    top = run.cpu_points.get(run.cpu.last)
    load = top.observations[-1].trial.load if top is not None else None
    latency = load.latency.mean or load.latency.p50 if load is not None else None
    if time is None or time <= 0 or latency is None or latency.seconds <= 0:
        return None
    script = run.spec.server.entry_script
    # A worker of an entry script serves one request at a time; of other servers nothing is known.
    parallel = max(float(script.workers), time / latency.seconds) if script is not None else math.inf
    share = min(1.0, time / latency.seconds)
    if run.spec.load.closed_loop is not None:
        clients = run.spec.load.closed_loop.concurrency
        return QueueModel(0.0, clients * time / latency.seconds, share, parallel)
    return QueueModel(_demand(run) / 1000, 0.0, share, parallel)


def _demand(run: Run) -> float:
    """Return the demand in millicores, corrected by what it got wrong: sizes that kept up, and that did not."""
    demand = run.demand
    assert demand is not None
    failing, passing = run.largest_failing, run.smallest_passing
    if failing is not None and failing.excess >= MOST_EXCESS:
        demand = max(demand, HIGHEST_UTILISATION * failing.cpu)
    if passing is not None:
        demand = min(demand, 0.97 * HIGHEST_UTILISATION * passing.cpu)
    return demand
