"""Reads the Jobs of a run, each with its pod. Pure.

A load hands its result back in its termination message; a node reader answers the load while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelprofiler.api.objects import Object
from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.gather.objects import (
    COMPLETION_INDEX,
    created,
    is_deleting,
    labels_of,
    time_of,
    true_conditions_of,
)
from modelprofiler.cluster.gather.observation import LoadJob, Reader
from modelprofiler.cluster.gather.pods import SHOWN_PODS, ended_state, how_ended, is_running, start_problem
from modelprofiler.core.evidence import ResultKind
from modelprofiler.core.text import LONGEST_LAST_WORDS, head, tail
from modelprofiler.errors import LoadError
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.merge import merge
from modelprofiler.load.result import LoadResult

LONGEST_REASON = 100
"""Characters of why a pod is in its phase; Evicted, Preempting and the like have a word."""

MOST_GENERATORS = 64
"""Load generators that are read: as many as load.parallelism may be."""

LONGEST_READER_WORDS = 200
"""Characters of the log of a reader that failed: the last line of a traceback, and the one before it."""


def load_job(jobs: Sequence[tuple[Object, Sequence[Object]]], server_node: str = "") -> LoadJob:
    """Return what a trial's load Jobs and their pods show.

    Parameters
    ----------
    jobs
        The Job of the first load generator, and that of the others where there is one, each with the pods it controls.
    server_node
        The node of the server; empty where it is not known.
    """
    jobs = sorted(jobs, key=lambda pair: _first_index(pair[0]))
    job, pods = jobs[0]
    meta = job["metadata"]
    annotations = meta["annotations"]
    generators = [generator for pair in jobs for generator in _generators(*pair)]
    is_complete = generators[0].index == 0
    result = _result(generators, server_node) if is_complete else None
    failed = None if result else next((g for g in sorted(generators, key=_tells_most) if g.failure), None)
    ends = [g.finished_at for g in generators if g.finished_at is not None]
    unfinished = [g for g in generators if g.finished_at is None]
    failure = _named(failed, len(generators)) if failed else ""
    if not is_complete:
        failure = "the Job of the first load generator is gone"
    return LoadJob(
        name=meta["name"],
        trial=int(labels_of(job)[names.TRIAL]),
        purpose=Purpose(annotations[names.PURPOSE]),
        limits=names.limits_of(job),
        window=annotations[names.WINDOW],
        incarnation=int(annotations[names.INCARNATION]),
        server_pod=annotations[names.SERVER_POD],
        created=created(job),
        deleting=any(is_deleting(o) for o, _ in jobs),
        finished_at=max(ends) if ends and (result or failure or not unfinished) else None,
        result=result,
        failure=failure,
        stuck=next((problem for o, own in jobs if (problem := _stuck(o, own))), ""),
        node=generators[0].node,
        nodes=tuple(g.node for g in generators if g.node),
        address=_address(pods) if generators[0].finished_at is None else "",
        others=next((o["metadata"]["name"] for o, _ in jobs[1:]), ""),
        config=_config(job),
        missing=", ".join(_title(g) for g in unfinished[:SHOWN_PODS]) if ends else "",
        first_ended_at=min(ends, default=None),
    )


@dataclass(frozen=True)
class _Generator:
    """One load generator: a completion index of a Job, and the pods that say that they are its."""

    index: int
    pod: str
    node: str
    ended: Object | None
    finished_at: datetime | None
    result: LoadResult | None
    failure: str


def _generators(job: Object, pods: Sequence[Object]) -> list[_Generator]:
    """Return the load generators of a Job, which an index tells apart; a Job of one pod has one of them."""
    count = min(int((job.get("spec") or {}).get("completions") or 1), MOST_GENERATORS)
    return [
        _generator(_first_index(job) + number, job, [p for p in pods if count == 1 or _completion_index(p) == number])
        for number in range(count)
    ]


def _generator(index: int, job: Object, pods: Sequence[Object]) -> _Generator:
    ended = ended_state(pods)
    result = _decoded(ended)
    finished_at = _finished_at(job, ended)
    return _Generator(
        index=index,
        pod=next((pod["metadata"]["name"] for pod in pods), ""),
        node=next((node for pod in pods if (node := (pod.get("spec") or {}).get("nodeName"))), ""),
        ended=ended,
        finished_at=finished_at,
        result=result,
        failure=_failure(job, ended, pods) if result is None and finished_at is not None else "",
    )


def _first_index(job: Object) -> int:
    """Return the index of a Job's first pod among the load generators of its trial."""
    return int(job["metadata"]["annotations"].get(names.FIRST_GENERATOR) or 0)


def _completion_index(pod: Object) -> int | None:
    text = str((pod["metadata"].get("annotations") or {}).get(COMPLETION_INDEX) or "")
    return int(text) if text.isdecimal() and len(text) <= 2 else None


