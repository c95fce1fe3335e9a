"""Further sentences of an explanation: rows, files, first requests, starts, drift, threads; and their proofs."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.claims.facts import (
    Facts,
    cpu_of,
    indexes,
    is_about,
    mebibytes,
    needs_of,
    peak_of,
    rounds_to,
    seconds_per_request,
)
from benchmarks.claims.language import Context, Form

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.drift import drift_of
from modelprofiler.core.rows import LONGEST_WINDOW, RowsSent

Values = dict[str, Any]


def _rows(facts: Facts, trial: Trial) -> tuple[int, int]:
    """Return the distinct rows that a trial sent, and those that there are."""
    assert trial.load is not None
    assert trial.load.distinct_rows is not None
    return min(trial.load.rows_covered, trial.load.distinct_rows), trial.load.distinct_rows


def _sent(facts: Facts, v: Values) -> bool:
    """Whether a trial at the recommended size sent so many rows, and no trial at a smaller one has sent them all."""
    trial = facts.trial(v["count"])
    sent, distinct = _rows(facts, trial)
    known = RowsSent.of(trial, facts.searched)
    right = (sent, distinct) == (v["count1"], v["count2"]) and known is not None and not known.complete
    return right and trial.outcome is Outcome.PASSED and Limits.from_size(trial.limits) == facts.recommended


def _window(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    assert trial.load is not None
    _, distinct = _rows(facts, trial)
    loop = facts.spec.load.open_loop
    rate = float(loop.rate) if loop is not None else float(trial.load.rate)
    needed = math.ceil(distinct / rate)
    others = v.get("count3")
    right = _sent(facts, v) and is_about(v["number"], rate, 4) and (others is None or others == distinct - v["count1"])
    return right and v["time"] >= needed and is_about(v["time"], needed, 4)


def _hour(facts: Facts, v: Values, context: Context) -> bool:
    _, distinct = _rows(facts, facts.trial(v["count"]))
    others = v.get("count3")
    right = _sent(facts, v) and (others is None or others == distinct - v["count1"])
    return right and v["count4"] == math.ceil(distinct / LONGEST_WINDOW)


def _visits(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    assert trial.load is not None
    sent, _ = _rows(facts, trial)
    rows = v.get("count1", 1)
    return rows == sent and rounds_to(v["count2"], trial.load.requests / sent)


def _mapped(facts: Facts, v: Values, context: Context) -> bool:
    mapped = [t.usage.mapped_file.bytes for t in facts.passed if t.usage and t.usage.mapped_file]
    return v["mebibytes"] == mebibytes(max(mapped)) and max(mapped) <= max(peak_of(t) or 0 for t in facts.passed)


def _first_request(facts: Facts, v: Values, context: Context) -> bool:
    """Whether new servers at these sizes answered their first request so late."""
    stated = [(v["time"], v["cpu"]), *([(v["time1"], v["cpu1"])] if v.get("time1") is not None else [])]
    fresh = [t for t in facts.searched if t.fresh and t.load is not None and t.load.first_request is not None]
    shown = {(t.load.first_request.duration.seconds, cpu_of(t)) for t in fresh if t.load and t.load.first_request}
    return all(pair in shown for pair in stated)


def _tries(facts: Facts, v: Values, context: Context) -> bool:
    firsts = [t.load.first_request for t in facts.searched if t.load and t.load.first_request]
    shown = any(f.tries == v["count"] and f.refusal == v["message"] for f in firsts)
    return shown and _first_request(facts, v, context)


def _repeats(facts: Facts, v: Values, context: Context) -> bool:
    load = facts.trial(v["count"]).load
    assert load is not None
    first, later = load.first_visits, load.later_visits
    assert first is not None
    assert later is not None
    stated = (v["time"], v["time1"], v["count1"], v["count2"])
    return stated == (first.median.seconds, later.median.seconds, first.requests, later.requests)


def _split(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    assert trial.load is not None
    share = 100 * (trial.load.split_answers or 0) / trial.load.requests
    return rounds_to(v["count1"], min(100.0, share)) and v["time"] == seconds_per_request(trial)


def _drifted(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the first and the last of comparable trials differ so; the regression is that of `core.drift`."""
    drift = drift_of(facts.searched)
    assert drift is not None
    change = 100 * (float(drift.ratio) - 1)
    ends = sorted(abs(100 * (float(end) - 1)) for end in (drift.low, drift.high))
    sign = 1 if v["more"] == "rose" else -1
    same_side = (float(drift.low) - 1) * (float(drift.high) - 1) > 0
    numbers = rounds_to(sign * v["count"], change) and all(
        rounds_to(a, b) for a, b in zip((v["count1"], v["count2"]), ends, strict=True)
    )
    return drift.noticed and same_side and numbers


def _set_variables(facts: Facts, v: Values, context: Context) -> bool:
    return facts.spec.search.threads == "Auto"


def _threads(facts: Facts, v: Values, context: Context) -> bool:
    """Whether trials at the recommended size, which is named, had so many threads and were throttled so."""
    usages = [t.usage for t in facts.searched if t.usage and Limits.from_size(t.limits) == facts.recommended]
    threads = max(u.threads for u in usages if u.threads is not None)
    right = v["count"] == threads and v["cpu"] == facts.recommended.cpu
    if v.get("count1") is not None:
        shares = [float(u.throttled_percent) for u in usages if u.throttled_percent is not None]
        right = right and rounds_to(v["count1"], max(shares))
    return bool(right)


