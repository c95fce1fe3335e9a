"""Whether starting and not the load decides how much CPU a server needs, as a sentence for the user."""

from __future__ import annotations

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Outcome
from modelprofiler.core.search.points import Observation
from modelprofiler.core.search.run import Run


def startup_sentence(run: Run, cpu: int) -> str | None:
    """Return that starting decides the CPU size, with what the load alone needs; None where it does not.

    Parameters
    ----------
    run
        The run.
    cpu
        The smallest CPU that met the objectives, in millicores.
    """
    below = [o for o in run.observations if not o.passed and o.limits.cpu < cpu and not run.blames_memory(o)]
    last = max(below, key=lambda o: o.limits.cpu, default=None)
    if last is None or not _failed_to_start(last) or run.is_below_demand(last.limits.cpu):
        return None
    size = Quantity.cpu(last.limits.cpu)
    within = run.spec.objectives.max_time_to_ready
    bound = f" within {within}" if within is not None else ""
    sentence = f"The start, not the load, determines the CPU: a new server with {size} did not become ready{bound}"
    resized = [o.limits.cpu for o in run.observations if o.passed and not o.fresh and o.limits.cpu < cpu]
    if resized:
        smallest = Quantity.cpu(min(resized))
        return f"{sentence}; one that had been started with more and was then resized met the objectives at {smallest}."
    needs = [(value, o.trial.index) for o in run.observations if o.passed and (value := run.load_needs(o)) is not None]
    if needs:
        value, index = min(needs)
        return f"{sentence}, while the load used about {round(value)}m in trial {index}."
    return f"{sentence}."


def _failed_to_start(observation: Observation) -> bool:
    """Whether a new server did not start, or not in time."""
    trial = observation.trial
    judged = observation.verdict.judged
    late = judged is not None and judged.metric == "timeToReady"
    return trial.fresh and (late or (trial.load is None and trial.outcome in (Outcome.NEVER_READY, Outcome.CRASHED)))
