"""A real kubectl starts `kubectl modelprofile`, which starts kubectl.

The API server is a stand-in: see `standin`. The whole is tried against a real one in `tests/e2e/test_workloads.py`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.plugin.standin import GROUPS, Standin, refused, serving
from tests.integration.report.test_patch import tool
from tests.unit.report import runs

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import CurrentSize
from modelprofiler.api.trial import Size

PATIENCE = 240.0
"""Seconds after which a program hangs; a busy machine takes ten times as long as an idle one."""
pytestmark = pytest.mark.timeout(1.25 * PATIENCE)

TODAY = Size(cpu=Quantity("2"), memory=Quantity("1Gi"))
SERVER = {"name": "server", "image": "shop:1", "ports": [{"containerPort": 8080}]}
ROWS = ("--dataset", "rows.txt", "--rate", "20")


@dataclass
class Shell:
    """Runs kubectl in a folder with a file of rows."""

    kubectl: str
    folder: Path
    env: dict[str, str]
    standin: Standin

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``kubectl modelprofile``."""
        return subprocess.Popen(
            [self.kubectl, "modelprofile", *arguments],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return the exit code of ``kubectl modelprofile`` and what it wrote."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    @property
    def profile(self) -> dict[str, Any]:
        """The profile that was created."""
        return self.standin.objects["modelprofiles", "default", "shop"]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Return a shell with a cluster that has a Deployment, and a plugin on PATH."""
    kubectl = tool("kubectl")
    plugin = tmp_path / "bin" / "kubectl-modelprofile"
    plugin.parent.mkdir()
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} -m modelprofiler.plugin.command "$@"\n')
    plugin.chmod(0o755)
    (tmp_path / "rows.txt").write_text("1\n2\n3\n")
    with serving() as standin:
        standin.put("deployments", deployment())
        config = standin.kubeconfig(tmp_path / "config")
        path = f"{plugin.parent}:{Path(kubectl).parent}:/usr/bin:/bin"
        root = Path(__file__).resolve().parents[3]
        env = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(config), "LANG": "C.UTF-8"}
        yield Shell(kubectl, tmp_path, env | {"PYTHONPATH": f"{root / 'operator'}:{root}"}, standin)


def deployment(**container: object) -> dict[str, Any]:
    """Return a Deployment."""
    spec = {"replicas": 3, "template": {"spec": {"containers": [SERVER | container]}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": spec}


def verified() -> dict[str, Any]:
    """Return the status of a verified run of a workload with three replicas."""
    status = runs.verified().profile.status
    [recommendation] = status.recommendations
    current = CurrentSize(requests=TODAY, limits=TODAY, replicas=3)
    changed = recommendation.model_copy(update={"current": current})
    return status.model_copy(update={"recommendations": [changed]}).to_dict() | {"observedGeneration": 1}


def test_a_run_is_created_followed_and_shown(shell: Shell) -> None:
    """The profile comes first and the size last; each trial is a line on standard error; the exit code is 0."""
    running = runs.unfinished(1).profile.status.to_dict()
    shell.standin.statuses = [running, verified()]
    code, out, err = shell.run("deployment/shop", *ROWS, "--latency", "p95=250ms", "--wait")
    assert (0, "") == (code, "" if code == 0 else err)
    manifest, _, result = out.partition("---\n")
    assert yaml.safe_load(manifest)["spec"] == shell.profile["spec"]
    assert 8080 == shell.profile["spec"]["endpoint"]["http"]["port"]
    assert result.startswith("Deployment shop, container server: Verified\n")
    assert ["cpu", "request", "2", "400m", "-1600m", "-4800m"] in [line.split() for line in result.splitlines()]
    assert "modelprofiler report shop -n default" in result
    assert len(verified()["trials"]) == len([line for line in err.splitlines() if line.startswith("trial ")])
    assert "rows.txt: 3 rows, 3 different" in err


def test_the_rows_are_in_a_config_map_that_the_profile_owns(shell: Shell) -> None:
    """It is deleted with the profile."""
    code, _, err = shell.run("deploy", "shop", *ROWS, "--no-wait")
    assert (0, True) == (code, "kubectl get modelprofile shop -n default -w" in err)
    name = shell.profile["spec"]["dataset"]["source"]["configMap"]["name"]
    rows = shell.standin.objects["configmaps", "default", name]
    assert ({"rows.txt": "1\n2\n3\n"}, True) == (rows["data"], rows["immutable"])
    [owner] = rows["metadata"]["ownerReferences"]
    assert ("ModelProfile", "shop", shell.profile["metadata"]["uid"]) == (owner["kind"], owner["name"], owner["uid"])


def test_a_dry_run_of_the_client_only_prints(shell: Shell) -> None:
    """Its output is what kubectl takes: the ConfigMap, and the profile as it would be created."""
    code, out, _ = shell.run("deploy/shop", *ROWS, "--dry-run=client", "-o", "yaml")
    rows, profile = yaml.safe_load_all(out)
    assert (0, "ConfigMap", "ModelProfile") == (code, rows["kind"], profile["kind"])
    assert "PATCH" not in {method for method, _ in shell.standin.requests}
    shell.run("deploy/shop", *ROWS)
    assert profile["spec"] == shell.profile["spec"]
    code, out, _ = shell.run("deploy/shop", *ROWS, "--dry-run=client", "-o", "json")
    assert ["ConfigMap", "ModelProfile"] == [item["kind"] for item in json.loads(out)["items"]]


def test_a_dry_run_of_the_server_creates_nothing(shell: Shell) -> None:
    """The API server has checked it."""
    code, out, _ = shell.run("deploy/shop", *ROWS, "--dry-run=server", "-o", "json")
    assert (0, "shop") == (code, json.loads(out)["metadata"]["name"])
    assert ["deployments"] == [resource for resource, _, _ in shell.standin.objects]


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_the_finished_profile_is_printed_alone(shell: Shell, output: str) -> None:
    """A program can read it."""
    shell.standin.statuses = [verified()]
    code, out, _ = shell.run("deploy/shop", *ROWS, "--wait", "-o", output)
    status = yaml.safe_load(out)["status"]
    assert (0, "400m") == (code, status["recommendations"][0]["requests"]["cpu"])


def test_a_run_that_ends_without_a_verified_size_has_exit_code_1(shell: Shell) -> None:
    """The first line of the result has the reason."""
    shell.standin.statuses = [runs.infeasible().profile.status.to_dict()]
    code, out, _ = shell.run("deploy/shop", *ROWS, "--wait")
    assert (1, True) == (code, "Deployment shop: No size in the range meets the objectives" in out)


def test_a_run_that_goes_on_has_exit_code_4(shell: Shell) -> None:
    """The message says how to look at it."""
    shell.standin.statuses = [runs.unfinished(1).profile.status.to_dict()]
    code, _, err = shell.run("deploy/shop", *ROWS, "--wait", "--timeout", "1s")
    assert (4, True) == (code, "has not ended within 1s, and goes on. kubectl get modelprofile shop" in err)


def test_ctrl_c_leaves_the_run_going(shell: Shell) -> None:
    """The message says how to look at it."""
    shell.standin.statuses = [runs.unfinished(1).profile.status.to_dict()]
    with shell.start("deploy/shop", *ROWS, "--wait") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("trial 1"):
                break
        os.killpg(process.pid, signal.SIGINT)
        err = process.stderr.read()
        assert 130 == process.wait(PATIENCE)
    assert "The run goes on. kubectl get modelprofile shop -n default" in err
    assert "Traceback" not in err
    assert "DELETE" not in {method for method, _ in shell.standin.requests}


def test_the_same_command_follows_the_same_run(shell: Shell) -> None:
    """Nothing of the profile changes; other pods, and --rerun, are another run."""
    key = "modelprofiler.io/rerun"
    values = []
    for change in (None, None, deployment(image="shop:2"), "--rerun", None):
        if isinstance(change, dict):
            shell.standin.put("deployments", change)
        options = ["--rerun"] if change == "--rerun" else []
        code, _, err = shell.run("deploy/shop", *ROWS, *options)
        assert 0 == code, err
        values.append(shell.profile["metadata"]["annotations"][key])
    first, second, other, again, last = values
    assert first == second != other != again == last
    assert 1 == shell.profile["metadata"]["generation"]


@pytest.mark.parametrize(
    ("labels", "workload", "says"),
    [
        ({}, "shop", "which this command has not created"),
        ({"app.kubernetes.io/managed-by": "kubectl-modelprofile"}, "other", "of Deployment other"),
    ],
)
def test_somebody_elses_profile_is_left_alone(shell: Shell, labels: dict[str, str], workload: str, says: str) -> None:
    """The message asks for another name."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload}
    existing = {"metadata": {"name": "shop", "labels": labels}, "spec": {"server": {"workloadRef": reference}}}
    shell.standin.put("modelprofiles", {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", **existing})
    code, _, err = shell.run("deploy/shop", *ROWS)
    assert (2, True) == (code, "--name: there is a ModelProfile shop" in err and says in err)
    assert reference == shell.profile["spec"]["server"]["workloadRef"]
    assert 0 == shell.run("deploy/shop", *ROWS, "--name", "mine")[0]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["deploy/missing", *ROWS], 2, ['TYPE/NAME: Error from server (NotFound): deployments "missing" not found']),
        (["deplyment/shop", *ROWS], 2, ["TYPE/NAME: the server doesn't have a resource type"]),
        (
            ["deploy/shop", "--rate", "x", "--port", "y"],
            2,
            ["--dataset: is required", "--rate: 'x'", "--port: must be"],
        ),
        (["deploy/missing", "--rate", "x"], 2, ["TYPE/NAME: Error from server", "--dataset: is req", "--rate: 'x'"]),
        (["deploy/shop", *ROWS, "--context", "nope"], 3, ["context was not found for specified context: nope"]),
        (["deploy/shop", *ROWS, "--server", "http://127.0.0.1:1"], 3, ["127.0.0.1:1"]),
    ],
)
def test_a_problem_is_a_sentence_with_its_exit_code(
    shell: Shell, arguments: Sequence[str], code: int, says: list[str]
) -> None:
    """It is 2 where the command line is wrong, and 3 where the cluster cannot be reached."""
    ended, _, err = shell.run(*arguments)
    assert (code, []) == (ended, [text for text in says if text not in err]), err
    assert "Traceback" not in err


