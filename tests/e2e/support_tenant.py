"""Somebody with the rights of a tenant, and what such a person can forge: objects like those of a profile's run."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e import support
from tests.e2e.support import Object, Profile, Run

from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import LatencySummary, LoadStatus
from modelprofiler.cluster import names
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.result import LoadResult

ACCOUNT = "somebody"
SECRET = "4111-1111-1111-1111"
"""What the victim's objects contain, under a key that nobody else may learn either."""
KEY = "card-number"
OPERATOR_MEMORY = 384 * 2**20
"""Limit of the operator's pod in the chart."""
FORGED_LATENCY = "1ms"
SAY = "import base64, os; open('/dev/termination-log', 'wb').write(base64.b64decode(os.environ['MESSAGE']))"
"""Program that ends well, and leaves a termination message."""


def become_tenant(kubectl: Run, namespace: str, folder: Path) -> Run:
    """Return kubectl with the rights of a service account that may edit one namespace, and nothing else."""
    space = ("--namespace", namespace)
    kubectl(*space, "create", "serviceaccount", ACCOUNT)
    kubectl(*space, "create", "rolebinding", ACCOUNT, "--clusterrole=edit", f"--serviceaccount={namespace}:{ACCOUNT}")
    file = kubeconfig(kubectl, namespace, ACCOUNT, folder)
    run = support.command("kubectl")

    def as_tenant(*arguments: str, **options: Any) -> Any:
        return run("--kubeconfig", str(file), *arguments, **options)

    return as_tenant


def kubeconfig(kubectl: Run, namespace: str, account: str, folder: Path) -> Path:
    """Write a file with which one is a service account for two hours, and return it."""
    token = kubectl("--namespace", namespace, "create", "token", account, "--duration=2h").stdout.strip()
    config = json.loads(kubectl("config", "view", "--minify", "--raw", "--flatten", "-o", "json").stdout)
    (context,) = config["contexts"]
    context["context"] |= {"user": account, "namespace": namespace}
    config["users"] = [{"name": account, "user": {"token": token}}]
    file = folder / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


@dataclass(frozen=True)
class Tenants:
    """Somebody who tries everything, and somebody else."""

    kubectl: Run
    """With the rights of the first one."""
    namespace: str
    victim: str

    def create(self, documents: list[Object], *arguments: str) -> str:
        """Create objects as the tenant; return what kubectl says against some of them."""
        text = "\n".join(map(json.dumps, documents))
        return str(self.kubectl("create", *arguments, "-f", "-", input=text, check=False).stderr)

    def apply(self, document: Object) -> Profile:
        """Create a profile as the tenant."""
        assert "" == self.create([document])
        return self.profile(document["metadata"]["name"])

    def profile(self, name: str) -> Profile:
        """Return a profile of the tenant, read with the tenant's rights."""
        return Profile(self.kubectl, self.namespace, name)


@contextlib.contextmanager
def two_tenants(kubectl: Run, folder: Path) -> Iterator[Tenants]:
    """Make both namespaces; in that of the victim are objects of every kind that a profile can name."""
    with support.fresh_namespace(kubectl) as victim, support.fresh_namespace(kubectl) as mine:
        meta = {"name": "payments", "namespace": victim}
        template = {"metadata": {"labels": {"app": "payments"}}, "spec": support.cost_server()["spec"]}
        spec = {"replicas": 0, "selector": {"matchLabels": {"app": "payments"}}, "template": template}
        documents = [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {KEY: SECRET}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {KEY: SECRET}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        ]
        kubectl("create", "-f", "-", input="\n".join(map(json.dumps, documents)))
        as_tenant = become_tenant(kubectl, mine, folder)
        yield Tenants(as_tenant, mine, victim)


@dataclass(frozen=True)
class Operator:
    """The operator's pod."""

    kubectl: Run
    name: str
    restarts: int

    @classmethod
    def now(cls, kubectl: Run) -> Operator:
        """Return it as it is now."""
        name = support.operator_pod(kubectl)
        path = "jsonpath={.status.containerStatuses[0].restartCount}"
        count = kubectl("get", "pod", name, "--namespace", support.SYSTEM_NAMESPACE, "-o", path).stdout
        return cls(kubectl, name, int(count))

    def restarts_since(self) -> int:
        """Return how often its container was started again since then."""
        return Operator.now(self.kubectl).restarts - self.restarts

    def log(self) -> str:
        """Return its log of the last minutes."""
        return self.kubectl("logs", self.name, "--namespace", support.SYSTEM_NAMESPACE, "--since=10m").stdout

    def memory(self) -> int:
        """Return its working set in bytes, as the kubelet has it."""
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json").stdout)["items"]
        for node in nodes:
            path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
            for pod in json.loads(self.kubectl("get", "--raw", path).stdout)["pods"]:
                if pod["podRef"]["name"] == self.name:
                    return int(pod["memory"]["workingSetBytes"])
        raise AssertionError(f"no kubelet knows {self.name}")


def large(name: str, size: int) -> Object:
    """Return a profile of a number of bytes, nearly all of them in its template."""
    server = support.cost_server()
    server["spec"]["containers"][0]["env"] = [{"name": "X", "value": "x" * size}]
    return support.cost_profile(name, server)


def result_with(latency: str) -> str:
    """Return the termination message of a load that was answered with a latency, every time."""
    quantiles = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "max"), latency)
    status = LoadStatus.model_validate(
        {
            "requests": 400,
            "failures": 0,
            "rate": "20",
            "rowsCovered": 20,
            "duration": "20s",
            "latency": LatencySummary(**quantiles),
        }
    )
    now = time.time()
    return LoadResult(
        ResultKind.COMPLETED,
        "forged",
        status=status,
        started=now - 24,
        warmup_started=now - 23,
        window_started=now - 21,
        window_ended=now - 1,
        ended=now,
    ).encode()


