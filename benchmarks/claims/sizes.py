"""The clauses about CPU and memory of a recommendation, and what proves each of them."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

from benchmarks.claims.facts import (
    NO_EVIDENCE,
    Facts,
    cpu_of,
    indexes,
    mebibytes,
    memory_of,
    needs_of,
    peak_of,
    rounds_to,
    with_percent,
)
from benchmarks.claims.language import Context, Form

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Outcome, Purpose
from modelprofiler.core.axis import Axis, Limits
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import reference_among
from modelprofiler.core.search.pace import Pace, machine_of

Values = dict[str, Any]


def _about(context: Context, facts: Facts, cpu: int, *, of_memory: bool = False) -> None:
    context.base, context.of_memory = cpu, of_memory
    context.trials = indexes(facts.passed_at(cpu)) if not of_memory else ()


def _met(facts: Facts, v: Values, context: Context) -> bool:
    _about(context, facts, v["cpu"])
    return bool(facts.passed_at(v["cpu"]))


def _smallest(facts: Facts, v: Values, context: Context) -> bool:
    return _met(facts, v, context) and min(cpu_of(t) for t in facts.passed) == v["cpu"]


def _first(facts: Facts, v: Values, context: Context) -> bool:
    return _met(facts, v, context) and facts.cpu.first == v["cpu"]


def _met_in_trial(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    context.trials = (trial.index,)
    return trial.outcome is Outcome.PASSED and cpu_of(trial) == v["cpu"]


def _began_with_trial(facts: Facts, v: Values, context: Context) -> bool:
    context.base = v["cpu"]
    return _met_in_trial(facts, v, context)


def _missed(facts: Facts, v: Values, context: Context) -> bool:
    """Whether a trial at this CPU failed with these words, in the trial that is named where one is."""
    failed = [t for t in facts.failed_at(v["cpu"]) if t.message.rstrip(".") == v["message"].rstrip(".")]
    if (outcome := v.get("outcome")) is not None:
        failed = [t for t in failed if t.outcome.value == outcome]
    else:
        failed = [t for t in failed if t.outcome in (Outcome.SLOW, Outcome.ERRORS)]
    if (number := v.get("count")) is not None:
        failed = [t for t in failed if t.index == number]
    context.trials = indexes(failed)
    return bool(failed)


def _contradicts(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the trial that missed had as much CPU as the one that was named before, or more."""
    before = min(cpu_of(facts.trial(i)) for i in context.trials)
    return _missed(facts, v, context) and v["cpu"] >= before


