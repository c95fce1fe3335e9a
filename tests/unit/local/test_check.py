"""Everything that keeps a file from being run is reported together, before anything is started."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ports import unused_port
from tests.unit.files.documents import container, document

from modelprofiler.files.document import Document
from modelprofiler.files.fetch import drivers
from modelprofiler.files.headers import header_values
from modelprofiler.host.machine import Machine
from modelprofiler.local.check import examine, examine_for_cluster

MACHINE = Machine(cpu=4000, memory=8 * 2**30, free=8 * 2**30)
PORT = {"http": {"port": unused_port()}}
CLOSED = {"closedLoop": {"concurrency": 1}}
"""A load of which nothing is known before: how often rows are sent depends on the server."""


def test_a_good_file_has_no_problems_and_no_warnings(tmp_path: Path) -> None:
    """Its inputs and its range are part of the result."""
    examined = examine(document(tmp_path, endpoint=PORT, load=CLOSED), MACHINE)
    assert () == examined.problems
    assert () == examined.warnings
    assert examined.inputs is not None
    assert examined.resources is not None


def test_what_the_load_cannot_show_is_a_warning_here_and_for_a_cluster(tmp_path: Path) -> None:
    """p95 needs 59 requests, and 120 s have 12."""
    profile = document(tmp_path, endpoint=PORT, load={"openLoop": {"rate": "0.1"}})
    for examined in (examine(profile, MACHINE), examine_for_cluster(profile)):
        start = "spec.load: p95 needs 59 requests in a window, and only 12 are expected"
        assert [w for w in examined.warnings if w.startswith(start)]


def test_this_machine_has_one_generator_whatever_a_cluster_has(tmp_path: Path) -> None:
    """Of 72 requests in 120 s it sends all, and each of two load pods too few."""
    profile = document(tmp_path, endpoint=PORT, load={"openLoop": {"rate": "0.6"}, "parallelism": 2})
    assert not [w for w in examine(profile, MACHINE).warnings if "needs 59 requests" in w]
    (warning,) = [w for w in examine_for_cluster(profile).warnings if "needs 59 requests" in w]
    assert "of each load pod in a window, and only 36 are expected" in warning


def test_headers_from_secrets_are_those_of_the_file(tmp_path: Path) -> None:
    """One that the file does not have keeps a run here from starting; a cluster may have it."""
    reference = {"secretKeyRef": {"name": "login", "key": "token"}}
    headers = {"http": {**PORT["http"], "headers": [{"name": "Authorization", "valueFrom": reference}]}}
    missing = document(tmp_path, endpoint=headers)
    assert ["spec.endpoint.http.headers[0].valueFrom.secretKeyRef"] == [
        problem.path for problem in examine(missing, MACHINE).problems
    ]
    assert () == examine(replace(missing, secrets={"login": {"token": b"abc\n"}}), MACHINE).problems
    assert {"0": "abc"} == header_values(replace(missing, secrets={"login": {"token": b"abc\n"}}))


def test_problems_of_every_kind_come_together(tmp_path: Path) -> None:
    """Port, command, dataset, variables, machine, what is not supported."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = container(
            command=["no-such-program"], env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]
        )
        profile = document(
            tmp_path,
            server=server,
            endpoint={
                "http": {"port": port, "scheme": "HTTPS", "tls": {"caBundle": "-----BEGIN CERTIFICATE-----\nAA=="}}
            },
            dataset={"source": {"path": "nowhere"}},
            model={"name": "m", "source": {"uri": {"uri": "s3://x", "secretRef": "none"}}},
            resources={"cpu": {"values": ["64"]}, "memory": {"values": ["64Mi"]}},
        )
        paths = {problem.path for problem in examine(profile, MACHINE, {"PATH": "/usr/bin"}).problems}
    assert {
        "spec.endpoint.http.port",
        "spec.endpoint.http.tls.caBundle",
        "spec.server.template.spec.containers[0].command[0]",
        "spec.server.template.spec.containers[0].env[0].valueFrom.secretKeyRef",
        "spec.dataset.source.path",
        "spec.model.source.uri.secretRef",
        "spec.resources.cpu",
    } == paths


