"""Whether memory grows without end: the suspicion of the short windows, and what longer ones made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from modelprofiler.api.trial import MemoryCourse, MemoryUsage, Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.memory.leak import Leak, suspicion_of

MOST_SOAKS = 4
"""Soak trials in which memory may be observed in one run: a short one, one of the full length, and as many again with
the largest memory after a server was killed. A rule of thumb: each may take as long as search.soak."""


class State(Enum):
    """What the trials show about the growth of memory."""

    NONE = "no trial shows growth"
    SUSPECTED = "memory grew in short windows"
    SETTLES = "a longer window showed that it settles"
    GROWS = "a longer window showed that it grows to the end"


@dataclass(frozen=True, slots=True)
class Growth:
    """What the trials of a run show about the growth of memory.

    Attributes
    ----------
    state
        What they show.
    leak
        The rate, by the trial that decides where there is one; None without growth.
    shown
        The trial with a longer window that decides; of a suspicion, the last one that did not decide.
    killed
        The largest memory, in bytes, at which a soak ended because the kernel killed the server; 0 without one.
    soaks
        Number of Soak trials that are evidence.
    """

    state: State
    leak: Leak | None = None
    shown: Trial | None = None
    killed: int = 0
    soaks: int = 0

    @property
    def open(self) -> bool:
        """Whether growth is suspected and nothing has decided yet whether it ends."""
        return self.state is State.SUSPECTED


def memory_of(trial: Trial) -> MemoryUsage | None:
    """Return the memory that a trial measured."""
    return trial.usage.memory if trial.usage is not None else None


def course_of(trial: Trial) -> MemoryCourse | None:
    """Return the course of memory that a trial shows; None where its window was too short, or it did not pass."""
    memory = memory_of(trial)
    return memory.course if memory is not None and trial.outcome is Outcome.PASSED else None


def is_killed_soak(trial: Trial) -> bool:
    """Whether a soak ended because the server ran out of memory."""
    return trial.purpose is Purpose.SOAK and trial.outcome is Outcome.OOM_KILLED


def growth_of(trials: Sequence[Trial], *, longest: float, ceiling: int) -> Growth:
    """Return what the trials of a run show about the growth of memory.

    Growth that goes on to the end of a window is final only where the window was as long as a soak may be: a cache that
    fills in a straight line looks the same until it is full. That memory settles is final whenever it is seen. A kill
    is final at the largest memory of the range, since at any other size a cache may have been too large for it.

    Parameters
    ----------
    trials
        The finished trials, in the order of their index.
    longest
        Length of the longest soak, in seconds.
    ceiling
        The largest memory of the range, in bytes.
    """
    suspicion = suspicion_of([t for t in trials if t.purpose is not Purpose.SOAK])
    killed = max((Limits.from_size(t.limits).memory for t in trials if is_killed_soak(t)), default=0)
    soaks = sum(is_killed_soak(t) or _is_passed_soak(t) for t in trials)
    observed = [(t, course) for t in trials if (course := course_of(t)) is not None]
    for trial, course in reversed(observed):
        if course.trend in ("Settles", "Saws"):
            return Growth(State.SETTLES, suspicion, trial, killed, soaks)
        if course.trend == "Grows" and trial.load is not None and trial.load.duration.seconds >= FULL * longest:
            return Growth(State.GROWS, _leak(trial, course), trial, killed, soaks)
    if killed >= ceiling:
        last = next(t for t in reversed(trials) if is_killed_soak(t))
        return Growth(State.GROWS, suspicion or _leak_until_kill(last), last, killed, soaks)
    grew = [(t, course) for t, course in observed if course.trend == "Grows"]
    leak = _leak(*grew[-1]) if grew else suspicion
    if leak is None and not killed:
        return Growth(State.NONE, soaks=soaks)
    undecided = [t for t in trials if course_of(t) is not None or _is_passed_soak(t)]
    return Growth(State.SUSPECTED, leak, undecided[-1] if undecided else None, killed, soaks)


def _is_passed_soak(trial: Trial) -> bool:
    """Whether a soak came to its end, with enough samples or not."""
    return trial.purpose is Purpose.SOAK and trial.outcome is Outcome.PASSED


FULL = 0.95
"""Share of the longest soak from which a window is as long: a load ends between two requests."""


def _leak(trial: Trial, course: MemoryCourse) -> Leak:
    """Return the rate of growth in the second half of a longer window."""
    later, low, high = (float(part) / 1000 for part in (course.later, course.later_low, course.later_high))
    memory = memory_of(trial)
    assert memory is not None, "the course is a part of it"
    return Leak(later, low, high, max(0, round(memory.peak.bytes - later * course.requests)), 1)


def _leak_until_kill(trial: Trial) -> Leak | None:
    """Return the mean rate of growth of a server that was killed under a load; None where it was not measured."""
    memory = memory_of(trial)
    served = trial.load.requests if trial.load is not None else 0
    if memory is None or memory.before_load is None or served <= 0:
        return None
    rate = max(0.0, (memory.peak.bytes - memory.before_load.bytes) / served)
    return Leak(rate, rate, rate, memory.before_load.bytes, 1) if rate else None
