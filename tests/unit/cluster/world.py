"""A small world to run profiles in: time, an API server in memory, and what others do with the objects in it.

`World` plays the controllers, the scheduler and the kubelet for Deployments, Jobs and Pods, and nothing else: a server
is ready two seconds after its pod, a load takes twelve, p95 follows from the CPU limit.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from tests.unit.cluster.objects import EPOCH, MI, Object, files, load_result, load_status, node, raw_profile
from tests.unit.cluster.standin import StandIn

from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, JOBS, NODES, PODS, PROFILES, Kind
from modelprofiler.cluster.gather.cache import KINDS, Children
from modelprofiler.cluster.gather.measure import Sources
from modelprofiler.cluster.gather.objects import COMPLETION_INDEX
from modelprofiler.cluster.queue import Key
from modelprofiler.cluster.reconcile import Reconciler
from modelprofiler.cluster.settings import Settings
from modelprofiler.cluster.telemetry.metrics import Metrics, Snapshot
from modelprofiler.cluster.turns import Turns
from modelprofiler.core.axis import Limits
from modelprofiler.errors import MetricsUnavailable, ModelProfilerError
from modelprofiler.files.inspect import PrepareResult
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.result import LoadResult
from modelprofiler.metrics.series import ContainerSamples, series
from modelprofiler.metrics.source import ContainerRef, MetricsSource

KEY: Key = ("team", "digits")


class Steady:
    """A metrics source: every response costs three milliseconds of CPU, memory is 200 MiB, sampled every 5 s."""

    name = "Kubelet"

    def __init__(self) -> None:
        self.loads: list[LoadResult] = []
        self.problem = ""
        """Why it cannot be read; empty: it can."""

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of any container."""
        if self.problem:
            raise MetricsUnavailable(self.problem)
        times = range(int(start) // 5 * 5, int(end) + 1, 5)
        return ContainerSamples(
            cpu_seconds=series(
                (t, 1 + 0.003 * sum(load.completed_between(0, t) for load in self.loads)) for t in times
            ),
            working_set_bytes=series((t, 200 * MI) for t in times),
            source="Kubelet",
        )

    async def close(self) -> None:
        """Nothing is open."""


class _Sources:
    def __init__(self, source: MetricsSource | None) -> None:
        self.source = source

    def named(self, name: str) -> MetricsSource | None:
        return self.source


def p95_of(limits: Limits) -> float:
    """Return the latency in seconds of the server that is profiled here: 240m and more meet 250 ms."""
    return 60 / limits.cpu


class World:
    """Everything around the reconciler.

    Parameters
    ----------
    profiles
        What is there at first; one named digits by default.
    result
        Return what a load brings at a size and a number of seconds since the epoch.
    """

    def __init__(
        self, *profiles: Object, settings: Settings | None = None, p95: Callable[[Limits], float] = p95_of
    ) -> None:
        self.time = EPOCH
        self.cluster = StandIn(lambda: self.time)
        self.settings = settings or Settings()
        self.metrics = Steady()
        self.sources = _Sources(self.metrics)
        self.resizes = True
        self.on_claims: PrepareResult | None = None
        """What is on every claim; None: the pod that looks does not start."""
        self.packages: str | None = None
        """What the container says that installs packages; None: it does not start."""
        self.p95 = p95
        self.node_reading = NodeReading(cores=4, busy_percent=20, steal_percent=0, clock_offset=0.0, cpu_model="CPU 7")
        """What the reader on the server's node tells every load."""
        self.woken: list[Key] = []
        self._uids = itertools.count(1)
        self.cluster.put(NODES, node())
        for profile in profiles or (raw_profile(),):
            self.cluster.put(PROFILES, profile)
            self.cluster.put(CONFIG_MAPS, files(profile["metadata"]["namespace"]))
        self.restart()

    def restart(self) -> None:
        """Start the operator anew: nothing that it remembers survives."""
        self.turns = Turns(self.woken.append)
        for raw in self.cluster.of(PROFILES):
            self.turns.note(raw)
        sources = cast("Sources", self.sources)
        self.cluster.listeners.clear()
        self.kept = Children(self.cluster)
        for kind in KINDS:
            self.kept.replace(kind, None, self._ours(kind), "1")
        self.reconciler = Reconciler(
            self.cluster, sources, self.settings, self.turns, self.kept, Metrics(Snapshot), lambda: self.time
        )

    def _ours(self, kind: Kind) -> list[Object]:
        return [
            json.loads(json.dumps(o)) for o in self.cluster.of(kind) if names.PROFILE_UID in o["metadata"]["labels"]
        ]

    def tell(self) -> None:
        """Let the watches tell the operator what has changed; until then it knows only what it did itself."""
        for kind in KINDS:
            ours = self._ours(kind)
            uids = {o["metadata"]["uid"] for o in ours}
            for gone in [o for uid, o in self.kept._objects[kind].items() if uid not in uids]:
                self.kept.take(kind, "DELETED", gone)
            for body in ours:
                self.kept.take(kind, "MODIFIED", body)

    def raw(self, key: Key = KEY) -> Object:
        """Return a profile as the API server stores it."""
        return self.cluster.objects[PROFILES.plural, *key]

    def profile(self, key: Key = KEY) -> ModelProfile:
        """Return a profile."""
        return ModelProfile.parse(self.raw(key))

    def condition(self, type_: str, key: Key = KEY) -> tuple[str, str]:
        """Return status and reason of a condition."""
        return next((c.status, c.reason) for c in self.profile(key).status.conditions if c.type == type_)

    @property
    def children(self) -> list[str]:
        """What runs or waits in the cluster for a profile, the report aside."""
        kinds = (DEPLOYMENTS, JOBS, PODS, CONFIG_MAPS)
        children = [o["metadata"] for kind in kinds for o in self.cluster.of(kind)]
        return sorted(
            m["name"]
            for m in children
            if m.get("labels", {}).get(names.COMPONENT) in ("server", "load", "files", "prepare", "reader")
        )

    async def look(self, key: Key = KEY) -> float | None:
        """Look at a profile once."""
        return await self.reconciler.reconcile(key)

    async def go(self, key: Key = KEY, until: Callable[[], bool] = lambda: False, maximum: int = 600) -> None:
        """Look at a profile, as often as it asks for, until it wants no more or something is so.

        An error of the reconciler is what a dead operator is to the cluster: a new one takes over a second later.
        """
        for _ in range(maximum):
            try:
                wait = await self.look(key)
            except ModelProfilerError:
                self.restart()
                wait = 1.0
            if wait is None or until():
                return
            self.advance(min(wait, 5.0))
        raise AssertionError(f"no end after {maximum} looks: {self.raw(key).get('status')}")

    def advance(self, seconds: float) -> None:
        """Let time pass, and others do their part."""
        self.time += timedelta(seconds=seconds)
        for deployment in self.cluster.of(DEPLOYMENTS):
            if not self.pods_of(deployment):
                self._start(deployment, deployment["spec"]["template"])
        for job in self.cluster.of(JOBS):
            for number in range(len(self.pods_of(job)), job["spec"]["completions"]):
                self._start(job, job["spec"]["template"], {COMPLETION_INDEX: str(number)})
        for pod in self.cluster.of(PODS):
            age = (self.time - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])).total_seconds()
            if names.TRIAL in pod["metadata"]["labels"]:
                self._load(pod, age)
            elif pod["metadata"]["labels"][names.COMPONENT] == names.PREPARE:
                self._prepare(pod, age)
            elif pod["metadata"]["labels"][names.COMPONENT] == names.READER:
                self._read_node(pod, age)
            else:
                self._serve(pod, age)
        self.tell()

    def pods_of(self, owner: Object) -> list[Object]:
        """Return the pods of a Deployment or Job."""
        uid = owner["metadata"]["uid"]
        return [p for p in self.cluster.of(PODS) if p["metadata"]["ownerReferences"][-1]["uid"] == uid]

    def _start(self, owner: Object, template: Object, annotations: dict[str, str] | None = None) -> None:
        meta = owner["metadata"]
        name = f"{meta['name']}-{next(self._uids)}"
        pod: Object = {
            "metadata": {
                **template["metadata"],
                "name": name,
                "namespace": meta["namespace"],
                **self._owned(owner, template),
            },
            "spec": {**template["spec"], "containers": [dict(c) for c in template["spec"]["containers"]]},
            "status": {"phase": "Pending"},
        }
        pod["metadata"]["annotations"] = {**(pod["metadata"].get("annotations") or {}), **(annotations or {})}
        self.cluster.put(PODS, pod)

    @staticmethod
    def _owned(owner: Object, template: Object) -> Object:
        """Return whose a pod is. There are no ReplicaSets here, so that a Deployment is its second owner."""
        name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
        if owner["kind"] == "Job":
            return {
                "ownerReferences": [
                    {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": True}
                ]
            }
        replica_set: Object = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": True}
        replica_set |= {"name": f"{name}-5d5f", "uid": f"rs-{uid}"}
        labels = {**template["metadata"]["labels"], "pod-template-hash": "5d5f"}
        return {"labels": labels, "ownerReferences": [replica_set, {"uid": uid}]}

    def _serve(self, pod: Object, age: float) -> None:
        created = pod["metadata"]["creationTimestamp"]
        container = pod["spec"]["containers"][0]
        allocated = (pod["status"].get("containerStatuses") or [{}])[0].get("resources") or container["resources"]
        status = {"name": container["name"], "imageID": "scoring@sha256:1", "restartCount": 0}
        pod["spec"].setdefault("nodeName", self._node_for(pod))
        conditions = []
        if age >= 2:
            conditions.append({"type": "Ready", "status": "True", "lastTransitionTime": created})
        resized = allocated == container["resources"]
        if not resized and not self.resizes:
            conditions.append({"type": "PodResizePending", "status": "True", "reason": "Infeasible"})
        applied = container["resources"] if resized or self.resizes else allocated
        status |= {"state": {"running": {"startedAt": created}}, "resources": dict(applied)}
        pod["status"] = {
            "phase": "Running",
            "podIP": "198.18.1.7",
            "conditions": conditions,
            "containerStatuses": [status],
        }

    def _node_for(self, pod: Object) -> str:
        """Return the node that its selector names, or else the first without a server."""
        hosts: dict[str, str] = {
            o["metadata"]["labels"]["kubernetes.io/hostname"]: o["metadata"]["name"] for o in self.cluster.of(NODES)
        }
        if host := (pod["spec"].get("nodeSelector") or {}).get("kubernetes.io/hostname"):
            return hosts.get(str(host), str(host))
        servers = [p for p in self.cluster.of(PODS) if p["metadata"]["labels"][names.COMPONENT] == names.SERVER]
        taken = {p["spec"].get("nodeName") for p in servers}
        return next((name for name in hosts.values() if name not in taken), "node1")

    def _prepare(self, pod: Object, age: float) -> None:
        pod["spec"]["nodeName"] = "node1"
        messages = {"prepare": self.on_claims and self.on_claims.encode(), "modelprofiler-packages": self.packages}
        left = {container["name"]: messages[container["name"]] for container in pod["spec"]["containers"]}
        if age >= 3 and None not in left.values() and not pod["status"].get("containerStatuses"):
            pod["status"] = {
                "phase": "Succeeded",
                "containerStatuses": [
                    {"name": name, "state": {"terminated": {"exitCode": 0, "reason": "Completed", "message": message}}}
                    for name, message in left.items()
                ],
            }

    def _read_node(self, pod: Object, age: float) -> None:
        pod["spec"]["nodeName"] = "node1"
        if age >= 1:
            pod["status"] = {
                "phase": "Running",
                "podIP": "198.18.1.9",
                "containerStatuses": [{"name": "reader", "state": {"running": {}}}],
            }

    def _load(self, pod: Object, age: float) -> None:
        if pod["status"]["phase"] == "Succeeded":
            return
        if 1 <= age < 13 and "rendezvous" in json.loads(pod["metadata"]["annotations"][names.LOAD_CONFIG]):
            running = {"name": "load", "state": {"running": {}}}
            pod["status"] = {"phase": "Running", "podIP": "198.18.2.1", "containerStatuses": [running]}
        if age < 13:
            return
        job = next(
            j for j in self.cluster.of(JOBS) if j["metadata"]["uid"] == pod["metadata"]["ownerReferences"][-1]["uid"]
        )
        annotations = job["metadata"]["annotations"]
        limits = Limits(int(annotations[names.CPU]), int(annotations[names.MEMORY]))
        start = (datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) - EPOCH).total_seconds()
        result = self.result(limits, start)
        if json.loads(pod["metadata"]["annotations"][names.LOAD_CONFIG]).get("nodeReader", {}).get("host"):
            pod["spec"]["nodeName"] = "node2"
            result = replace(result, node=self.node_reading)
        if "rendezvous" in json.loads(pod["metadata"]["annotations"][names.LOAD_CONFIG]):
            latencies = Histogram()  # those of several are added up
            latencies.record_all([self.p95(limits)] * 500)
            result = replace(result, histogram=latencies)
        self.metrics.loads.append(result)
        ended = {
            "exitCode": 0,
            "reason": "Completed",
            "finishedAt": self.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "message": result.encode(),
        }
        pod["status"] = {
            "phase": "Succeeded",
            "containerStatuses": [{"name": "load", "state": {"terminated": ended}}],
        }

    def result(self, limits: Limits, start: float) -> LoadResult:
        """Return what a load at a size brings that started some seconds after the epoch."""
        return load_result(load_status(self.p95(limits)), start)


async def finished_world() -> World:
    """Return a world in which a run has succeeded."""
    world = World()
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    world.cluster.calls.clear()
    world.cluster.writes = 0
    return world


async def under_load(trial: int = 1, **spec: Any) -> World:
    """Return a world in which the load of a trial runs."""
    world = World(raw_profile(**spec))
    await world.go(until=lambda: len(world.cluster.count("create", JOBS)) == trial)
    world.advance(3)
    return world
