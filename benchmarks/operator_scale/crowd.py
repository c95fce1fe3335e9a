"""ModelProfiles in numbers: made quickly, counted, and removed again with the namespaces they are in."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.main_job import kubectl

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import API_VERSION, KIND
from modelprofiler.cluster.adapter import CONFIG_MAPS, PROFILES, Cluster, Kind
from modelprofiler.errors import ClusterUnavailable

NAMESPACES = Kind("/api/v1", "namespaces")
LABEL = "modelprofiler.io/benchmark"
"""On every namespace that is made here, and on nothing else: by it they are found and removed."""

AT_ONCE = 16
COSTSERVER = Path(__file__).resolve().parents[2] / "tests" / "servers" / "costserver.py"
SCORE = (Path(__file__).resolve().parents[2] / "examples" / "digits" / "score.py").read_text(encoding="utf-8")
PIXELS = ", ".join(str(value % 17) for value in range(64))

Say = Callable[[str], None]


def waiting_profile(name: str) -> Object:
    """Return the example's profile with its script and twenty requests inline: seven kilobytes, as users write them."""
    rows = "".join(f'{{"data": [[{PIXELS}]], "row": {number}}}\n' for number in range(20))
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "server": {"entryScript": {"source": {"inline": SCORE}, "file": "score.py"}},
            "endpoint": {"http": {"port": 5001, "path": "/score"}},
            "dataset": {"source": {"inline": rows}, "format": "Lines", "order": "Shuffled"},
            "load": {"openLoop": {"rate": "50", "arrival": "Poisson"}, "warmup": "3s", "duration": "20s"},
            "objectives": {"latency": {"p95": "250ms"}, "maxErrorPercent": "1"},
            "resources": {
                "cpu": {"min": "100m", "max": "1", "step": "50m"},
                "memory": {"min": "128Mi", "max": "512Mi", "step": "32Mi"},
            },
        },
    }


def known_cost(name: str, *, duration: str, values: Iterable[str]) -> Object:
    """Return the profile of a server that burns 5 ms a request, asked twenty times a second.

    Its objective is wide, so that what else the machine does decides little; in place, so that trials share a pod.
    """
    server: Object = {
        "name": "server",
        "image": "modelprofiler/scoring-server:dev",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "/costserver/costserver.py", "--port", "8080"],
        "args": ["--cpu-ms", "5", "--memory-mib", "32", "--threads", "4"],
        "startupProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 60},
        "volumeMounts": [{"name": "costserver", "mountPath": "/costserver", "readOnly": True}],
    }
    volume = {"name": "costserver", "configMap": {"name": "costserver"}}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "server": {"template": {"spec": {"containers": [server], "volumes": [volume]}}},
            "endpoint": {"http": {"port": 8080, "path": "/score", "timeout": "10s"}},
            "dataset": {"source": {"inline": "".join(f'{{"row": {number}}}\n' for number in range(20))}},
            "load": {"openLoop": {"rate": "20"}, "warmup": "2s", "duration": duration},
            "objectives": {"latency": {"p95": "5s"}},
            "resources": {"cpu": {"values": list(values)}, "memory": {"values": ["96Mi"]}},
            "search": {"repetitions": 1, "maxTrials": 7, "resize": "InPlace"},
            "recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
        },
    }


async def make_namespace(cluster: Cluster, name: str, *, server: bool = False) -> None:
    """Make a namespace, with the server of known cost where it is asked for."""
    # By kubectl: the operator's own adapter makes nothing that is in no namespace.
    await asyncio.to_thread(kubectl, "create", "namespace", name)
    await asyncio.to_thread(kubectl, "label", "namespace", name, f"{LABEL}=operator-scale")
    if server:
        data = {"costserver.py": COSTSERVER.read_text(encoding="utf-8")}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "costserver"}, "data": data}
        await cluster.create(CONFIG_MAPS, name, body)


async def make(cluster: Cluster, numbers: Iterable[int], namespaces: int, say: Say) -> float:
    """Make waiting profiles, a few at once, spread over the namespaces; return the seconds that it took."""
    began = time.monotonic()
    todo = iter(list(numbers))
    created = 0

    async def work() -> None:
        nonlocal created
        for number in todo:
            namespace = f"scale-{number % namespaces:02d}"
            for attempt in range(5):
                try:
                    await cluster.create(PROFILES, namespace, waiting_profile(f"waiting-{number:05d}"))
                    break
                except ClusterUnavailable:
                    if attempt == 4:
                        raise
                    await asyncio.sleep(1)
            created += 1
            if created % 500 == 0:
                say(f"{created} profiles made in {time.monotonic() - began:.0f} s")

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return time.monotonic() - began


def reason_of(profile: Object) -> str:
    """Return the reason of Finished, empty before the operator has seen a profile."""
    conditions = (profile.get("status") or {}).get("conditions") or []
    return next((str(c["reason"]) for c in conditions if c["type"] == "Finished"), "")


def reported_position(profile: Object) -> int | None:
    """Return the place in the queue that a profile's message names; None where it names none."""
    conditions = (profile.get("status") or {}).get("conditions") or []
    message = next((str(c["message"]) for c in conditions if c["type"] == "Finished"), "")
    match = re.search(r"(\d+)", message) if reason_of(profile) == "Queued" else None
    return int(match[1]) if match else None


async def remove(cluster: Cluster, say: Say, within: float = 150.0) -> None:
    """Remove every namespace that was made here, what is in them first, and wait until they are gone."""
    began = time.monotonic()
    while left := await cluster.list(NAMESPACES, selector=LABEL):
        say(f"removing: {len(left)} namespaces left")
        if time.monotonic() - began > within:
            raise TimeoutError(f"{len(left)} namespaces are still there after {within:.0f} s")
        for namespace in left:
            if "deletionTimestamp" not in namespace["metadata"]:
                name = namespace["metadata"]["name"]
                await asyncio.to_thread(kubectl, "delete", "namespace", name, "--ignore-not-found", "--wait=false")
        await asyncio.sleep(2)
