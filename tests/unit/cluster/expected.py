"""Parts of the objects that a run creates, as they must be."""

from tests.unit.cluster.objects import MI, UID, Object

from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits

SETTINGS = Settings(scoring_image="scoring:1", load_image="operator:1", image_pull_secrets=("pull",))
LIMITS = Limits(250, 512 * MI)
SIZE = {"cpu": "250m", "memory": "512Mi"}
MODEL = {"name": "m", "source": {"configMap": {"name": "model"}}}
TEMPLATE: Object = {
    "metadata": {"labels": {"app": "shop"}, "annotations": {"team": "ml"}},
    "spec": {
        "serviceAccountName": "shop",
        "nodeSelector": {"disk": "ssd"},
        "containers": [
            {"name": "proxy", "image": "proxy:1", "resources": {"requests": {"cpu": "10m"}}},
            {
                "name": "server",
                "image": "shop:1",
                "env": [{"name": "A", "value": "1"}],
                "resources": {
                    "requests": {"cpu": "2", "ephemeral-storage": "1Gi"},
                    "limits": {"nvidia.com/gpu": "1"},
                },
            },
        ],
        "volumes": [{"name": "cache", "emptyDir": {}}],
    },
}
LABELS = {
    "app.kubernetes.io/managed-by": "modelprofiler",
    "app.kubernetes.io/component": "server",
    "modelprofiler.io/profile-uid": UID,
    "modelprofiler.io/run": "abc",
    "modelprofiler.io/incarnation": "3",
}
SAFE = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
    "modelprofiler.io/profile": "digits",
}
OWNER = {
    "apiVersion": "modelprofiler.io/v1alpha1",
    "kind": "ModelProfile",
    "name": "digits",
    "uid": UID,
    "controller": True,
    "blockOwnerDeletion": False,
}
RESIZE_POLICY = [
    {"resourceName": "cpu", "restartPolicy": "NotRequired"},
    {"resourceName": "memory", "restartPolicy": "RestartContainer"},
]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
RESTRICTED_POD = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "fsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
