"""For which rows a size is verified: which ones are sent, how often, and what it would take to send all.

Before a run `forecast` says what its trials will not be able to show; after it `RowsSent` says what they have not
shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from modelprofiler.api.quantities import Duration
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import DatasetStatus
from modelprofiler.api.trial import LoadStatus, Trial
from modelprofiler.core.judge import every_row_passed
from modelprofiler.core.stats import FEWEST_REQUESTS, PERCENTILES
from modelprofiler.core.steps import Environment

MANY_VISITS = 10
"""Times that a row is sent on average from which a cache would have answered most requests: nine in ten."""

FEW_ROWS = 128
"""Distinct rows that any cache of answers holds; Python's functools.lru_cache holds as many by default."""

MOST_WARNINGS = 16
"""Warnings that the status of a dataset has at most."""

LONGEST_WINDOW = 3600
"""Seconds that load.duration may be at most."""


EXTENSION = 4
"""A window is extended to this many times its length at most. Chosen, not fitted: `modelprofiler plan` prints the
bound, and at the usual window of 30 s it keeps the load of a trial within about three minutes."""


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


@dataclass(frozen=True, slots=True)
class RowsNeed:
    """How many of the dataset's rows the confirming trial is expected to send in an open loop.

    Attributes
    ----------
    rows, distinct
        Rows and different rows of the dataset.
    expected
        Rows that are sent, warm-up included, repeated ones counted again.
    window
        Seconds that a window takes to send all rows.
    """

    rows: int
    distinct: int
    expected: float
    window: float

    @property
    def sentences(self) -> list[str]:
        """What the rows mean for the result, for people."""
        if self.expected < self.rows:
            least = math.ceil(self.window / EXTENSION)
            longer = (
                f"a load.duration of {least}s is enough, as that trial extends its window up to {EXTENSION} times"
                if least <= LONGEST_WINDOW
                else "raise the rate"
            )
            sent = f"the confirming trial sends about {self.expected:,.0f} of {self.rows:,} rows"
            return [f"{sent}, and what the others need stays unknown; sending all takes {self.window:,.0f}s ({longer})"]
        if self.distinct <= FEW_ROWS and self.expected >= MANY_VISITS * self.distinct:
            each = self.expected / self.distinct
            often = f"each distinct row is sent about {each:,.0f} times in a trial"
            return [f"{often}: a server that answers equal requests from a cache looks cheaper than it is"]
        return []


def rows_need(spec: ModelProfileSpec, dataset: DatasetStatus) -> RowsNeed | None:
    """Return how many rows the confirming trial sends; None for a closed loop, whose rate is not known before."""
    if spec.load.open_loop is None:
        return None
    rate, window = float(spec.load.open_loop.rate), spec.load.duration.seconds
    needed = math.ceil(dataset.rows / rate)
    if window < needed <= EXTENSION * window:  # it is extended where all rows then fit, and not at all otherwise
        window = needed
    return RowsNeed(dataset.rows, dataset.distinct_rows, rate * (spec.load.warmup.seconds + window), needed)


def forecast(spec: ModelProfileSpec, dataset: DatasetStatus, environment: Environment = "Cluster") -> list[str]:
    """Return a sentence for everything that the load of an open loop will not be able to show with these rows.

    Of a closed loop nothing is known before, as its rate is that of the server. Where a cluster has several load pods,
    a run on one machine has one load generator.
    """
    need = rows_need(spec, dataset)
    loop = spec.load.open_loop
    if need is None or loop is None:
        return []
    # That equal rows may be answered from a cache is among the warnings of the dataset itself.
    sentences = [] if dataset.rows > dataset.distinct_rows <= FEW_ROWS or dataset.rows == 1 else need.sentences
    latency = spec.objectives.latency
    bounded = latency.to_dict() if latency is not None else {"p95": ""}
    seconds = EXTENSION * spec.load.duration.seconds
    generators = spec.load.parallelism if environment == "Cluster" else 1
    expected = float(loop.rate) / generators * seconds
    each = " of each load pod" if generators > 1 else ""
    needs = [(FEWEST_REQUESTS[name], name) for name in bounded if name in PERCENTILES]
    few = [(needed, name) for needed, name in needs if expected < needed]
    if few:
        needed, name = max(few)
        sentences.append(
            f"{name} needs {needed:,} requests{each} in a window, and only {expected:,.0f} are expected in one that is "
            f"extended to {Duration.of(seconds)}: raise the rate or load.duration"
        )
    return sentences


def with_forecast(
    spec: ModelProfileSpec, dataset: DatasetStatus, environment: Environment = "Cluster"
) -> DatasetStatus:
    """Return the facts about a dataset with what the load of a profile will not be able to show among the warnings."""
    warnings = [*(dataset.warnings or ()), *forecast(spec, dataset, environment)]
    return dataset.model_copy(update={"warnings": warnings[:MOST_WARNINGS] or None})
