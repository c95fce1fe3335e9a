"""Reads load Jobs: a trial's Job and its pod, which hands its result back in its termination message. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelprofiler.api.objects import Object
from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.gather.objects import created, is_deleting, labels_of, time_of, true_conditions_of
from modelprofiler.cluster.gather.observation import LoadJob
from modelprofiler.cluster.gather.pods import ended_state, how_ended, start_problem
from modelprofiler.core.text import LONGEST_LAST_WORDS, tail
from modelprofiler.errors import LoadError
from modelprofiler.load.result import LoadResult


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
