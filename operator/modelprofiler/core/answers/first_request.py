"""What the first request of a fresh server took, where that is much: a fact about its start and not about the load."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import INCONCLUSIVE, Trial

MUCH_SECONDS = 1.0
"""A first request that took less is not worth a sentence: importing and compiling take as long in most servers."""
MUCH_RATIO = 5.0
"""Nor one that took less than this many times a single request after it."""


def first_request_sentence(spec: ModelProfileSpec, trials: Sequence[Trial]) -> str:
    """Return what the first request of fresh servers took, at the smallest and the largest size; empty for little."""
    slow = {str(t.limits.cpu): t for t in trials if t.fresh and t.outcome not in INCONCLUSIVE and _is_much(t)}
    if not slow:
        return ""
    by_size = sorted(slow.values(), key=lambda t: t.limits.cpu or 0)
    ends = by_size if len(by_size) == 1 else [by_size[0], by_size[-1]]
    took = " and ".join(_took(trial) for trial in ends)
    last = ends[0].load
    first = last.first_request if last is not None else None
    refused = f" (sent {first.tries} times; at first it {first.refusal})" if first and first.refusal else ""
    sentence = f"The first request of a fresh server took {took}{refused}; the load was measured after it."
    if refused:
        sentence += " A readiness probe that waits for the model avoids it."
    elif spec.objectives.max_first_request is None:
        sentence += " objectives.maxFirstRequest bounds it; a warm-up before the server says it is ready avoids it."
    return sentence


def _took(trial: Trial) -> str:
    assert trial.load is not None
    assert trial.load.first_request is not None
    return f"{trial.load.first_request.duration} at {trial.limits.cpu} CPU"


def _is_much(trial: Trial) -> bool:
    load = trial.load
    if load is None or load.first_request is None:
        return False
    seconds = load.first_request.duration.seconds
    usual = load.probe.seconds if load.probe is not None else 0.0
    return seconds >= MUCH_SECONDS and seconds >= MUCH_RATIO * usual
