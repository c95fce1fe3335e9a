"""How a run and its trials ended: the messages of conditions, of trials and of steps, and what proves each of them."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.claims.facts import (
    NO_EVIDENCE,
    Facts,
    indexes,
    is_about,
    mebibytes,
    needs_of,
    peak_of,
    rounds_to,
)
from benchmarks.claims.growth import grew
from benchmarks.claims.language import Context, Form

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import LoadStatus, Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import reference_among
from modelprofiler.core.rows import RowsSent
from modelprofiler.core.search.pace import Pace, machine_of

Values = dict[str, Any]


def _number(text: str) -> float:
    """Return a measured value in its base unit: seconds, percent, or requests per second."""
    for unit in ("%", "/s"):
        if text.endswith(unit):
            return float(text.removesuffix(unit))
    return Duration(text).seconds


def _measured(trial: Trial, metric: str) -> tuple[float | None, float | None, float | None]:
    """Return what a trial measured of a metric, and the ends of its interval where they are known as they are."""
    load, usage = trial.load, trial.usage
    assert load is not None
    if metric == "errorPercent":
        return 100 * load.failures / load.requests, None, None
    if metric == "rate":
        return float(load.rate), None, None
    if metric == "throttledPercent":
        share = usage.throttled_percent if usage is not None else None
        return (None if share is None else float(share)), None, None
    if metric == "timeToReady":
        return (None if trial.time_to_ready is None else trial.time_to_ready.seconds), None, None
    if metric == "firstRequest":
        return (None if load.first_request is None else load.first_request.duration.seconds), None, None
    value, low, high = (getattr(part, metric) for part in (load.latency, load.latency_low, load.latency_high))
    return tuple(None if part is None else part.seconds for part in (value, low, high))  # type: ignore[return-value]


def _bound(facts: Facts, trial: Trial, metric: str) -> float | None:
    """Return the objective of a metric; None for the completed rate, whose bound follows from others."""
    objectives = facts.spec.objectives
    if metric == "errorPercent":
        return float(objectives.max_error_percent)
    if metric == "throttledPercent":
        return float(objectives.max_throttled_percent) if objectives.max_throttled_percent is not None else None
    if metric == "timeToReady":
        return objectives.max_time_to_ready.seconds if objectives.max_time_to_ready is not None else None
    if metric == "firstRequest":
        return objectives.max_first_request.seconds if objectives.max_first_request is not None else None
    if metric == "rate":
        return None
    # A reference trial is compared with itself; there may be several.
    reference = trial if trial.purpose is Purpose.REFERENCE else reference_among(facts.searched)
    return latency_bounds(facts.spec, reference).get(metric)


def _judged(facts: Facts, trial: Trial, v: Values) -> bool:
    """Whether a trial measured this value and interval, on this side of the objective."""
    metric, value, bound = v["metric"], _number(v["value"]), _number(v["value9"])
    measured, low, high = _measured(trial, metric)
    allowed = _bound(facts, trial, metric)
    right = measured is not None and is_about(value, measured) and (allowed is None or is_about(bound, allowed))
    if v.get("value1") is not None:
        ends = _number(v["value1"]), _number(v["value2"])
        right = right and ends[0] <= value <= ends[1]
        if low is not None and high is not None:
            right = right and is_about(ends[0], low) and is_about(ends[1], high)
    if measured is None:
        return False
    if allowed is None:  # known as it is written, rounded
        return right and (is_about(measured, bound) or (measured >= bound) == (v["side"] == "within"))
    return right and (measured <= allowed) == (v["side"] == "within")


def _of_any_trial(facts: Facts, v: Values, context: Context) -> bool:
    """Whether a trial, that which was named before where one was, shows this value."""
    candidates = [facts.trial(i) for i in context.trials] or list(facts.trials)
    shown = [t for t in candidates if t.load is not None and t.load.requests and _judged(facts, t, v)]
    context.trials = indexes(shown)
    return bool(shown)


def _with(side: str) -> Any:
    return lambda facts, v, context: _of_any_trial(facts, {**v, "side": side}, context)


def _loads(facts: Facts, context: Context) -> list[tuple[Trial, LoadStatus]]:
    trials = [facts.trial(i) for i in context.trials] or list(facts.searched)
    return [(t, t.load) for t in trials if t.load is not None]


def _overloaded(facts: Facts, v: Values, context: Context) -> bool:
    matching = [t for t, load in _loads(facts, context) if load.stopped_early == "Overload"]
    if v.get("metric") is not None:
        matching = [
            t for t in matching if (m := _measured(t, v["metric"])[0]) is not None and is_about(_number(v["value"]), m)
        ]
    context.trials = indexes(matching)
    return bool(matching)


def _verified(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    context.trials = (trial.index,)
    size = Limits(v["cpu"], v["memory"])
    return (
        trial.outcome is Outcome.PASSED and trial.fresh and Limits.from_size(trial.limits) == size == facts.recommended
    )


def _words(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the trial that was named stated so; its message is proved by itself."""
    (index,) = context.trials
    return bool(facts.trial(index).message.rstrip(".") == v["message"].rstrip("."))


