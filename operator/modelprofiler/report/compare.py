"""Two runs side by side: what a new version of a model costs, compared with the old one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Trial
from modelprofiler.report.formats import NONE, format_bytes, format_seconds
from modelprofiler.report.provenance import provenance_rows
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import Summary, detailed_trial, judged_latency
from modelprofiler.report.usage import cpu_seconds_per_request, peak_memory_bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One measurement of two runs.

    Attributes
    ----------
    name
        What was measured.
    old, new
        Its values; absent where a run does not have it.
    format
        Writes a value with its unit.
    required
        Whether a new run without it is worse.
    counts
        Whether growth makes the new run worse. Growth of latency does not: each run's met its objective, at a size of
        its own.
    """

    name: str
    old: float | None
    new: float | None
    format: Callable[[float], str]
    required: bool = False
    counts: bool = True

    @property
    def percent(self) -> float | None:
        """Growth in percent of the old value; absent where either value is."""
        if self.old is None or self.new is None or self.old <= 0:
            return None
        return 100 * (self.new / self.old - 1)

    def exceeds(self, max_increase: float) -> bool:
        """Whether it grew by more than `max_increase` percent, or is required and absent from the new run."""
        if self.new is None:
            return self.required
        return self.counts and self.percent is not None and self.percent > max_increase + 1e-9


def compare(old: RunRecord, new: RunRecord) -> list[Change]:
    """Return what a team pays for, from the recommendations and the trials that verified them."""
    metric, _ = judged_latency(new)
    old_cpu, old_memory = _size(old)
    new_cpu, new_memory = _size(new)
    before, after = _detailed(old), _detailed(new)
    cost, peak = _measured(cpu_seconds_per_request, before, after), _measured(peak_memory_bytes, before, after)
    latency = _measured(lambda trial: _latency(trial, metric), before, after)
    return [
        Change("recommended CPU", old_cpu, new_cpu, lambda v: str(Quantity.cpu(round(v))), required=True),
        Change("recommended memory", old_memory, new_memory, format_bytes, required=True),
        Change("CPU time of a request", *cost, format_seconds),
        Change("peak of memory", *peak, format_bytes),
        Change(f"{metric} latency", *latency, format_seconds, counts=False),
    ]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two runs beside the measurements; absent where a run does not have it."""

    name: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        return f"{self.name}: {self.old or NONE} before, {self.new or NONE} now"


CONDITIONS = (
    *("Profile", "Load", "Window", "Objectives", "Range", "Dataset", "Dataset digest", "Measured"),
    *("Instance type", "CPU model", "Kernel", "Control groups", "modelprofiler"),
)
"""What has to be the same in two runs for a change to be the server's. What is not here is the server itself, which a
comparison is about, or the names and times of a run."""


def differences(old: RunRecord, new: RunRecord) -> list[Difference]:
    """Return in which conditions two runs differ, so that a change of a measurement may come from there."""
    before, after = _conditions(old), _conditions(new)
    if "Measured" not in before or "Measured" not in after:  # only a verified size says where
        before.pop("Measured", None)
        after.pop("Measured", None)
    pairs = [Difference(name, before.get(name), after.get(name)) for name in CONDITIONS]
    return [pair for pair in pairs if pair.old != pair.new]


def _conditions(record: RunRecord) -> dict[str, str]:
    recommendation = Summary.of(record).recommendation
    verification = recommendation.verification if recommendation is not None else None
    measured = {} if verification is None else {"Measured": _PLACES[verification.environment]}
    return dict(provenance_rows(record)) | measured


_PLACES = {"Cluster": "in a cluster", "Local": "on one machine"}


def _detailed(record: RunRecord) -> Trial | None:
    detailed = detailed_trial(record)
    return detailed.trial if detailed is not None else None


def _measured(
    measure: Callable[[Trial], float | None], before: Trial | None, after: Trial | None
) -> tuple[float | None, float | None]:
    return (measure(before) if before is not None else None, measure(after) if after is not None else None)


def _latency(trial: Trial, metric: str) -> float | None:
    latency = getattr(trial.load.latency, metric) if trial.load is not None else None
    return latency.seconds if latency is not None else None


def _size(record: RunRecord) -> tuple[float | None, float | None]:
    """Return the recommended CPU in millicores and memory in bytes."""
    recommendation = Summary.of(record).recommendation
    if recommendation is None:
        return None, None
    cpu, memory = recommendation.requests.cpu, recommendation.requests.memory
    return cpu.millicores if cpu is not None else None, memory.bytes if memory is not None else None


def render(changes: Sequence[Change], max_increase: float, different: Sequence[Difference] = ()) -> str:
    """Return the table, and below it what grew by more than `max_increase` percent and what else differs."""
    rows: list[tuple[str, ...]] = [("", "OLD", "NEW", "CHANGE")]
    for change in changes:
        values = [NONE if value is None else change.format(value) for value in (change.old, change.new)]
        percent = NONE if change.percent is None else f"{change.percent:+.1f}%"
        rows.append((change.name, *values, percent + (" !" if change.exceeds(max_increase) else "")))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["   ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    gone = [change.name for change in changes if change.exceeds(max_increase) and change.new is None]
    grown = [change.name for change in changes if change.exceeds(max_increase) and change.new is not None]
    lines.append("")
    if grown:
        lines.append(f"Grew by more than {max_increase:g}%: {', '.join(grown)}.")
    if gone:
        lines.append(f"The new run does not have: {', '.join(gone)}.")
    if not grown and not gone:
        lines.append(f"Nothing grew by more than {max_increase:g}%.")
    if different:
        lines += ["", "The runs are not alike, so a change, or that there is none, may come from these differences:"]
        lines += [f"  - {difference}" for difference in different]
    return "\n".join(lines)
