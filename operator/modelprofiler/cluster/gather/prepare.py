"""The result of the Job that reads PersistentVolumeClaims, which runs once, before any server starts. Pure.

The operator does not remember it: the name of the Job follows from what is read, and its result is in the pod's
termination message until it is in the status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from modelprofiler.api.conditions import LONGEST_MESSAGE
from modelprofiler.api.objects import Object
from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.objects import created, true_conditions_of
from modelprofiler.cluster.gather.pods import ended_state, how_ended, is_running, start_problem
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.text import LONGEST_LAST_WORDS, head, tail
from modelprofiler.errors import LoadError
from modelprofiler.files.inspect import PrepareResult

READING = "reading what is on the claims"

USUAL_START_SECONDS = 5.0
"""Until then nobody needs to hear why the pod does not run yet."""

Why: TypeAlias = Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset"]


@dataclass(frozen=True)
class Waiting:
    """The Job is under way."""

    message: str


def read(
    job: Object, pods: Sequence[Object], claims: Claims, settings: Settings, now: datetime
) -> ClaimsStatus | Waiting:
    """Return what a Job and its pods show."""
    fields = [*(source.path for source in claims.sources), *claims.others]
    only_source = fields[0] if len(fields) == 1 else ""

    def refused(message: str, reason: Why = "SourceUnreadable") -> ClaimsStatus:
        text = f"{only_source}: {message}" if only_source else message
        return ClaimsStatus(identity=claims.identity, time=now, reason=reason, message=head(text, LONGEST_MESSAGE))

    if ended := ended_state(pods):
        return _result(ended, claims, settings, now, refused)
    if (problem := _without_result(job, settings)) is not None:
        return refused(problem)
    if any(is_running(pod) for pod in pods):
        return Waiting(READING)
    longest_start = settings.schedule_timeout_seconds
    if any(pod["spec"].get("nodeName") for pod in pods):
        longest_start += settings.image_pull_timeout_seconds
    name = job["metadata"]["name"]
    problem = start_problem(name, pods) or _mount_problem(pods[0]["metadata"]["name"])
    age = (now - created(job)).total_seconds()
    if age > longest_start:
        return refused(f"the pod that reads the claims has not started in {longest_start:g} s: {problem}")
    return Waiting(f"waiting for the pod that reads the claims: {problem}" if age > USUAL_START_SECONDS else READING)


def _without_result(job: Object, settings: Settings) -> str | None:
    """Return why a Job has ended without a result; None while it has not."""
    conditions = true_conditions_of(job)
    failed = conditions.get("Failed") or conditions.get("FailureTarget")
    if failed is None and "Complete" not in conditions:
        return None
    if failed is not None and failed.get("reason") == "DeadlineExceeded":
        longest = f"{settings.prepare_timeout_seconds:g} s (chart value trials.timeouts.prepare)"
        return f"reading the claims took longer than {longest}"
    why = (failed or {}).get("message") or "its pod is gone"
    return f"the pod that reads the claims left no result: {why}"


def _result(
    ended: Object, claims: Claims, settings: Settings, now: datetime, refused: Callable[[str], ClaimsStatus]
) -> ClaimsStatus:
    """Return the result that a container has left."""
    try:
        result = PrepareResult.decode(ended.get("message") or "")
    except LoadError:
        return refused(_failure(ended, settings))
    reason = result.problems[0].reason if result.problems else None
    problems = "; ".join(f"{p.path}: {p.message}" for p in result.problems)
    return ClaimsStatus(
        identity=claims.identity,
        time=now,
        dataset=result.dataset,
        code_digest=result.code_digest,
        model_digest=result.model_digest,
        single_files=result.single_files,
        reason=reason,
        message=head(problems, LONGEST_MESSAGE) or None,
    )


def _failure(ended: Object, settings: Settings) -> str:
    if ended.get("reason") == "OOMKilled":
        limit = f"{settings.load_memory} of a load pod (chart value trials.load.memory)"
        return f"the dataset does not fit into the {limit}"
    last_words = tail((ended.get("message") or "").strip(), LONGEST_LAST_WORDS)
    failure = f"the pod that reads the claims left no result ({how_ended(ended)})"
    return f"{failure}: {last_words}" if last_words else failure


def _mount_problem(pod: str) -> str:
    """Return the likely cause when a pod has a node and yet does not start: only events name the real one."""
    return f"its volumes are not mounted yet; `kubectl describe pod {pod}` says why: in use on another node, perhaps"