def test_what_the_api_server_finds_wrong_is_bad_input(shell: Shell) -> None:
    """Its rules are newer than the plugin."""
    message = 'ModelProfile.modelprofiler.io "shop" is invalid: spec.load: Invalid value: "object": too much'
    cause = {"reason": "FieldValueInvalid", "message": 'Invalid value: "object": too much', "field": "spec.load"}
    details = {"name": "shop", "group": "modelprofiler.io", "kind": "ModelProfile", "causes": [cause]}
    refusal = refused(422, "Invalid", message) | {"details": details}
    shell.standin.refusals["PATCH", "modelprofiles"] = refusal
    code, _, err = shell.run("deploy/shop", *ROWS)
    assert (2, True) == (code, "too much" in err)


def test_what_somebody_else_has_changed_is_not_overwritten(shell: Shell) -> None:
    """The fields are named, and the advice is an option of this command."""
    message = 'Apply failed with 1 conflict: conflict with "kubectl-edit" using modelprofiler.io/v1alpha1: .spec.load'
    shell.standin.refusals["PATCH", "modelprofiles"] = refused(409, "Conflict", message)
    code, _, err = shell.run("deploy/shop", *ROWS)
    assert (2, True, True, False) == (code, ".spec.load" in err, "another --name" in err, "--force-conflicts" in err)


