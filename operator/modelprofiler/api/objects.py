"""Objects of Kubernetes as JSON has them, and a limit of Kubernetes that several rooms have to keep to."""

from __future__ import annotations

from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object or a part of one, as the API server sends it: its fields are not known to Python's types."""


def controller_of(o: Object) -> Object:
    """Return the owner reference of the controller of an object, of which there is at most one; empty without one."""
    return next((owner for owner in o["metadata"].get("ownerReferences") or [] if owner.get("controller")), {})


def is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested more than a number of levels deep; without recursion."""
    inside = [value]
    for _ in range(levels + 1):
        inside = [
            inner
            for one in inside
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not inside:
            return False
    return any(isinstance(one, dict | list) for one in inside)


MAX_DEPTH = 100
"""Levels of nesting in what a user writes; a list of Kubernetes objects has some twenty."""

TERMINATION_MESSAGE_BYTES = 4096
"""What the kubelet keeps of the message that a container leaves in its termination log.

https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""
