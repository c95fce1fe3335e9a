"""Memory that grows: the soak that a suspicion asks for, and what growth means for the recommended size."""

from __future__ import annotations

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.memory.horizon import lasting
from modelprofiler.core.memory.leak import Leak
from modelprofiler.core.memory.soak import rate_of, soak_length
from modelprofiler.core.memory.verdict import FULL, MOST_SOAKS, State, course_of, is_killed_soak
from modelprofiler.core.search.claims import Claim, Kind
from modelprofiler.core.search.margin import Target, with_margin
from modelprofiler.core.search.run import Run
from modelprofiler.core.steps import RunTrial


def soak_step(run: Run, limits: Limits) -> RunTrial | None:
    """Return the soak that is to show whether memory goes on growing; None where nothing asks for it, or it cannot.

    It runs at the recommended size. Where the server was killed there, or would be before the end, it runs with the
    largest memory of the range: a cache may be too large for the recommended one.

    Parameters
    ----------
    run
        The run.
    limits
        The size that would be recommended.
    """
    growth = run.growth
    if not growth.open or not run.spec.search.soak.seconds or growth.soaks >= MOST_SOAKS:
        return None
    length = soak_length(run.spec, run.trials, growth, run.environment)
    size = Limits(limits.cpu, run.memory.last) if _is_too_small(run, limits, length.seconds) else limits
    shown = growth.shown
    if shown is not None and _is_longest(run, shown) and Limits.from_size(shown.limits).memory >= size.memory:
        return None
    reason = f"{_suspicion(run)}; a window of {Duration.of(length.seconds)} shows whether that ends ({length.why})"
    return RunTrial(Purpose.SOAK, size, fresh=True, window="Measure", reason=reason, seconds=length.seconds)


def _is_too_small(run: Run, limits: Limits, seconds: float) -> bool:
    """Whether a server was killed in a soak with this memory, or will be by the growth that another soak has shown."""
    growth, rate = run.growth, rate_of(run.spec, run.trials)
    if growth.killed >= limits.memory:
        return True
    if growth.shown is None or growth.leak is None or rate is None:
        return False
    requests = growth.leak.requests_until(limits.memory)
    return requests is None or requests < rate * seconds


def _is_longest(run: Run, trial: Trial) -> bool:
    return trial.load is not None and trial.load.duration.seconds >= FULL * run.spec.search.soak.seconds


def _suspicion(run: Run) -> str:
    leak = run.growth.leak
    return "the server ran out of memory in a soak" if leak is None else f"memory grew by {leak.rate}"


def doubt(run: Run, limits: Limits, why_not: str) -> str | None:
    """Return why a size cannot be called verified although its trial passed: memory grows; None without such a doubt.

    Parameters
    ----------
    run
        The run.
    limits
        The size that would be recommended.
    why_not
        Why nothing more was measured, as a part of a sentence; may be empty.
    """
    growth = run.growth
    if growth.state is State.GROWS:
        return None if holds(run, limits) else _does_not_hold(run, limits)
    if growth.killed >= limits.memory:
        return f"In a soak at {Quantity.memory(growth.killed)} of memory the server was killed for lack of memory."
    if not growth.open:
        return None
    if not run.spec.search.soak.seconds:
        why_not = "search.soak is 0s"
    elif growth.shown is not None and (_is_longest(run, growth.shown) or growth.soaks >= MOST_SOAKS):
        length = growth.shown.load.duration if growth.shown.load is not None else run.spec.search.soak
        why_not = f"trial {growth.shown.index}, a window of {length}, did not decide it, and a longer search.soak may"
    sentence = f"{_capital(_suspicion(run))}, and no trial has shown that this ends"
    return f"{sentence}: {why_not}.{_durations(run, limits)}" if why_not else f"{sentence}.{_durations(run, limits)}"


def holds(run: Run, limits: Limits) -> bool:
    """Whether a size holds the growth of the horizon, with the margin."""
    base, grown = run.memory_peak, run.growth_to_hold
    percent = run.spec.recommendation.memory_margin_percent
    return base is not None and grown is not None and limits.memory >= with_margin(base + grown, percent)


def _does_not_hold(run: Run, limits: Limits) -> str:
    growth, leak = run.growth, run.growth.leak
    if leak is None:
        return "Memory grows until the server is killed, at the largest memory of the range as well."
    needed = ""
    if run.memory_peak is not None and run.growth_to_hold:
        size = with_margin(run.memory_peak + run.growth_to_hold, run.spec.recommendation.memory_margin_percent)
        needed = f": {_horizon(run)} would need {_rounded_up(size)} of memory"
    end = _to_the_end(run, growth.shown) if growth.shown is not None else ""
    return f"Memory grows by {leak.rate}{end}{needed}.{_durations(run, limits)}"


