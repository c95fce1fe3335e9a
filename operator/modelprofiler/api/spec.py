"""What a user writes: the spec of a ModelProfile.

Docstrings of the types in this folder are what ``kubectl explain`` prints.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelprofiler.api.endpoint import Endpoint
from modelprofiler.api.load import Dataset, Load
from modelprofiler.api.model import ApiModel
from modelprofiler.api.objectives import Objectives
from modelprofiler.api.quantities import Duration
from modelprofiler.api.ranges import Resources
from modelprofiler.api.server import Model, Server


class Search(ApiModel):
    """How the range is walked."""

    strategy: Literal["Adaptive", "Grid"] = "Adaptive"
    """Adaptive: as few trials as decide it. Grid: every combination."""
    max_trials: Annotated[int, Field(ge=3, le=200)] = 20
    """Trials at most."""
    repetitions: Annotated[int, Field(ge=1, le=10)] = 2
    """How often a size is measured while its verdict is uncertain."""
    resize: Literal["Auto", "InPlace", "Recreate"] = "Auto"
    """Auto: resize the running pod in place, with a fresh pod where that is not possible."""
    threads: Literal["None", "Auto"] = "None"
    """Auto: variables such as OMP_NUM_THREADS size the server's thread pools for the trial's CPU limit instead of the
    node's cores; those that the profile sets itself are left alone."""
    deadline: Duration = Duration("1h")
    """How long a run may take from leaving the queue."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "duration(self.deadline) >= duration('1m') && duration(self.deadline) <= duration('168h')",
            "deadline must be from 1m to 168h",
        ),
    )

    @model_validator(mode="after")
    def _check_deadline(self) -> Self:
        if not 60 <= self.deadline.seconds <= 168 * 3600:
            raise ValueError("deadline must be from 1m to 168h")
        return self


class RecommendationPolicy(ApiModel):
    """How a measured size becomes a recommended one."""

    cpu_margin_percent: Annotated[int, Field(ge=0, le=1000)] = 10
    """Added to the smallest CPU that met the objectives."""
    memory_margin_percent: Annotated[int, Field(ge=0, le=1000)] = 20
    """Added to the largest memory seen."""
    cpu_limit: Literal["Equal", "None"] = "Equal"
    """Equal: limit = request. None: a request without a limit, verified as if it were the limit."""


class Metrics(ApiModel):
    """Where usage is read."""

    source: Literal["Auto", "Prometheus", "Kubelet"] = "Auto"
    """Auto: Prometheus when it has the series, with what it has not from the kubelet; else the kubelet alone."""


class ModelProfileSpec(ApiModel):
    """What to measure and what it must meet."""

    model: Model | None = None
    """The model that is served."""
    server: Server
    """How it is served."""
    endpoint: Endpoint = Field(default_factory=Endpoint)
    """Where requests go."""
    dataset: Dataset
    """The requests that are replayed."""
    load: Load
    """How requests arrive."""
    objectives: Objectives
    """What a size must meet."""
    resources: Resources = Field(default_factory=Resources)
    """The range of sizes."""
    search: Search = Field(default_factory=Search)
    """How the range is walked."""
    recommendation: RecommendationPolicy = Field(default_factory=RecommendationPolicy)
    """How a measured size becomes a recommended one."""
    metrics: Metrics = Field(default_factory=Metrics)
    """Where usage is read."""
    suspend: bool = False
    """Stop after what is running now; finished trials are kept, and taken up again when it is false."""
