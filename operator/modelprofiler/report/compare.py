"""Two runs side by side: what a new version of a model costs against the old one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelprofiler.api.quantities import Quantity
from modelprofiler.report.charts.bars import cost_of, peak_of
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import NONE, Summary, bytes_words, latency_metric, seconds_words, shown_trial


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of two runs.

    Attributes
    ----------
    name
        What it is.
    old, new
        Its values; absent where a run does not have it.
    words
        Writes a value with its unit.
    required
        Whether a new run without it is worse.
    counts
        Whether it may grow too much. Latency may not: it was measured at another size, and met its objective there.
    """

    name: str
    old: float | None
    new: float | None
    words: Callable[[float], str]
    required: bool = False
    counts: bool = True

    @property
    def percent(self) -> float | None:
        """By how much it grew, in percent of the old value; absent where either is."""
        if self.old is None or self.new is None or self.old <= 0:
            return None
        return 100 * (self.new / self.old - 1)

    def exceeds(self, most: float) -> bool:
        """Whether it grew by more than `most` percent, or is gone where it is required."""
        if self.new is None:
            return self.required
        return self.counts and self.percent is not None and self.percent > most + 1e-9


def compare(old: RunRecord, new: RunRecord) -> list[Change]:
    """Return the figures that a team pays for, from the recommendations and the trials that verified them."""
    sizes = [_size(record) for record in (old, new)]
    shown = [trial.trial if (trial := shown_trial(record)) is not None else None for record in (old, new)]
    metric, _ = latency_metric(new)
    costs = [cost_of(t) if t is not None else None for t in shown]
    peaks = [peak_of(t) if t is not None else None for t in shown]
    latencies = [
        found.seconds if t is not None and t.load is not None and (found := getattr(t.load.latency, metric)) else None
        for t in shown
    ]
    return [
        Change("recommended CPU", sizes[0][0], sizes[1][0], lambda v: str(Quantity.cpu(round(v))), required=True),
        Change("recommended memory", sizes[0][1], sizes[1][1], bytes_words, required=True),
        Change("CPU time of a request", costs[0], costs[1], seconds_words),
        Change("peak of memory", peaks[0], peaks[1], bytes_words),
        Change(f"{metric} latency", latencies[0], latencies[1], seconds_words, counts=False),
    ]


def _size(record: RunRecord) -> tuple[float | None, float | None]:
    found = Summary.of(record).recommendation
    if found is None:
        return None, None
    cpu, memory = found.requests.cpu, found.requests.memory
    return cpu.millicores if cpu is not None else None, memory.bytes if memory is not None else None


def render(changes: Sequence[Change], most: float) -> str:
    """Return the table, and what it comes to."""
    rows: list[tuple[str, ...]] = [("", "OLD", "NEW", "CHANGE")]
    for change in changes:
        values = [NONE if value is None else change.words(value) for value in (change.old, change.new)]
        percent = NONE if change.percent is None else f"{change.percent:+.1f}%"
        rows.append((change.name, *values, percent + (" !" if change.exceeds(most) else "")))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["   ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    worse = [change.name for change in changes if change.exceeds(most)]
    lines += [
        "",
        f"Over {most:g}%, or missing: {', '.join(worse)}." if worse else f"Nothing grew by more than {most:g}%.",
    ]
    return "\n".join(lines)
