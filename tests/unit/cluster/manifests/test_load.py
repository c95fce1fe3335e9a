"""The whole Job of a load, and where its pod runs."""

from __future__ import annotations

from typing import Any

from tests.unit.cluster.expected import (
    LABELS,
    LIMITS,
    OWNER,
    RESTRICTED,
    RESTRICTED_POD,
    SAFE,
    SETTINGS,
)
from tests.unit.cluster.objects import MI, Object, profile

from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.load import load_job, load_pod
from modelprofiler.cluster.settings import Settings
from modelprofiler.load.config import DatasetFile, LoadConfig


def config(**changes: Any) -> LoadConfig:
    """Return what a load is configured with."""
    p = profile()
    return LoadConfig(
        host="198.19.0.7",
        port=5001,
        endpoint=p.spec.endpoint.http,
        dataset=DatasetFile(path="/var/modelprofiler/dataset/requests.txt"),
        load=p.spec.load,
        **changes,
    )


def job(server_host: str | None = None, settings: Settings = SETTINGS, **spec: Any) -> Object:
    """Return the load Job of the fourth trial."""
    return load_job(
        profile(**spec),
        "abc",
        settings,
        config(),
        trial=4,
        purpose=Purpose.BRACKET,
        limits=LIMITS,
        window="Decide",
        incarnation=3,
        server_pod="pod-uid",
        server_host=server_host,
        deadline_seconds=300,
    )


HEADERS = {
    "http": {
        "headers": [
            {"name": "X-Tenant", "value": "a"},
            {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}}},
        ]
    }
}


def test_a_header_from_a_secret_is_a_variable_of_the_load_pod() -> None:
    """The Job has the name of the Secret alone. One that is gone does not keep the pod from starting."""
    variable = {
        "name": "MODELPROFILER_HEADER_1",
        "valueFrom": {"secretKeyRef": {"name": "login", "key": "token", "optional": True}},
    }
    pod = load_pod(profile(endpoint=HEADERS), "abc", SETTINGS, None)
    assert [variable] == pod["containers"][0]["env"]
    assert "env" not in load_pod(profile(), "abc", SETTINGS, None)["containers"][0]


CLIENT = {
    "http": {
        "scheme": "HTTPS",
        "tls": {"caBundle": "-----BEGIN CERTIFICATE-----", "clientCertificate": {"secretName": "client-tls"}},
    }
}


def test_a_client_certificate_and_its_key_are_variables_of_the_load_pod() -> None:
    """From the keys that a Secret of type kubernetes.io/tls has; nothing of them is in the Job."""
    variables = load_pod(profile(endpoint=CLIENT), "abc", SETTINGS, None)["containers"][0]["env"]
    assert [
        ("MODELPROFILER_CLIENT_CERTIFICATE", {"name": "client-tls", "key": "tls.crt", "optional": True}),
        ("MODELPROFILER_CLIENT_KEY", {"name": "client-tls", "key": "tls.key", "optional": True}),
    ] == [(variable["name"], variable["valueFrom"]["secretKeyRef"]) for variable in variables]


def test_the_load_pod_has_a_cpu_limit_only_where_the_installer_wants_one() -> None:
    """One that is held back would measure itself; but a quota on limits.cpu takes no pod without."""
    limits = [
        load_pod(profile(), "abc", settings, None)["containers"][0]["resources"]["limits"]
        for settings in (Settings(), Settings(load_cpu_limit="2"))
    ]
    assert [{"memory": "256Mi"}, {"cpu": "2", "memory": "256Mi"}] == limits


