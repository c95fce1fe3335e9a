"""What the Jobs of several load generators and their pods show together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster.objects import Object, at, load_result, load_status, now
from tests.unit.cluster.shown import job, load_pod

from modelprofiler.cluster import names
from modelprofiler.cluster.gather import observe
from modelprofiler.cluster.gather.objects import COMPLETION_INDEX
from modelprofiler.cluster.gather.observation import LoadJob
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.result import LoadResult

RESULT = load_result(load_status())
REFUSED = replace(RESULT, kind=ResultKind.SMOKE_FAILED, message="status 500", status=None)
ABANDONED = replace(RESULT, kind=ResultKind.ABANDONED, message="load generator 2 ended", status=None)


def others(**fields: Any) -> Object:
    """Return the Job of two more generators."""
    body = job(spec={"completions": 2}, **fields)
    meta = {"name": "mp-t2-others", "uid": "uid-others"}
    body["metadata"] = {**body["metadata"], **meta}
    body["metadata"]["annotations"][names.FIRST_GENERATOR] = "1"
    return body


def pod(index: int, result: LoadResult | None = None, **changes: Any) -> Object:
    """Return the pod of a generator, with its result where it has ended."""
    ended = {"exitCode": 0, "reason": "Completed", "finishedAt": at(110 + index)}
    body = load_pod(ended | {"message": result.encode()} | changes.pop("ended", {}) if result else None)
    owner = ("mp-t2", "uid-t2") if index == 0 else ("mp-t2-others", "uid-others")
    body["metadata"] = {
        **body["metadata"],
        "name": f"g{index}",
        "annotations": {COMPLETION_INDEX: str(max(index - 1, 0))},
        "ownerReferences": [{"kind": "Job", "name": owner[0], "uid": owner[1], "controller": True}],
    }
    body["spec"]["nodeName"] = f"node{index}"
    return body | changes


def load_of(*pods: Object, jobs: tuple[Object, ...] | None = None) -> LoadJob:
    """Return what they show."""
    both = (job(), others()) if jobs is None else jobs
    (load,) = observe.read("abc", "server", deployments=[], jobs=both, pods=pods).jobs
    return load


def test_the_results_of_all_are_one() -> None:
    """Once the last has ended, and at the time when it has."""
    running = load_of(pod(0, RESULT), pod(1, RESULT), pod(2))
    assert (None, None, "", now(110)) == (running.result, running.finished_at, running.failure, running.first_ended_at)
    assert "load generator 2 (pod g2 on node node2)" == running.missing
    over = load_of(pod(0, RESULT), pod(1, RESULT), pod(2, RESULT))
    assert over.result is not None
    assert over.result.status is not None
    assert 3 * load_status().requests == over.result.status.requests
    assert (now(112), "", "") == (over.finished_at, over.failure, over.missing)
    assert ("mp-t2", "mp-t2-others") == over.names
    assert over.runs_on("node2")


def test_the_order_of_the_pods_is_that_of_their_indexes() -> None:
    """Whatever order they are listed in: times are of the clock of the first."""
    late = replace(RESULT, node=None, cores=99)
    over = load_of(pod(2, late), pod(1, late), pod(0, replace(RESULT, cores=7)))
    assert over.result is not None
    assert 7 == over.result.cores


def test_one_that_leaves_no_result_is_named() -> None:
    """With how it ended; that of the others says only that they ended for it."""
    killed = {"exitCode": 137, "reason": "OOMKilled", "message": ""}
    lost = load_of(pod(0, ABANDONED), pod(1), pod(2, RESULT, ended=killed))
    message = "load generator 2 (pod g2 on node node2): the load generator left no result (exit code 137, OOMKilled)"
    assert (None, message) == (lost.result, lost.failure)
    assert lost.finished_at is not None


def test_one_that_was_evicted_says_so() -> None:
    """Its node had no memory left, perhaps."""
    gone = {"exitCode": 137, "reason": "Error", "message": ""}
    evicted = pod(1, RESULT, ended=gone)
    evicted["status"] |= {"phase": "Failed", "reason": "Evicted"}
    assert (
        "load generator 1 (pod g1 on node node1): the load generator left no result (exit code 137, Error, Evicted)"
        == (load_of(pod(0, ABANDONED), evicted, pod(2, ABANDONED)).failure)
    )


def test_a_pod_that_only_says_that_it_is_of_the_load_is_not_read() -> None:
    """By its labels and its index; no Job of ours controls it, and two of one index are not believed either."""
    stranger = pod(1, RESULT)
    stranger["metadata"]["ownerReferences"][0]["uid"] = "other"
    stranger["metadata"]["name"] = "stranger"
    over = load_of(stranger, pod(0, RESULT), pod(1, RESULT), pod(2, RESULT))
    assert over.result is not None
    twice = pod(1, RESULT)
    twice["metadata"]["name"] = "twice"
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": at(120)}
    jobs = job(), others(status={"conditions": [complete]})
    assert "2 pods say" in load_of(twice, pod(0, RESULT), pod(1, RESULT), pod(2, RESULT), jobs=jobs).failure


@pytest.mark.parametrize("index", ["7", "-1", "x", "", "9" * 5000])
def test_a_pod_of_no_known_index_is_nobody(index: str) -> None:
    """Its result is not counted."""
    odd = pod(1, RESULT)
    odd["metadata"]["annotations"][COMPLETION_INDEX] = index
    assert load_of(odd, pod(0, RESULT), pod(2, RESULT)).result is None


def test_what_the_first_finds_out_about_the_server_needs_no_other() -> None:
    """They send nothing, and may not even have been started."""
    assert ResultKind.SMOKE_FAILED is getattr(load_of(pod(0, REFUSED), pod(1), pod(2)).result, "kind", None)
    job_seen = load_of(pod(0, REFUSED), jobs=(job(),))
    assert (ResultKind.SMOKE_FAILED, now(110)) == (getattr(job_seen.result, "kind", None), job_seen.finished_at)


def test_without_the_job_of_the_first_there_is_no_load() -> None:
    """Somebody has deleted it."""
    assert "the Job of the first load generator is gone" == load_of(pod(1, RESULT), jobs=(others(),)).failure


def test_a_job_that_creates_too_few_pods_says_so() -> None:
    """A quota may let one of two in."""
    assert load_of(pod(0), pod(1)).stuck.startswith(
        "its Job has created 1 of 2 pods; `kubectl describe job mp-t2-others`"
    )
    assert "" == load_of(pod(0), pod(1), pod(2)).stuck


def test_the_first_has_an_address_until_it_ends() -> None:
    """The others get it."""
    running = pod(0)
    running["status"]["podIP"] = "198.18.2.1"
    assert "198.18.2.1" == load_of(running, jobs=(job(),)).address
    assert "" == load_of(pod(0, RESULT), jobs=(job(),)).address