def _config(job: Object) -> LoadConfig | None:
    """Return what the first generator was told, where there are to be others that are told the same."""
    template = (job.get("spec") or {}).get("template") or {}
    text = ((template.get("metadata") or {}).get("annotations") or {}).get(names.LOAD_CONFIG)
    config = LoadConfig.model_validate_json(text) if text else None
    return config if config is not None and config.rendezvous is not None else None


def _result(generators: Sequence[_Generator], server_node: str) -> LoadResult | None:
    """Return the result of a load: of all generators, or of the first where it could not begin."""
    first = generators[0].result
    if first is not None and first.kind in {ResultKind.CONNECT_FAILED, ResultKind.SMOKE_FAILED}:
        return first
    results = [g.result for g in generators if g.result is not None]
    if not results or len(results) < len(generators):
        return None
    on_server_node = [number for number, g in enumerate(generators) if g.node and g.node == server_node]
    try:
        return merge(results, on_server_node)
    except (ValueError, ArithmeticError) as error:  # each can be read, but somebody has made up their numbers
        why = head(str(error), LONGEST_REASON)
        return LoadResult(ResultKind.FAILED, f"the results of the load generators cannot be added up: {why}")


def _tells_most(generator: _Generator) -> int:
    """Return the place of a failure among several: how a container ended tells more than that its pod is gone."""
    return 0 if generator.ended else 1


def _named(generator: _Generator, count: int) -> str:
    return generator.failure if count == 1 else f"{_title(generator)}: {generator.failure}"


def _title(generator: _Generator) -> str:
    where = f" on node {generator.node}" if generator.node else ""
    return f"load generator {generator.index} (pod {generator.pod or 'unknown'}{where})"


def _stuck(job: Object, pods: Sequence[Object]) -> str:
    count = int((job.get("spec") or {}).get("completions") or 1)
    problem = start_problem(job["metadata"]["name"], pods)
    if problem or len(pods) >= count:
        return problem
    return f"its Job has created {len(pods)} of {count} pods; `kubectl describe job {job['metadata']['name']}` says why"


def _address(pods: Sequence[Object]) -> str:
    """Return the address of a Job's only pod; of several that say that they are its none is believed."""
    return str((pods[0].get("status") or {}).get("podIP") or "") if len(pods) == 1 else ""


def _decoded(ended: Object | None) -> LoadResult | None:
    try:
        return LoadResult.decode(ended["message"]) if ended and ended.get("message") else None
    except LoadError:
        return None


def _finished_at(job: Object, ended: Object | None) -> datetime | None:
    """Return when the load ended: its container, or where a node has lost that and gives no time, its Job."""
    conditions = true_conditions_of(job)
    over = conditions.get("Failed") or conditions.get("Complete") or {}
    return time_of((ended or {}).get("finishedAt")) or time_of(over.get("lastTransitionTime"))


def _failure(job: Object, ended: Object | None, pods: Sequence[Object]) -> str:
    """Return why a load that is over left no result: what the Job says, and the end of the generator's log."""
    ended = ended or {}
    # A pod says why it was evicted, and nothing otherwise.
    why = next((str(reason) for pod in pods if (reason := (pod.get("status") or {}).get("reason"))), "")
    how = ", ".join(filter(None, (how_ended(ended) if ended else "its pod is gone", head(why, LONGEST_REASON))))
    job_message = (true_conditions_of(job).get("Failed") or {}).get("message") or ""
    # A generator that ended well has left something that is no result: nobody can read that.
    log = tail(ended.get("message") or "", LONGEST_LAST_WORDS) if ended.get("exitCode") else ""
    return ": ".join([f"the load generator left no result ({how})", *filter(None, (job_message, log))])


def reader(job: Object, pods: Sequence[Object]) -> Reader:
    """Return what the Job of a node reader and its pods show."""
    meta = job["metadata"]
    address = _address([pod for pod in pods if is_running(pod)])
    return Reader(
        name=meta["name"],
        trial=int(meta["annotations"][names.STARTED_FOR]),
        created=created(job),
        deleting=is_deleting(job),
        node=next((node for pod in pods if (node := (pod.get("spec") or {}).get("nodeName"))), ""),
        address=address,
        stuck="" if address else start_problem(meta["name"], pods),
        ended=_ended(job, pods),
    )


def _ended(job: Object, pods: Sequence[Object]) -> str:
    ended = ended_state(pods)
    if ended is not None:
        last_words = tail(ended.get("message") or "", LONGEST_READER_WORDS)
        return f"it ended ({how_ended(ended)})" + (f": {last_words}" if last_words else "")
    conditions = true_conditions_of(job)
    over = conditions.get("Failed") or conditions.get("Complete")
    return f"its Job is over: {over.get('message') or over.get('reason') or 'no reason is given'}" if over else ""
