"""Azure ML's calls and command with a namespace as the workspace: the installed operator runs what they ask for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.support import Run, wait_established

from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.store import HOME_VARIABLE

SHORT = {"RATE": "60", "LATENCY": "p95=250ms", "DURATION": "10s", "WARMUP": "1s", "SOAK": "0s"}
"""Instead of the default load, with which a run takes several minutes and a quiet machine. A lower rate or a looser
objective is met with a tenth of a CPU, with which the server of a slow machine takes minutes to start."""

INFERENCE_SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "web"},
    "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/web"}}},
}

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def work(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a directory with the example, and a store of its own."""
    for name in ("profile_model.py", "score.py", "requirements.txt", "model.joblib"):
        shutil.copy(repository / "examples/azureml" / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    for name, value in SHORT.items():
        monkeypatch.setenv(f"MODELPROFILER_PROFILE_{name}", value)
    return tmp_path


@pytest.fixture
def kserve(kubectl: Run) -> Iterator[None]:
    """Have the API server know InferenceServices; a cluster with KServe does already."""
    crd = Path(__file__).parent / "kserve/inferenceservices.yaml"
    installed = kubectl("create", "-f", str(crd), check=False).returncode == 0
    wait_established(kubectl, "inferenceservices.serving.kserve.io")
    yield
    if installed:
        kubectl("delete", "-f", str(crd))


def run(*command: str) -> str:
    """Run a program and return what it prints."""
    completed = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ.copy())
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.mark.usefixtures("kserve")
def test_the_published_program_and_command_run_in_a_namespace(
    kubectl: Run, namespace: str, work: Path, note: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program unchanged but for its imports and its workspace; then the command, on what the program registered."""
    program = (work / "profile_model.py").read_text(encoding="utf-8")
    assert program.count("Workspace.local()") == 1
    adapted = program.replace("Workspace.local()", f'Workspace.from_kubernetes(namespace="{namespace}")')
    Path("profile_model.py").write_text(adapted, encoding="utf-8")
    run(sys.executable, "profile_model.py")
    ws = Workspace.from_kubernetes(namespace=namespace)
    details = ModelProfile(ws, "unique-name").get_details()
    note(f"azureml: {json.dumps(details, default=str)}")
    assert "Succeeded" == details["state"]
    assert 100.0 == details["successRate"]
    assert details["recommendedCpu"] <= details["requestedCpu"]
    tags = Model(ws, "diabetes").tags
    assert (str(details["recommendedCpu"]), str(details["recommendedMemoryInGB"])) == (
        tags["recommendedCpu"],
        tags["recommendedMemoryInGB"],
    )

    inference = {"entryScript": "score.py", "runtime": "python"}
    Path("inf.json").write_text(json.dumps(inference), encoding="utf-8")
    dataset = ws.datasets["sample_request_data"].id
    location_options = ("-g", "kubernetes", "-w", namespace)
    # One size, with which the server starts soon on a slow machine, too: the search was shown above.
    monkeypatch.setenv("MODELPROFILER_MIN_PROFILE_CPU", "0.5")
    monkeypatch.setenv("MODELPROFILER_MIN_PROFILE_MEMORY", "0.4")
    small = ("--cc", "0.5", "--gb", "0.4", "--rate", "8", "--latency", "p95=5s", "--auto-tag")
    command = ("--inference-config-file", "inf.json", "-m", "diabetes:1", "--idi", str(dataset), "-n", "by-command")
    profile = ("ml", "model", "profile")
    printed = json.loads(run(sys.executable, "-m", "modelprofiler", *profile, *location_options, *command, *small))
    assert ("Succeeded", 0.5) == (printed["state"], printed["requestedCpu"])
    assert "by-command" == Model(ws, "diabetes").tags["profileName"]

    kubectl("create", "deployment", "web", "--image=example", "--replicas=0", "--namespace", namespace)
    kubectl("create", "-f", "-", "--namespace", namespace, input=json.dumps(INFERENCE_SERVICE))
    for workload in ("deployment/web", "inferenceservice/web"):
        run(sys.executable, "-m", "modelprofiler", "tag", "by-command", "-n", namespace, "--workload", workload)
        web = json.loads(kubectl("get", workload, "--namespace", namespace, "-o", "json").stdout)
        assert "by-command" == web["metadata"]["annotations"]["modelprofiler.io/recommended-by"]

    kubectl("delete", "modelprofiles", "--all", "--namespace", namespace)
    kubectl("wait", "configmap/unique-name-code", "--for=delete", "--namespace", namespace, "--timeout=60s")
