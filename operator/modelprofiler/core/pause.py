"""How long to wait before an inconclusive trial is repeated: what disturbed it may still be going on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from modelprofiler.api.trial import INCONCLUSIVE, Trial

PAUSES = (10.0, 30.0)
"""Seconds to wait after the first, the second and any further consecutive inconclusive trial. Chosen to
outlast a short burst of other work (a build, a backup starting) without delaying a run by more than a trial takes."""


def not_before(trials: Sequence[Trial]) -> datetime | None:
    """Return when the next trial may begin; None when it may begin at once.

    Without a pause, the repetitions of a disturbed trial would all fall into the same disturbance, and the run would
    give up after a few of them.

    Parameters
    ----------
    trials
        All finished trials of a run, in the order of their index.
    """
    inconclusive = list(itertools.takewhile(lambda trial: trial.outcome in INCONCLUSIVE, reversed(trials)))
    if not inconclusive:
        return None
    seconds = PAUSES[min(len(inconclusive), len(PAUSES)) - 1]
    return inconclusive[0].completion_time + timedelta(seconds=seconds)
