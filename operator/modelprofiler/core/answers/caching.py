"""Whether a server remembers what it has answered: rows that are sent again then take much less time than at first."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.api.trial import INCONCLUSIVE, LoadStatus, Trial

MUCH_RATIO = 2.0
"""How many times longer a first visit must take than a later one. A server that is still warming up when every row has
been sent makes neighbouring requests differ by less; a cache makes them differ by an order of magnitude. Chosen."""
LEAST_SECONDS = 0.001
"""Nor is a difference below this told: it is within the noise of a network."""
FEWEST = 2
"""Requests of either kind that are needed: one may have been slow by chance."""


def caching_sentence(trials: Sequence[Trial]) -> str:
    """Return that rows cost less when they are sent again, by the last trial that shows it; empty where none does."""
    for trial in reversed(trials):
        load = trial.load
        if load is None or not trial.fresh or trial.outcome in INCONCLUSIVE or not _falls(load):
            continue
        first, later = load.first_visits, load.later_visits
        assert first is not None
        assert later is not None
        return (
            f"In trial {trial.index} a row took {first.median} when it was sent first and {later.median} when it was "
            f"sent again (medians of {first.requests} and {later.requests} requests), so the server seems to remember "
            "what it has answered. The recommended size is that of a server that has seen the rows before: use as many "
            "different rows as the traffic has, or switch the cache off for the run."
        )
    return ""


def _falls(load: LoadStatus) -> bool:
    first, later = load.first_visits, load.later_visits
    if first is None or later is None or min(first.requests, later.requests) < FEWEST:
        return False
    much = first.median.seconds >= MUCH_RATIO * later.median.seconds
    return much and first.median.seconds - later.median.seconds >= LEAST_SECONDS
