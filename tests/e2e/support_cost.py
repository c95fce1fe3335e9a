"""What the operator itself costs: requests to the API server, CPU time, memory. Read as an administrator."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass

from benchmarks.main_job import HEALTH
from tests.e2e.support import OPERATOR_PODS, PATIENCE, POLL_SECONDS, SYSTEM_NAMESPACE, Run, operator_pod

from modelprofiler.cluster.adapter import LEASES
from modelprofiler.cluster.traffic import READS

CADVISOR = "/api/v1/nodes/{node}/proxy/metrics/cadvisor"
CPU = "container_cpu_usage_seconds_total"
_SAMPLE = re.compile(r"^(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+)(?: (?P<stamp>\d+))?$")


BY_TIME = frozenset({LEASES.plural, "serviceaccounts/token"})
"""Written again after some time, however slow or quick a machine is with a trial: the Lease a dozen times a minute, the
kubelets' token every ten minutes."""


@dataclass(frozen=True)
class OperatorCost:
    """What the operator's pod has used since it started, or between two looks at it."""

    pod: str
    at: float
    """When the CPU time was sampled: seconds since the epoch; or seconds between the samples."""
    cpu_seconds: float
    working_set: float
    """Bytes."""
    peak: float
    """Bytes, page cache included."""
    requests: Counter[str]
    """Requests to the API server by verb and kind, without those `BY_TIME`."""

    @property
    def reads(self) -> int:
        """Requests that change nothing."""
        return sum(count for request, count in self.requests.items() if request.split()[0] in READS)

    @property
    def writes(self) -> int:
        """Requests that change something."""
        return self.requests.total() - self.reads

    @property
    def writes_by_kind(self) -> str:
        """Which requests changed something, the most frequent first."""
        kinds = [(request, n) for request, n in self.requests.most_common() if request.split()[0] not in READS]
        return ", ".join(f"{n} {request}" for request, n in kinds)

    @classmethod
    def now(cls, kubectl: Run) -> OperatorCost:
        """Read the counters of its container, as soon as it has any, and its own count of requests."""
        node = kubectl("get", "pods", *OPERATOR_PODS, "-o", "jsonpath={.items[0].spec.nodeName}").stdout
        pod = operator_pod(kubectl)
        deadline = time.monotonic() + PATIENCE
        while CPU not in (
            counters := _counters(kubectl, node, pod)
        ):  # one that has just been started has not been sampled
            assert time.monotonic() < deadline, f"the kubelet of {node} has no sample of {pod}"
            time.sleep(POLL_SECONDS)
        details = kubectl(
            "exec", "--namespace", SYSTEM_NAMESPACE, pod, "--", "/opt/venv/bin/python", "-c", HEALTH
        ).stdout
        counted = json.loads(details)["apiTraffic"]
        requests = Counter(
            {request: count["requests"] for request, count in counted.items() if request.split()[1] not in BY_TIME}
        )
        cpu_seconds, at = counters[CPU]
        return cls(
            pod,
            at,
            cpu_seconds,
            counters["container_memory_working_set_bytes"][0],
            counters.get("container_memory_max_usage_bytes", (0.0, at))[0],
            requests,
        )

    def since(self, before: OperatorCost) -> OperatorCost:
        """Return what has been used since; the pod must be the same."""
        assert self.pod == before.pod, "the operator has started again in between"
        return OperatorCost(
            self.pod,
            self.at - before.at,
            self.cpu_seconds - before.cpu_seconds,
            self.working_set,
            self.peak,
            self.requests - before.requests,
        )


def _counters(kubectl: Run, node: str, pod: str) -> dict[str, tuple[float, float]]:
    """Return value and time of each metric that cAdvisor has of the operator's container."""
    counters = {}
    for line in kubectl("get", "--raw", CADVISOR.format(node=node)).stdout.splitlines():
        sample = _SAMPLE.match(line)
        if sample and 'container="operator"' in sample["labels"] and f'pod="{pod}"' in sample["labels"]:
            counters[sample["name"]] = (float(sample["value"]), int(sample["stamp"] or 0) / 1e3)
    return counters
