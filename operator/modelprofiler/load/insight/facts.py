"""What a load has learned of its rows, as its result hands it on.

Whoever wrote a result may be anybody: each value is checked, and has a largest one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from modelprofiler.api.quantities import Duration
from modelprofiler.core.text import row_size

MOST_STRATA, MOST_SLOW_ROWS = 4, 10
"""Strata of row sizes, and slowest rows, that a result has: both together take some 500 of its 4,096 bytes."""

DIGEST_CHARACTERS = 12
"""Characters of a row's sha256 that tell it from others, as in messages about a dataset."""

LEAST_RATIO = 1.1
"""Ratio of two strata's percentiles from which a difference is told: less changes no size, and 2 % of it may be the
error of the histograms."""

ALIKE = 1.1
"""Ratio of the largest rows of two strata below which they are one: sizes that differ by less cost the same."""

Seconds = Annotated[float, Field(ge=0, lt=1e7, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=0, le=2**40)]
Count = Annotated[int, Field(ge=0, le=10**15)]


class Fact(BaseModel):
    """A part of what was learned, as JSON; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class Percentile(Fact):
    """A percentile of latency in seconds, and its 95 % confidence interval where there is one."""

    value: Seconds
    low: Seconds | None = None
    high: Seconds | None = None

    def exceeds(self, other: Self) -> bool:
        """Whether this one is larger for certain, and by enough to matter."""
        if self.low is None or other.high is None or not other.value:
            return False
        return self.low > other.high and self.value >= LEAST_RATIO * other.value

    def __str__(self) -> str:
        return str(Duration.of(self.value, 3))


class Stratum(Fact):
    """The requests whose rows have a size in one range."""

    smallest: Bytes
    """Bytes of the smallest row of the dataset in this range."""
    largest: Bytes
    """Bytes of the largest."""
    requests: Count
    """Requests that were looked at."""
    p50: Percentile | None = None
    """Median latency; None with too few requests."""
    p95: Percentile | None = None
    """95th percentile; None with too few requests."""

    @property
    def sizes(self) -> str:
        """The range, for people."""
        smallest, largest = row_size(self.smallest), row_size(self.largest)
        return largest if smallest == largest else f"{smallest} to {largest}"


class SlowRow(Fact):
    """One of the rows with the highest median of latency."""

    row: Annotated[int, Field(ge=1, le=10**12)]
    """Its number in the dataset, from 1; of equal rows that of the one that was sent first."""
    digest: Annotated[str, StringConstraints(max_length=DIGEST_CHARACTERS, pattern=r"^[0-9a-f]*$")]
    """Beginning of the sha256 of its body; where it has a path of its own, of its body with that."""
    size: Bytes
    """Bytes of its body."""
    requests: Annotated[int, Field(ge=1, le=10**15)]
    """Requests with it that were looked at."""
    median: Seconds
    """Median of their latencies."""
    fastest: Seconds
    """The shortest of them: where even this is long, the row is slow each time."""


class RowInsight(Fact):
    """How latency depends on the rows; requests of the window alone, those that failed otherwise than late left out."""

    requests: Count = 0
    """Requests that were looked at."""
    left_out: Count = 0
    """Later requests of the window that were not looked at, since there were too many."""
    strata: Annotated[list[Stratum], Field(max_length=MOST_STRATA)] = Field(default_factory=list)
    """By row size, the smallest first; a single one where all rows are alike in size."""
    slowest: Annotated[list[SlowRow], Field(max_length=MOST_SLOW_ROWS)] = Field(default_factory=list)
    """The slowest rows, the slowest first; empty where only one row was sent."""

    @property
    def sentence(self) -> str:
        """How latency depends on the size of the rows, as a sentence; empty where nothing is known."""
        if len(self.strata) == 1:
            all_alike = self.strata[0].largest < ALIKE * max(self.strata[0].smallest, 1)
            return f"{'All' if all_alike else 'Most'} rows have nearly the same size."
        measured = [stratum for stratum in self.strata if stratum.p50 is not None or stratum.p95 is not None]
        if len(measured) < 2:
            return ""
        differing = _most_different(measured)
        if differing is None:
            return "" if _without_intervals(measured) else "Latency does not differ noticeably by the size of the rows."
        name, fast, slow = differing
        return (
            f"Latency depends on the size of the rows: {name} is {getattr(fast, name)} for rows of {fast.sizes} "
            f"and {getattr(slow, name)} for rows of {slow.sizes}."
        )

    @property
    def differs(self) -> bool:
        """Whether latency depends on the size of the rows for certain, and by enough to matter."""
        return _most_different(self.strata) is not None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON data; what is absent is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def with_less(self, *, everything: bool) -> Self | None:
        """Return it without the slowest rows, where room is scarce; None where even that is too much."""
        return None if everything else self.model_copy(update={"slowest": []})

    @classmethod
    def merged(cls, parts: Sequence[Self]) -> Self:
        """Return what several generators have learned, each of its part of the rows.

        Their strata have the same ranges, since each knows the sizes of all rows. A percentile of all requests lies
        between those of the parts, of which the mean is given; its interval is the hull of theirs. The same is done
        with the medians of equal rows that several parts have.
        """
        ranges = {tuple((s.smallest, s.largest) for s in part.strata) for part in parts}
        strata = [_together(same) for same in zip(*(p.strata for p in parts), strict=True)] if len(ranges) == 1 else []
        equal: dict[str, list[SlowRow]] = {}
        for row in (row for part in parts for row in part.slowest):
            equal.setdefault(row.digest, []).append(row)
        slow = sorted(map(_one_row, equal.values()), key=lambda row: row.median, reverse=True)
        return cls(
            requests=sum(part.requests for part in parts),
            left_out=sum(part.left_out for part in parts),
            strata=strata,
            slowest=slow[:MOST_SLOW_ROWS],
        )


def _most_different(strata: Sequence[Stratum]) -> tuple[str, Stratum, Stratum] | None:
    """Return a percentile, and the strata between which it differs most for certain; None where none does."""
    different = [
        (slow.value / fast.value, name, one, other)
        for name in ("p50", "p95")
        for one, other in itertools.permutations(strata, 2)
        if (fast := getattr(one, name)) is not None
        and (slow := getattr(other, name)) is not None
        and slow.exceeds(fast)
    ]
    if not different:
        return None
    _, name, one, other = max(different, key=lambda entry: entry[0])
    return name, one, other


def _without_intervals(strata: Iterable[Stratum]) -> bool:
    """Whether fewer than two strata have an interval, so that nothing can be said of their difference."""
    known = [s for s in strata if any(p is not None and p.high is not None for p in (s.p50, s.p95))]
    return len(known) < 2


def _one_row(same: Sequence[SlowRow]) -> SlowRow:
    requests = sum(row.requests for row in same)
    return same[0].model_copy(
        update={
            "requests": requests,
            "median": sum(row.median * row.requests for row in same) / requests,
            "fastest": min(row.fastest for row in same),
        }
    )


def _together(strata: Sequence[Stratum]) -> Stratum:
    return Stratum(
        smallest=strata[0].smallest,
        largest=strata[0].largest,
        requests=sum(s.requests for s in strata),
        p50=_hull([(s.p50, s.requests) for s in strata]),
        p95=_hull([(s.p95, s.requests) for s in strata]),
    )


def _hull(parts: Sequence[tuple[Percentile | None, int]]) -> Percentile | None:
    known = [(p, count) for p, count in parts if p is not None]
    if len(known) < len(parts):
        return None
    ends = [(p.low, p.high) for p, _ in known if p.low is not None and p.high is not None]
    complete = len(ends) == len(known)
    return Percentile(
        value=sum(p.value * count for p, count in known) / sum(count for _, count in known),
        low=min(low for low, _ in ends) if complete else None,
        high=max(high for _, high in ends) if complete else None,
    )
