"""The progress of a run as the engine reports it: the interface between the engine and a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import ActiveTrial
from modelprofiler.report.record import TrialRecord


@dataclass(frozen=True, slots=True)
class Progress:
    """The trial in progress.

    Attributes
    ----------
    active
        The trial and its stage.
    started
        When the stage began, in seconds of the monotonic clock.
    expected
        The longest that the stage takes in seconds, unless it is extended; None where that is unknown.
    note
        The last line that the load generator printed.
    """

    active: ActiveTrial
    started: float
    expected: float | None = None
    note: str = ""


class Listener(Protocol):
    """A receiver of a run's progress. Its methods are called in the engine's thread, so they must return quickly."""

    def on_note(self, message: str) -> None:
        """Receive a sentence about the run as a whole."""

    def on_wait(self, message: str) -> None:
        """Receive what the run waits for; it holds until the next stage begins."""

    def on_stage(self, progress: Progress) -> None:
        """Receive the stage of the trial in progress."""

    def on_trial_finished(self, record: TrialRecord) -> None:
        """Receive a finished trial."""

    def on_run_finished(self, profile: ModelProfile) -> None:
        """Receive the finished profile, whose status says how the run ended."""


class SilentListener:
    """A listener that ignores everything."""

    def on_note(self, message: str) -> None:
        """Do nothing."""

    def on_wait(self, message: str) -> None:
        """Do nothing."""

    def on_stage(self, progress: Progress) -> None:
        """Do nothing."""

    def on_trial_finished(self, record: TrialRecord) -> None:
        """Do nothing."""

    def on_run_finished(self, profile: ModelProfile) -> None:
        """Do nothing."""
