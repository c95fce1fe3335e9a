"""An operator that dies at points between its writes: where they are, and that it dies once at each."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults import mortal

PROFILE = "/apis/modelprofiler.io/v1alpha1/namespaces/n/modelprofiles/p"
PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.faults import mortal
from modelprofiler.cluster.adapter import CONFIG_MAPS, JOBS, Cluster

async def answered(self, method, path, **options):
    print(method, path, flush=True)
    return {"items": [], "metadata": {}}

Cluster._call = answered
mortal.make_mortal(Path(sys.argv[1]))

async def main():
    cluster = Cluster.__new__(Cluster)
    cluster.listeners = []
    await cluster.list(JOBS, "n")
    await cluster.create(CONFIG_MAPS, "n", {"metadata": {"name": "dry"}}, dry_run=True)
    await cluster.create(CONFIG_MAPS, "n", {"metadata": {"name": "c"}})
    await cluster.delete(JOBS, "n", "j")

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"activeTrial": {"index": 2, "stage": "Loading"}, "trials": [{}]}, "(trial 2 Loading, 1 finished)"),
        ({"conditions": [{"type": "Finished", "reason": "Queued"}]}, "(Queued, 0 finished)"),
    ],
)
def test_writes_of_the_status_are_told_apart_by_what_they_begin(status: dict[str, object], expected: str) -> None:
    """There are many, and each is another moment of the run."""
    point = mortal.point_of("PUT", f"{PROFILE}/status", {"status": status}, {})
    assert f"update modelprofiles/status {expected}" == point


def test_it_dies_before_and_after_each_write_once(tmp_path: Path) -> None:
    """A read, and a dry run, change nothing that a death could leave half done."""
    fate = tmp_path / "fate"
    codes, sent = [], []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(fate)], capture_output=True, text=True, timeout=60, check=False
        )
        codes.append(done.returncode)
        sent.append([line.partition(" ")[0] for line in done.stdout.splitlines()])
    assert [
        "before create configmaps",
        "after create configmaps",
        "before delete jobs",
        "after delete jobs",
    ] == mortal.read(fate)
    assert [-9, -9, -9, -9, 0] == codes
    reads = ["GET", "POST"]
    assert [reads, [*reads, "POST"], [*reads, "POST"], [*reads, "POST", "DELETE"], [*reads, "POST", "DELETE"]] == sent
