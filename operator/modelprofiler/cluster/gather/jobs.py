"""Reads the Jobs of a run, each with its pod. Pure.

A load hands its result back in its termination message; a node reader answers the load while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelprofiler.api.objects import Object
from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.gather.objects import created, is_deleting, labels_of, time_of, true_conditions_of
from modelprofiler.cluster.gather.observation import LoadJob, Reader
from modelprofiler.cluster.gather.pods import ended_state, how_ended, is_running, start_problem
from modelprofiler.core.text import LONGEST_LAST_WORDS, tail
from modelprofiler.errors import LoadError
from modelprofiler.load.result import LoadResult

LONGEST_READER_WORDS = 200
"""Characters of the log of a reader that failed: the last line of a traceback, and the one before it."""


def load_job(job: Object, pods: Sequence[Object]) -> LoadJob:
    """Return what a trial's load Job and its pods show."""
    meta = job["metadata"]
    annotations = meta["annotations"]
    ended = ended_state(pods)
    result = _result(ended)
    finished_at = _finished_at(job, ended)
    return LoadJob(
        name=meta["name"],
        trial=int(labels_of(job)[names.TRIAL]),
        purpose=Purpose(annotations[names.PURPOSE]),
        limits=names.limits_of(job),
        window=annotations[names.WINDOW],
        incarnation=int(annotations[names.INCARNATION]),
        server_pod=annotations[names.SERVER_POD],
        created=created(job),
        deleting=is_deleting(job),
        finished_at=finished_at,
        result=result,
        failure=_failure(job, ended) if result is None and finished_at is not None else "",
        stuck=start_problem(meta["name"], pods),
        node=next((node for pod in pods if (node := (pod.get("spec") or {}).get("nodeName"))), ""),
    )


def _result(ended: Object | None) -> LoadResult | None:
    try:
        return LoadResult.decode(ended["message"]) if ended and ended.get("message") else None
    except LoadError:
        return None


def _finished_at(job: Object, ended: Object | None) -> datetime | None:
    """Return when the load ended: its container, or where a node has lost that and gives no time, its Job."""
    conditions = true_conditions_of(job)
    over = conditions.get("Failed") or conditions.get("Complete") or {}
    return time_of((ended or {}).get("finishedAt")) or time_of(over.get("lastTransitionTime"))


def _failure(job: Object, ended: Object | None) -> str:
    """Return why a load that is over left no result: what the Job says, and the end of the generator's log."""
    ended = ended or {}
    how = how_ended(ended) if ended else "its pod is gone"
    job_message = (true_conditions_of(job).get("Failed") or {}).get("message") or ""
    # A generator that ended well has left something that is no result: nobody can read that.
    log = tail(ended.get("message") or "", LONGEST_LAST_WORDS) if ended.get("exitCode") else ""
    return ": ".join([f"the load generator left no result ({how})", *filter(None, (job_message, log))])


def reader(job: Object, pods: Sequence[Object]) -> Reader:
    """Return what the Job of a node reader and its pods show."""
    meta = job["metadata"]
    running = [pod for pod in pods if is_running(pod)]
    address = str((running[0].get("status") or {}).get("podIP") or "") if len(running) == 1 else ""
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
        words = tail(ended.get("message") or "", LONGEST_READER_WORDS)
        return f"it ended ({how_ended(ended)})" + (f": {words}" if words else "")
    conditions = true_conditions_of(job)
    over = conditions.get("Failed") or conditions.get("Complete")
    return f"its Job is over: {over.get('message') or over.get('reason') or 'no reason is given'}" if over else ""
