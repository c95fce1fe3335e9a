"""What a trial leaves behind, whichever shell ran it: the load's result, the usage, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import LoadStatus, Outcome, Purpose, UsageStatus
from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import Window as WindowKind


class ResultKind(StrEnum):
    """How a load ended."""

    COMPLETED = "Completed"
    """The window was measured, perhaps not to its end (status.stoppedEarly)."""
    CONNECT_FAILED = "ConnectFailed"
    """Nothing listened within the connect timeout."""
    SMOKE_FAILED = "SmokeFailed"
    """The first request was not answered as expected."""
    SATURATED = "Saturated"
    """The generator was the bottleneck: the numbers say nothing about the server."""
    FAILED = "Failed"
    """The load could not be generated."""


class LoadEvidence(Protocol):
    """A finished load, as far as decisions depend on it; `modelprofiler.load.result.LoadResult` is one."""

    @property
    def kind(self) -> ResultKind:
        """How it ended."""

    @property
    def message(self) -> str:
        """A sentence about how it ended."""

    @property
    def status(self) -> LoadStatus | None:
        """The window in numbers; None when there was no window."""

    @property
    def warmup_started(self) -> float | None:
        """When the first request of the warm-up was due, seconds since the epoch."""

    @property
    def window_started(self) -> float | None:
        """When the measured window began, seconds since the epoch."""

    @property
    def window_ended(self) -> float | None:
        """When the measured window ended, seconds since the epoch."""

    @property
    def ended(self) -> float | None:
        """When the last response was read, seconds since the epoch."""

    @property
    def cpu_percent(self) -> float | None:
        """CPU that the generator itself used in the window, in percent of a core."""

    @property
    def cores(self) -> int | None:
        """CPUs of the machine that the generator ran on."""

    @property
    def busy_percent(self) -> float | None:
        """Share of that machine's CPU time that went to work of any kind in the window."""

    @property
    def steal_percent(self) -> float | None:
        """Share of that machine's CPU time that its hypervisor gave to other guests in the window."""

    def completed_between(self, t0: float, t1: float) -> float:
        """Return the responses that arrived between two times (seconds since the epoch)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in a trial apart from slow or failing requests, as a shell saw it.

    Attributes
    ----------
    outcome
        Any outcome but Passed and Slow; Errors only for a first request that went wrong, after which there was no load.
    message
        One sentence with the server's last words, where there were any.
    """

    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A trial that is being run.

    Attributes
    ----------
    index, purpose, limits
        Its number, from 1, why it is run, and the size of the profiled container.
    fresh
        Whether the server was started for it, at this size.
    window
        Whether the load may stop at the first certain verdict, or runs to its end so that usage can be measured.
    started
        When it began.
    """

    index: int
    purpose: Purpose
    limits: Limits
    fresh: bool
    window: WindowKind
    started: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a shell saw of a trial; what was not seen is None.

    Attributes
    ----------
    failure
        What went wrong with the server or the measurement.
    load
        What the load generator reported.
    usage
        What the profiled container used.
    usage_problem
        Why usage is missing or incomplete, in a part of a sentence.
    time_to_ready
        From the start of the server until it was ready.
    last_words
        What the server printed last, for failures that are the server's.
    machine
        The server's machine, as a message names it: ``node n1``, ``this machine``.
    load_on_machine
        Whether the load generator ran on the server's machine, so that it saw how busy that machine was.
    machine_cores
        CPU that the whole machine used under the load, in cores, where the metrics source knows it.
    """

    failure: Failure | None = None
    load: LoadEvidence | None = None
    usage: UsageStatus | None = None
    usage_problem: str = ""
    time_to_ready: Duration | None = None
    last_words: str = ""
    machine: str = "this machine"
    load_on_machine: bool = True
    machine_cores: float | None = None


FAILED_LOADS = {
    ResultKind.CONNECT_FAILED: Outcome.NEVER_READY,
    ResultKind.SMOKE_FAILED: Outcome.ERRORS,
    ResultKind.SATURATED: Outcome.GENERATOR_SATURATED,
    ResultKind.FAILED: Outcome.LOAD_FAILED,
}
"""What a trial is called whose load ended in this way; a completed load is judged by the objectives."""

SERVER_FAULTS = frozenset({Outcome.ERRORS, Outcome.NEVER_READY})
"""Outcomes of a failed load for which the server is to blame: its last words may say why."""


def failure_of_load(load: LoadEvidence | None, last_words: str = "") -> Failure | None:
    """Return what the load generator says went wrong; None when it completed its load, or there was none.

    Parameters
    ----------
    last_words
        What the server printed last; added where the failure is the server's.
    """
    outcome = FAILED_LOADS.get(load.kind) if load is not None else None
    if load is None or outcome is None:
        return None
    words = f"; {last_words}" if last_words and outcome in SERVER_FAULTS else ""
    return Failure(outcome, f"{load.message}{words}")
