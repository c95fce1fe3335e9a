"""How long to wait before a trial that repeats one which said nothing: what disturbed that one may still go on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from modelprofiler.api.trial import INCONCLUSIVE, Trial

PAUSES = (10.0, 30.0)
"""Seconds after the first such trial in a row, the second, and so on; as the last after any further one."""


def not_before(trials: Sequence[Trial]) -> datetime | None:
    """Return when the next trial may begin; None when there is nothing to wait for.

    Repeated at once, trials that another workload has disturbed would all fall into the same disturbance, and a run
    gives up after a few of them.

    Parameters
    ----------
    trials
        All finished trials of a run, in the order of their index.
    """
    silent = list(itertools.takewhile(lambda trial: trial.outcome in INCONCLUSIVE, reversed(trials)))
    if not silent:
        return None
    seconds = PAUSES[min(len(silent), len(PAUSES)) - 1]
    return silent[0].completion_time + timedelta(seconds=seconds)
