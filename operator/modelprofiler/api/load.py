"""The requests, and how they arrive."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.sources import Name, Source


class DatasetFormat(StrEnum):
    """How rows are read from the dataset's file."""

    LINES = "Lines"
    JSON_LINES = "JSONLines"
    CSV = "CSV"
    PARQUET = "Parquet"


class Dataset(ApiModel):
    """The requests that are replayed."""

    source: Source
    """The file with the rows."""
    format: DatasetFormat = DatasetFormat.LINES
    """Lines: a line is a body. JSONLines, CSV, Parquet: a column holds the bodies."""
    column: Name | None = None
    """The column or field that holds the body, for formats that have columns."""
    encoding: Literal["Text", "Base64"] = "Text"
    """Base64 for binary bodies."""
    order: Literal["Shuffled", "Sequential"] = "Shuffled"
    """Shuffled (always the same way) or as written; every trial replays the same rows in the same order."""


class OpenLoop(ApiModel):
    """Requests arrive at a given rate, whether or not the server keeps up."""

    rate: Quantity
    """Requests per second in total, such as "50" or "0.5"."""
    arrival: Literal["Poisson", "Constant"] = "Poisson"
    """Poisson: as from many independent clients. Constant: evenly spaced, with a little jitter."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            (
                "quantity(string(self.rate)).isGreaterThan(quantity('0'))"
                " && quantity(string(self.rate)).compareTo(quantity('100k')) <= 0"
            ),
            "rate must be greater than 0 and at most 100k",
        ),
    )

    @model_validator(mode="after")
    def _check_rate(self) -> Self:
        if not 0 < self.rate.value <= 100_000:
            raise ValueError("rate must be greater than 0 and at most 100k")
        return self


class ClosedLoop(ApiModel):
    """A fixed number of clients, each sending its next request when the last is answered."""

    concurrency: Annotated[int, Field(ge=1, le=10000)]
    """Clients."""


class Load(ApiModel):
    """How requests arrive: exactly one of openLoop, closedLoop."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("openLoop", "closedLoop")

    open_loop: OpenLoop | None = None
    """A rate of arrivals."""
    closed_loop: ClosedLoop | None = None
    """A number of clients."""
    warmup: Duration = Duration("5s")
    """Load before the window that does not count; at least ten requests a connection in any case."""
    duration: Duration = Duration("30s")
    """The longest window; it ends as soon as the verdict is certain."""
    parallelism: Annotated[int, Field(ge=1, le=64)] = 1
    """Load generator pods."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "duration(self.duration) >= duration('5s') && duration(self.duration) <= duration('1h')",
            "duration must be from 5s to 1h",
        ),
        ("duration(self.warmup) <= duration('10m')", "warmup must be at most 10m"),
    )

    @model_validator(mode="after")
    def _check_durations(self) -> Self:
        if not 5 <= self.duration.seconds <= 3600:
            raise ValueError("duration must be from 5s to 1h")
        if self.warmup.seconds > 600:
            raise ValueError("warmup must be at most 10m")
        return self
