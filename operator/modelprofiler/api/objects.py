"""Objects of Kubernetes as JSON has them, and a limit of Kubernetes that several rooms have to keep to."""

from __future__ import annotations

from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object or a part of one, as the API server sends it: its fields are not known to Python's types."""


def controller_of(o: Object) -> Object:
    """Return the owner reference of the controller of an object, of which there is at most one; empty without one."""
    return next((owner for owner in o["metadata"].get("ownerReferences") or [] if owner.get("controller")), {})


TERMINATION_MESSAGE_BYTES = 4096
"""What the kubelet keeps of the message that a container leaves in its termination log.

https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""
