"""The next step of a run: one more trial, a recommendation, or the end of a run without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from modelprofiler.api.conditions import Reason
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits

Environment: TypeAlias = Literal["Cluster", "Local"]

Window: TypeAlias = Literal["Decide", "Measure"]
"""Decide: the window may end as soon as the verdict on latency is certain. Measure: it runs to its end,
because usage is needed."""


@dataclass(frozen=True, slots=True)
class RunTrial:
    """Run one more trial.

    Attributes
    ----------
    purpose
        What it is for.
    limits
        The size of the profiled container.
    fresh
        Whether the server must be started at this size; otherwise a running server may be resized.
    window
        Whether the load may stop at the first certain verdict.
    reason
        Why this trial is run, as a part of a sentence.
    seconds
        Length of the window, where it is not load.duration.
    """

    purpose: Purpose
    limits: Limits
    fresh: bool
    window: Window
    reason: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Recommend:
    """End the run with a recommendation; `reason` is Verified, NotVerified or MemoryGrows."""

    recommendation: ContainerRecommendation
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End the run without a recommendation."""

    reason: Reason
    message: str


Step: TypeAlias = RunTrial | Recommend | GiveUp
