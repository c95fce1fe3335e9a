"""What is committed is the recommendation, whole and nothing else, and says where it comes from."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.unit.core.search.simulator import spec_of
from tests.unit.report import runs

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import Variable
from modelprofiler.api.trial import Size
from modelprofiler.errors import InvalidInput, ModelProfilerError
from modelprofiler.report import patch
from modelprofiler.report.patch import Workload
from modelprofiler.report.record import RunRecord

SERVER = Workload("Deployment", "digits", "server")
SIZE = {"cpu": "400m", "memory": "224Mi"}
RESOURCES = {"requests": SIZE, "limits": SIZE}


def changed(record: RunRecord, **changes: Any) -> RunRecord:
    """Return the run with another recommendation."""
    status = record.profile.status
    recommendations = [status.recommendations[0].model_copy(update=changes)]
    status = status.model_copy(update={"recommendations": recommendations})
    return RunRecord(record.profile.model_copy(update={"status": status}), record.details)


def comment(text: str) -> str:
    """Return the comment at its beginning, without its marks."""
    return " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))


def test_a_patch_names_the_container_and_its_resources() -> None:
    """As kubectl's strategic merge wants it: containers are merged by name."""
    expected = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "digits"},
        "spec": {"template": {"spec": {"containers": [{"name": "server", "resources": RESOURCES}]}}},
    }
    assert expected == yaml.safe_load(patch.strategic_merge(runs.verified(), SERVER))


def test_the_variables_that_sized_the_thread_pools_are_part_of_it() -> None:
    """The list is merged by name, so what else the workload sets stays."""
    record = changed(runs.verified(), env=[Variable(name="OMP_NUM_THREADS", value="1")])
    container = yaml.safe_load(patch.strategic_merge(record, SERVER))["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "server", "env": [{"name": "OMP_NUM_THREADS", "value": "1"}], "resources": RESOURCES} == container


def test_a_cron_job_holds_its_template_deeper() -> None:
    """In its job template."""
    written = yaml.safe_load(patch.strategic_merge(runs.verified(), Workload("CronJob", "x", "server", "team")))
    assert ("batch/v1", "team") == (written["apiVersion"], written["metadata"]["namespace"])
    containers = written["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert RESOURCES == containers[0]["resources"]


def test_a_limit_that_is_not_recommended_is_removed() -> None:
    """A merge keeps what a patch does not name."""
    record = changed(runs.verified(), limits=Size(memory=Quantity("224Mi")))
    written = yaml.safe_load(patch.helm_values(record))
    assert {"requests": SIZE, "limits": {"cpu": None, "memory": "224Mi"}} == written["resources"]


def test_a_component_is_a_patch_with_its_kustomization() -> None:
    """In two files, or in one."""
    files = patch.kustomize(runs.verified(), SERVER)
    assert ["kustomization.yaml", "resources.yaml"] == list(files)
    component = yaml.safe_load(files["kustomization.yaml"])
    assert ("Component", [{"path": "resources.yaml"}]) == (component["kind"], component["patches"])
    one = yaml.safe_load(patch.kustomize_in_one(runs.verified(), SERVER))
    assert yaml.safe_load(files["resources.yaml"]) == yaml.safe_load(one["patches"][0]["patch"])


def test_values_stand_where_the_chart_takes_them() -> None:
    """At a path of keys."""
    assert {"server": {"resources": RESOURCES}} == yaml.safe_load(
        patch.helm_values(runs.verified(), "server.resources")
    )
    with pytest.raises(InvalidInput, match=r"--values-path: 'a\.\.b' is not a path"):
        patch.helm_values(runs.verified(), "a..b")


def test_the_comment_says_where_the_numbers_come_from() -> None:
    """Profile, model, run, proof, reason, machine."""
    text = comment(patch.strategic_merge(runs.verified(), SERVER))
    for phrase in ("team/digits", "model digits 1", "run 8c1f24d9", "Trial 5 ran at exactly", "smallest", "AMD EPYC"):
        assert phrase in text


@pytest.mark.parametrize("end", ["\n", "\r", "\x85", "\u2028", "\u2029", "\x0c", "\x00"])
def test_no_text_leaves_the_comment(end: str) -> None:
    """An explanation may quote a server's last words; a line of its own would be YAML."""
    record = changed(runs.verified(), explanation=f"it said{end}spec: {{replicas: 0}}")
    text = patch.strategic_merge(record, SERVER)
    assert {"apiVersion", "kind", "metadata", "spec"} == set(yaml.safe_load(text))
    assert "replicas" not in str(yaml.safe_load(text))


@pytest.mark.parametrize("record", [runs.infeasible(), runs.unfinished()])
def test_without_a_recommendation_there_is_nothing_to_write(record: RunRecord) -> None:
    """In any form; the message has the reason."""
    message = r"there is no recommendation to write: (p95 is|Trial 3)"
    with pytest.raises(ModelProfilerError, match=message):
        patch.helm_values(record)
    with pytest.raises(ModelProfilerError, match=message):
        patch.strategic_merge(record, SERVER, unverified=True)


def test_an_unverified_recommendation_is_written_only_with_the_option() -> None:
    """And then says so."""
    record = changed(runs.verified(), verification=None)
    with pytest.raises(ModelProfilerError, match="use --unverified to write it anyway"):
        patch.strategic_merge(record, SERVER)
    assert "NOT VERIFIED" in comment(patch.strategic_merge(record, SERVER, unverified=True))


def test_the_workload_is_the_one_that_was_profiled_or_the_one_that_is_named() -> None:
    """Kinds in any case."""
    assert Workload("StatefulSet", "x", "main", "prod") == patch.workload_of(
        runs.verified(), "statefulset/x", "main", "prod"
    )
    reference = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    profile = runs.verified().profile.model_copy(update={"spec": spec_of(server=reference)})
    assert Workload("Deployment", "web", "server", "team") == patch.workload_of(RunRecord(profile))


def test_every_wrong_name_is_reported_at_once() -> None:
    """With the option that has it."""
    with pytest.raises(InvalidInput) as error:
        patch.workload_of(runs.verified(), "Pod/A b", "C", "ns!")
    assert ["--workload", "--workload", "--container", "--workload-namespace"] == [p.path for p in error.value.problems]
    with pytest.raises(InvalidInput, match="--workload: is required"):
        patch.workload_of(runs.verified())


@pytest.mark.parametrize("text", ["Deployment", "", "Deployment/x\n", "Deployment/x/y"])
def test_a_workload_is_a_kind_and_a_name(text: str) -> None:
    """With one problem for each mistake."""
    with pytest.raises(InvalidInput, match="--workload: ") as error:
        patch.workload_of(runs.verified(), text)
    assert 1 == len(error.value.problems)
