"""A finished trial as it is recorded: what was seen, and the verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelprofiler.api.quantities import Duration
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import LoadStatus, NodeLoad, Purpose, Trial, UsageStatus
from modelprofiler.core.axis import Limits
from modelprofiler.core.judge import Failure, outcome_of

LONGEST_MESSAGE = 2048


def finished_trial(
    spec: ModelProfileSpec,
    *,
    index: int,
    purpose: Purpose,
    limits: Limits,
    fresh: bool,
    failure: Failure | None,
    load: LoadStatus | None,
    usage: UsageStatus | None,
    time_to_ready: Duration | None,
    node: NodeLoad | None = None,
    started: datetime,
    completed: datetime,
    trials: Sequence[Trial],
) -> Trial:
    """Return the row of a finished trial, judged by the objectives.

    Parameters
    ----------
    spec
        The profile.
    index, purpose, limits, fresh
        The trial; fresh says that the server was started for it, at this size.
    failure
        What went wrong apart from slow or failing requests; None when nothing did.
    load, usage, time_to_ready, node
        What was measured, of the server and of what else its node did; None where it was not.
    started, completed
        When it began and ended.
    trials
        The finished trials before it.
    """
    verdict = outcome_of(
        spec,
        purpose=purpose,
        fresh=fresh,
        load=load,
        usage=usage,
        time_to_ready=time_to_ready,
        failure=failure,
        trials=trials,
    )
    return Trial(
        index=index,
        purpose=purpose,
        limits=limits.to_size(),
        fresh=fresh,
        outcome=verdict.outcome,
        message=verdict.message[:LONGEST_MESSAGE],
        judged=verdict.judged,
        load=load,
        usage=usage,
        node=node,
        time_to_ready=time_to_ready,
        start_time=started,
        completion_time=completed,
    )
