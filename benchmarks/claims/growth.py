"""What is stated of memory that grows: how fast, how long, what it needs and how long sizes last; and its proofs."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.claims.facts import Facts, course_of, is_about, memory_of, peak_of, with_percent
from benchmarks.claims.language import Context, Form

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Outcome, Purpose
from modelprofiler.core.axis import Limits
from modelprofiler.core.memory.verdict import Growth, growth_of

Values = dict[str, Any]
UNITS = {"s": 1, "min": 60, "h": 3600, "days": 86400}


def _growth(facts: Facts) -> Growth:
    return growth_of(facts.searched, longest=facts.spec.search.soak.seconds, ceiling=facts.memory.last)


def _rate(facts: Facts, text: str) -> bool:
    """Whether growth at this rate follows from the trials; the statistic is that of `core.memory`."""
    leak = _growth(facts).leak
    return leak is not None and leak.rate == text


def grew(facts: Facts, v: Values, context: Context) -> bool:
    """Whether a trial that passed grew at a rate within the interval that is claimed."""
    value, unit, low, high = _parts(v["rate"])
    grown = [
        float(t.usage.memory.growth_per1000_requests)
        for t in facts.searched
        if t.usage and t.usage.memory and t.usage.memory.growth_per1000_requests
    ]
    grown += [float(course.later) for t in facts.searched if (course := course_of(t)) is not None]
    killed = any(t.outcome is Outcome.OOM_KILLED and t.purpose is Purpose.SOAK for t in facts.searched)
    near = any(low * unit * 0.9 <= rate <= high * unit * 1.1 for rate in grown) or killed
    return low <= value <= high and near and _rate(facts, v["rate"])


def _parts(rate: str) -> tuple[float, int, float, float]:
    match = re.fullmatch(r"([0-9.]+) ([MK]iB) \(([0-9.]+) to ([0-9.]+)\) per 1,000 requests", rate)
    assert match is not None
    return float(match[1]), 2**20 if match[2] == "MiB" else 2**10, float(match[3]), float(match[4])


def _not_shown_to_end(facts: Facts, v: Values, context: Context) -> bool:
    """Whether no trial settled after the growth."""
    settled = any((c := course_of(t)) is not None and c.trend in ("Settles", "Saws") for t in facts.passed)
    return ("rate" not in v or grew(facts, v, context)) and not settled


def _undecided(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    assert trial.load is not None
    course = course_of(trial)
    undecided = course is None or course.trend in ("Unclear", "Grows")
    return trial.load.duration.seconds == v["time"] and undecided


def _no_soak(facts: Facts, v: Values, context: Context) -> bool:
    return facts.spec.search.soak.seconds == 0 and not any(t.purpose is Purpose.SOAK for t in facts.searched)


def _soak_killed(facts: Facts, v: Values, context: Context) -> bool:
    soaks = [t for t in facts.searched if t.purpose is Purpose.SOAK and t.outcome is Outcome.OOM_KILLED]
    return any(memory_of(t) == v["memory"] for t in soaks) and facts.recommended.memory <= v["memory"]


def _grows_to_the_end(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    course = course_of(trial)
    assert trial.load is not None
    assert course is not None
    right = trial.load.duration.seconds == v["time"] and course.requests == v["count1"] and course.trend == "Grows"
    value, unit, low, high = _parts(v["rate"])
    ends = (float(course.later), float(course.later_low), float(course.later_high))
    return right and all(is_about(n, end / unit) for n, end in zip((value, low, high), ends, strict=True))


def _grows_until_killed(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    killed = trial.outcome is Outcome.OOM_KILLED and trial.purpose is Purpose.SOAK
    return killed and Limits.from_size(trial.limits) == Limits(v["cpu"], v["memory"]) and _rate(facts, v["rate"])


def _rate_of(facts: Facts) -> float:
    loop = facts.spec.load.open_loop
    if loop is not None:
        return float(loop.rate)
    loads = [t.load for t in facts.passed if t.load is not None]
    return float(loads[-1].rate)


def _held(facts: Facts) -> int:
    """Return what memory grows by in the horizon, in bytes."""
    leak = _growth(facts).leak
    assert leak is not None
    return round(leak.per_request * _rate_of(facts) * facts.spec.recommendation.memory_horizon.seconds)


def _horizon(facts: Facts, v: Values) -> bool:
    seconds = facts.spec.recommendation.memory_horizon.seconds
    return bool(v["time9"] == seconds) and is_about(v["number9"], _rate_of(facts))


def _is_near(stated: int, size: int) -> bool:
    """Whether bytes were written with three digits of a binary unit."""
    return abs(stated - size) <= 0.005 * size


def _base(facts: Facts) -> int:
    soaks = _growth(facts).state.name in ("SUSPECTED", "GROWS")
    counted = [t for t in facts.passed if not (soaks and t.purpose is Purpose.SOAK)]
    return max(p for t in counted if (p := peak_of(t)) is not None)


def _added(facts: Facts, v: Values, context: Context) -> bool:
    held = _held(facts)
    percent = facts.spec.recommendation.memory_margin_percent
    enough = facts.recommended.memory >= with_percent(_base(facts) + held, percent)
    return _is_near(v["memory"], held) and _horizon(facts, v) and v["count"] == percent and enough


def _not_held(facts: Facts, v: Values, context: Context) -> bool:
    needed = with_percent(_base(facts) + _held(facts), facts.spec.recommendation.memory_margin_percent)
    return _horizon(facts, v) and needed > facts.recommended.memory


def _not_held_at_all(facts: Facts, v: Values, context: Context) -> bool:
    needed = with_percent(_base(facts) + _held(facts), facts.spec.recommendation.memory_margin_percent)
    largest = facts.recommended.memory == facts.memory.last
    return _horizon(facts, v) and needed > facts.memory.last and largest


def _would_need(facts: Facts, v: Values, context: Context) -> bool:
    needed = with_percent(_base(facts) + _held(facts), facts.spec.recommendation.memory_margin_percent)
    return _horizon(facts, v) and _is_near(v["memory"], needed)


def _lasts(facts: Facts, v: Values, context: Context) -> bool:
    """Whether each size is reached after this time or number of requests, at the rate of growth."""
    leak = _growth(facts).leak
    assert leak is not None
    for size, amount, unit in re.findall(
        r"([0-9.]+(?:Gi|Mi|Ki|M)?) (?:lasts )?(?:about )?([0-9.,]+) (\w+)", v["lasts"]
    ):
        requests = (Quantity(size).bytes - leak.base) / leak.per_request
        number = float(amount.replace(",", ""))
        expected = requests if unit == "requests" else requests / _rate_of(facts) / UNITS[unit]
        if abs(number - expected) > max(0.51, 0.06 * expected):
            return False
    return True


def _settled(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    course = course_of(trial)
    assert trial.load is not None
    assert course is not None
    seen = trial.load.duration.seconds == v["time"] and course.requests == v["count1"]
    return seen and course.trend == v.get("trend", "Settles") and grew(facts, v, context)


def _settled_at_most(facts: Facts, v: Values, context: Context) -> bool:
    course = course_of(facts.trial(v["count"]))
    assert course is not None
    unit = 2**20 if v["word"] == "MiB" else 2**10
    return _settled(facts, v, context) and is_about(v["number"], float(course.later_high) / unit)


def _kind(facts: Facts, v: Values, context: Context) -> bool:
    return any(t.load is not None and t.load.answers for t in facts.searched)


TO_THE_END = " to the end of a window of {time} (trial {count}, {count1} requests)"
UNTIL_KILLED = " until the server was killed for lack of memory at {cpu} CPU and {memory} memory in trial {count}"
HORIZON = "{time9} at [[about ]]{number9}/s"

GROWTH = [
    Form("Memory grew by {rate}, and no trial has shown that this ends", _not_shown_to_end, begins=True),
    Form(
        "The server ran out of memory in a soak, and no trial has shown that this ends", _not_shown_to_end, begins=True
    ),
    Form(": trial {count}, a window of {time}, did not decide it, and a longer search.soak may", _undecided),
    Form(": search.soak is 0s", _no_soak),
    Form(": {message}", lambda f, v, c: v["message"] in f.quotable),
    Form("In a soak at {memory} of memory the server was killed for lack of memory", _soak_killed, begins=True),
    *(
        form
        for start in ("; it grows by {rate}", "Memory grows by {rate}")
        for form in (
            Form(start + TO_THE_END, _grows_to_the_end, begins=start[0] == "M"),
            Form(start + UNTIL_KILLED, _grows_until_killed, begins=start[0] == "M"),
        )
    ),
    Form(f", so {{memory}} are added for {HORIZON}, and then a margin of {{count}}%", _added),
    Form(f", which the range cannot hold for {HORIZON}", _not_held),
    Form(f", which the range cannot hold for {HORIZON}, so the largest size is recommended", _not_held_at_all),
    Form(f": {HORIZON} would need {{memory}} of memory", _would_need),
    Form("; {lasts}", _lasts),
    Form("{lasts}", _lasts, begins=True),
    Form(
        "Memory grows until the server is killed, at the largest memory of the range as well",
        lambda f, v, c: any(t.outcome is Outcome.OOM_KILLED and memory_of(t) == f.memory.last for t in f.searched),
        begins=True,
    ),
    Form(
        "Memory grew by {rate} in short windows, but in a window of {time} (trial {count}, {count1} requests) it fell "
        "again and again, and its tops did not rise",
        lambda f, v, c: _settled(f, {**v, "trend": "Saws"}, c),
        begins=True,
    ),
    Form(
        "Memory grew by {rate} in short windows, but in a window of {time} (trial {count}, {count1} requests) it "
        "settled: its growth ran out",
        _settled,
        begins=True,
    ),
    Form(
        "Memory grew by {rate} in short windows, but in a window of {time} (trial {count}, {count1} requests) it "
        "settled: in the second half it grew by at most {number} {word} per 1,000 requests",
        _settled_at_most,
        begins=True,
    ),
    Form("; memory grew by {word} per 1,000 requests until then, and growth without end fits into no size", _kind),
]
"""Of an explanation and of the end of a run."""
