"""A run for a notebook or a program: typed fields, a data frame, and a view for notebooks."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelprofiler.api.conditions import Condition, ConditionType
from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Trial
from modelprofiler.errors import ModelProfilerError
from modelprofiler.report import text
from modelprofiler.report.formats import format_bytes, format_seconds
from modelprofiler.report.record import RunRecord
from modelprofiler.report.rows import judged_interval, judged_value
from modelprofiler.report.summary import Summary, condition
from modelprofiler.report.usage import cpu_seconds_per_request, peak_memory_bytes

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("_cores", "_bytes", "_seconds", "_percent", "_per_second", "_per_request", "requests", "failures")
"""Columns whose names end so hold numbers."""


class Result:
    """The result of a run.

    Parameters
    ----------
    record
        The run as it was recorded.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        """Everything that was recorded: histograms and samples too."""

    @property
    def recommendation(self) -> ContainerRecommendation | None:
        """The recommended size; None where there is none."""
        return Summary.of(self.record).recommendation

    @property
    def succeeded(self) -> bool:
        """Whether there is a recommendation."""
        succeeded = self._succeeded
        return succeeded.status == "True" if succeeded is not None else self.recommendation is not None

    @property
    def reason(self) -> str:
        """The reason of the condition Succeeded, such as Verified or NoFeasibleSize."""
        return Summary.of(self.record).reason

    @property
    def message(self) -> str:
        """The same in a sentence."""
        return Summary.of(self.record).verdict

    @property
    def trials(self) -> list[Trial]:
        """The finished trials, in the order they ran."""
        return list(self.record.profile.status.trials)

    @property
    def _succeeded(self) -> Condition | None:
        return condition(self.record, ConditionType.SUCCEEDED)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each trial: CPU in cores, memory in bytes, times in seconds, shares in percent.

        What was not measured is NaN.

        Raises
        ------
        ModelProfilerError
            When pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ModelProfilerError("a data frame needs pandas: pip install pandas") from error
        frame = pd.DataFrame([_numbers(trial) for trial in self.trials])
        # A column of nothing but None would be one of objects, and differ from run to run.
        numbers = [name for name in frame.columns if name.endswith(UNITS)]
        return frame.astype(dict.fromkeys(numbers, float)).set_index("trial")

    def save_html(self, path: str | PathLike[str]) -> None:
        """Write the page of the run to a file; it loads nothing else.

        Raises
        ------
        ModelProfilerError
            When Jinja2 is not installed.
        """
        try:
            from modelprofiler.report import page
        except ModuleNotFoundError as error:
            message = "a page is made with Jinja2, which is not installed: pip install 'modelprofiler[local]'"
            raise ModelProfilerError(message) from error
        Path(path).write_text(page.render(self.record), encoding="utf-8")

    def __str__(self) -> str:
        return text.render(self.record)

    def __repr__(self) -> str:
        return f"<Result {self.record.profile.metadata.name}: {Summary.of(self.record).title} ({self.reason})>"

    def _repr_html_(self) -> str | None:
        """Return the answer and the trials in the colours of the notebook; None, for plain text, without Jinja2."""
        try:
            from modelprofiler.report import html
        except ModuleNotFoundError:
            return None
        return html.render(
            "notebook.html.j2",
            name=self.record.profile.metadata.name,
            summary=Summary.of(self.record),
            titles=("Trial", "Purpose", "CPU", "Memory", "Outcome", "Judged by", "95% interval", "CPU/request", "Peak"),
            rows=[_cells(trial) for trial in self.trials],
        )


def _cells(trial: Trial) -> list[str]:
    return [
        str(trial.index),
        trial.purpose.value,
        str(trial.limits.cpu or ""),
        str(trial.limits.memory or ""),
        trial.outcome.value,
        judged_value(trial),
        judged_interval(trial),
        format_seconds(cpu_seconds_per_request(trial)),
        format_bytes(peak_memory_bytes(trial)),
    ]


def _numbers(trial: Trial) -> dict[str, Any]:
    """Return what was measured in a trial as plain numbers; None where something was not measured."""
    load, usage = trial.load, trial.usage
    cpu, memory = trial.limits.cpu, trial.limits.memory
    throttled = usage.throttled_percent if usage is not None else None
    numbers: dict[str, Any] = {
        "trial": trial.index,
        "purpose": trial.purpose.value,
        "cpu_limit_cores": float(cpu) if cpu is not None else None,
        "memory_limit_bytes": memory.bytes if memory is not None else None,
        "fresh": trial.fresh,
        "outcome": trial.outcome.value,
        "requests": load.requests if load is not None else None,
        "failures": load.failures if load is not None else None,
        "rate_per_second": float(load.rate) if load is not None else None,
    }
    for metric in LATENCY_METRICS:
        latency = getattr(load.latency, metric) if load is not None else None
        numbers[f"latency_{metric}_seconds"] = latency.seconds if latency is not None else None
    return numbers | {
        "cpu_used_cores": float(usage.cpu) if usage is not None and usage.cpu is not None else None,
        "cpu_seconds_per_request": cpu_seconds_per_request(trial),
        "memory_peak_bytes": peak_memory_bytes(trial),
        "throttled_percent": float(throttled) if throttled is not None else None,
        "ready_seconds": trial.time_to_ready.seconds if trial.time_to_ready is not None else None,
        "message": trial.message,
    }
