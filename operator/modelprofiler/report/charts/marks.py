"""How a trial looks in every chart: the shape shows its outcome, the fill how the server was started."""

from __future__ import annotations

from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Trial
from modelprofiler.report.charts.shapes import Mark
from modelprofiler.report.formats import NONE, format_size
from modelprofiler.report.rows import judged_value

RADIUS = 9.5
"""In pixels: a number of two digits fits in."""
SMALL_RADIUS = 5.0
MOST_NUMBERED = 40
"""More trials than this (a grid) are drawn small and without numbers: with numbers they would hide each other."""


def kind(trial: Trial) -> str:
    """Return the CSS class of a trial: passed, failed, or idle where it says nothing about its size."""
    if trial.outcome is Outcome.PASSED:
        return "passed"
    return "idle" if trial.outcome in INCONCLUSIVE else "failed"


def tooltip(trial: Trial) -> str:
    """Return what a trial was and how it ended."""
    start = "fresh" if trial.fresh else "resized"
    measured = judged_value(trial)
    judged = "" if measured == NONE or trial.message else f", {measured}"
    message = f"\n{trial.message}" if trial.message else ""
    size = format_size(trial.limits)
    return f"Trial {trial.index}, {trial.purpose} at {size} ({start}): {trial.outcome}{judged}{message}"


def mark(trial: Trial, x: float, y: float, radius: float = RADIUS) -> Mark:
    """Return a trial's mark: a circle that passed, a diamond that failed; hollow where the server was resized."""
    style = f"{kind(trial)} {'fresh' if trial.fresh else 'resized'}"
    label = str(trial.index) if radius == RADIUS else ""
    return Mark(x, y, radius, style, tooltip(trial), diamond=kind(trial) == "failed", label=label)
