"""How a trial looks in every chart: its shape says how it ended, its fill how the server was started."""

from __future__ import annotations

from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Trial
from modelprofiler.report.markup import Element, el
from modelprofiler.report.rows import judged_value
from modelprofiler.report.summary import NONE, size_words

RADIUS = 9.5
SMALL_RADIUS = 5.0
MOST_NUMBERED = 40
"""More trials than this (a grid) are drawn small and without numbers."""


def kind(trial: Trial) -> str:
    """Return the class of a trial: passed, failed or idle, which says nothing about its size."""
    if trial.outcome is Outcome.PASSED:
        return "passed"
    return "idle" if trial.outcome in INCONCLUSIVE else "failed"


def words(trial: Trial) -> str:
    """Return what a trial was and how it ended, for its tooltip."""
    start = "fresh" if trial.fresh else "resized"
    measured = judged_value(trial)
    judged = "" if measured == NONE or trial.message else f", {measured}"
    said = f"\n{trial.message}" if trial.message else ""
    return (
        f"Trial {trial.index}, {trial.purpose} at {size_words(trial.limits)} ({start}): {trial.outcome}{judged}{said}"
    )


def mark(trial: Trial, x: float, y: float, radius: float = RADIUS) -> Element:
    """Return a trial's mark: a circle that passed, a diamond that failed; hollow where the server was resized."""
    style = f"mark {kind(trial)} {'fresh' if trial.fresh else 'resized'}"
    if kind(trial) == "failed":
        half = radius * 1.25
        corners = f"{x:.1f},{y - half:.1f} {x + half:.1f},{y:.1f} {x:.1f},{y + half:.1f} {x - half:.1f},{y:.1f}"
        shape = el("polygon", points=corners)
    else:
        shape = el("circle", cx=x, cy=y, r=radius)
    label = el("text", str(trial.index), x=x, y=y + 3.8, text_anchor="middle") if radius == RADIUS else None
    return el("g", el("title", words(trial)), shape, label, class_=style)


def legend_mark(class_: str, *, diamond: bool = False) -> Element:
    """Return a small mark for a legend."""
    shape = el("polygon", points="8,1 15,8 8,15 1,8") if diamond else el("circle", cx=8, cy=8, r=5.5)
    return el("svg", el("g", shape, class_=f"mark {class_}"), viewBox="0 0 16 16", aria_hidden="true", class_="key")
