"""Sources as volumes: whatever holds the files, a container finds them in the same place."""

from __future__ import annotations

from tests.unit.cluster.objects import now, profile
from tests.unit.cluster.on_claims import all_on_claims

from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster.manifests.load import load_pod
from modelprofiler.cluster.manifests.server import deployment
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits


def test_a_pod_has_a_claim_in_one_volume() -> None:
    """Files are where those of a ConfigMap are: a folder's in the folder, a single file by its name."""
    on_claims = profile(**all_on_claims())
    claims_status = ClaimsStatus(identity="i", time=now(0), single_files=["model"])
    on_claims = on_claims.model_copy(update={"status": on_claims.status.model_copy(update={"claims": claims_status})})
    manifest = deployment(on_claims, "abc", Settings(), incarnation=1, limits=Limits(1000, 2**30), host=None)
    pod = manifest["spec"]["template"]["spec"]
    volume = {"name": "modelprofiler-code", "persistentVolumeClaim": {"claimName": "files", "readOnly": True}}
    assert [volume] == pod["volumes"][1:]
    name = "modelprofiler-code"
    assert [
        {"name": name, "mountPath": "/var/modelprofiler/code", "readOnly": True, "subPath": "code"},
        {"name": name, "mountPath": "/var/modelprofiler/model/m.bin", "readOnly": True, "subPath": "model/m.bin"},
    ] == pod["containers"][0]["volumeMounts"][1:]
    load = load_pod(on_claims, "abc", Settings(), "host-1", together=True)
    assert {
        "name": "modelprofiler-dataset",
        "mountPath": "/var/modelprofiler/dataset/r.txt",
        "readOnly": True,
        "subPath": "rows/r.txt",
    } == load["containers"][0]["volumeMounts"][1]
    assert {"kubernetes.io/hostname": "host-1"} == load["nodeSelector"]


def test_a_claim_that_the_template_has_is_not_mounted_as_another_volume() -> None:
    """With some drivers such a pod does not start."""
    volumes = [{"name": "mine", "persistentVolumeClaim": {"claimName": "files"}}]
    server = {"template": {"spec": {"containers": [{"name": "server", "image": "i"}], "volumes": volumes}}}
    on_claims = profile(**all_on_claims() | {"server": server})
    manifest = deployment(on_claims, "abc", Settings(), incarnation=1, limits=Limits(1000, 2**30), host=None)
    pod = manifest["spec"]["template"]["spec"]
    assert volumes == pod["volumes"]
    assert "mine" == pod["containers"][0]["volumeMounts"][0]["name"]