def _durations(run: Run, limits: Limits) -> str:
    """Return a sentence with how long the recommended and the largest memory last, and one in between."""
    leak = run.growth.leak
    if leak is None or leak.per_request <= 0:
        return ""
    smallest = min([limits.memory, *(o.limits.memory for o in run.observations if o.passed)])
    sizes = sorted({smallest, limits.memory, run.memory.ceil((smallest + run.memory.last) / 2), run.memory.last})
    text = lasting(leak, sizes, rate_of(run.spec, run.trials))
    return f" {text}." if text else ""


def _horizon(run: Run) -> str:
    """Return ``24h at 40/s``, or ``24h at about 37/s`` with a closed loop."""
    loop, rate = run.spec.load.open_loop, rate_of(run.spec, run.trials)
    at = f"{loop.rate}/s" if loop is not None else f"about {rate:.3g}/s"
    return f"{run.spec.recommendation.memory_horizon} at {at}"


def growth_claims(run: Run, target: Target) -> list[Claim] | None:
    """Return what is added to the memory because it grows without end; None where it does not."""
    growth, leak = run.growth, run.growth.leak
    if growth.state is not State.GROWS or leak is None or growth.shown is None:
        return None
    shown, grown = growth.shown, run.growth_to_hold
    text = f"; it grows by {leak.rate}{_to_the_end(run, shown)}"
    if holds(run, target.limits):
        text += (
            f", so {_rounded_up(grown or 0)} are added for {_horizon(run)}, and then a margin of "
            f"{run.spec.recommendation.memory_margin_percent}%"
        )
    else:
        text += f", which the range cannot hold for {_horizon(run)}"
        if target.limits.memory == run.memory.last:
            text += ", so the largest size is recommended"
    claims = [Claim(Kind.GROWS, text, shown.index, grown, leak.per_request)]
    if durations := _durations(run, target.limits).strip(" ."):
        claims.append(Claim(Kind.LASTS, f"; {durations}", shown.index, target.limits.memory, leak.per_request))
    return claims


def _to_the_end(run: Run, shown: Trial) -> str:
    """Return for how long memory was seen to grow."""
    if is_killed_soak(shown):
        where = f"{Limits.from_size(shown.limits)} in trial {shown.index}"
        return f" until the server was killed for lack of memory at {where}"
    course, load = course_of(shown), shown.load
    requests = f", {course.requests:,} requests" if course is not None else ""
    length = load.duration if load is not None else run.spec.search.soak
    return f" to the end of a window of {length} (trial {shown.index}{requests})"


def growth_sentence(run: Run, limits: Limits) -> str | None:
    """Return what became of growth that was suspected; None where none was, and where it is part of the memory's."""
    growth, leak = run.growth, run.growth.leak
    if leak is None or growth.state in (State.NONE, State.GROWS):
        return None
    if growth.open or growth.shown is None:
        return doubt(run, limits, "")
    return f"Memory grew by {leak.rate} in short windows, but {_settled(growth.shown, leak)}."


def _settled(shown: Trial, leak: Leak) -> str:
    course = course_of(shown)
    assert course is not None, "it has decided"
    assert shown.load is not None, "it passed"
    window = f"in a window of {shown.load.duration} (trial {shown.index}, {course.requests:,} requests)"
    if course.trend == "Saws":
        return f"{window} it fell again and again, and its tops did not rise"
    most = Leak(float(course.later) / 1000, 0, float(course.later_high) / 1000, 0, 1)
    what = f"it settled: in the second half it grew by at most {most.highest} per 1,000 requests"
    return f"{window} {what}" if leak.high > most.high else f"{window} it settled: its growth ran out"


def killed_at_reference(trial: Trial) -> str:
    """Return by how much memory grew until the server was killed at the ceiling; empty where that was not measured."""
    memory = trial.usage.memory if trial.usage is not None else None
    growth = memory.growth_per1000_requests if memory is not None else None
    if trial.outcome is not Outcome.OOM_KILLED or growth is None or growth.value <= 0:
        return ""
    return f"; memory grew by {growth} per 1,000 requests until then, and growth without end fits into no size"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _rounded_up(size: int) -> str:
    """Return bytes in the largest binary unit with three digits: ``412Gi``."""
    for unit, name in ((2**40, "Ti"), (2**30, "Gi"), (2**20, "Mi")):
        if size >= unit:
            return f"{Quantity.decimal(size / unit, 3)}{name}"
    return f"{-(-size // 2**10)}Ki"
