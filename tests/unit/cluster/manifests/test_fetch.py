"""How pods get the files of addresses and Secrets."""

from tests.unit.cluster.objects import Object, profile

from modelprofiler.cluster.manifests.load import dataset_path, load_pod
from modelprofiler.cluster.manifests.prepare import prepare_job
from modelprofiler.cluster.settings import Settings
from modelprofiler.files.inspect import PrepareConfig

ADDRESS = {"uri": {"uri": "s3://bucket/rows.jsonl", "secretRef": "login"}}


def test_only_the_container_that_fetches_sees_the_secret() -> None:
    """It runs first, without a right that it does not need; the load finds the files in their usual place."""
    pod: Object = load_pod(profile(dataset={"source": ADDRESS}), "abc", Settings(), None)
    (fetching,), (load,) = pod["initContainers"], pod["containers"]
    assert ["fetch", "s3://bucket/rows.jsonl", "--to"] == fetching["args"][:3]
    assert fetching["securityContext"]["runAsNonRoot"]
    secret = next(v["name"] for v in pod["volumes"] if v.get("secret", {}).get("secretName") == "login")
    assert secret in {m["name"] for m in fetching["volumeMounts"]}
    assert secret not in {m["name"] for m in load["volumeMounts"]}
    shared = {m["name"] for m in fetching["volumeMounts"]} & {m["name"] for m in load["volumeMounts"]}
    assert {"modelprofiler-dataset"} == shared
    assert "/var/modelprofiler/dataset" == dataset_path(profile(dataset={"source": ADDRESS}), "")


def test_the_job_that_reads_gets_addresses_secrets_and_parquet_files_of_config_maps() -> None:
    """A Secret that does not exist does not keep it from starting: it says so."""
    changes: Object = {
        "model": {"name": "m", "source": {"secret": {"name": "weights", "key": "m.bin"}}},
        "server": {"entryScript": {"source": {"uri": {"uri": "oci://registry/code:1", "secretRef": "login"}}}},
        "dataset": {"source": {"configMap": {"name": "rows", "key": "r"}}, "format": "Parquet"},
    }
    job = prepare_job(profile(**changes), Settings(), identity="i", host=None)
    pod = job["spec"]["template"]
    text = pod["metadata"]["annotations"]["modelprofiler.io/prepare-config"]
    sources = {source.part: source for source in PrepareConfig.model_validate_json(text).sources}
    assert "key 'm.bin' of Secret 'weights'" == sources["model"].holder
    assert ("oci://registry/code:1", True) == (sources["code"].uri, sources["code"].credentials is not None)
    assert "key 'r' of ConfigMap 'rows'" == sources["dataset"].holder
    mounted = [v.get("secret") or v["configMap"] for v in pod["spec"]["volumes"] if "secret" in v or "configMap" in v]
    assert all(volume["optional"] for volume in mounted)