def test_files_that_a_run_downloads_are_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no problem; an address that lacks what it needs is one, without asking it."""
    uri = {"source": {"uri": {"uri": "https://example.com/rows.txt"}}}
    fine = examine(document(tmp_path, dataset=uri, endpoint=PORT), MACHINE)
    assert (None, ()) == (fine.inputs, fine.problems)
    assert "spec.dataset.source.uri: the files are downloaded and checked when a run begins" in fine.warnings
    monkeypatch.setattr(drivers, "find_spec", lambda _: None)
    for address, need in (
        ("models:/m/1", "needs MLFLOW_TRACKING_URI"),
        ("gs://b/x", "needs fsspec and gcsfs: pip install 'modelprofiler[sources]'"),
    ):
        model = {"name": "m", "source": {"uri": {"uri": address}}}
        (problem,) = examine(document(tmp_path, model=model, endpoint=PORT), MACHINE, {"PATH": "/usr/bin"}).problems
        assert problem.path == "spec.model.source.uri"
        assert need in problem.message


def test_what_has_no_meaning_here_is_a_warning(tmp_path: Path) -> None:
    """Image, sidecars, volumes of a cluster."""
    server = container(command=["sh"], volumeMounts=[{"name": "data", "mountPath": "/data"}])
    server["template"]["spec"]["containers"].append({"name": "proxy", "image": "p"})
    server["template"]["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "d"}}]
    examined = examine(document(tmp_path, server=server, endpoint=PORT), MACHINE)
    assert () == examined.problems
    warnings = "\n".join(examined.warnings)
    assert "image x is not used on this machine" in warnings
    assert "only container server runs on this machine, not proxy" in warnings
    assert "volume data is not mounted on this machine" in warnings


def scored(tmp_path: Path, text: str, **environment: object) -> Document:
    """Return a profile of a scoring script."""
    script = {"source": {"inline": text}, "file": "score.py", "environment": environment}
    return document(tmp_path, server={"entryScript": script}, endpoint=PORT, load=CLOSED)


def test_a_script_that_needs_the_sdk_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    """Here and for a cluster, since the scoring server has no module of it; by file and line."""
    profile = scored(tmp_path, "import json\nfrom azureml.monitoring import ModelDataCollector\n")
    for examined in (examine(profile, MACHINE), examine_for_cluster(profile)):
        (problem,) = examined.problems
        assert "spec.server.entryScript.file" == problem.path
        assert (
            "imports Azure ML's SDK (score.py, line 2: azureml.monitoring): the scoring server does" in problem.message
        )
        assert "catch the ImportError" in problem.message


def test_a_script_that_may_need_the_sdk_is_warned_of(tmp_path: Path) -> None:
    """When an import is under a condition; one that is caught, or whose package is listed, is none."""
    text = "import os\nif os.environ.get('CLOUD'):\n    import azureml.core\n"
    examined = examine(scored(tmp_path, text), MACHINE)
    assert () == examined.problems
    assert ["may import Azure ML's SDK (score.py, line 3: azureml.core)" in w for w in examined.warnings] == [True]
    caught = "try:\n    import azureml.core\nexcept ImportError:\n    pass\n"
    assert () == examine(scored(tmp_path, caught), MACHINE).warnings
    assert () == examine(scored(tmp_path, "import azureml.core\n", requirements=["azureml-core"]), MACHINE).problems
    with_image = scored(tmp_path, "import azureml.core\n", image="team/server:1")
    assert () == examine_for_cluster(with_image).problems


def test_for_a_cluster_a_config_map_may_be_there_already(tmp_path: Path) -> None:
    """A path may not."""
    profile = document(
        tmp_path,
        dataset={"source": {"configMap": {"name": "there"}}},
        server={"entryScript": {"source": {"path": "score.py"}}},
    )
    examined = examine_for_cluster(profile)
    assert ["spec.server.entryScript.source.path"] == [p.path for p in examined.problems]
    assert any("must be in the cluster" in warning for warning in examined.warnings)


def test_a_missing_file_is_recognised_by_its_kind_and_not_by_its_text(tmp_path: Path) -> None:
    """A file may be called anything: one that is not there is not a ConfigMap that a cluster may have."""
    examined = examine_for_cluster(document(tmp_path, dataset={"source": {"path": "there is no ConfigMap"}}))
    assert ["spec.dataset.source.path"] == [p.path for p in examined.problems]
    assert () == examined.warnings
