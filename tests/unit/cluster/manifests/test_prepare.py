"""The whole Job that reads the sources on claims."""

from __future__ import annotations

from tests.unit.cluster.expected import OWNER, RESTRICTED, RESTRICTED_POD, SAFE, SETTINGS
from tests.unit.cluster.objects import UID, Object, profile
from tests.unit.cluster.on_claims import all_on_claims

from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.prepare import prepare_job
from modelprofiler.files.inspect import PrepareConfig

LABELS = {
    "app.kubernetes.io/managed-by": "modelprofiler",
    "app.kubernetes.io/component": "prepare",
    "modelprofiler.io/profile-uid": UID,
    "modelprofiler.io/run": "identity",
}
CONFIG = {
    "sources": [
        {
            "part": part,
            "path": f"spec.{field}.persistentVolumeClaim",
            "claim": "files",
            "root": "/var/modelprofiler/claims/0",
            "inside": inside,
        }
        for part, field, inside in (
            ("model", "model.source", "model/m.bin"),
            ("code", "server.entryScript.source", "code"),
            ("dataset", "dataset.source", "rows/r.txt"),
        )
    ],
    "file": "score.py",
    "rows": {"format": "Lines", "encoding": "Text"},
    "promise": {"contentType": "application/json", "strict": False},
}


def test_the_job_may_read_the_claims_and_nothing_else() -> None:
    """The whole object: bounded in time, without a token, each claim mounted once, on the node of the volume."""
    expected = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.prepare(profile(), "identity"),
            "namespace": "team",
            "labels": LABELS,
            "annotations": {"modelprofiler.io/profile": "digits"},
            "ownerReferences": [OWNER],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": 840,
            "template": {
                "metadata": {
                    "labels": LABELS | {"sidecar.istio.io/inject": "false"},
                    "annotations": SAFE
                    | {
                        "modelprofiler.io/prepare-config": PrepareConfig.model_validate(CONFIG).model_dump_json(
                            by_alias=True, exclude_none=True
                        )
                    },
                },
                "spec": {
                    "nodeSelector": {"kubernetes.io/hostname": "host-node1"},
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 2,
                    "imagePullSecrets": [{"name": "pull"}],
                    "securityContext": RESTRICTED_POD,
                    "containers": [
                        {
                            "name": "prepare",
                            "image": "operator:1",
                            "imagePullPolicy": "IfNotPresent",
                            "args": ["prepare", "--config", "/etc/modelprofiler/prepare.json"],
                            "resources": {
                                "requests": {"cpu": "500m", "memory": "256Mi"},
                                "limits": {"memory": "256Mi"},
                            },
                            "securityContext": RESTRICTED,
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [
                                {"name": "config", "mountPath": "/etc/modelprofiler", "readOnly": True},
                                {"name": "claim-0", "mountPath": "/var/modelprofiler/claims/0", "readOnly": True},
                            ],
                        }
                    ],
                    "volumes": [
                        {
                            "name": "config",
                            "downwardAPI": {
                                "items": [
                                    {
                                        "path": "prepare.json",
                                        "fieldRef": {
                                            "fieldPath": "metadata.annotations['modelprofiler.io/prepare-config']"
                                        },
                                    }
                                ]
                            },
                        },
                        {"name": "claim-0", "persistentVolumeClaim": {"claimName": "files", "readOnly": True}},
                    ],
                },
            },
        },
    }
    job = prepare_job(profile(**all_on_claims()), SETTINGS, identity="identity", host="host-node1")
    assert expected == job


def test_the_job_goes_where_the_servers_template_may() -> None:
    """A volume that is made for its first pod is made where that is."""
    pod = {"containers": [{"name": "server", "image": "i"}], "tolerations": [{"operator": "Exists"}]}
    server: Object = {"template": {"spec": {**pod, "nodeSelector": {"disk": "ssd"}}}}
    on_claims = profile(**all_on_claims() | {"server": server})
    for host, expected in ((None, {"disk": "ssd"}), ("h", {"disk": "ssd", "kubernetes.io/hostname": "h"})):
        spec = prepare_job(on_claims, SETTINGS, identity="i", host=host)["spec"]["template"]["spec"]
        assert (expected, [{"operator": "Exists"}]) == (spec["nodeSelector"], spec["tolerations"])


def test_a_client_certificate_is_checked_by_the_job() -> None:
    """There is nothing else to read here."""
    tls = {"caBundle": "-----BEGIN CERTIFICATE-----", "clientCertificate": {"secretName": "client-tls"}}
    endpoint = {"http": {"scheme": "HTTPS", "tls": tls}}
    job = prepare_job(profile(endpoint=endpoint), SETTINGS, identity="identity", host=None)
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert ["tls.crt", "tls.key"] == [v["valueFrom"]["secretKeyRef"]["key"] for v in container["env"]]
    annotations = job["spec"]["template"]["metadata"]["annotations"]
    config = PrepareConfig.model_validate_json(annotations[names.PREPARE_CONFIG])
    assert config.endpoint is not None
    assert config.endpoint.tls is not None
    assert tls == config.endpoint.tls.to_dict()


def test_headers_from_secrets_are_checked_by_the_job() -> None:
    """There is nothing else to read here."""
    reference = {"secretKeyRef": {"name": "login", "key": "token"}}
    headers = [{"name": "Authorization", "valueFrom": {**reference, "prefix": "Bearer "}}]
    job = prepare_job(profile(endpoint={"http": {"headers": headers}}), SETTINGS, identity="identity", host=None)
    template = job["spec"]["template"]
    [container] = template["spec"]["containers"]
    assert [{"secretKeyRef": {**reference["secretKeyRef"], "optional": True}}] == [
        variable["valueFrom"] for variable in container["env"]
    ]
    config = PrepareConfig.model_validate_json(template["metadata"]["annotations"][names.PREPARE_CONFIG])
    assert config.endpoint is not None
    assert ([], headers) == (config.sources, [header.to_dict() for header in config.endpoint.headers])
