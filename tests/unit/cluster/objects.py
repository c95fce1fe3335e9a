"""API objects as a cluster shows them, for the tests of what reads or makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import LatencySummary, LoadStatus
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.result import LoadResult
from modelprofiler.load.timeline import Timeline

Object = dict[str, Any]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MI = 2**20
UID = "0b0d7c7e-0000-4000-8000-000000000001"
BIG = Limits(1000, 1024 * MI)
SMALL = Limits(250, 1024 * MI)


def at(seconds: float) -> str:
    """Return a time as the API server writes it."""
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def now(seconds: float) -> datetime:
    """Return a time as the operator's clock has it."""
    return EPOCH + timedelta(seconds=seconds)


def raw_profile(name: str = "digits", namespace: str = "team", uid: str = UID, **spec: Any) -> Object:
    """Return a profile as the API server has it; `spec` replaces whole top-level fields."""
    return {
        "apiVersion": "modelprofiler.io/v1alpha1",
        "kind": "ModelProfile",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": at(0),
        },
        "spec": {
            "server": {"entryScript": {"source": {"configMap": {"name": "files"}}}},
            "dataset": {"source": {"configMap": {"name": "files", "key": "requests.txt"}}},
            "load": {"openLoop": {"rate": "50"}, "warmup": "1s", "duration": "10s"},
            "objectives": {"latency": {"p95": "250ms"}},
            "resources": {
                "cpu": {"min": "100m", "max": "1", "step": "50m"},
                "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"},
            },
            **spec,
        },
    }


def profile(**changes: Any) -> ModelProfile:
    """Return a profile, parsed; see `raw_profile`."""
    return ModelProfile.parse(raw_profile(**changes))


def files(namespace: str = "team", **data: str) -> Object:
    """Return the ConfigMap that the profiles here name."""
    content = data or {"score.py": "def init(): ...", "requests.txt": "[1]\n[2]\n[3]\n"}
    return {"metadata": {"name": "files", "namespace": namespace}, "data": content}


def node(name: str = "node1", cpu: str = "4", memory: str = "8Gi", **spec: Any) -> Object:
    """Return a node."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": f"host-{name}"}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory},
            "nodeInfo": {"kernelVersion": "6.1.0", "kubeletVersion": "v1.35.4"},
        },
    }


def pod(
    limits: Limits | None = SMALL,
    *,
    labels: dict[str, str] | None = None,
    created: float = 0,
    started: float | None = 1,
    ready: float | None = 3,
    node_name: str = "node1",
    **status: Any,
) -> Object:
    """Return a server's pod; `status` replaces whole fields of its status."""
    size = {} if limits is None else limits.to_size().to_dict()
    resources = {"requests": size, "limits": size}
    state = {"waiting": {"reason": "ContainerCreating"}}
    if started is not None:
        state = {"running": {"startedAt": at(started)}}
    conditions = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(created)}]
    if ready is not None:
        conditions.append({"type": "Ready", "status": "True", "lastTransitionTime": at(ready)})
    container = {"name": "server", "image": "scoring", "resources": resources}
    return {
        "metadata": {
            "name": "p",
            "namespace": "team",
            "uid": "pod-uid",
            "creationTimestamp": at(created),
            "labels": labels or {},
        },
        "spec": {"nodeName": node_name, "containers": [container]},
        "status": {
            "phase": "Running",
            "conditions": conditions,
            "containerStatuses": [
                {
                    "name": "server",
                    "state": state,
                    "restartCount": 0,
                    "resources": resources,
                    "imageID": "scoring@sha256:1",
                }
            ],
        }
        | status,
    }


def load_status(p95: float = 0.04, requests: int = 500, **changes: Any) -> LoadStatus:
    """Return what a load saw: latencies that are known to two percent."""
    values = {"mean": p95 / 2, "p50": p95 / 2, "p90": p95 * 0.9, "p95": p95, "max": p95 * 2}
    spread = [
        LatencySummary(**{name: Duration.of(value * factor) for name, value in values.items()})
        for factor in (1, 0.98, 1.02)
    ]
    status = LoadStatus(
        requests=requests,
        rate=Quantity("50"),
        rows_covered=3,
        duration=Duration("10s"),
        latency=spread[0],
        latency_low=spread[1],
        latency_high=spread[2],
        probe=Duration("8ms"),
    )
    return status.model_copy(update=changes)


def load_result(
    status: LoadStatus | None, start: float = 100, kind: ResultKind = ResultKind.COMPLETED, message: str = ""
) -> LoadResult:
    """Return a load of 12 s that began at `start`; without a status it never came to its window."""
    first = (EPOCH + timedelta(seconds=start)).timestamp()
    if status is None:
        return LoadResult(kind, message, started=first, ended=first + 1)
    return LoadResult(
        kind,
        message,
        started=first,
        warmup_started=first + 1,
        window_started=first + 2,
        window_ended=first + 12,
        ended=first + 12,
        status=status,
        timeline=Timeline((first + 1, first + 12), (0, 550)),
    )
