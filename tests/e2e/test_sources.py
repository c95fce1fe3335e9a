"""Sources on PersistentVolumeClaims: read by a pod before anything starts, then mounted; filled by Azure ML's calls."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import support
from tests.e2e.support import Object, Profile, Run
from tests.e2e.support_volumes import Volumes, volumes_of

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Purpose, Stage
from modelprofiler.azureml.core import Dataset, Environment, Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.store import HOME_VARIABLE

Apply = Callable[[Object, str], Profile]

MIB = 2**20
SCRIPT = """
import os
from pathlib import Path

def init():
    here = Path(os.environ["AZUREML_MODEL_DIR"])
    assert [3 * 2**20, "labels"] == [len((here / "weights.bin").read_bytes()), (here / "sub/labels").read_text()]

def run(data):
    return data
"""
LARGE_SCRIPT = """
from lib.sizes import SIZE
from modelprofiler.azureml.core.model import Model

def init():
    with open(Model.get_model_path("large"), "rb") as file:
        assert SIZE == len(file.read())

def run(data):
    return data
"""
SHORT: dict[str, Any] = {"rate": 10, "latency": {"p95": "5s"}, "duration": "15s", "warmup": "1s"}
FILL = f"""
mkdir -p code && cat >code/score.py <<'END'
{SCRIPT}
END
mkdir rows && seq 5 | sed 's/.*/{{"data": &}}/' >rows/rows.txt && : >rows/empty
cp -r code private && chmod 600 private/score.py
"""
FILL_MODEL = f"mkdir -p m/sub && head -c {3 * MIB} /dev/zero >m/weights.bin && printf labels >m/sub/labels"


@pytest.fixture(scope="module")
def volumes(kubectl: Run, module_namespace: str) -> Iterator[Volumes]:
    """Return what makes volumes in the namespace."""
    with volumes_of(kubectl, module_namespace) as created:
        yield created


def on_claim(name: str, path: str) -> Object:
    """Return a source."""
    return {"persistentVolumeClaim": {"claimName": name, "path": path}}


def profile(model: Object, code: Object, dataset: Object) -> Object:
    """Return a profile of one trial."""
    document = support.cost_profile(
        "claims", dataset={"source": dataset}, resources={"cpu": {"values": ["600m"]}, "memory": {"values": ["256Mi"]}}
    )
    reference = {"secretKeyRef": {"name": "login", "key": "token"}, "prefix": "Bearer "}
    headers = [{"name": "Authorization", "valueFrom": reference}]
    document["spec"] |= {
        "model": {"name": "m", "source": model},
        "server": {"entryScript": {"source": code}},
        "endpoint": {"http": {"port": 5001, "path": "/score", "timeout": "10s", "headers": headers}},
    }
    return document


def _is_read(status: ModelProfileStatus) -> bool:
    accepted = support.find_condition(status, "Accepted")
    return accepted is not None and accepted.status != "False"


def test_what_is_wrong_on_a_claim_is_reported_and_what_is_right_is_served(
    kubectl: Run, apply: Apply, module_namespace: str, volumes: Volumes
) -> None:
    """All problems at once; then, though the operator starts anew while it looks, one Job does.

    Three sources on two volumes: a folder of a model that no ConfigMap holds, a folder of a script, a file of rows; and
    a header whose value is in a Secret.
    """
    for name, script in (("files", FILL), ("model", FILL_MODEL)):
        volumes.fill(name, script)
        volumes.offer(name)
        volumes.claim(name)
    bad = (on_claim("files", "m"), on_claim("files", "private"), on_claim("files", "rows/empty"))
    claims = apply(profile(*bad), module_namespace)
    status = claims.wait_for("Accepted", "False", "SourceNotFound")
    condition = support.find_condition(status, "Accepted")
    assert condition is not None
    expected = (
        "spec.endpoint.http.headers[0].valueFrom.secretKeyRef: there is no Secret 'login' with the key 'token'; "
        "spec.model.source.persistentVolumeClaim: claim 'files' has no 'm'; it has code, private, rows; "
        "spec.server.entryScript.source.persistentVolumeClaim: the user of the pods (65532) may not read "
        "private/score.py of claim 'files'; `chmod -R a+rX` allows it; "
        "spec.dataset.source.persistentVolumeClaim: the dataset is empty; write one request body per line"
    )
    assert expected == condition.message
    support.wait_until_gone(claims.children)

    secret = ("create", "secret", "generic", "login", "--from-literal=token=s3cr3t-token")
    kubectl("--namespace", module_namespace, *secret)
    good = (on_claim("model", "m"), on_claim("files", "code"), on_claim("files", "rows/rows.txt"))
    apply(profile(*good), module_namespace)
    claims.wait_until("Accepted is not False", _is_read)
    kubectl("delete", "pods", *support.OPERATOR_PODS, timeout=60)
    status = claims.succeeded()
    looks = support.pods_started(kubectl, module_namespace, "Job")
    assert 2 == sum(count for name, count in looks.items() if name.endswith("-prepare"))
    assert status.dataset is not None
    assert (5, 5) == (status.dataset.rows, status.dataset.distinct_rows)
    assert status.provenance is not None
    assert status.claims is not None
    assert status.claims.model_digest == status.provenance.model_digest
    reference = support.trial_with(status, Purpose.REFERENCE)
    assert reference.load is not None
    assert (0, 5) == (reference.load.failures, reference.load.rows_covered)


def test_azure_mls_calls_put_large_files_onto_a_claim(
    kubectl: Run,
    module_namespace: str,
    volumes: Volumes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    note: Callable[[str], None],
) -> None:
    """A model of several MiB, and a script next to a folder; the claim is deleted with the profile."""
    volumes.fill("large", "true")
    volumes.offer("large", storage_class=module_namespace)
    monkeypatch.setenv("MODELPROFILER_STORAGE_CLASS", module_namespace)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("src/lib").mkdir(parents=True)
    Path("src/lib/sizes.py").write_text(f"SIZE = {5 * MIB}\n", encoding="utf-8")
    Path("src/score.py").write_text(LARGE_SCRIPT, encoding="utf-8")
    Path("large.bin").write_bytes(os.urandom(5 * MIB))
    Path("rows.txt").write_text('{"data": 1}\n{"data": 2}\n', encoding="utf-8")
    ws = Workspace.from_kubernetes(namespace=module_namespace)
    model = Model.register(ws, "large.bin", "large")
    config = InferenceConfig("score.py", source_directory="src", environment=Environment("e"))
    rows = Dataset.Tabular.from_delimited_files("rows.txt", separator="\n", header=False)
    started = time.monotonic()
    profile = Model.profile(ws, "large", [model], config, rows, cpu=0.5, memory_in_gb=0.3, **SHORT)
    note(f"azureml: 5 MiB on a claim, {time.monotonic() - started:.1f} s")
    large = Profile(kubectl, module_namespace, "large")
    # From here on it is a run like any other: the server is ready, so its init() has found what it asserts.
    large.at_stage(Stage.LOADING)
    assert "Running" == profile.state
    spec = large.read().spec
    assert spec.model is not None
    assert spec.model.source is not None
    assert spec.model.source.persistent_volume_claim is not None
    claim = spec.model.source.persistent_volume_claim.claim_name
    kubectl("delete", "modelprofile", "large", "--namespace", module_namespace)
    kubectl("wait", f"pvc/{claim}", "--for=delete", "--namespace", module_namespace, "--timeout=60s", timeout=70)
