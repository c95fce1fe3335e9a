"""What an explanation claims: each clause with the trial and the numbers that it rests on.

An explanation is made of claims alone, so that a test can hold every clause against the trials of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a clause says; sizes are of CPU in millicores or of memory in bytes."""

    SMALLEST = "a trial at exactly this CPU passed, and none with less CPU did"
    MET = "a trial at exactly this CPU passed"
    MISSED = "a trial at exactly this CPU did not pass"
    LOAD_NEEDS = "rate times the CPU time per request of this trial is this many millicores; no trial below them passed"
    PACE = "in this trial a request took this percentage more CPU time than the trials' average, adjusted for size"
    MACHINE = "the reference loop took this percentage more CPU time around this trial than in the mean of the trials"
    MORE_MEMORY = "the trial had this memory, which is more than is recommended"
    FIRST = "the smallest CPU of the range"
    NOTHING_BELOW = "no trial with less CPU is evidence"
    INCONCLUSIVE = "a trial with less CPU was inconclusive"
    NOT_TRIED = "no trial ran at this CPU"
    NOT_PASSED = "no trial at this CPU passed"
    ONLY_TOO_SMALL = "every trial with less CPU that is evidence failed for want of memory"
    PEAK = "the highest memory peak of a trial that passed, to the next MiB"
    MEMORY_UNKNOWN = "no trial that passed measured its memory"
    TOO_SMALL = "a trial with this memory failed for want of memory"
    ENOUGH = "a trial with this memory passed"
    NEXT_MEMORY = "the next memory size that was not too small in any trial"
    MARGIN = "this size plus this percentage, rounded up to the range, is what is recommended"
    LARGER = "what is recommended is this percentage above this size"
    WITH_ROOM = "the interval of this trial ends this percentage or more below the objective, at exactly this CPU"
    NO_MARGIN = "this size is recommended, without the margin"
    AT_CEILING = "this size is the ceiling of the range"
    BEYOND = "this size plus this percentage is more than the ceiling of the range"
    HEADROOM = "memory for a peak this percentage higher"
    GROWS = "memory grows by this many bytes per request in this trial, and by this size in the horizon"
    LASTS = "how long sizes last when memory grows by this many bytes per request"
    NOTE = "a sentence of another module, which computes it from the trials"


@dataclass(frozen=True, slots=True)
class Claim:
    """A clause of an explanation.

    Attributes
    ----------
    kind
        What it says.
    text
        The clause, with the punctuation before it.
    trial
        Index of the trial that shows it; None where no single trial does.
    size
        The size that it is about: millicores of CPU or bytes of memory.
    value
        A further number: see `Kind`.
    """

    kind: Kind
    text: str
    trial: int | None = None
    size: int | None = None
    value: float | None = None


def text_of(sentences: Sequence[Sequence[Claim]]) -> str:
    """Return the explanation that these claims make, one sentence for each inner sequence."""
    return " ".join("".join(claim.text for claim in sentence).rstrip(".") + "." for sentence in sentences)
