"""The result of the Job that reads files and installs packages, once, before any server starts. Pure.

The operator does not remember it: the name of the Job follows from what is read, and its result is in the termination
messages of its containers until it is in the status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelprofiler.api.conditions import LONGEST_MESSAGE
from modelprofiler.api.objects import Object
from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster.gather import installed
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.objects import created, true_conditions_of
from modelprofiler.cluster.gather.pods import ended_state, failed_before, how_ended, is_running, start_problem
from modelprofiler.cluster.manifests.packages import CONTAINER as PACKAGES
from modelprofiler.cluster.manifests.prepare import READING_CONTAINER
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.text import LONGEST_LAST_WORDS, head, tail
from modelprofiler.errors import LoadError
from modelprofiler.files.inspect import PrepareResult

READING = "reading the files of the profile's sources"
INSTALLING = "installing the packages of the entry script"

USUAL_START_SECONDS = 5.0
"""Until then nobody needs to hear why the pod does not run yet."""


@dataclass(frozen=True)
class Waiting:
    """The Job is under way."""

    message: str


@dataclass(frozen=True)
class _Part:
    """What a container of the Job has left: fields of the status, and problems as (reason, sentence)."""

    fields: dict[str, Any] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()


def read(
    job: Object, pods: Sequence[Object], claims: Claims, settings: Settings, now: datetime
) -> ClaimsStatus | Waiting:
    """Return what a Job and its pods show."""
    ends = {container: ended_state(pods, container) for container in _containers(claims)}
    done = {container: ended for container, ended in ends.items() if ended is not None}
    if len(done) == len(ends):
        return _status(claims, now, *(_part(c, ended, claims, settings) for c, ended in done.items()))
    if (problem := _without_result(job, pods, claims, settings)) is not None:
        # What the containers have left that did end is not lost.
        parts = [_part(c, ended, claims, settings) for c, ended in done.items()]
        return _status(claims, now, *parts, _refused(claims, problem))
    if any(is_running(pod) for pod in pods):
        return Waiting(READING if READING_CONTAINER in ends and READING_CONTAINER not in done else INSTALLING)
    longest_start = settings.placement_seconds
    if any(pod["spec"].get("nodeName") for pod in pods):
        longest_start += settings.image_pull_timeout_seconds
    name = job["metadata"]["name"]
    problem = start_problem(name, pods) or _mount_problem(pods[0]["metadata"]["name"])
    age = (now - created(job)).total_seconds()
    if age > longest_start:
        late = f"{claims.pod} has not started in {longest_start:g} s: {problem}"
        return _status(claims, now, _refused(claims, late))
    waiting = READING if claims.reads else INSTALLING
    return Waiting(f"waiting for {claims.pod}: {problem}" if age > USUAL_START_SECONDS else waiting)


def _containers(claims: Claims) -> Iterator[str]:
    if claims.reads:
        yield READING_CONTAINER
    if claims.installs:
        yield PACKAGES


def _status(claims: Claims, now: datetime, *parts: _Part) -> ClaimsStatus:
    """Return the result of the whole Job; the first problem gives the reason, the message names them all."""
    fields: dict[str, Any] = {"identity": claims.identity, "time": now}
    problems = [problem for part in parts for problem in part.problems]
    for part in parts:
        fields |= part.fields
    if problems:
        text = head("; ".join(sentence for _, sentence in problems), LONGEST_MESSAGE)
        fields |= {"reason": problems[0][0], "message": text}
    return ClaimsStatus(**fields)


def _refused(claims: Claims, message: str) -> _Part:
    """Return that the Job has left nothing; of a single source, its field is named."""
    fields = [*(source.path for source in claims.sources), *claims.others]
    if claims.installs:
        fields.append(installed.PATH)
    reason = "SourceUnreadable" if claims.reads else installed.REASON
    return _Part(problems=((reason, f"{fields[0]}: {message}" if len(fields) == 1 else message),))


def _part(container: str, ended: Object, claims: Claims, settings: Settings) -> _Part:
    if container == PACKAGES:
        packages, problem = installed.read(ended)
        return _Part({"packages": packages}, ((installed.REASON, problem),) if problem else ())
    return _result(ended, claims, settings)


def _without_result(job: Object, pods: Sequence[Object], claims: Claims, settings: Settings) -> str | None:
    """Return why a Job has ended without a result; None while it has not."""
    conditions = true_conditions_of(job)
    failed = conditions.get("Failed") or conditions.get("FailureTarget")
    if failed is None and "Complete" not in conditions:
        return None
    if failed is not None and failed.get("reason") == "DeadlineExceeded":
        longest = f"{settings.prepare_timeout_seconds:g} s (chart value trials.timeouts.prepare)"
        return f"{'reading the files' if claims.reads else 'installing the packages'} took longer than {longest}"
    why = (failed or {}).get("message") or "its pod is gone"
    if before := failed_before(pods):
        last_words = tail(before.get("message") or "", LONGEST_LAST_WORDS)
        why = f"{how_ended(before)}: {last_words}" if last_words else how_ended(before)
    return f"{claims.pod} left no result: {why}"


def _result(ended: Object, claims: Claims, settings: Settings) -> _Part:
    """Return what the container that reads has left."""
    try:
        result = PrepareResult.decode(ended.get("message") or "")
    except LoadError:
        return _refused(claims, _failure(ended, settings))
    fields = {
        "dataset": result.dataset,
        "code_digest": result.code_digest,
        "model_digest": result.model_digest,
        "single_files": result.single_files,
    }
    return _Part(fields, tuple((p.reason, f"{p.path}: {p.message}") for p in result.problems))


def _failure(ended: Object, settings: Settings) -> str:
    if ended.get("reason") == "OOMKilled":
        limit = f"{settings.load_memory} of a load pod (chart value trials.load.memory)"
        return f"the dataset does not fit into the {limit}"
    last_words = tail((ended.get("message") or "").strip(), LONGEST_LAST_WORDS)
    failure = f"the pod that reads the files left no result ({how_ended(ended)})"
    return f"{failure}: {last_words}" if last_words else failure


def _mount_problem(pod: str) -> str:
    """Return the likely cause when a pod has a node and yet does not start: only events name the real one."""
    return f"its volumes are not mounted yet; `kubectl describe pod {pod}` says why: in use on another node, perhaps"
