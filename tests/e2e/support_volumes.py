"""Volumes without a provisioner: a folder of a node, made and filled by a pod of root's, and claims that get them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.e2e.support import SYSTEM_NAMESPACE, Object, Run

IMAGE = "modelprofiler/scoring-server:dev"
HOST_DIR = "/tmp"
"""Of the node; a folder in it can be removed altogether, unlike one that is mounted itself."""


@dataclass
class Volumes:
    """Makes volumes on one node; see `volumes_of`."""

    kubectl: Run
    namespace: str
    node: str
    _made: list[str] = field(default_factory=list)

    @property
    def _pod(self) -> str:
        return f"volumes-{self.namespace}"

    def fill(self, name: str, script: str) -> None:
        """Make the folder of a volume, and run a shell script in it as root."""
        folder = f"{HOST_DIR}/modelprofiler-{self.namespace}/{name}"
        command = f"mkdir -p {folder} && chmod 777 {folder} && cd {folder} && {script}"
        self.kubectl("--namespace", SYSTEM_NAMESPACE, "exec", self._pod, "--", "sh", "-ec", command)

    def claim(self, name: str) -> None:
        """Create the claim that a volume waits for."""
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": f"{self.namespace}-{name}",
            "resources": {"requests": {"storage": "1Gi"}},
        }
        meta = {"name": name, "namespace": self.namespace}
        self._create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec})
        bound = ("--for=jsonpath={.status.phase}=Bound", "--timeout=50s")
        self.kubectl("wait", f"pvc/{name}", *bound, "--namespace", self.namespace)

    def offer(self, name: str, storage_class: str = "") -> None:
        """Create the volume: for the claim of that name, or for any of a storage class."""
        term = {"key": "kubernetes.io/hostname", "operator": "In", "values": [self.node]}
        whose = {} if storage_class else {"claimRef": {"namespace": self.namespace, "name": name}}
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": storage_class,
            "hostPath": {"path": f"{HOST_DIR}/modelprofiler-{self.namespace}/{name}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}},
            **whose,
        }
        volume = f"{self.namespace}-{name}"
        self._create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": spec})
        self._made.append(volume)

    def _create(self, document: Object) -> None:
        self.kubectl("create", "-f", "-", input=json.dumps(document))

    def start(self) -> None:
        """Start root's pod, where a namespace lets it."""
        pod = {
            "nodeName": self.node,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsUser": 0},
            "containers": [
                {
                    "name": "root",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "3600"],
                    "volumeMounts": [{"name": "host", "mountPath": HOST_DIR}],
                }
            ],
            "volumes": [{"name": "host", "hostPath": {"path": HOST_DIR, "type": "Directory"}}],
        }
        meta = {"name": self._pod, "namespace": SYSTEM_NAMESPACE}
        self._create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod})
        self.kubectl(
            "wait", "pod", self._pod, "--for=condition=Ready", "--namespace", SYSTEM_NAMESPACE, "--timeout=50s"
        )

    def stop(self) -> None:
        """Remove everything, but for claims: they go with their namespace."""
        if self._made:
            self.kubectl("delete", "persistentvolumes", *self._made, "--wait=false", check=False)
        remove = ("sh", "-c", f"rm -rf {HOST_DIR}/modelprofiler-{self.namespace}")
        self.kubectl("--namespace", SYSTEM_NAMESPACE, "exec", self._pod, "--", *remove, check=False)
        self.kubectl("--namespace", SYSTEM_NAMESPACE, "delete", "pod", self._pod, "--wait=false", check=False)


@contextlib.contextmanager
def volumes_of(kubectl: Run, namespace: str) -> Iterator[Volumes]:
    """Return what makes volumes for a namespace, and remove them afterwards."""
    nodes = json.loads(kubectl("get", "nodes", "-o", "json").stdout)["items"]
    volumes = Volumes(kubectl, namespace, nodes[0]["metadata"]["labels"]["kubernetes.io/hostname"])
    volumes.start()
    try:
        yield volumes
    finally:
        volumes.stop()
