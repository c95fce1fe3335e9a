"""What the pods of a run leave out of a user's pod template, since nobody is served by them. Pure.

A template is often that of a running workload: it waits for a load balancer before it is ready, and takes minutes to
end. Both would be waited for in every trial.
"""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import container_name
from modelprofiler.api.spec import ModelProfileSpec

VARIED = frozenset({"cpu", "memory"})
"""Resources that a run varies; all others, such as a GPU, stay as the template has them."""

SHOWN_RESOURCES = 8
"""Resources that a sentence names; a container has one or two."""

STOP_SECONDS = 2
"""How long a server gets to stop, whatever its template says: nobody is served by it, and the next trial waits for
it."""


def fit_for_trials(pod: Object) -> None:
    """Take out of a pod's spec what keeps it from being ready or from ending, and let it end within seconds."""
    pod.pop("readinessGates", None)
    seconds = _grace_seconds(pod)
    pod["terminationGracePeriodSeconds"] = STOP_SECONDS if seconds is None else min(seconds, STOP_SECONDS)
    for container in _containers(pod):
        hooks = container.get("lifecycle")
        if isinstance(hooks, dict) and "preStop" in hooks:
            container["lifecycle"] = {name: hook for name, hook in hooks.items() if name != "preStop"}


def left_out(spec: ModelProfileSpec) -> list[str]:
    """Return a sentence for each thing that the server's pods do without although the template has it."""
    template = spec.server.template
    pod = (template or {}).get("spec") or {}
    sentences = []
    gates = [str(gate.get("conditionType")) for gate in pod.get("readinessGates") or () if isinstance(gate, dict)]
    if gates:
        sentences.append(
            f"the readiness gate {', '.join(gates)} is left out of trial pods, because nothing sets it for them"
        )
    if any("preStop" in (c.get("lifecycle") or {}) for c in _containers(pod)):
        sentences.append("preStop hooks are left out of trial pods, because they serve nobody")
    grace = _grace_seconds(pod)
    if grace is not None and grace > STOP_SECONDS:
        sentences.append(f"trial pods get {STOP_SECONDS}s to end instead of the template's {grace}s")
    return sentences


def other_resources(spec: ModelProfileSpec) -> list[str]:
    """Return a sentence about what the profiled container of a template asks for beside CPU and memory, if anything."""
    containers = _containers((spec.server.template or {}).get("spec") or {})
    profiled = next((c for c in containers if c.get("name") == container_name(spec)), {})
    resources = profiled.get("resources") or {}
    amounts = (resources.get("requests") or {}) | (resources.get("limits") or {})
    parts = [f"{name}: {amount}" for name, amount in sorted(amounts.items()) if name not in VARIED]
    claims = resources.get("claims")
    parts += [f"claim {c.get('name')}" for c in claims if isinstance(c, dict)] if isinstance(claims, list) else []
    if not parts:
        return []
    shown = ", ".join(parts[:SHOWN_RESOURCES]) + (", …" if len(parts) > SHOWN_RESOURCES else "")
    return [f"every trial has {shown} as the template says; the size is for a server that has it, too"]


def _containers(pod: Object) -> list[Object]:
    return [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]


def _grace_seconds(pod: Object) -> int | None:
    """Return the grace period of a pod; None where it has none, or something that the API server refuses."""
    seconds = pod.get("terminationGracePeriodSeconds")
    return seconds if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds >= 0 else None
