"""Whether the results of several generators, put together, say what all their latencies say."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import generator
from benchmarks.load.honesty import exact_quantile

from modelprofiler.load.histogram import Histogram
from modelprofiler.load.merge import merge

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
RATE = 1000
"""Requests per second, all generators together."""


@dataclass(frozen=True)
class Merged:
    """Generators, merged: the largest deviation of a percentile from the exact one, the one allowed, p99."""

    generators: int
    requests: int
    raw: int
    deviation: float
    allowed: float
    p99: float

    @property
    def equal(self) -> bool:
        """Whether every request is there and every percentile within the histogram's error."""
        return self.requests == self.raw and self.deviation <= self.allowed * (1 + 1e-9)


def run(port: int, generators: Sequence[int], folder: Path, seconds: int, say: Callable[[str], None]) -> list[Merged]:
    """Load the stalling server with 1, 2, … generators and compare their results with what they measured."""
    comparisons = []
    for count in generators:
        load = {"openLoop": {"rate": str(RATE)}, "duration": f"{seconds}s", "parallelism": count}
        configs = [generator.configuration(port, load, index=i) for i in range(count)]
        at = folder / f"merging-{count}"
        results = generator.measured(generator.run(configs, at, program="benchmarks.load.raw"))
        raw = array("d")
        for i in range(count):
            raw.frombytes((at / str(i) / "result.raw").read_bytes())
        comparisons.append(compare(merge(results).histogram, raw, count))
        say(f"merging: {count} generators, off by {100 * comparisons[-1].deviation:.2f} % at most")
    return comparisons


def compare(histogram: Histogram, raw: Sequence[float], generators: int) -> Merged:
    """Compare a histogram with the latencies it was made of."""
    exact = {q: exact_quantile(raw, q) for q in QUANTILES}
    deviation = max(abs((histogram.quantile(q) or 0.0) / value - 1) for q, value in exact.items())
    return Merged(
        generators, histogram.n, len(raw), deviation, histogram.relative_error, histogram.quantile(0.99) or 0.0
    )


def table(comparisons: Sequence[Merged]) -> list[str]:
    """Return a row for each number of generators."""
    lines = [
        "| generators | requests | a percentile is off by at most | the histogram's error | equal within it |",
        "|---|---|---|---|---|",
    ]
    for m in comparisons:
        equal = "yes" if m.equal else "no"
        lines.append(
            f"| {m.generators} | {m.requests:,} | {100 * m.deviation:.2f} % | {100 * m.allowed:.2f} % | {equal} |"
        )
    return lines
