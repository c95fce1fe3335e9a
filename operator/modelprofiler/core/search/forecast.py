"""A forecast of how far each CPU size is from the objectives, fitted to the sizes measured so far.

It only chooses the next trial; a recommended size is always measured. The forecast is a queueing model with the
parameters of the reference trial. Near saturation its main error is how much of the limit the server makes use of. Each
measured size gives a factor for that, and between measured sizes the factor is interpolated.
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
"""Utilisation from which a forecast is `MOST_EXCESS`: the queue then grows for longer than any window, up to a length
that depends on the window rather than on the size. A rule of thumb."""

SPREADS = (0.0, 0.3, 0.6, 1.0)
"""Standard deviations of the logarithm of a request's CPU time that are tried when the model is fitted: none, small,
medium and large. Their latencies differ too little for a finer choice to matter."""

FLAT = 0.1
"""Latency within this logarithm (10 %) of that at the ceiling shows nothing about how near saturation is."""

REFUTED = math.log(2)
"""Logarithm of modelled over measured latency at the ceiling, a factor of two, from which the model says nothing: a
queue as full as the CPU time suggests would be slower, so a part of it is not what requests need, for example spinning
threads."""

MOST_ANCHORS = 3
"""Number of measured sizes that a forecast is fitted to, those nearest to the objectives. Chosen with the simulated
services of benchmarks/search."""

MOST_FACTOR = math.log(2)
"""Logarithm of the largest factor by which the model may err in the CPU that a server needs: a factor of two."""

HALVINGS = 6
"""Halvings of that interval when the factor is solved for: it is then known to 2 %, as precisely as latency is."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast of the logarithm of latency over objective at any CPU size.

    Attributes
    ----------
    workload
        The queueing model.
    bounds
        The objectives, in seconds, by metric.
    ceiling
        The largest size, in millicores.
    base
        Measured less modelled logarithm at the ceiling.
    anchors
        For each measured size, ascending, the logarithm of its millicores and the logarithm of the factor by which the
        server needs more CPU there than the model says.
    """

    workload: Workload
    bounds: dict[str, float]
    ceiling: int
    base: float = 0.0
    anchors: tuple[tuple[float, float], ...] = ()

    def excess(self, cpu: int) -> float:
        """Return the forecast for a limit in millicores; a positive value does not meet the objectives."""
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
        """Return the forecast that agrees with these measured sizes."""
        anchors = [(math.log(p.cpu), f) for p in points if (f := self._solved(p.cpu, p.excess)) is not None]
        return replace(self, anchors=tuple(sorted(anchors)))

    def _solved(self, cpu: int, measured: float) -> float | None:
        """Return the logarithm of the factor that explains a measured size; None where latency is flat."""
        flat = self._with_factor(self.ceiling, 0.0) + FLAT
        if measured < flat and self._with_factor(cpu, 0.0) < flat:
            return None
        low, high = -MOST_FACTOR, MOST_FACTOR
        for _ in range(HALVINGS):
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
    """Return the forecast fitted to the measured sizes; None when CPU time or latency was not measured."""
    workload = _workload(run)
    bounds = latency_bounds(run.spec, reference_among(run.trials))
    if workload is None or not bounds:
        return None
    model = Forecast(workload, bounds, run.cpu.last)
    top = run.cpu_points[run.cpu.last].excess
    model = replace(model, base=top - model.excess(run.cpu.last))
    if model.base < -REFUTED:
        return None
    points = [p for p in run.cpu_points.values() if p.cpu < run.cpu.last]
    # Where there are trials on fresh servers, those on resized servers are not used to forecast a fresh one.
    points = [p for p in points if p.fresh] or points
    return model.fitted(sorted(points, key=lambda p: abs(p.excess))[:MOST_ANCHORS])


def _workload(run: Run) -> Workload | None:
    """Return the model whose latencies at the ceiling are nearest to those of the reference trial."""
    time = run.cpu_time_per_request
    top = run.cpu_points.get(run.cpu.last)
    load = top.observations[0].trial.load if top is not None else None
    if time is None or time <= 0 or load is None or load.latency.p50 is None:
        return None
    script = run.spec.server.entry_script
    # A worker of an entry script serves one request at a time; for other servers assume one worker per core.
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
    """Return the workload of this shape with the median measured at the ceiling, after the error of its percentiles."""
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