def _unverified(facts: Facts, v: Values, context: Context) -> bool:
    size = Limits(v["cpu"], v["memory"])
    here = [t for t in facts.passed if Limits.from_size(t.limits) == size and t.fresh]
    return size == facts.recommended and not here


def _rows(facts: Facts, v: Values, context: Context) -> bool:
    shown = [RowsSent.of(facts.trial(i), facts.searched) for i in context.trials]
    return any(s is not None and not s.complete and (s.sent, s.distinct) == (v["count"], v["count1"]) for s in shown)


def _max_trials(facts: Facts, v: Values, context: Context) -> bool:
    return bool(v["count"] == facts.spec.search.max_trials <= len(facts.searched))


def _deadline(facts: Facts, v: Values, context: Context) -> bool:
    return bool(v["time"] == facts.spec.search.deadline.seconds)


def _nothing_passed(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the last trial ended so, and no trial at the ceiling or any other has passed for good."""
    last = facts.searched[-1]
    here = last.outcome.value == v["outcome"] and last.message.rstrip(".") == v["message"].rstrip(".")
    return here and not facts.passed


def _many_inconclusive(facts: Facts, v: Values, context: Context) -> bool:
    size = Limits(v["cpu"], v["memory"])
    here = [t for t in facts.searched if Limits.from_size(t.limits) == size][-v["count"] :]
    last = here[-1]
    return (
        len(here) == v["count"] >= 2
        and all(t.outcome in NO_EVIDENCE for t in here)
        and last.outcome.value == v["outcome"]
        and last.message.rstrip(".") == v["message"].rstrip(".")
    )


def _broken(facts: Facts, v: Values, context: Context) -> bool:
    size = Limits(v["cpu"], v["memory"])
    here = [
        t for t in facts.searched if Limits.from_size(t.limits) == size == Limits(facts.cpu.last, facts.memory.last)
    ]
    quoted = [t for t in here if t.outcome.value == v["outcome"] and t.message.rstrip(".") == v["message"].rstrip(".")]
    return bool(quoted) and not any(t.outcome is Outcome.PASSED for t in here)


def _infeasible(facts: Facts, v: Values, context: Context) -> bool:
    size = Limits(v["cpu"], v["memory"])
    failed = [
        t for t in facts.failed if Limits.from_size(t.limits) == size == Limits(facts.cpu.last, facts.memory.last)
    ]
    failed = [t for t in failed if t.message.rstrip(".") == v["message"].rstrip(".")]
    context.trials = indexes(failed)
    return bool(failed)


def _needs_more(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(context.trials[-1])
    assert trial.usage is not None
    time, needs = trial.usage.cpu_time_per_request, needs_of(facts, trial)
    assert time is not None
    assert needs is not None
    return bool(v["time"] == time.seconds and math.floor(needs) == v["cpu"] > facts.cpu.last)


def _nothing_smaller(facts: Facts, v: Values, context: Context) -> bool:
    """Whether nothing passed, at the ceiling or below it."""
    return not facts.passed


def _some_passed(facts: Facts, v: Values, context: Context) -> bool:
    ceiling = Limits(facts.cpu.last, facts.memory.last)
    here = [t for t in facts.passed + facts.failed if Limits.from_size(t.limits) == ceiling]
    return (v["count"], v["count1"]) == (sum(t.outcome is Outcome.PASSED for t in here), len(here))


def _own_limit(facts: Facts, v: Values, context: Context) -> bool:
    return any(load.failures and load.answers for _, load in _loads(facts, context))


def _forecast(facts: Facts, v: Values, context: Context) -> bool:
    return Limits(v["cpu"], v["memory"]) == facts.recommended


def _used(facts: Facts, v: Values, context: Context) -> bool:
    needs = [n for t in facts.passed if (n := needs_of(facts, t)) is not None]
    return rounds_to(v["cpu"], min(needs))


def _peaked(facts: Facts, v: Values, context: Context) -> bool:
    return bool(v["mebibytes"] == max(mebibytes(p) for t in facts.passed if (p := peak_of(t)) is not None))


def _quoted(facts: Facts, v: Values, context: Context) -> bool:
    return v["message"] in facts.quotable


def _always(facts: Facts, v: Values, context: Context) -> bool:
    """Whether it claims nothing about a trial: an intention, or advice."""
    return True


def _asked(facts: Facts) -> Limits:
    assert facts.asked is not None, "no trial is asked for"
    return facts.asked


def _contradicted(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the size failed after a pass; where the pace differs, that may have been with a little more CPU."""
    size = _asked(facts)
    failed = [t for t in facts.failed if Limits.from_size(t.limits) == size]
    return bool(failed) and any(t.index < failed[0].index for t in facts.passed)


def _todays(facts: Facts, v: Values, context: Context) -> bool:
    return facts.workload is not None and v["name"] == facts.workload.name and facts.workload.size == _asked(facts)


def _doubtful(facts: Facts, v: Values, context: Context) -> bool:
    here = [t for t in facts.failed_at(_asked(facts).cpu) if t.judged is not None]
    return bool(here)


def _resized_failure(facts: Facts, v: Values, context: Context) -> bool:
    return any(not t.fresh for t in facts.failed_at(_asked(facts).cpu))


def _uneven(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the pace differs between the trials so far."""
    evidence = [t for t in facts.trials if t.outcome not in NO_EVIDENCE]
    return Pace.of(evidence, machine_of(evidence)).spread > 0


def _at_the_ceiling(facts: Facts, v: Values, context: Context) -> bool:
    return _asked(facts) == Limits(facts.cpu.last, facts.memory.last)


def _not_measured_yet(facts: Facts, v: Values, context: Context) -> bool:
    return not any(Limits.from_size(t.limits) == _asked(facts) and t.fresh for t in facts.passed + facts.failed)


def _other_cpus_measured(facts: Facts, v: Values, context: Context) -> bool:
    return bool(facts.passed)


def _soak(facts: Facts, v: Values, context: Context) -> bool:
    """Whether a trial that passed showed growth within the interval that is claimed."""
    return grew(facts, v, context) and v["time"] <= facts.spec.search.soak.seconds


def _soak_again(facts: Facts, v: Values, context: Context) -> bool:
    killed = any(t.purpose is Purpose.SOAK and t.outcome is Outcome.OOM_KILLED for t in facts.searched)
    return killed and v["time"] <= facts.spec.search.soak.seconds


TRIALS = [
    *(
        Form(template, _with(side), begins=True)
        for side, words in (("within", ("within",)), ("broken", ("over", "under")))
        for word in words
        for template in (
            f"{{metric}} is {{value}} ({{value1}} to {{value2}}), {word} the objective of {{value9}}",
            f"{{metric}} is {{value}}, {word} the objective of {{value9}}",
        )
    ),
    Form("the server was overloaded: requests queued up until the load was stopped", _overloaded, begins=True),
    Form(
        "the server was overloaded: requests queued up until the load was stopped; by then {metric} was {value}",
        _overloaded,
        begins=True,
    ),
]
"""Of the messages of judged trials."""

ENDS = [
    Form("Trial {count} ran at exactly {cpu} CPU and {memory} memory and met the objectives", _verified, begins=True),
    Form(": {message}", _words),
    Form("It sent {count} of {count1} distinct rows; the others are not verified", _rows, begins=True),
    Form(
        "{cpu} CPU and {memory} memory is recommended, but no trial at exactly this size passed",
        _unverified,
        begins=True,
    ),
    Form(": none was run", lambda f, v, c: not any(Limits.from_size(t.limits) == f.recommended for t in f.searched)),
    Form(": search.maxTrials of {count} was reached", _max_trials),
    Form(": search.deadline of {time} passed", _deadline),
    Form(
        "search.maxTrials of {count} was reached before any size passed; the last trial was {outcome}: {message}",
        lambda f, v, c: _max_trials(f, v, c) and _nothing_passed(f, v, c),
        begins=True,
    ),
    Form(
        "search.deadline of {time} passed before any size passed; the last trial was {outcome}: {message}",
        lambda f, v, c: _deadline(f, v, c) and _nothing_passed(f, v, c),
        begins=True,
    ),
    Form(
        "search.deadline of {time} passed before the first trial was finished",
        lambda f, v, c: _deadline(f, v, c) and not f.trials,
        begins=True,
    ),
    *(
        Form(
            f"{start}{{count}} consecutive trials at {{cpu}} CPU and {{memory}} memory were inconclusive; the last was "
            "{outcome}: {message}",
            _many_inconclusive,
            begins=not start,
        )
        for start in ("", ": ")
    ),
    Form("{outcome} at the ceiling, {cpu} CPU and {memory} memory: {message}", _broken, begins=True),
    Form("{message} at the ceiling of {cpu} CPU and {memory} memory", _infeasible, begins=True),
    Form("; a request took {time} of CPU time there, so the load needs {cpu} CPU", _needs_more),
    Form(
        "No smaller size can do better: extend the range, relax the objective or reduce the load",
        _nothing_smaller,
        begins=True,
    ),
    Form(
        "{count} of {count1} trials at this size met the objectives, which is too few to rely on: extend the range, "
        "relax the objective or reduce the load",
        _some_passed,
        begins=True,
    ),
    Form("Correct the requests, raise the server's own limit, or reduce the load", _own_limit, begins=True),
    Form("The recommended size was not verified: {message}", _quoted, begins=True),
    Form("A queueing model forecasts that {cpu} CPU and {memory} memory is enough", _forecast, begins=True),
    Form("; at the ceiling the load used {cpu} CPU", _used),
    Form("; memory peaked at {mebibytes}", _peaked),
    Form("No smaller size was tried: {message}", _quoted, begins=True),
]
"""Of the end of a run."""

REASONS = [
    Form("the largest size shows what a request costs", _at_the_ceiling, begins=True),
    Form("a combination that was not measured yet", _not_measured_yet, begins=True),
    Form(
        "this size failed although an earlier trial shows that it is enough: one of the two results is wrong",
        _contradicted,
        begins=True,
    ),
    Form("the interval of its failure reaches below the objective, and a step depends on it", _doubtful, begins=True),
    Form("this size failed on a resized server, and a fresh one may pass", _resized_failure, begins=True),
    Form("the pace differs between the trials, and another trial makes its mean more certain", _uneven, begins=True),
    Form("half way between the failing and the passing size", _other_cpus_measured, begins=True),
    Form("where a line from the failing to the passing size meets the objective", _other_cpus_measured, begins=True),
    Form("the forecast boundary", _always, begins=True),
    Form("the smallest memory worth trying, at the CPU boundary", _other_cpus_measured, begins=True),
    Form("memory grew by {rate}; a window of {time} shows whether that ends ({why})", _soak, begins=True),
    Form(
        "the server ran out of memory in a soak; a window of {time} shows whether that ends ({why})",
        _soak_again,
        begins=True,
    ),
    Form("exactly the recommended size", _always, begins=True),
    Form("the size that {name} has today", _todays, begins=True),
]
"""Why a trial is run."""
