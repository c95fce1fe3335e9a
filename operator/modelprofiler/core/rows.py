"""For which rows a verified size is verified: those that were sent, how often, and what it would take to send all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from modelprofiler.api.quantities import Duration
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import LoadStatus, Trial
from modelprofiler.core.judge import every_row_passed

MANY_VISITS = 10
"""Times that a row is sent on average from which a cache would have answered most requests: nine in ten."""

FEW_ROWS = 128
"""Distinct rows that any cache of answers holds; Python's functools.lru_cache holds as many by default."""

LONGEST_WINDOW = 3600
"""Seconds that load.duration may be at most."""


@dataclass(frozen=True, slots=True)
class RowsSent:
    """The rows that a verified size has answered.

    Attributes
    ----------
    trial
        The trial that sent them: the confirming one, or one at no larger size that sent all.
    sent, distinct
        Different rows that it sent, and that the dataset has.
    load
        Its load.
    """

    trial: Trial
    sent: int
    distinct: int
    load: LoadStatus

    @classmethod
    def of(cls, proof: Trial, trials: Sequence[Trial]) -> Self | None:
        """Return the rows behind the verification by a trial; None where their number is not known."""
        load = proof.load
        if load is None or load.distinct_rows is None:
            return None
        distinct = load.distinct_rows
        if load.rows_covered < distinct:
            other = every_row_passed(trials, proof.limits, distinct)
            if other is not None and other.load is not None:
                return cls(other, distinct, distinct, other.load)
        return cls(proof, min(load.rows_covered, distinct), distinct, load)

    def __str__(self) -> str:
        return f"{self.sent} of {self.distinct}"

    @property
    def complete(self) -> bool:
        """Whether every row was sent."""
        return self.sent >= self.distinct

    def sentences(self, spec: ModelProfileSpec) -> list[str]:
        """Return what the verification does not say because of the rows; empty where it speaks for all of them."""
        limits = []
        if not self.complete:
            unknown = self.distinct - self.sent
            what = "the other one needs is" if unknown == 1 else f"the other {unknown:,} need is"
            limits.append(
                f"Trial {self.trial.index} sent {self.sent:,} of {self.distinct:,} distinct rows, so what {what} not "
                f"known; {self._to_send_all(spec)}."
            )
        visits = self.load.requests / self.sent if self.sent else 0.0
        if self.sent <= FEW_ROWS and visits >= MANY_VISITS:
            rows = "row" if self.sent == 1 else f"{self.sent} distinct rows"
            each = " each" if self.sent > 1 else ""
            often = f"Trial {self.trial.index} sent its {rows} {visits:,.0f} times{each} in the window"
            limits.append(f"{often}: a server that answers equal requests from a cache looks cheaper than it is.")
        return limits

    def _to_send_all(self, spec: ModelProfileSpec) -> str:
        loop = spec.load.open_loop
        rate = float(loop.rate) if loop is not None else float(self.load.rate)
        return window_for(self.distinct, rate)


def window_for(rows: int, rate: float) -> str:
    """Return how long a window has to be to send this many rows at a rate per second, as a clause."""
    seconds = math.ceil(rows / rate) if rate > 0 else math.inf
    if seconds <= LONGEST_WINDOW:
        return f"at {rate:.4g} requests per second a window of {Duration.of(seconds)} would send all"
    return f"a window of an hour would send all at {math.ceil(rows / LONGEST_WINDOW):,} requests per second"
