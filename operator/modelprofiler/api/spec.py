"""What a user writes: the spec of a ModelProfile.

Docstrings of the types in this folder are what ``kubectl explain`` prints.
"""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from modelprofiler.api.dataset import Dataset
from modelprofiler.api.endpoint import Endpoint
from modelprofiler.api.load import Load
from modelprofiler.api.model import ApiModel
from modelprofiler.api.objectives import Objectives
from modelprofiler.api.pods import PodMetadata
from modelprofiler.api.quantities import Duration
from modelprofiler.api.ranges import Resources
from modelprofiler.api.server import Model, Server


class Search(ApiModel):
    """How the range of sizes is searched."""

    strategy: Literal["Adaptive", "Grid"] = "Adaptive"
    """Adaptive: only the trials that are needed to find the smallest size. Grid: every combination of CPU and
    memory."""
    max_trials: Annotated[int, Field(ge=3, le=200)] = 20
    """Maximum number of trials."""
    repetitions: Annotated[int, Field(ge=1, le=10)] = 2
    """Maximum number of trials at one size while its result is uncertain."""
    resize: Literal["Auto", "InPlace", "Recreate"] = "Auto"
    """How the size of the server changes between trials. Auto: the running pod is resized in place, or replaced where
    that is not possible or where a resized server could behave differently from a new one. InPlace: it is replaced only
    where a resize is not possible. Recreate: every trial starts a new pod."""
    threads: Literal["None", "Auto"] = "None"
    """Auto: environment variables such as OMP_NUM_THREADS size the server's thread pools for the CPU limit of the trial
    instead of the cores of the node. Variables that the profile sets itself are not changed. None: nothing is set."""
    deadline: Duration = Duration("1h")
    """Maximum duration of a run, counted from when it leaves the queue. The time during which it is suspended, or
    waits for its turn after that, does not count."""
    soak: Duration = Duration("10m")
    """Longest window of a Soak trial. It runs where memory grew in the short windows of the other trials, and shows
    whether that goes on. 0s: no such trial; a size at which memory grew is then not verified."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "duration(self.deadline) >= duration('1m') && duration(self.deadline) <= duration('168h')",
            "deadline must be from 1m to 168h",
        ),
        (
            (
                "duration(self.soak) == duration('0s') ||"
                " duration(self.soak) >= duration('1m') && duration(self.soak) <= duration('1h')"
            ),
            "soak must be 0s, or from 1m to 1h",
        ),
    )

    @model_validator(mode="after")
    def _check_durations(self) -> Self:
        problems = []
        if not 60 <= self.deadline.seconds <= 168 * 3600:
            problems.append("deadline must be from 1m to 168h")
        if self.soak.seconds and not 60 <= self.soak.seconds <= 3600:
            problems.append("soak must be 0s, or from 1m to 1h")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class RecommendationPolicy(ApiModel):
    """How the recommendation is derived from what was measured."""

    cpu_margin_percent: Annotated[int, Field(ge=0, le=1000)] = 10
    """Percentage added to the smallest CPU size that met the objectives."""
    memory_margin_percent: Annotated[int, Field(ge=0, le=1000)] = 20
    """Percentage added to the largest memory use that was measured."""
    cpu_limit: Literal["Equal", "None"] = "Equal"
    """Equal: the recommended CPU limit equals the request. None: only a request is recommended; it is verified by a
    trial that has it as its limit."""
    memory_horizon: Duration = Duration("24h")
    """How long a server whose memory keeps growing must last before a restart: its growth in this time is added to the
    recommended memory. If that exceeds the range, the recommendation is not verified (MemoryGrows)."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "duration(self.memoryHorizon) >= duration('1m') && duration(self.memoryHorizon) <= duration('8760h')",
            "memoryHorizon must be from 1m to 8760h",
        ),
    )

    @model_validator(mode="after")
    def _check_horizon(self) -> Self:
        if not 60 <= self.memory_horizon.seconds <= 8760 * 3600:
            raise ValueError("memoryHorizon must be from 1m to 8760h")
        return self


SourceChoice: TypeAlias = Literal["Auto", "Prometheus", "Kubelet"]
"""What a user may choose as the metrics source."""


class Metrics(ApiModel):
    """Where CPU and memory usage is read from."""

    source: SourceChoice = "Auto"
    """Prometheus, Kubelet, or Auto: Prometheus where it has samples of the container, supplemented by the kubelet's,
    and the kubelet alone otherwise."""


MOST_INLINE = 256 * 2**10
"""Bytes of everything that a profile contains of files and of a pod template. etcd takes objects of 1.5 MiB: the rest
is for the status, and for what clients add."""

_INLINE = "what the sources contain inline must have at most 256 KiB together; put larger files into ConfigMaps"


class ModelProfileSpec(ApiModel):
    """What to measure, and which objectives must be met."""

    model: Model | None = None
    """The model that is served; optional."""
    server: Server
    """How the model is served."""
    endpoint: Endpoint = Field(default_factory=Endpoint)
    """Where requests are sent."""
    dataset: Dataset
    """The sample requests that every trial replays."""
    load: Load
    """How requests arrive."""
    objectives: Objectives
    """The objectives that a size must meet."""
    resources: Resources = Field(default_factory=Resources)
    """The range of CPU and memory sizes to search."""
    search: Search = Field(default_factory=Search)
    """How the range of sizes is searched."""
    recommendation: RecommendationPolicy = Field(default_factory=RecommendationPolicy)
    """How the recommendation is derived from what was measured."""
    metrics: Metrics = Field(default_factory=Metrics)
    """Where CPU and memory usage is read from."""
    pod_metadata: PodMetadata | None = None
    """Labels and annotations for all pods of the run in a cluster."""
    suspend: bool = False
    """True pauses the run: the trial in progress ends, finished trials are kept, and the run continues when this is
    false again."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            (
                "(has(self.model) && has(self.model.source) && has(self.model.source.inline)"
                " ? size(bytes(self.model.source.inline)) : 0)"
                " + (has(self.server.entryScript) && has(self.server.entryScript.source.inline)"
                " ? size(bytes(self.server.entryScript.source.inline)) : 0)"
                f" + (has(self.dataset.source.inline) ? size(bytes(self.dataset.source.inline)) : 0) <= {MOST_INLINE}"
            ),
            _INLINE,
        ),
    )

    @model_validator(mode="after")
    def _check_inline(self) -> Self:
        script = self.server.entry_script
        sources = (self.model.source if self.model else None, script.source if script else None, self.dataset.source)
        inline = sum(len((source.inline or "").encode()) for source in sources if source is not None)
        if inline > MOST_INLINE:
            raise ValueError(_INLINE)
        # The schema of a pod template is open, so that the API server cannot tell its size.
        template = json.dumps(self.server.template, ensure_ascii=False, default=str) if self.server.template else ""
        if inline + len(template.encode("utf-8", "replace")) > MOST_INLINE:
            raise ValueError("server.template and what the sources contain inline must have at most 256 KiB together")
        return self