def test_missing_rights_are_named(shell: Shell) -> None:
    """The message is that of the API server."""
    message = 'modelprofiles.modelprofiler.io "shop" is forbidden: User "me" cannot patch resource'
    shell.standin.refusals["PATCH", "modelprofiles"] = refused(403, "Forbidden", message)
    code, _, err = shell.run("deploy/shop", *ROWS)
    assert (3, True) == (code, 'User "me" cannot patch resource' in err)


def test_a_cluster_without_the_resource_is_named(shell: Shell) -> None:
    """The message says what to install."""
    shell.standin.groups = tuple(group for group in GROUPS if group != "modelprofiler.io")
    code, _, err = shell.run("deploy/shop", *ROWS)
    assert (3, True) == (code, "install modelprofiler with its chart" in err)


def test_other_kinds_and_options_of_kubectl_work(shell: Shell) -> None:
    """A Rollout is named by its short name, in another namespace, with the kubeconfig as an option."""
    rollout = deployment() | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    rollout["metadata"] = {"name": "shop", "namespace": "team"}
    shell.standin.put("rollouts", rollout)
    config = json.loads(Path(shell.env["KUBECONFIG"]).read_text())
    code, _, err = shell.run("ro/shop", *ROWS, "-n", "team", f"--kubeconfig={shell.env['KUBECONFIG']}")
    assert 0 == code, err
    profile = shell.standin.objects["modelprofiles", "team", "shop"]
    reference = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop"}
    assert reference == profile["spec"]["server"]["workloadRef"]
    assert config["current-context"] == "standin"


def test_an_inference_service_is_profiled_through_the_deployment_that_kserve_made(shell: Shell) -> None:
    """It has no pod template; the profile names it as the user does. Without that Deployment there is a sentence."""
    service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "shop"}}
    shell.standin.put("inferenceservices", service)
    code, _, err = shell.run("isvc/shop", *ROWS)
    assert (2, True) == (code, 'TYPE/NAME: Error from server (NotFound): deployments "shop-predictor" not found' in err)
    shell.standin.put("deployments", deployment() | {"metadata": {"name": "shop-predictor"}})
    code, _, err = shell.run("isvc/shop", *ROWS)
    assert 0 == code, err
    reference = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "shop"}
    assert reference == shell.profile["spec"]["server"]["workloadRef"]
    assert 8080 == shell.profile["spec"]["endpoint"]["http"]["port"]


def test_without_kubectl_the_plugin_says_so(shell: Shell) -> None:
    """It may be started by its own name."""
    plugin = shell.folder / "bin" / "kubectl-modelprofile"
    completed = subprocess.run(
        [plugin, "deploy/shop", *ROWS],
        cwd=shell.folder,
        env=shell.env | {"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (3, True) == (completed.returncode, "kubectl is not on PATH" in completed.stderr)
