"""Whether a trial passed: its evidence compared with the objectives, and how certain the verdict is.

Every objective becomes a check with a value, its 95 % interval and a bound. A check passes for certain when the whole
interval meets the bound and fails for certain when none of it does. In between the measured value decides and the
verdict is uncertain, so that the search may repeat the trial. A missing measurement is never a pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import INCONCLUSIVE, Judged, LoadStatus, Outcome, Purpose, Size, Trial, UsageStatus
from modelprofiler.core.answers.doubts import failures_clause, own_limit, summary_of_doubts
from modelprofiler.core.checks import Check, checks_for
from modelprofiler.core.evidence import Failure
from modelprofiler.core.text import LONGEST_MESSAGE, head

JUDGED_OUTCOMES = frozenset({Outcome.PASSED, Outcome.SLOW, Outcome.ERRORS})
"""Outcomes that follow from the objectives; all others follow from what happened to the server or the measurement."""

NO_EVIDENCE = INCONCLUSIVE | {Outcome.UNSCHEDULABLE, Outcome.IMAGE_PULL_FAILED}
"""Outcomes that are no evidence about the size of the trial: the measurement or the cluster failed, not the server."""


FAULTS_PER_REQUEST = 10
"""Major faults per request from which they decide its latency: each waits for a disk, 0.1 ms to 10 ms."""
TIMES_READ = 3
"""How often the mapped files must have been read in one trial. Reading them once is a cold start, and twice may be
read-ahead that was not used."""
LEAST_READ = 64 * 2**20
"""Bytes below which reading from disk is the start of a program, its libraries and its logs. Chosen, not fitted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a trial ended.

    Attributes
    ----------
    outcome
        The outcome to record.
    certain
        Whether the whole interval of the measurement lies on one side of the bound.
    message
        One sentence for the user.
    judged
        The metric that decided; None when no metric did.
    excess
        Natural logarithm of measured over allowed for that metric; positive breaks the objective. Infinite for an
        overloaded or broken server, None when nothing was measured.
    """

    outcome: Outcome
    certain: bool
    message: str
    judged: Judged | None = None
    excess: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the objectives were met."""
        return self.outcome is Outcome.PASSED


def outcome_of(
    spec: ModelProfileSpec,
    *,
    purpose: Purpose,
    fresh: bool,
    load: LoadStatus | None,
    usage: UsageStatus | None,
    time_to_ready: Duration | None,
    failure: Failure | None = None,
    trials: Sequence[Trial] = (),
    cpu: Quantity | None = None,
) -> Verdict:
    """Return the verdict on a trial from all of its evidence.

    An out-of-memory kill comes first: a worker that is killed while its master lives shows nowhere else. Then any other
    failure of the server or the measurement, then the objectives.

    Parameters
    ----------
    spec
        The profile.
    purpose, fresh
        Of the step that asked for the trial.
    load, usage, time_to_ready
        The evidence; None where it was not measured.
    failure
        What went wrong with the server or the measurement.
    trials
        The finished trials before it, the reference trial among them.
    cpu
        The CPU of its size, for the reason of refused requests.
    """
    if failure is not None and failure.outcome is Outcome.OOM_KILLED:
        return Verdict(failure.outcome, certain=True, message=failure.message, excess=math.inf)
    not_counted = failure is not None and failure.outcome is Outcome.DISTURBED and not fresh
    if usage is not None and usage.oom_kills and not not_counted:
        what = "a process" if usage.oom_kills == 1 else f"{usage.oom_kills} processes"
        cause = f"; {failure.message}" if failure is not None else ""
        message = f"the kernel's OOM killer ended {what} of the container{cause}"
        return Verdict(Outcome.OOM_KILLED, certain=True, message=message, excess=math.inf)
    if failure is not None:
        excess = None if failure.outcome in NO_EVIDENCE else math.inf
        return Verdict(failure.outcome, certain=True, message=failure.message, excess=excess)
    if load is None:
        return Verdict(Outcome.LOAD_FAILED, certain=True, message="the load generator returned no result")
    reference = None if purpose is Purpose.REFERENCE else reference_among(trials)
    return judge(spec, load=load, usage=usage, time_to_ready=time_to_ready, reference=reference, fresh=fresh, cpu=cpu)


