"""Sources on PersistentVolumeClaims: read by a pod before anything starts, then mounted; filled by Azure ML's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.e2e import support
from tests.e2e.support import Object, Profile, Run
from tests.e2e.support_volumes import Volumes, volumes_of

from modelprofiler.api.status import Purpose

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
    with volumes_of(kubectl, module_namespace) as made:
        yield made


def on_claim(name: str, path: str) -> Object:
    """Return a source."""
    return {"persistentVolumeClaim": {"claimName": name, "path": path}}


def profile(model: Object, code: Object, dataset: Object) -> Object:
    """Return a profile of one trial."""
    document = support.cost_profile(
        "claims", dataset={"source": dataset}, resources={"cpu": {"values": ["600m"]}, "memory": {"values": ["256Mi"]}}
    )
    document["spec"] |= {
        "model": {"name": "m", "source": model},
        "server": {"entryScript": {"source": code}},
        "endpoint": {"http": {"port": 5001, "path": "/score", "timeout": "10s"}},
    }
    return document


def test_what_is_wrong_on_a_claim_is_said_and_what_is_right_is_served(
    kubectl: Run, apply: Apply, module_namespace: str, volumes: Volumes
) -> None:
    """All problems at once; then, though the operator starts anew before the model's volume is there, one Job looks.

    Three sources on two volumes: a folder of a model that no ConfigMap holds, a folder of a script, a file of rows.
    """
    volumes.fill("files", FILL)
    volumes.fill("late", FILL_MODEL)
    volumes.claim("files")
    volumes.claim("late")
    volumes.offer("files")
    bad = (on_claim("files", "m"), on_claim("files", "private"), on_claim("files", "rows/empty"))
    claims = apply(profile(*bad), module_namespace)
    status = claims.wait_for("Accepted", "False", "SourceNotFound")
    condition = support.find_condition(status, "Accepted")
    assert condition is not None
    expected = (
        "spec.model.source.persistentVolumeClaim: claim 'files' has no 'm'; it has code, private, rows; "
        "spec.server.entryScript.source.persistentVolumeClaim: user 65532, as which pods run here, may not read "
        "private/score.py of claim 'files'; `chmod -R a+rX` lets it; "
        "spec.dataset.source.persistentVolumeClaim: the dataset is empty; write one request body per line"
    )
    assert expected == condition.message
    support.wait_until_gone(claims.children)

    good = (on_claim("late", "m"), on_claim("files", "code"), on_claim("files", "rows/rows.txt"))
    apply(profile(*good), module_namespace)
    claims.wait_for("Accepted", "Unknown", "Preparing")
    before = support.pods_started(kubectl, module_namespace, "Job")
    kubectl("delete", "pods", *support.OPERATOR_PODS, timeout=60)
    volumes.offer("late")
    status = claims.succeeded()
    looks = support.pods_started(kubectl, module_namespace, "Job")
    assert 2 == sum(count for name, count in looks.items() if name.endswith("-prepare")), before
    assert status.dataset is not None
    assert (5, 5) == (status.dataset.rows, status.dataset.distinct_rows)
    assert status.provenance is not None
    assert status.claims is not None
    assert status.claims.model_digest == status.provenance.model_digest
    reference = support.trial_with(status, Purpose.REFERENCE)
    assert reference.load is not None
    assert (0, 5) == (reference.load.failures, reference.load.rows_covered)