def _limit_of_proof(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    at = Limits.from_size(trial.limits)
    return trial.outcome is Outcome.PASSED and at == facts.recommended and v["cpu"] == at.cpu


def _no_proof(facts: Facts, v: Values, context: Context) -> bool:
    here = [t for t in facts.passed if t.fresh and Limits.from_size(t.limits) == facts.recommended]
    return not here and v["cpu"] == facts.recommended.cpu


def _started_late(facts: Facts, v: Values, context: Context) -> bool:
    """Whether the last size that failed below those that passed did so because a new server did not start there."""
    bound = facts.spec.objectives.max_time_to_ready
    within = v.get("time")
    failed = [t for t in facts.failed_at(v["cpu"]) if t.fresh]
    late = [
        t
        for t in failed
        if (t.load is None and t.outcome in (Outcome.NEVER_READY, Outcome.CRASHED))
        or (t.time_to_ready is not None and bound is not None and t.time_to_ready > bound)
    ]
    context.trials = indexes(late)
    return bool(late) and (within is None or (bound is not None and bound.seconds == within))


def _resized_met(facts: Facts, v: Values, context: Context) -> bool:
    return any(not t.fresh for t in facts.passed_at(v["cpu"])) and v["cpu"] == min(
        cpu_of(t) for t in facts.passed if not t.fresh
    )


def _load_used(facts: Facts, v: Values, context: Context) -> bool:
    needs = needs_of(facts, facts.trial(v["count"]))
    return needs is not None and rounds_to(v["cpu"], needs)


FIRST = "The first request of a fresh server took {time} at {cpu} CPU"
POOLS = " and was throttled in {count1}% of the scheduler's periods"
START = "The start, not the load, determines the CPU: a new server with {cpu} did not become ready"

NODES = ("the node's CPUs", "the node's {count2} CPUs")
AUTO = "set {variables}; with search.threads: Auto the trials set these variables"

NOTES = [
    *(
        form
        for others in ("what the other one needs is", "what the other {count3} need is")
        for sent in ("Trial {count} sent {count1} of {count2} distinct rows, so ",)
        for form in (
            Form(
                f"{sent}{others} not known; at {{number}} requests per second a window of {{time}} would send all",
                _window,
                begins=True,
            ),
            Form(
                f"{sent}{others} not known; a window of an hour would send all at {{count4}} requests per second",
                _hour,
                begins=True,
            ),
        )
    ),
    Form(
        "Trial {count} sent its row {count2} times in the window: a server that answers equal requests from a cache "
        "looks cheaper than it is",
        _visits,
        begins=True,
    ),
    Form(
        "Trial {count} sent its {count1} distinct rows {count2} times each in the window: a server that answers equal "
        "requests from a cache looks cheaper than it is",
        _visits,
        begins=True,
    ),
    Form(
        "Files that the server maps take up {mebibytes} of the memory: with less, their pages would be read from disk "
        "again whenever a request uses them",
        _mapped,
        begins=True,
    ),
    *(
        form
        for second in ("", " and {time1} at {cpu1} CPU")
        for form in (
            Form(f"{FIRST}{second}; the load was measured after it", _first_request, begins=True),
            Form(
                f"{FIRST}{second} (sent {{count}} times; at first it {{message}}); the load was measured after it",
                _tries,
                begins=True,
            ),
        )
    ),
    Form("A readiness probe that waits for the model avoids it", lambda f, v, c: True, begins=True),
    Form(
        "objectives.maxFirstRequest bounds it; a warm-up before the server says it is ready avoids it",
        lambda f, v, c: f.spec.objectives.max_first_request is None,
        begins=True,
    ),
    Form(
        "In trial {count} a row took {time} when it was sent first and {time1} when it was sent again (medians of "
        "{count1} and {count2} requests), so the server seems to remember what it has answered",
        _repeats,
        begins=True,
    ),
    Form(
        "The recommended size is that of a server that has seen the rows before: use as many different rows as the "
        "traffic has, or switch the cache off for the run",
        lambda f, v, c: True,
        begins=True,
    ),
    Form(
        "In trial {count} the second part of {count1}% of the answers came 40 ms after the first, although a request "
        "took {time} of CPU time",
        _split,
        begins=True,
    ),
    Form(
        "That is how it looks where a server writes the head and the body separately and the body waits for a delayed "
        "acknowledgement (Nagle's algorithm): write both at once, or set TCP_NODELAY",
        lambda f, v, c: True,
        begins=True,
    ),
    Form("No size can fix it", lambda f, v, c: True, begins=True),
    Form(
        "The CPU time per request {more} by {count}% ({count1}% to {count2}%) during the run, more than trials "
        "otherwise differ: the machine changed while it was measured, so repeat the run when the machine is quiet",
        _drifted,
        begins=True,
    ),
    Form(
        "The trials set {variables}, derived from the CPU limit: set the same in production",
        _set_variables,
        begins=True,
    ),
    *(
        Form(f"The server had {{count}} threads on {{cpu}} CPU{throttled}{rest}", _threads, begins=True)
        for throttled in ("", POOLS)
        for rest in (
            ", although the trials set {variables}: something else sizes its thread pools",
            *(f": if its thread pools are sized for {cpus}, {AUTO}" for cpus in NODES),
        )
    ),
    Form(
        "The recommendation sets no CPU limit; no trial at this size, with a limit of {cpu} as the request guarantees "
        "it, met the objectives",
        _no_proof,
        begins=True,
    ),
    Form(
        "The recommendation sets no CPU limit; trial {count} met the objectives with a limit of {cpu}, the amount that "
        "the request guarantees",
        _limit_of_proof,
        begins=True,
    ),
    Form(START, _started_late, begins=True),
    Form(START + " within {time}", _started_late, begins=True),
    Form("; one that had been started with more and was then resized met the objectives at {cpu}", _resized_met),
    Form(", while the load used about {cpu} in trial {count}", _load_used),
]
"""What may follow the two sentences about CPU and memory."""
