"""What a profile says of the pods of its run: labels and annotations of all of them, and where a server may run."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.names import ObjectName

_OWN = (
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/component",
    "modelprofiler.io/profile-uid",
    "modelprofiler.io/run",
    "modelprofiler.io/incarnation",
    "modelprofiler.io/trial",
)
"""Labels by which the operator finds its own pods."""
_OWN_SENTENCE = f"the labels {', '.join(_OWN)} are set by modelprofiler itself"

LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=317)]
LabelValue = Annotated[str, StringConstraints(max_length=63)]
AnnotationValue = Annotated[str, StringConstraints(max_length=8192)]
Placed = Annotated[dict[str, Any], Field(json_schema_extra={"preserve": True})]


class PodMetadata(ApiModel):
    """Labels and annotations for every pod of a run: of the server, of the load, and of the Job that reads files."""

    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] = Field(default_factory=dict)
    """Labels, such as those that a policy of the cluster requires. A Service, a NetworkPolicy or a PodDisruptionBudget
    that selects them selects the pods of the run, too."""
    annotations: Annotated[dict[LabelKey, AnnotationValue], Field(max_length=32)] = Field(default_factory=dict)
    """Annotations."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        (f"!has(self.labels) || !{list(_OWN)}.exists(key, key in self.labels)", _OWN_SENTENCE),
    )

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if any(key in self.labels for key in _OWN):
            raise ValueError(_OWN_SENTENCE)
        return self


class Placement(ApiModel):
    """Where the server of an entry script runs, as in a Pod. With a template, its own fields say so."""

    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=32)] = Field(default_factory=dict)
    """Labels that the node must have."""
    tolerations: Annotated[list[Placed], Field(max_length=32)] = Field(default_factory=list)
    """Taints of nodes that are tolerated."""
    affinity: Placed | None = None
    """Affinity to nodes and to other pods."""
    runtime_class_name: ObjectName | None = None
    """Name of the RuntimeClass."""
    priority_class_name: ObjectName | None = None
    """Name of the PriorityClass."""
    service_account_name: ObjectName | None = None
    """Name of the service account. Its token is not mounted."""
