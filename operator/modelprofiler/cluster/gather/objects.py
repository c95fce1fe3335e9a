"""Reads what every Kubernetes object has: labels, times, conditions. Pure."""

from __future__ import annotations

from datetime import datetime

from modelprofiler.api.objects import Object


def conditions_of(o: Object) -> dict[str, Object]:
    """Return the conditions of an object by type."""
    return {condition["type"]: condition for condition in (o.get("status") or {}).get("conditions") or []}


def true_conditions_of(o: Object) -> dict[str, Object]:
    """Return the conditions of an object that hold, by type."""
    return {type_: condition for type_, condition in conditions_of(o).items() if condition["status"] == "True"}


def labels_of(o: Object) -> dict[str, str]:
    """Return the labels of an object."""
    return o["metadata"].get("labels") or {}


def is_owned_by(o: Object, uid: str) -> bool:
    """Return whether an object has an owner with a uid."""
    return uid in {str(owner.get("uid")) for owner in o["metadata"].get("ownerReferences") or []}


def created(o: Object) -> datetime:
    """Return when an object was created."""
    return datetime.fromisoformat(o["metadata"]["creationTimestamp"])


def is_deleting(o: Object) -> bool:
    """Return whether an object is about to go."""
    return "deletionTimestamp" in o["metadata"]


def time_of(text: str | None) -> datetime | None:
    """Return a time of the API server; None where it has written null or nothing."""
    return datetime.fromisoformat(text) if text else None
