"""What an installation allows: what a profile may ask for at most, and in which namespaces profiles run."""

from __future__ import annotations

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Duration
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.cluster.adapter import NAMESPACES, Cluster
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.conditions import Finding
from modelprofiler.errors import Problem, Refused


def exceeded(spec: ModelProfileSpec, settings: Settings) -> list[Problem]:
    """Return a problem for each limit of the installation that a profile exceeds."""
    asked = (
        ("search.deadline", spec.search.deadline.seconds, spec.search.deadline, settings.limits_deadline, "deadline"),
        ("search.maxTrials", spec.search.max_trials, spec.search.max_trials, settings.limits_trials, "trials"),
        ("load.duration", spec.load.duration.seconds, spec.load.duration, settings.limits_duration, "duration"),
    )
    return [
        Problem(
            f"spec.{path}",
            f"must be at most {limit} in this installation (chart value limits.{value}); it is {shown}",
        )
        for path, amount, shown, limit, value in asked
        if amount > (limit if isinstance(limit, int) else Duration(limit).seconds)
    ]


async def unselected(cluster: Cluster, namespace: str, settings: Settings) -> Finding | None:
    """Return why no profile is run in a namespace; None where they are.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    if not settings.namespace_labels:
        return None
    try:
        labels = (await cluster.get(NAMESPACES, None, namespace))["metadata"].get("labels") or {}
    except Refused as error:
        return Finding(Reason.NAMESPACE_NOT_SELECTED, f"the labels of namespace {namespace} cannot be read: {error}")
    has = {f"{name}={value}" for name, value in labels.items()}
    missing = [label for label in settings.namespace_labels if label not in has]
    if not missing:
        return None
    message = f"namespace {namespace} has no label {' and '.join(missing)}, which this installation requires"
    return Finding(Reason.NAMESPACE_NOT_SELECTED, f"{message} (chart value namespaceSelector)")
