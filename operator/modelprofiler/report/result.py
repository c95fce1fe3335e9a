"""A run for a notebook or a program: typed fields, a data frame, and a picture of itself."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelprofiler.api.conditions import Condition, ConditionType
from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Trial
from modelprofiler.errors import ModelProfilerError
from modelprofiler.report import page, text
from modelprofiler.report.charts.bars import cost_of, peak_of
from modelprofiler.report.markup import Element, el, to_html
from modelprofiler.report.record import RunRecord
from modelprofiler.report.rows import judged_interval, judged_value
from modelprofiler.report.summary import Summary, bytes_words, condition, seconds_words

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("_cores", "_bytes", "_seconds", "_percent", "_per_second", "_per_request", "requests", "failures")
"""How the names of columns end that hold numbers."""


class Result:
    """What a run found.

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
        """The size to give; None where none was found."""
        return Summary.of(self.record).recommendation

    @property
    def succeeded(self) -> bool:
        """Whether there is a recommendation."""
        found = self._succeeded
        return found.status == "True" if found is not None else self.recommendation is not None

    @property
    def reason(self) -> str:
        """Why, in a word: such as Verified or NoFeasibleSize."""
        return Summary.of(self.record).reason

    @property
    def message(self) -> str:
        """Why, in a sentence."""
        return Summary.of(self.record).verdict

    @property
    def trials(self) -> list[Trial]:
        """The finished trials, in the order they ran."""
        return list(self.record.profile.status.trials)

    @property
    def _succeeded(self) -> Condition | None:
        return condition(self.record, ConditionType.SUCCEEDED)

    def to_frame(self) -> pd.DataFrame:
        """Return a row a trial: CPU in cores, memory in bytes, times in seconds, shares in percent.

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
        frame = pd.DataFrame([_figures(trial) for trial in self.trials])
        # A column of nothing but None would be one of objects, and differ from run to run.
        numbers = [name for name in frame.columns if name.endswith(UNITS)]
        return frame.astype(dict.fromkeys(numbers, float)).set_index("trial")

    def save_html(self, path: str | PathLike[str]) -> None:
        """Write the page of the run, which needs nothing else, to a file."""
        Path(path).write_text(page.render(self.record), encoding="utf-8")

    def __str__(self) -> str:
        return text.render(self.record)

    def __repr__(self) -> str:
        return f"<Result {self.record.profile.metadata.name}: {Summary.of(self.record).title} ({self.reason})>"

    def _repr_html_(self) -> str:
        """Return the answer and the trials in the colours of the notebook around it."""
        summary = Summary.of(self.record)
        found = summary.recommendation
        head = ("Trial", "Purpose", "CPU", "Memory", "Outcome", "Judged by", "95% interval", "CPU/request", "Peak")
        rows = [el("tr", [el("td", cell) for cell in _cells(trial)]) for trial in self.trials]
        parts: list[Element] = [
            el("strong", f"{self.record.profile.metadata.name}: {summary.title}"),
            el("span", f" {summary.state.value}", style="opacity:.7"),
            el("div", summary.verdict),
        ]
        if found is not None and found.explanation:
            parts.append(el("div", found.explanation, style="opacity:.8"))
        if rows:
            parts.append(el("table", el("thead", el("tr", [el("th", title) for title in head])), el("tbody", rows)))
        return to_html(el("div", parts, style="max-width:60em"))


def _cells(trial: Trial) -> list[str]:
    return [
        str(trial.index),
        trial.purpose.value,
        str(trial.limits.cpu or ""),
        str(trial.limits.memory or ""),
        trial.outcome.value,
        judged_value(trial),
        judged_interval(trial),
        seconds_words(cost_of(trial)),
        bytes_words(peak_of(trial)),
    ]


def _figures(trial: Trial) -> dict[str, Any]:
    """Return a trial's figures as numbers; None where something was not measured."""
    load, usage = trial.load, trial.usage
    cpu, memory = trial.limits.cpu, trial.limits.memory
    throttled = usage.throttled_percent if usage is not None else None
    figures: dict[str, Any] = {
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
        found = getattr(load.latency, metric) if load is not None else None
        figures[f"latency_{metric}_seconds"] = found.seconds if found is not None else None
    return figures | {
        "cpu_used_cores": float(usage.cpu) if usage is not None and usage.cpu is not None else None,
        "cpu_seconds_per_request": cost_of(trial),
        "memory_peak_bytes": peak_of(trial),
        "throttled_percent": float(throttled) if throttled is not None else None,
        "ready_seconds": trial.time_to_ready.seconds if trial.time_to_ready is not None else None,
        "message": trial.message,
    }