def test_the_load_job_is_restricted_tells_what_it_is_for_and_reads_its_config_from_an_annotation() -> None:
    """The whole object."""
    base = names.base(profile(), "abc")
    labels = LABELS | {"app.kubernetes.io/component": "load", "modelprofiler.io/trial": "4"}
    del labels["modelprofiler.io/incarnation"]
    expected = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{base}-t4",
            "namespace": "team",
            "labels": labels,
            "annotations": {
                "modelprofiler.io/profile": "digits",
                "modelprofiler.io/cpu": "250",
                "modelprofiler.io/memory": str(512 * MI),
                "modelprofiler.io/purpose": "Bracket",
                "modelprofiler.io/window": "Decide",
                "modelprofiler.io/incarnation": "3",
                "modelprofiler.io/server-pod-uid": "pod-uid",
            },
            "ownerReferences": [OWNER],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "completionMode": "Indexed",
            "activeDeadlineSeconds": 300,
            "template": {
                "metadata": {
                    "labels": labels | {"sidecar.istio.io/inject": "false"},
                    "annotations": SAFE
                    | {"modelprofiler.io/load-config": config().model_dump_json(by_alias=True, exclude_none=True)},
                },
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 10,
                    "imagePullSecrets": [{"name": "pull"}],
                    "securityContext": RESTRICTED_POD,
                    "containers": [
                        {
                            "name": "load",
                            "image": "operator:1",
                            "imagePullPolicy": "IfNotPresent",
                            "args": [
                                *("load", "--config", "/etc/modelprofiler/load.json"),
                                *("--result", "/dev/termination-log"),
                            ],
                            "resources": {
                                "requests": {"cpu": "500m", "memory": "256Mi"},
                                "limits": {"memory": "256Mi"},
                            },
                            "securityContext": RESTRICTED,
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [
                                {"name": "config", "mountPath": "/etc/modelprofiler", "readOnly": True},
                                {
                                    "name": "modelprofiler-dataset",
                                    "mountPath": "/var/modelprofiler/dataset",
                                    "readOnly": True,
                                },
                            ],
                        }
                    ],
                    "volumes": [
                        {
                            "name": "config",
                            "downwardAPI": {
                                "items": [
                                    {
                                        "path": "load.json",
                                        "fieldRef": {
                                            "fieldPath": "metadata.annotations['modelprofiler.io/load-config']"
                                        },
                                    }
                                ]
                            },
                        },
                        {
                            "name": "modelprofiler-dataset",
                            "configMap": {
                                "name": "files",
                                "items": [{"key": "requests.txt", "path": "requests.txt"}],
                            },
                        },
                    ],
                },
            },
        },
    }
    assert expected == job()


def test_the_load_prefers_another_node_than_the_servers() -> None:
    """Where there is a choice."""
    affinity = job("host-1")["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["host-1"]}] == term["preference"][
        "matchExpressions"
    ]


def test_the_config_that_a_load_reads_is_the_one_that_was_written() -> None:
    """Through JSON, an annotation and a file."""
    written = job()["spec"]["template"]["metadata"]["annotations"][names.LOAD_CONFIG]
    assert config() == LoadConfig.model_validate_json(written)


def test_the_generators_of_several_have_a_job_for_the_first_and_an_indexed_one_for_the_others() -> None:
    """Each pod gets its number; the second Job gets that of its first pod."""
    load = {"openLoop": {"rate": "40"}, "parallelism": 4}
    spec = profile(load=load).spec
    manifests = []
    for index in (0, 1):
        load_config = LoadConfig.model_validate(config().to_dict() | {"load": spec.load.to_dict(), "index": index})
        manifests.append(
            load_job(
                profile(load=load),
                "abc",
                SETTINGS,
                load_config,
                trial=999,
                purpose=Purpose.BRACKET,
                limits=LIMITS,
                window="Decide",
                incarnation=3,
                server_pod="pod-uid",
                server_host="host-1",
                deadline_seconds=300,
            )
        )
    base = names.base(profile(), "abc")
    assert [(f"{base}-t999", 1, 1, "Indexed"), (f"{base}-t999-others", 3, 3, "Indexed")] == [
        (job["metadata"]["name"], *(job["spec"][name] for name in ("completions", "parallelism", "completionMode")))
        for job in manifests
    ]
    assert [None, "1"] == [job["metadata"]["annotations"].get(names.FIRST_GENERATOR) for job in manifests]
    for job in manifests:
        pod = job["spec"]["template"]["spec"]
        assert ["--completion-index", "$(JOB_COMPLETION_INDEX)"] == pod["containers"][0]["args"][-2:]
        assert "NotIn" in str(pod["affinity"]), "other nodes than the server's are preferred"
    longest = f"{'x' * 40}-t999-others-2"
    assert len(f"{longest}-62-abcde") <= 63, "the name of a pod is its host name"


def test_a_load_whose_rows_come_from_an_address_is_marked_as_one_that_downloads() -> None:
    """The chart's network policies tell it from those that reach their server alone."""
    sources = {"inline": "1", "uri": {"uri": "https://example.org/rows.txt"}}
    marked = []
    for kind, value in sources.items():
        downloading = profile(dataset={"source": {kind: value}})
        job = load_job(
            downloading,
            "abc",
            SETTINGS,
            config(),
            trial=1,
            purpose=Purpose.REFERENCE,
            limits=LIMITS,
            window="Measure",
            incarnation=1,
            server_pod="uid",
            server_host=None,
            deadline_seconds=60,
        )
        marked.append(job["spec"]["template"]["metadata"]["labels"].get(names.DOWNLOADS))
    assert [None, "true"] == marked
