"""What is written does what it says in the tools that it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.report import runs

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Size
from modelprofiler.report import patch
from modelprofiler.report.patch import Workload
from modelprofiler.report.record import RunRecord

SERVER = Workload("Deployment", "web", "server")
OLD = {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi", "example.com/gpu": "1"}}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "proxy", "image": "p"}, {"name": "server", "image": "s", "resources": OLD}]
            },
        },
    },
}


def tool(name: str) -> str:
    """Return a program: that on PATH, or the local cluster's own."""
    cache = Path(os.environ.get("MODELPROFILER_CACHE") or Path.home() / ".cache" / "modelprofiler")
    built = sorted(cache.glob(f"bin/kubernetes-*-helm-*/{name}"))
    path = os.environ.get(f"MODELPROFILER_{name.upper()}") or shutil.which(name) or (str(built[-1]) if built else None)
    if not path:
        pytest.skip(f"no {name}: PATH has none, and `make cluster` has built none")
    return path


def without_cpu_limit() -> RunRecord:
    """Return a run whose recommendation has a CPU request alone."""
    profile = runs.verified().profile
    [recommendation] = profile.status.recommendations
    changed = recommendation.model_copy(update={"limits": Size(memory=Quantity("224Mi"))})
    status = profile.status.model_copy(update={"recommendations": [changed]})
    return RunRecord(profile.model_copy(update={"status": status}))


def run(*command: str) -> list[dict[str, Any]]:
    """Run a program and return the objects that it prints."""
    completed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert completed.returncode == 0, completed.stderr
    return [document for document in yaml.safe_load_all(completed.stdout) if document]


@pytest.mark.parametrize("files", [patch.kustomize, lambda r, w: {"kustomization.yaml": patch.kustomize_in_one(r, w)}])
def test_kustomize_changes_the_size_of_the_one_container(tmp_path: Path, files: Any) -> None:
    """What it does not name stays; a limit that is not recommended goes."""
    kubectl = tool("kubectl")
    (tmp_path / "component").mkdir()
    for name, content in files(without_cpu_limit(), SERVER).items():
        (tmp_path / "component" / name).write_text(content)
    (tmp_path / "web.yaml").write_text(yaml.safe_dump(DEPLOYMENT))
    (tmp_path / "kustomization.yaml").write_text("resources: [web.yaml]\ncomponents: [component]\n")
    [result] = run(kubectl, "kustomize", str(tmp_path))
    # Kustomize puts what a patch names first.
    proxy, server = sorted(result["spec"]["template"]["spec"]["containers"], key=lambda c: c["name"])
    assert {"name": "proxy", "image": "p"} == proxy
    limits = {"memory": "224Mi", "example.com/gpu": "1"}
    assert {"requests": {"cpu": "400m", "memory": "224Mi"}, "limits": limits} == server["resources"]


def test_kubectl_patches_a_manifest(tmp_path: Path) -> None:
    """Without a cluster: the patch is laid over a file."""
    kubectl = tool("kubectl")
    (tmp_path / "web.yaml").write_text(yaml.safe_dump(DEPLOYMENT))
    (tmp_path / "patch.yaml").write_text(patch.strategic_merge(runs.verified(), SERVER))
    [result] = run(kubectl, "patch", "--local", "-f", str(tmp_path / "web.yaml"), "--patch-file",
                  str(tmp_path / "patch.yaml"), "-o", "yaml")  # fmt: skip
    server = result["spec"]["template"]["spec"]["containers"][1]
    assert ("s", {"cpu": "400m", "memory": "224Mi"}) == (server["image"], server["resources"]["requests"])


def test_helm_takes_the_values(tmp_path: Path) -> None:
    """At the path of the chart; a null takes the chart's own default away."""
    helm = tool("helm")
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: web, version: 0.1.0}")
    (chart / "values.yaml").write_text(yaml.safe_dump({"server": {"resources": OLD}}))
    (chart / "templates" / "x.yaml").write_text("resources: {{ toJson .Values.server.resources }}\n")
    (tmp_path / "size.yaml").write_text(patch.helm_values(without_cpu_limit(), "server.resources"))
    [result] = run(helm, "template", "x", str(chart), "-f", str(tmp_path / "size.yaml"))
    limits = {"memory": "224Mi", "example.com/gpu": "1"}
    assert {"requests": {"cpu": "400m", "memory": "224Mi"}, "limits": limits} == result["resources"]
