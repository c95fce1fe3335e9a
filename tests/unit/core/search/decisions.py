"""The next step after a few trials, for tests of the search: one profile, and loads that end in known ways."""

from typing import Any

from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Purpose
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step

MI = 2**20
GI = 1024 * MI
REFERENCE, BRACKET, BISECT = Purpose.REFERENCE, Purpose.BRACKET, Purpose.BISECT
REPEAT, MEMORY, CONFIRM = Purpose.REPEAT, Purpose.MEMORY, Purpose.CONFIRM

FAST = load_of(20)
"""The reference: 50 requests/s of 8ms CPU, so that the load needs 400m."""
GOOD = load_of(120)
POOR = load_of(600)


def spec(**changes: Any) -> ModelProfileSpec:
    """Return a profile: p95 of 250ms at 50/s, 100m to 1 CPU, 128Mi to 1Gi."""
    return spec_of(**changes)


def step_after(trials: Trials, profile: ModelProfileSpec | None = None) -> Step:
    """Return the next step."""
    profile = profile or trials.spec
    return next_step(profile, resources_of(profile), "server", "Cluster", trials)


def trial_after(trials: Trials, profile: ModelProfileSpec | None = None) -> RunTrial:
    """Return the next step, which must be a trial."""
    step = step_after(trials, profile)
    assert isinstance(step, RunTrial)
    return step


def end_after(trials: Trials) -> GiveUp:
    """Return the next step, which must be the end without an answer."""
    step = step_after(trials)
    assert isinstance(step, GiveUp)
    return step


def answer_after(trials: Trials) -> Recommend:
    """Return the next step, which must be the recommendation."""
    step = step_after(trials)
    assert isinstance(step, Recommend)
    return step


def bracketed(profile: ModelProfileSpec | None = None) -> Trials:
    """Return a run that knows 450m to fail on a fresh pod and 500m to pass on a resized one."""
    return (
        Trials(profile or spec())
        .ran(REFERENCE, "1", load=FAST)
        .ran(BRACKET, "500m", load=GOOD, fresh=False)
        .ran(BRACKET, "450m", load=POOR)
    )
