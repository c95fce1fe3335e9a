"""What a run does next: one more trial, a recommendation, or an end without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from modelprofiler.api.conditions import Reason
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits

Environment: TypeAlias = Literal["Cluster", "Local"]

Window: TypeAlias = Literal["Decide", "Measure"]
"""Decide: the window may end once the latency verdict is certain. Measure: it is full, because usage is needed."""


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
        Whether the server must be started at this size; otherwise a running one may be resized.
    window
        Whether the load may stop at the first certain verdict.
    reason
        Why this trial, in one sentence.
    """

    purpose: Purpose
    limits: Limits
    fresh: bool
    window: Window
    reason: str


@dataclass(frozen=True, slots=True)
class Recommend:
    """The run is over and has an answer; `reason` is Verified or NotVerified."""

    recommendation: ContainerRecommendation
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The run is over without an answer."""

    reason: Reason
    message: str


Step: TypeAlias = RunTrial | Recommend | GiveUp
