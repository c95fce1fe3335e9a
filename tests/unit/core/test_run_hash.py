"""What identifies a run, and what does not."""

from typing import Any

import pytest
from tests.unit.core.search.simulator import spec_of

from modelprofiler.core.run_hash import changed_evidence, evidence, run_hash

DIGESTS: dict[str, Any] = {
    "model_digest": "sha256:m",
    "code_digest": "sha256:c",
    "dataset_digest": "sha256:d",
    "image": "server@sha256:i",
    "rerun": None,
}
SCRIPT = {"source": {"configMap": {"name": "digits-files"}}}
MODEL = {"name": "digits", "version": "1", "source": {"configMap": {"name": "digits-model"}}}


def hash_of(digests: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return the hash of a profile with these changes."""
    return run_hash(spec_of(**{"model": MODEL, **changes}), **{**DIGESTS, **(digests or {})})


def test_it_is_sixteen_hexadecimal_digits() -> None:
    """It stands in names of at most 63 characters."""
    assert len(hash_of()) == 16
    assert int(hash_of(), 16) >= 0


@pytest.mark.parametrize(
    "change",
    [
        {"objectives": {"latency": {"p99": "1s"}}},
        {"search": {"maxTrials": 9, "resize": "Recreate", "strategy": "Grid"}},
        {"recommendation": {"cpuMarginPercent": 50, "cpuLimit": "None"}},
        {"metrics": {"source": "Kubelet"}},
        {"suspend": True},
        {"resources": {"cpu": {"values": ["1"]}, "memory": {"values": ["1Gi"]}}},
        {"load": {"openLoop": {"rate": "50000m"}}},
        {"model": {**MODEL, "name": "numbers", "version": "2", "source": {"configMap": {"name": "elsewhere"}}}},
        {"server": {"entryScript": {**SCRIPT, "environment": {"imagePullSecrets": [{"name": "x"}]}}}},
        {"dataset": {"source": {"inline": "the same rows"}}},
    ],
    ids=str,
)
def test_what_does_not_change_a_measurement_keeps_the_run(change: dict[str, Any]) -> None:
    """Finished trials are judged again, and nothing is measured twice."""
    assert hash_of() == hash_of(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"load": {"openLoop": {"rate": "51"}}},
        {"load": {"openLoop": {"rate": "50", "arrival": "Constant"}}},
        {"load": {"openLoop": {"rate": "50"}, "duration": "60s"}},
        {"load": {"closedLoop": {"concurrency": 4}}},
        {"search": {"threads": "Auto"}},
        {"dataset": {"source": {"inline": "the same rows"}, "contentType": "text/plain"}},
        {"endpoint": {"http": {"timeout": "1s"}}},
        {"endpoint": {"http": {"expect": {"status": [200, 201]}}}},
        {"server": {"entryScript": {**SCRIPT, "workers": 2}}},
        {"server": {"entryScript": SCRIPT, "containerName": "other"}},
        {"server": {"template": {"spec": {"containers": [{"name": "x", "image": "y"}]}}}},
        {"dataset": {"source": {"inline": "the same rows"}, "order": "Sequential"}},
    ],
    ids=str,
)
def test_what_changes_a_measurement_starts_a_new_run(change: dict[str, Any]) -> None:
    """Server, endpoint, order of the dataset, load."""
    assert hash_of() != hash_of(**change)


@pytest.mark.parametrize("name", list(DIGESTS))
def test_other_content_starts_a_new_run(name: str) -> None:
    """Model, code, rows, image, and the annotation by which a user asks for one."""
    assert hash_of() != hash_of({name: "sha256:other"})


def test_how_a_server_is_verified_is_no_part_of_a_run() -> None:
    """A CA that was renewed leaves the finished trials as they are."""
    https = {"scheme": "HTTPS"}
    tls = {"caBundle": "-----BEGIN CERTIFICATE-----", "serverName": "digits"}
    assert hash_of(endpoint={"http": https}) == hash_of(endpoint={"http": https | {"tls": tls}})


def test_without_a_digest_the_place_stands_for_the_content() -> None:
    """And the version for that of a model which is part of the image."""
    unknown = {"model_digest": None}
    assert hash_of(unknown) != hash_of(unknown, model={**MODEL, "source": {"configMap": {"name": "elsewhere"}}})
    assert hash_of(unknown) != hash_of(unknown, model={**MODEL, "version": "2"})
    assert hash_of(unknown) == hash_of(unknown, model={**MODEL, "name": "numbers"})


def test_a_new_run_can_say_why() -> None:
    """By the paths that changed."""
    before = evidence(spec_of(), **DIGESTS)
    after = evidence(spec_of(load={"openLoop": {"rate": "60"}}), **{**DIGESTS, "image": "other"})
    assert ["image", "load.openLoop.rate"] == changed_evidence(before, after)
    assert [] == changed_evidence(before, before)


def test_where_packages_come_from_counts_but_not_who_may_have_them() -> None:
    """The same name may be another package in another index."""

    def asked(**environment: Any) -> str:
        return hash_of(server={"entryScript": {**SCRIPT, "environment": {"requirements": ["x"], **environment}}})

    url = "https://packages.example/simple"
    one = asked(packageIndex={"url": url})
    assert one != asked()
    assert one == asked(packageIndex={"url": url, "secretRef": "login", "caBundle": "-----BEGIN CERTIFICATE-----"})
    assert one != asked(packageIndex={"url": url + "/other"})


def test_a_run_from_before_env_from_keeps_its_hash() -> None:
    """A field that is not set is not there."""
    digests = {"model_digest": None, "code_digest": None, "dataset_digest": None, "image": None}
    identity = evidence(spec_of(server={"entryScript": SCRIPT}), **digests)
    assert "envFrom" not in identity["server"]["entryScript"]["environment"]
    with_group = {**SCRIPT, "environment": {"envFrom": [{"secretRef": {"name": "s"}}]}}
    assert hash_of(server={"entryScript": SCRIPT}) != hash_of(server={"entryScript": with_group})


def test_what_a_good_answer_is_changes_what_is_measured() -> None:
    """Failures are counted by it; without it runs from before these fields keep their hash."""

    def expected(**expect: Any) -> list[str]:
        spec = spec_of(endpoint={"http": {"expect": expect}})
        digests = {"model_digest": None, "code_digest": None, "dataset_digest": None, "image": None}
        return changed_evidence(evidence(spec_of(), **digests), evidence(spec, **digests))

    assert [] == expected(jsonPath=[])
    assert ["endpoint.http.expect.bodyContains"] == expected(bodyContains="ok")
    assert ["endpoint.http.expect.jsonPath"] == expected(jsonPath=[{"path": "$.ok", "type": "Boolean"}])
    assert (
        "jsonPath"
        not in evidence(spec_of(), model_digest=None, code_digest=None, dataset_digest=None, image=None)["endpoint"][
            "http"
        ]["expect"]
    )