def _needs(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the utilisation law says so of the trial before, and no trial passed with less."""
    needs = [n for i in context.trials if (n := needs_of(facts, facts.trial(i))) is not None]
    return any(math.floor(n) == v["cpu"] and all(cpu_of(t) >= n for t in facts.passed) for n in needs)


def _pace(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the CPU time of a request differs so from the line through the trials of the same threads."""
    residuals = Pace.of([t for t in facts.searched if t.outcome not in NO_EVIDENCE]).residuals
    shares = [100 * math.expm1(residuals[i]) for i in context.trials if i in residuals]
    sign = 1 if v["more"] == "more" else -1
    return any(rounds_to(sign * v["count"], share) for share in shares)


def _machine(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the reference loop around a trial differs so from the mean of its logarithms around all trials."""
    known = machine_of([t for t in facts.searched if t.outcome not in NO_EVIDENCE])
    mean = math.exp(fmean(map(math.log, known.values())))
    shares = [100 * (known[i] / mean - 1) for i in context.trials if i in known]
    return any(rounds_to((1 if v["more"] == "more" else -1) * v["count"], share) for share in shares)


def _nothing_below(facts: Facts, v: Values, context: Context) -> bool:
    return all(cpu_of(t) >= context.base for t in facts.searched if t.outcome not in NO_EVIDENCE)


def _inconclusive(facts: Facts, v: Values, context: Context) -> bool:
    here = [t for t in facts.searched if cpu_of(t) == v["cpu"] and t.message.rstrip(".") == v["message"].rstrip(".")]
    return v["cpu"] < context.base and any(t.outcome in NO_EVIDENCE for t in here)


def _too_little_memory_below(facts: Facts, v: Values, context: Context) -> bool:
    """Whether all that ran with less CPU had too little memory."""
    below = [t for t in facts.failed if cpu_of(t) < context.base]
    return bool(below) and all(memory_of(t) < facts.memory.last for t in below)


def _not_tried(facts: Facts, v: Values, context: Context) -> bool:
    context.base = v["cpu"]
    return all(cpu_of(t) != v["cpu"] for t in facts.searched)


def _no_result(facts: Facts, v: Values, context: Context) -> bool:
    """Whether trials ran at this CPU, and none of them is evidence about it."""
    context.base = v["cpu"]
    here = [t for t in facts.searched if cpu_of(t) == v["cpu"]]
    return bool(here) and not any(t.outcome is Outcome.PASSED for t in here)


def _taken_all_the_same(facts: Facts, v: Values, context: Context) -> bool:
    context.base = v["cpu"]
    return bool(facts.failed_at(v["cpu"]))


def _more_memory(facts: Facts, v: Values, context: Context) -> bool:
    sizes = {memory_of(facts.trial(i)) for i in context.trials}
    return sizes == {v["memory"]} and v["memory"] > facts.recommended.memory


def _axis(facts: Facts, context: Context) -> tuple[Axis, int, int]:
    """Return the axis of a margin, the margin in percent, and what is recommended."""
    policy = facts.spec.recommendation
    if context.of_memory:
        return facts.memory, policy.memory_margin_percent, facts.recommended.memory
    return facts.cpu, policy.cpu_margin_percent, facts.recommended.cpu


def _size(facts: Facts, v: Values, context: Context, suffix: str = "") -> bool:
    """Whether a size in the text is the one that is recommended."""
    _, _, recommended = _axis(facts, context)
    quotable = v.get(f"cpu{suffix}") if not context.of_memory else v.get(f"memory{suffix}")
    return quotable == recommended


def _above(facts: Facts, v: Values, context: Context) -> bool:
    """Whether what is recommended is this percentage above the boundary."""
    _, _, recommended = _axis(facts, context)
    return rounds_to(v["count9"], 100 * (recommended / context.base - 1)) and recommended > context.base


def _margin(facts: Facts, v: Values, context: Context) -> bool:
    axis, percent, recommended = _axis(facts, context)
    expected = axis.ceil(with_percent(context.base, percent))
    return percent > 0 and v["count"] == percent and recommended == expected


def _exact_margin(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the margin is all that is added, to the percent."""
    _, percent, recommended = _axis(facts, context)
    return _margin(facts, v, context) and rounds_to(percent, 100 * (recommended / context.base - 1))


def _rounded_margin(facts: Facts, v: Values, context: Context) -> bool:
    return _margin(facts, v, context) and _size(facts, v, context) and _above(facts, v, context)


def _coarse_margin(facts: Facts, v: Values, context: Context) -> bool:
    _, percent, _ = _axis(facts, context)
    needed = with_percent(context.base, percent)
    close = v["mebibytes"] == mebibytes(needed) if context.of_memory else v["cpu1"] == needed
    return close and _margin(facts, v, context) and _size(facts, v, context, "2") and _above(facts, v, context)


def _larger(facts: Facts, v: Values, context: Context) -> bool:
    return _size(facts, v, context) and _above(facts, v, context)


def _less_than_margin(facts: Facts, v: Values, context: Context) -> bool:
    _, percent, recommended = _axis(facts, context)
    return v["count"] == percent and _larger(facts, v, context) and recommended < with_percent(context.base, percent)


def _no_margin(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the boundary itself is recommended, although there is a margin that a larger size would hold."""
    axis, percent, recommended = _axis(facts, context)
    return 0 < percent == v["count"] and recommended == context.base < axis.last


def _differs(facts: Facts, v: Values, context: Context) -> bool:
    evidence = [t for t in facts.searched if t.outcome not in NO_EVIDENCE]
    pace = Pace.of(evidence, machine_of(evidence))
    return _larger(facts, v, context) and rounds_to(v["count"], 100 * math.expm1(pace.spread))


def _with_room(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    assert trial.load is not None
    load, percent, shares = trial.load, facts.spec.recommendation.cpu_margin_percent, []
    for metric, bound in latency_bounds(facts.spec, reference_among(facts.searched)).items():
        high: Duration | None = getattr(load.latency_high, metric) or getattr(load.latency, metric)
        assert high is not None
        shares.append(100 * (1 - high.seconds / bound))
    above = facts.cpu.next_higher(context.base)
    return (
        trial.outcome is Outcome.PASSED
        and cpu_of(trial) == context.base == facts.recommended.cpu
        and v["count1"] == math.floor(min(shares)) >= percent
        and v["cpu"] == above is not None
        and rounds_to(v["count2"], 100 * (v["cpu"] / context.base - 1))
    )


def _at_ceiling(facts: Facts, v: Values, context: Context) -> bool:
    axis, _, recommended = _axis(facts, context)
    shown = v["memory"] if context.of_memory else v["cpu"]
    return bool(shown == axis.last == recommended <= context.base)


def _beyond(facts: Facts, v: Values, context: Context) -> bool:
    axis, percent, _ = _axis(facts, context)
    return v["count"] == percent > 0 and with_percent(context.base, percent) > axis.last


def _largest_instead(facts: Facts, v: Values, context: Context) -> bool:
    axis, _, recommended = _axis(facts, context)
    return _beyond(facts, v, context) and recommended == axis.last


def _peaked(facts: Facts, v: Values, context: Context, *, soaks: bool = True) -> bool:
    counted = [t for t in facts.passed if soaks or t.purpose is not Purpose.SOAK]
    peak = max(p for t in counted if (p := peak_of(t)) is not None)
    context.base, context.of_memory = peak, True
    return bool(mebibytes(peak) == v["mebibytes"])


def _peaked_apart_from_soaks(facts: Facts, v: Values, context: Context) -> bool:
    soaked = any(t.purpose is Purpose.SOAK for t in facts.passed)
    return soaked and _peaked(facts, v, context, soaks=False)


def _unmeasured(facts: Facts, v: Values, context: Context) -> bool:
    context.of_memory = True
    return v["memory"] == facts.memory.last == facts.recommended.memory and all(
        peak_of(t) is None for t in facts.passed
    )


def _unmeasured_smallest(facts: Facts, v: Values, context: Context) -> bool:
    """Whether memory was not measured, and this is the least with which a trial at enough CPU passed."""
    context.base, context.of_memory = v["memory"], True
    passed = [memory_of(t) for t in facts.passed]
    return v["memory"] in passed and all(peak_of(t) is None for t in facts.passed)


def _too_small(facts: Facts, v: Values, context: Context) -> bool:
    """Whether a trial with this memory failed, and none passed with as little of everything."""
    context.of_memory = True
    failed = [Limits.from_size(t.limits) for t in facts.failed if memory_of(t) == v["memory"]]
    passed = [Limits.from_size(t.limits) for t in facts.passed]
    refuted = [f for f in failed if any(p.memory <= f.memory and p.cpu <= f.cpu for p in passed)]
    return v["memory"] < facts.memory.last and len(refuted) < len(failed)


def _failed_with(facts: Facts, v: Values, context: Context) -> bool:
    context.of_memory = True
    trial = facts.trial(v["count"])
    return memory_of(trial) == v["memory"] and trial.outcome.value == v["outcome"] and trial in facts.failed


def _enough(facts: Facts, v: Values, context: Context) -> bool:
    context.base, context.of_memory = v["memory"], True
    return any(memory_of(t) == v["memory"] for t in facts.passed)


def _next_memory(facts: Facts, v: Values, context: Context) -> bool:
    """Whether nothing passed with this size, and the server was not killed with it, unless more CPU might help."""
    context.base, context.of_memory = v["memory"], True
    killed = [t for t in facts.failed if t.outcome is Outcome.OOM_KILLED and t.purpose is not Purpose.SOAK]
    too_small = all(memory_of(t) < v["memory"] for t in killed if memory_of(t) < facts.memory.last)
    return v["memory"] in facts.memory and too_small and not any(memory_of(t) == v["memory"] for t in facts.passed)


def _headroom(facts: Facts, v: Values, context: Context) -> bool:
    percent = facts.spec.recommendation.memory_margin_percent
    needed = math.ceil(1.02 * context.base * (100 + percent) / 100)
    return (
        v["count"] == percent > 0
        and _larger(facts, v, context)
        and facts.recommended.memory <= facts.memory.ceil(needed)
    )


FORMS = [
    Form("{cpu} CPU met the objectives", _met, begins=True),
    Form("{cpu} CPU is the smallest that met the objectives", _smallest, begins=True),
    Form("{cpu} CPU, the smallest size of the range, met the objectives", _first, begins=True),
    Form("{cpu} CPU met the objectives in trial {count}", _began_with_trial, begins=True),
    Form("; {cpu} met them in trial {count}", _met_in_trial),
    Form(" with {memory} of memory", _more_memory),
    *(Form(f"{start}at {{cpu}} {{message}}", _missed, begins=not start) for start in ("", "; ", ": ")),
    *(
        Form(f"{start}at {{cpu}} the trial ended as {{outcome}} ({{message}})", _missed, begins=not start)
        for start in ("", "; ", ": ")
    ),
    Form(", but {cpu} did not in trial {count}: {message}", _contradicts),
    Form(", but at {cpu} trial {count} ended as {outcome} ({message})", _contradicts),
    Form("; with the CPU time per request measured there, the load needs {cpu} CPU", _needs),
    Form(", where a request took {count}% {more} CPU time than the trials' average, adjusted for their sizes", _pace),
    Form(", where the reference loop took {count}% {more} CPU time than in the mean of the trials", _machine),
    Form("; no smaller size was measured", _nothing_below),
    Form("; all trials with less CPU had too little memory", _too_little_memory_below),
    Form("; the trial at {cpu} was inconclusive ({message})", _inconclusive),
    Form("; {cpu}, at which no trial ran, is treated as the smallest that meets them", _not_tried),
    Form("{cpu}, at which no trial ran, is treated as the smallest that meets the objectives", _not_tried, begins=True),
    Form("; {cpu}, at which no trial passed, is treated as the smallest that meets them", _no_result),
    Form(
        "{cpu}, at which no trial passed, is treated as the smallest that meets the objectives", _no_result, begins=True
    ),
    Form("; {cpu} is nevertheless treated as the smallest that meets the objectives", _taken_all_the_same),
    Form("; a margin of {count}% is added", _exact_margin),
    Form("; a margin of {count}% does not fit into the range", _beyond),
    Form("; a margin of {count}% does not fit into the range, so the largest size is recommended", _largest_instead),
    Form(
        "; no margin is added, because the interval of trial {count} ends {count1}% below the objective, and the next "
        "size, {cpu}, is {count2}% larger",
        _with_room,
    ),
    Form("; the margin of {count}% is not added", _no_margin),
    *(
        form
        for size, made in (("cpu", "cpu1"), ("memory", "mebibytes"))
        for form in (
            Form(
                f"; a margin of {{count}}% is added, and {{{size}}}, the next size of the range, is {{count9}}% larger",
                _rounded_margin,
            ),
            Form(
                f"; a margin of {{count}}% leads to {{{made}}}, and the next size is {{{size}2}}, {{count9}}% larger",
                _coarse_margin,
            ),
            Form(f"; {{{size}}} is {{count9}}% larger", _larger),
            Form(f"; {{{size}}} is {{count9}}% larger, less than the margin of {{count}}%", _less_than_margin),
            Form(f"; {{{size}}} is the ceiling of the range, so no margin is added", _at_ceiling),
            Form(
                f"; {{{size}}} is {{count9}}% larger, as the CPU time per request differs between trials by {{count}}% "
                "(standard deviation) beyond what their sizes explain",
                _differs,
            ),
            Form(
                f"; {{{size}}} is {{count9}}% larger, as the pace of the machine differs between trials by {{count}}% "
                "(standard deviation)",
                _differs,
            ),
        )
    ),
    Form(
        "; a margin of {count}% and room for a peak up to 2% higher are added, and {memory}, the next size of the "
        "range, is {count9}% larger",
        _headroom,
    ),
    Form("Memory peaked at {mebibytes}", _peaked, begins=True),
    Form("Memory peaked at {mebibytes} apart from soaks", _peaked_apart_from_soaks, begins=True),
    Form(
        "Memory was not measured, so the largest size of the range, {memory}, is recommended", _unmeasured, begins=True
    ),
    Form("Memory was not measured, so no margin is added; {memory} was enough", _unmeasured_smallest, begins=True),
    Form("{memory} of memory was too small", _too_small, begins=True),
    Form("With {memory} of memory trial {count} ended as {outcome}", _failed_with, begins=True),
    Form(", and {memory} was enough", _enough),
    Form("; {memory} is the next size to try, and no trial has passed with it", _next_memory),
]
