"""What a run tells while it goes on: the seam between the engine and whoever shows it."""

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
        Seconds that the stage takes at most, unless it is extended; absent where nothing is known.
    note
        What the load generator said last.
    """

    active: ActiveTrial
    started: float
    expected: float | None = None
    note: str = ""


class Listener(Protocol):
    """Someone who wants to know how a run goes on; called in the engine's own thread, so it must be quick."""

    def said(self, message: str) -> None:
        """Take note of a sentence about the run as a whole."""

    def went_on(self, progress: Progress) -> None:
        """Take note of where the trial is."""

    def finished_trial(self, record: TrialRecord) -> None:
        """Take note of a finished trial."""

    def ended(self, profile: ModelProfile) -> None:
        """Take note of the end; the status says how."""


class Silent:
    """A listener that does not care."""

    def said(self, message: str) -> None:
        """Do nothing."""

    def went_on(self, progress: Progress) -> None:
        """Do nothing."""

    def finished_trial(self, record: TrialRecord) -> None:
        """Do nothing."""

    def ended(self, profile: ModelProfile) -> None:
        """Do nothing."""
