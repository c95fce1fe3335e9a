"""What the operator itself costs: its writes to the API server, its CPU time, its memory. Read as an administrator."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass

from tests.e2e.support import OPERATOR_PODS, SYSTEM_NAMESPACE, Run, operator_pod

# Of these only the operator and whoever tests it write; events are counted by who tells them.
_OWN_WRITES = {
    ("modelprofiles", "status", "PUT"),
    ("deployments", "", "POST"),
    ("deployments", "", "DELETE"),
    ("jobs", "", "POST"),
    ("jobs", "", "DELETE"),
    ("services", "", "POST"),
    ("services", "", "DELETE"),
    ("configmaps", "", "POST"),
    ("configmaps", "", "PATCH"),
    ("configmaps", "", "DELETE"),
    ("pods", "", "POST dry run"),
    ("pods", "resize", "PATCH"),
}
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Writes:
    """Writes to the API server, from its own counters: right when nothing else but one profile is under way."""

    counts: Counter[str]

    @classmethod
    def so_far(cls, kubectl: Run) -> Writes:
        """Read the counters."""
        counts: Counter[str] = Counter()
        for line in kubectl("get", "--raw", "/metrics").stdout.splitlines():
            if not line.startswith("apiserver_request_total{"):
                continue
            labels = dict(_LABEL.findall(line))
            verb = labels["verb"] + (" dry run" if labels.get("dry_run") else "")
            if (labels["resource"], labels["subresource"], verb) in _OWN_WRITES:
                what = f"{verb} {labels['resource']}" + (f"/{labels['subresource']}" if labels["subresource"] else "")
                counts[what] += int(float(line.rsplit(" ", 1)[1]))
        told = json.loads(kubectl("get", "events", "--all-namespaces", "-o", "json").stdout)["items"]
        counts["POST events"] = sum((event.get("source") or {}).get("component") == "modelprofiler" for event in told)
        return cls(counts)

    def since(self, before: Writes) -> Writes:
        """Return what has been written since."""
        return Writes(self.counts - before.counts)

    def __str__(self) -> str:
        parts = ", ".join(f"{number} {what}" for what, number in self.counts.most_common())
        return f"{self.counts.total()} writes to the API server: {parts}"


@dataclass(frozen=True)
class OperatorCost:
    """What the operator's container has used."""

    at: float
    cpu_seconds: float
    working_set: float
    """Bytes."""
    peak: float
    """Bytes, page cache included."""
    during: float = 0.0
    """Seconds over which the CPU time was used; 0: since its start."""

    @classmethod
    def now(cls, kubectl: Run) -> OperatorCost:
        """Read the kubelet's counters of the operator's node."""
        node = kubectl("get", "pods", *OPERATOR_PODS, "-o", "jsonpath={.items[0].spec.nodeName}").stdout
        pod = operator_pod(kubectl)
        found: dict[str, float] = {}
        stamps = []
        for line in kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/metrics/cadvisor").stdout.splitlines():
            if 'container="operator"' in line and f'pod="{pod}"' in line and SYSTEM_NAMESPACE in line:
                name, (value, stamp) = line.split("{")[0], line.rsplit("} ", 1)[1].split()
                found[name] = float(value)
                stamps.append(int(stamp) / 1e3)
        return cls(
            max(stamps, default=time.time()),
            found.get("container_cpu_usage_seconds_total", 0.0),
            found.get("container_memory_working_set_bytes", 0.0),
            found.get("container_memory_max_usage_bytes", 0.0),
        )

    def since(self, before: OperatorCost) -> OperatorCost:
        """Return what has been used since, by the same pod."""
        spent = self.cpu_seconds - before.cpu_seconds
        return OperatorCost(self.at, spent, self.working_set, self.peak, self.at - before.at)

    def __str__(self) -> str:
        share = f" ({self.cpu_seconds / self.during:.1%} of a core, 2% at most)" if self.during else ""
        return (
            f"the operator used {self.cpu_seconds:.1f} s of CPU{share} and {self.working_set / 2**20:.0f} MiB, "
            f"{self.peak / 2**20:.0f} MiB at its peak with the page cache (200 at most)"
        )
