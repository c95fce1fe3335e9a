"""The evidence of a trial, wherever it ran: the result of the load, the usage of the container, and any failure."""

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
    """The window was measured; it may have been stopped early (status.stoppedEarly)."""
    CONNECT_FAILED = "ConnectFailed"
    """Nothing accepted a connection within the connect timeout."""
    SMOKE_FAILED = "SmokeFailed"
    """The first request did not get the expected response."""
    ABANDONED = "Abandoned"
    """Another generator of the same load failed, so that this one ended."""
    SATURATED = "Saturated"
    """The load generator was the bottleneck, so the numbers are no evidence about the server."""
    FAILED = "Failed"
    """The load could not be generated."""


class MachineEvidence(Protocol):
    """What a program on a machine saw of the whole machine in the window of a load."""

    @property
    def cores(self) -> int | None:
        """CPUs of the machine."""

    @property
    def busy_percent(self) -> float | None:
        """Percent of the machine's CPU time that any process used in the window."""

    @property
    def steal_percent(self) -> float | None:
        """Percent of the machine's CPU time that its hypervisor gave to other guests in the window."""

    @property
    def loop_before(self) -> float | None:
        """CPU seconds of a round of the reference loop on the machine before the warm-up."""

    @property
    def loop_after(self) -> float | None:
        """The same after the last response."""

    @property
    def oom_kills(self) -> int | None:
        """Processes of the machine that its kernel killed for lack of memory while the load ran, anybody's."""


class NodeEvidence(MachineEvidence, Protocol):
    """What a reader on the server's node saw; implemented by `modelprofiler.load.node.reading.NodeReading`."""

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which the node's clock is ahead of the load generator's; negative: behind."""

    @property
    def clocks_moved(self) -> bool:
        """Whether one of the two clocks was set during the load."""

    @property
    def silent(self) -> bool:
        """Whether the reader answered before the load, and no more after it."""

    @property
    def problem(self) -> str:
        """Why something is not known; empty where nothing is missing."""

    @property
    def major_faults(self) -> int | None:
        """Page faults of the whole node in the window for which something was read from a disk."""

    @property
    def read_bytes(self) -> int | None:
        """Bytes that the whole node read from its disks in the window."""


class LoadEvidence(MachineEvidence, Protocol):
    """The part of a finished load that decisions depend on; implemented by `modelprofiler.load.result.LoadResult`.

    The machine is the one that the load generator ran on.
    """

    @property
    def kind(self) -> ResultKind:
        """How the load ended."""

    @property
    def message(self) -> str:
        """A sentence about how the load ended."""

    @property
    def status(self) -> LoadStatus | None:
        """The measurements of the window; None when there was no window."""

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
        """CPU that the generator used in the window, in percent of one core."""

    @property
    def node(self) -> NodeEvidence | None:
        """What a reader on the server's node saw of it; None where none was asked."""

    def completed_between(self, t0: float, t1: float) -> float:
        """Return the number of responses that arrived between two times (seconds since the epoch)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in a trial apart from slow or failing requests.

    Attributes
    ----------
    outcome
        Any outcome except Passed and Slow; Errors only when the first request failed, so that there was no load.
    message
        One sentence, with the last output of the server where there was any.
    exit_code
        How the server ended, where it did; negative for a signal.
    """

    outcome: Outcome
    message: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A trial that is running.

    Attributes
    ----------
    index, purpose, limits
        Its number, counted from 1, what it is for, and the size of the profiled container.
    fresh
        Whether the server was started for it, at this size.
    window
        Whether the load may stop at the first certain verdict, or runs to its end so that usage can be measured.
    started
        When it started.
    """

    index: int
    purpose: Purpose
    limits: Limits
    fresh: bool
    window: WindowKind
    started: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was observed of a trial; what was not observed is None.

    Attributes
    ----------
    failure
        What went wrong with the server or the measurement.
    load
        What the load generator reported.
    usage
        What the profiled container used.
    usage_problem
        Why usage is missing or incomplete, as a part of a sentence.
    time_to_ready
        Time from the start of the server until it was ready.
    last_words
        The last output of the server, for failures that the server caused.
    machine
        How messages call the server's machine: ``node n1``, ``this machine``.
    load_on_machine
        Whether the load generator ran on the server's machine and so measured how busy that machine was.
    machine_cores
        CPU that the whole machine used during the load, in cores, where the metrics source reports it.
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

    @property
    def machine_evidence(self) -> MachineEvidence | None:
        """What was seen of the server's machine: by a load generator on it, or else by a node reader."""
        if self.load is None:
            return None
        return self.load if self.load_on_machine else self.load.node

    @property
    def generator_cores(self) -> float:
        """CPU that the load generator used on the server's machine in the window, in cores."""
        return (self.load.cpu_percent or 0.0) / 100 if self.load is not None and self.load_on_machine else 0.0


FAILED_LOADS = {
    ResultKind.CONNECT_FAILED: Outcome.NEVER_READY,
    ResultKind.SMOKE_FAILED: Outcome.ERRORS,
    ResultKind.ABANDONED: Outcome.LOAD_FAILED,
    ResultKind.SATURATED: Outcome.GENERATOR_SATURATED,
    ResultKind.FAILED: Outcome.LOAD_FAILED,
}
"""The outcome of a trial whose load ended in this way; a completed load is judged by the objectives."""

SERVER_FAULTS = frozenset({Outcome.ERRORS, Outcome.NEVER_READY})
"""Outcomes of a failed load that the server caused; its last output may say why."""


def failure_of_load(load: LoadEvidence | None, last_words: str = "") -> Failure | None:
    """Return the failure that the load generator reported; None when it completed its load, or there was no load.

    Parameters
    ----------
    load
        What the load generator reported.
    last_words
        The last output of the server, which is added where the server caused the failure.
    """
    outcome = FAILED_LOADS.get(load.kind) if load is not None else None
    if load is None or outcome is None:
        return None
    output = f"; {last_words}" if last_words and outcome in SERVER_FAULTS else ""
    return Failure(outcome, f"{load.message}{output}")