def _packed(content: bytes) -> str:
    return f"completed\nmpload1:{base64.b85encode(zlib.compress(content, 9)).decode('ascii')}"


def hostile_messages() -> dict[str, str]:
    """Return termination messages that no load generator leaves, each as long as the kubelet keeps it."""
    head = b'{"kind":"Completed"}'
    histogram = struct.pack("<Bddd", 0, 1.0, 1.0, 1.0) + b"\xd1\xdb\x64" + b"\x01" * 2_500_000
    messages = {
        "bomb": _packed(b"\x00" * 2_900_000),
        "buckets": _packed(struct.pack("<HH", len(head), 0) + head + histogram),
        "nested": "[" * TERMINATION_MESSAGE_BYTES,
        "no-number": _packed(struct.pack("<HH", len(head), 9) + head + b"\xff" * 400),
        "forged": result_with(FORGED_LATENCY),
    }
    for name, message in messages.items():
        assert len(message) <= TERMINATION_MESSAGE_BYTES, name
    return messages


@dataclass(frozen=True)
class Forger:
    """Makes objects that look like those of a profile's run."""

    profile: ModelProfile
    run_hash: str

    def labels(self, component: str, **more: str) -> dict[str, str]:
        """Return the labels of a child, and more, whose names are in this group."""
        own = {f"modelprofiler.io/{name}": value for name, value in more.items()}
        return names.labels(self.profile, self.run_hash, component) | own

    def _meta(self, name: str, labels: dict[str, str], owners: list[Object] | None = None) -> Object:
        annotations = {
            names.PROFILE_NAME: self.profile.metadata.name,
            names.CPU: "600",
            names.MEMORY: str(96 * 2**20),
            names.PURPOSE: "Reference",
            names.WINDOW: "Measure",
            names.INCARNATION: "1",
            names.SERVER_POD: "forged",
        }
        meta: Object = {"name": name, "labels": labels, "annotations": annotations}
        return meta | ({"ownerReferences": owners} if owners else {})

    def taken(self) -> list[Object]:
        """Return objects of others with the names that the run's own would have; they can be computed."""
        server = {"app": "taken"}
        pod = {"metadata": {"labels": server}, "spec": _pod("")}
        usual = {
            "files": names.files(self.profile, self.run_hash),
            "report": names.report(self.profile.metadata.name),
            "server": names.server(self.profile, self.run_hash, 1),
            "load": names.load(self.profile, self.run_hash, 1),
        }
        config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"dataset": "forged", "forged": "yes"}}
        selector = {"replicas": 0, "selector": {"matchLabels": server}, "template": pod}
        job = {"suspend": True, "template": {"spec": {**_pod(""), "restartPolicy": "Never"}}}
        return [
            {**config, "metadata": self._meta(usual["files"], self.labels("files"))},
            {**config, "metadata": self._meta(usual["report"], self.labels("report"))},
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": self._meta(usual["server"], self.labels("server", incarnation="1")),
                "spec": {**selector, "template": {**pod, "spec": _pod("", restart="Always")}},
            },
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": self._meta(usual["load"], self.labels("load", trial="1")),
                "spec": job,
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": self._meta(usual["server"], self.labels("server", incarnation="1")),
                "spec": {"selector": server, "ports": [{"port": 8080}]},
            },
        ]

    def job(self, name: str, trial: int, message: str, *, missing: tuple[str, ...] = ()) -> Object:
        """Return a Job that says that the profile controls it, whose pod leaves a message.

        Parameters
        ----------
        missing
            Labels and annotations that are left out.
        """
        labels = self.labels("load", trial=str(trial))
        meta = self._meta(name, labels, [dict(names.owner(self.profile))])
        for field in missing:
            meta["labels"].pop(field, None)
            meta["annotations"].pop(field, None)
        template = {"metadata": {"labels": labels}, "spec": _pod(message)}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": meta,
            "spec": {"backoffLimit": 0, "completions": 1, "template": template},
        }

    def pod(self, name: str, component: str, owner: Object | None, message: str, **labels: str) -> Object:
        """Return a pod with the labels of a child's, and with an owner reference or without."""
        more = {"pod-template-hash": labels.pop("template_hash")} if "template_hash" in labels else {}
        meta = self._meta(name, self.labels(component, **labels) | more, [owner] if owner else None)
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": _pod(message)}


def controller(body: Object) -> Object:
    """Return the owner reference of a pod that an object controls."""
    meta = body["metadata"]
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def _pod(message: str, restart: str = "Never") -> Object:
    """Return the spec of a pod that leaves a termination message, as Pod Security demands it."""
    spec: Object = json.loads(json.dumps(support.cost_server()["spec"]))
    (container,) = spec["containers"]
    for field in ("startupProbe", "volumeMounts", "args"):
        del container[field]
    del spec["volumes"]
    text = base64.b64encode(message.encode()).decode()
    container |= {"command": ["python", "-c", SAY], "env": [{"name": "MESSAGE", "value": text}]}
    return spec | {"restartPolicy": restart}


def accepted(profile: Profile) -> tuple[str, str]:
    """Return reason and message of the condition Accepted, once the operator has looked at a profile.

    The profile itself is not read: it may be nested more deeply than Python can follow.
    """
    kind = ("modelprofile", profile.name, "--namespace", profile.namespace)
    profile.kubectl("wait", *kind, "--for=jsonpath={.status.observedGeneration}=1", "--timeout=60s", timeout=70)
    path = "jsonpath={.status.conditions[?(@.type=='Accepted')]}"
    condition = json.loads(profile.kubectl("get", *kind, "-o", path).stdout)
    return condition["reason"], condition["message"]