def judge(
    spec: ModelProfileSpec,
    *,
    load: LoadStatus,
    usage: UsageStatus | None,
    time_to_ready: Duration | None,
    reference: Trial | None,
    fresh: bool = True,
    cpu: Quantity | None = None,
) -> Verdict:
    """Return the verdict of the objectives on the evidence of one trial.

    Parameters
    ----------
    spec
        The profile: its objectives and how its load arrives.
    load, usage, time_to_ready
        The evidence. A check without its measurement makes the trial NoMetrics, unless another check fails.
    reference
        The trial that slowdown is relative to; None when this is that trial.
    fresh
        Whether the server was started for this trial; otherwise it has no time to ready.
    cpu
        The CPU of its size, for the reason of refused requests.
    """
    if load.requests == 0:
        return Verdict(Outcome.LOAD_FAILED, certain=True, message="the window was too short for a single request")
    checks = checks_for(spec, load, usage, time_to_ready, reference, fresh)
    worst = max(checks, key=_badness)
    disk = f"; {thrashes}" if (thrashes := thrashing(load, usage)) is not None else ""
    if load.stopped_early == "Overload":
        latency = next((c for c in checks if c.is_latency and c.value is not None), worst)
        message = "the server was overloaded: requests queued up until the load was stopped"
        if latency.value is not None:
            message += f"; by then {latency.metric} was {latency.show(latency.value)}"
        return Verdict(Outcome.SLOW, certain=True, message=message + disk, judged=latency.judged, excess=math.inf)
    if worst.fails:
        certain = any(c.fails_for_certain for c in checks)
        message = worst.sentence
        if worst.outcome is Outcome.ERRORS:
            parts = (message, failures_clause(spec, load), own_limit(spec, load, usage, cpu))
            message = "; ".join(part for part in parts if part)
        return Verdict(worst.outcome, certain, message + disk, worst.judged, worst.excess)
    if worst.value is None:
        return Verdict(Outcome.NO_METRICS, certain=False, message=worst.missing, judged=worst.judged)
    certain = all(c.passes_for_certain for c in checks)
    message = ", ".join(part for part in (worst.sentence, summary_of_doubts(spec, load)) if part)
    return Verdict(Outcome.PASSED, certain, message, worst.judged, worst.excess)


def thrashing(load: LoadStatus | None, usage: UsageStatus | None) -> str | None:
    """Return that a server read its files from disk many times in a trial, as a sentence; None where it did not."""
    if load is None or usage is None or usage.major_faults is None or usage.read_bytes is None:
        return None
    read, mapped = usage.read_bytes.bytes, usage.mapped_file.bytes if usage.mapped_file is not None else 0
    if usage.major_faults < FAULTS_PER_REQUEST * max(1, load.requests) or read < max(LEAST_READ, TIMES_READ * mapped):
        return None
    each = round(usage.major_faults / max(1, load.requests))
    return (
        f"the files that the server maps did not fit into memory: {-(-read // 2**20)}Mi was read from disk under this "
        f"load, with {each} page faults per request"
    )


def _badness(check: Check) -> tuple[int, float]:
    """Return a key that orders checks from passing over missing to failing, then by distance from the bound."""
    if check.value is None:
        return 1, 0.0
    return 2 if check.fails else 0, check.excess


def reference_among(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial that slowdown is relative to: the last Reference trial that measured latency.

    In a grid it is the trial at the ceiling, which comes first.
    """
    measured = [t for t in trials if t.load is not None and t.load.latency.p95 is not None]
    for trial in reversed(measured):
        if trial.purpose is Purpose.REFERENCE:
            return trial
    return next((t for t in measured if t.purpose is Purpose.GRID), None)


def every_row_passed(trials: Sequence[Trial], size: Size, rows: int) -> Trial | None:
    """Return the last trial that passed at this size or a smaller one and sent all distinct rows; None without one.

    Every row is then known to be answered at this size, as more CPU or memory breaks no request.
    """
    assert size.cpu is not None
    assert size.memory is not None
    for t in reversed(trials):
        limits = t.limits
        if t.outcome is not Outcome.PASSED or t.load is None or limits.cpu is None or limits.memory is None:
            continue
        if t.load.rows_covered >= rows and limits.cpu <= size.cpu and limits.memory <= size.memory:
            return t
    return None


def rejudge(spec: ModelProfileSpec, trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials with the outcome, message and judged metric that the objectives give them now.

    Objectives are not part of what identifies a run, so a change to them must not repeat a measurement. A trial that
    did not measure a metric that is now needed becomes NoMetrics and will run again.
    """
    return [trial for trial, _ in judged_again(spec, trials)]


def judged_again(spec: ModelProfileSpec, trials: Sequence[Trial]) -> list[tuple[Trial, Verdict]]:
    """Return the trials as `rejudge` does, each with its verdict; outcomes that do not follow from objectives stay."""
    pairs = []
    for trial in trials:
        verdict = _verdict_again(spec, trial, trials)
        message = head(verdict.message, LONGEST_MESSAGE)
        update = {"outcome": verdict.outcome, "message": message, "judged": verdict.judged}
        pairs.append((trial.model_copy(update=update), verdict))
    return pairs


def _verdict_again(spec: ModelProfileSpec, trial: Trial, trials: Sequence[Trial]) -> Verdict:
    # A NoMetrics trial with a judged metric lacked only that metric, which other objectives may not need.
    from_objectives = trial.outcome in JUDGED_OUTCOMES or (
        trial.outcome is Outcome.NO_METRICS and trial.judged is not None
    )
    failure = None if from_objectives else Failure(trial.outcome, trial.message)
    if (failure is not None and failure.outcome is Outcome.OOM_KILLED) or trial.load is None:
        excess = None if trial.outcome in NO_EVIDENCE else math.inf
        return Verdict(trial.outcome, certain=True, message=trial.message, judged=trial.judged, excess=excess)
    return outcome_of(
        spec,
        purpose=trial.purpose,
        fresh=trial.fresh,
        load=trial.load,
        usage=trial.usage,
        time_to_ready=trial.time_to_ready,
        failure=failure,
        trials=trials,
        cpu=trial.limits.cpu,
    )
