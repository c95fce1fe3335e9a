"""How requests arrive at the server."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Duration, Quantity


class OpenLoop(ApiModel):
    """Requests are sent at a fixed mean rate, whether or not the server keeps up."""

    rate: Quantity
    """Total rate in requests per second, such as "50" or "0.5"."""
    arrival: Literal["Poisson", "Constant"] = "Poisson"
    """Poisson: random arrivals, as from many independent clients. Constant: evenly spaced arrivals with a little
    jitter."""

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
    """A fixed number of clients, each of which sends its next request as soon as the previous one is answered."""

    concurrency: Annotated[int, Field(ge=1, le=10000)]
    """Number of clients."""


class Load(ApiModel):
    """How requests arrive: exactly one of openLoop and closedLoop must be set."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("openLoop", "closedLoop")

    open_loop: OpenLoop | None = None
    """A fixed mean rate of requests."""
    closed_loop: ClosedLoop | None = None
    """A fixed number of clients."""
    warmup: Duration = Duration("5s")
    """Duration of the warm-up, whose requests are not counted. It is extended until it has ten requests (ten per
    client of a closed loop), to at most four times its length, or 10s if that is longer. A trial that measures CPU and
    memory also extends it while the server cannot take the rate yet, because it is still loading or compiling;
    requests that would only queue are not sent then."""
    duration: Duration = Duration("30s")
    """Length of the measurement window. A window that only has to decide whether a size passes may end earlier; one
    with too few requests for the objective's percentile is extended."""
    parallelism: Annotated[int, Field(ge=1, le=64)] = 1
    """Number of load generator pods, for a load that one cannot generate. All start together, each sends its share of
    the requests and its part of the rows, and their results are added up. A window then never ends early because its
    result is certain, since no pod sees the answers of the others. On a machine of your own one process sends it all.
    """

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "duration(self.duration) >= duration('5s') && duration(self.duration) <= duration('1h')",
            "duration must be from 5s to 1h",
        ),
        ("duration(self.warmup) <= duration('10m')", "warmup must be at most 10m"),
        (
            "!has(self.closedLoop) || self.closedLoop.concurrency >= self.parallelism",
            "parallelism must be at most closedLoop.concurrency, so that every load pod has a client",
        ),
    )

    @model_validator(mode="after")
    def _check_durations(self) -> Self:
        if not 5 <= self.duration.seconds <= 3600:
            raise ValueError("duration must be from 5s to 1h")
        if self.warmup.seconds > 600:
            raise ValueError("warmup must be at most 10m")
        if self.closed_loop is not None and self.closed_loop.concurrency < self.parallelism:
            raise ValueError("parallelism must be at most closedLoop.concurrency, so that every load pod has a client")
        return self
