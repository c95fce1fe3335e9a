"""How far from the objectives a CPU size will be, from the sizes measured so far: where to measure next.

A forecast only chooses the next trial; what is recommended is always measured. It is a model of the queue, set up from
the reference trial. What it gets wrong near saturation is mostly how much of the limit the server makes use of: each
measured size shows by which factor, and between them the factor is interpolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from modelprofiler.api.trial import LoadStatus
from modelprofiler.core.axis import Axis
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.checks import MOST_EXCESS
from modelprofiler.core.judge import reference_among
from modelprofiler.core.search.points import CpuPoint
from modelprofiler.core.search.queueing import Workload, metrics_at
from modelprofiler.core.search.run import Run

HIGHEST_UTILISATION = 0.98
"""Queues near 1 grow for longer than any window: forecasts stop here."""

SPREADS = (0.0, 0.3, 0.6, 1.0)
"""Spreads of CPU time between requests that are told apart."""

FLAT = 0.1
"""Latency that is within this logarithm of the ceiling's says nothing about how near saturation is."""

MOST_ANCHORS = 3
"""Measured sizes that a forecast is fitted to: those nearest to the objectives."""

MOST_FACTOR = math.log(2)
"""Logarithm of the largest factor between the CPU that a server needs and what the model says."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Logarithm of latency over objective at any CPU size.

    Attributes
    ----------
    workload
        The model.
    bounds
        The objectives: metric to seconds.
    ceiling
        The largest size, in millicores.
    base
        Measured less modelled at the ceiling.
    anchors
        Measured sizes: logarithm of millicores to the logarithm of the factor by which more CPU is needed there than
        the model says, ascending.
    """

    workload: Workload
    bounds: dict[str, float]
    ceiling: int
    base: float = 0.0
    anchors: tuple[tuple[float, float], ...] = ()

    def excess(self, cpu: int) -> float:
        """Return the forecast for a limit in millicores; positive does not meet the objectives."""
        return self._with_factor(cpu, self._factor(math.log(cpu)))

    def _with_factor(self, cpu: int, factor: float) -> float:
        cores = cpu / 1000 / math.exp(factor)
        demand = self.workload.rate * self.workload.cpu_seconds
        if demand >= HIGHEST_UTILISATION * min(cores, self.workload.workers):
            return MOST_EXCESS
        metrics = metrics_at(self.workload, cores)
        worst = max(metrics[metric] / bound for metric, bound in self.bounds.items())
        return min(MOST_EXCESS, self.base + math.log(worst))

    def _factor(self, x: float) -> float:
        below = [a for a in self.anchors if a[0] <= x]
        above = [a for a in self.anchors if a[0] >= x]
        if not below or not above:
            return below[-1][1] if below else above[0][1] if above else 0.0
        (x0, y0), (x1, y1) = below[-1], above[0]
        return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)

    def fitted(self, points: list[CpuPoint]) -> Forecast:
        """Return the forecast that gives these points what was measured there."""
        found = [(math.log(p.cpu), f) for p in points if (f := self._solved(p.cpu, p.excess)) is not None]
        return replace(self, anchors=tuple(sorted(found)))

    def _solved(self, cpu: int, measured: float) -> float | None:
        """Return the factor that gives a size what was measured; absent where latency does not depend on it."""
        flat = self._with_factor(self.ceiling, 0.0) + FLAT
        if measured < flat and self._with_factor(cpu, 0.0) < flat:
            return None
        low, high = -MOST_FACTOR, MOST_FACTOR
        for _ in range(6):
            middle = (low + high) / 2
            if self._with_factor(cpu, middle) < min(measured, 0.99 * MOST_EXCESS):
                low = middle
            else:
                high = middle
        return high

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
    """Return the forecast that fits the measured sizes; absent when CPU time or latency was not measured."""
    workload = _workload(run)
    bounds = latency_bounds(run.spec, reference_among(run.trials))
    if workload is None or not bounds:
        return None
    model = Forecast(workload, bounds, run.cpu.last)
    top = run.cpu_points[run.cpu.last].excess
    model = replace(model, base=top - model.excess(run.cpu.last))
    points = [p for p in run.cpu_points.values() if p.cpu < run.cpu.last]
    # What a resized server did does not help to forecast a fresh one.
    points = [p for p in points if p.fresh] or points
    return model.fitted(sorted(points, key=lambda p: abs(p.excess))[:MOST_ANCHORS])


def _workload(run: Run) -> Workload | None:
    """Return the model whose latency at the ceiling is the reference's."""
    time = run.cpu_time_per_request
    top = run.cpu_points.get(run.cpu.last)
    load = top.observations[0].trial.load if top is not None else None
    if time is None or time <= 0 or load is None or load.latency.p50 is None:
        return None
    script = run.spec.server.entry_script
    # An entry script's worker serves one request at a time; of other servers nothing is known.
    workers = script.workers if script is not None else max(1, math.ceil(run.cpu.last / 1000))
    opened, closed = run.spec.load.open_loop, run.spec.load.closed_loop
    workload = Workload(
        cpu_seconds=time,
        spread=0.0,
        other_seconds=0.0,
        workers=workers,
        rate=float(opened.rate) if opened is not None else 0.0,
        constant=opened is not None and opened.arrival == "Constant",
        clients=closed.concurrency if closed is not None else 0,
        seconds=load.duration.seconds,
    )
    shapes = [replace(workload, spread=spread, held=held) for held in (True, False) for spread in SPREADS]
    return min((_fitted(shape, load, run.cpu.last) for shape in shapes), key=lambda fit: fit[0])[1]


def _fitted(shape: Workload, load: LoadStatus, ceiling: int) -> tuple[float, Workload]:
    """Return how far the latencies of a workload of this shape are from those measured at the ceiling, and it."""
    assert load.latency.p50 is not None
    p50 = load.latency.p50.seconds
    workload = replace(shape, other_seconds=max(0.0, p50 - metrics_at(shape, ceiling / 1000)["p50"]))
    modelled = metrics_at(workload, ceiling / 1000)
    measured = {m: getattr(load.latency, m) for m in ("p50", "p90", "p95", "p99")}
    error = sum(
        abs(math.log(modelled[metric] / value.seconds))
        for metric, value in measured.items()
        if value is not None and value.seconds > 0
    )
    return error, workload
