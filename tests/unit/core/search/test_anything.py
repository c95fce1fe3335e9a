"""Whatever a cluster does, a run ends within its trials, and says nothing that its trials do not show."""

import random
from typing import Any

import pytest
from benchmarks.claims.facts import Facts
from benchmarks.claims.language import Reader, Unproved
from benchmarks.claims.telling import FORMS
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Outcome, Purpose
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.evidence import Failure
from modelprofiler.core.judge import rejudge
from modelprofiler.core.search.step import next_step, step_at_deadline
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial

OPEN, CLOSED = {"openLoop": {"rate": "50"}}, {"closedLoop": {"concurrency": 4}}
RANGE = {"cpu": {"min": "100m", "max": "2", "step": "70m"}, "memory": {"min": "128Mi", "max": "1Gi", "step": "100Mi"}}
GRID = {"cpu": {"values": ["500m", "1", "2"]}, "memory": {"values": ["256Mi", "1Gi"]}}
SPECS: list[dict[str, Any]] = [
    {},
    {"load": CLOSED},
    {"resources": RANGE, "search": {"maxTrials": 5}},
    {"resources": RANGE, "search": {"resize": "Recreate", "repetitions": 4}},
    {"resources": GRID, "search": {"strategy": "Grid", "maxTrials": 8}},
    {"objectives": {"maxSlowdownPercent": "50"}, "load": CLOSED},
    {"objectives": {"latency": {"p50": "50ms", "p99": "1s"}, "maxThrottledPercent": "20", "maxTimeToReady": "5s"}},
    {"recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0, "cpuLimit": "None"}},
    {"server": {"template": {"spec": {"containers": [{"name": "server", "image": "x"}]}}}, "resources": RANGE},
]


def add_anything(trials: Trials, step: RunTrial, rng: random.Random) -> None:
    """Add a trial of that step with an outcome drawn at random, evidence missing here and there."""
    size = step.limits.to_size()
    failure = None
    if rng.random() < 0.3:
        failure = Failure(rng.choice([o for o in Outcome if o not in (Outcome.PASSED, Outcome.SLOW)]), "so it was")
    without_load = failure is not None and (failure.outcome is Outcome.ERRORS or rng.random() < 0.3)
    load = load_of(
        rng.choice([None, *[10 ** rng.uniform(0.5, 3.5)] * 5]),
        spread=rng.choice([0.02, 0.3]),
        p50=rng.choice([None, 20.0]),
        p99=rng.choice([None, 500.0, 500.0]),
        requests=rng.choice([0, 40, 1500, 1500]),
        failures=rng.choice([0, 0, 0, 20]),
        rate=rng.choice(["50", "30"]),
        stopped_early=rng.choice([None, None, None, "Overload", "Certain", "Terminated"]),
    )
    usage = usage_of(
        rng.choice(["8ms", "8ms", "0s", None]),
        rng.choice(["187Mi", "187Mi", "3Gi", None]),
        lifetime_peak=rng.choice([None, "500Mi"]),
        source=rng.choice(["WorkingSet", "Cgroup"]),
        oom_kills=rng.choice([None, 0, 0, 0, 1]),
        throttled=rng.choice([None, "3", "50"]),
    )
    trials.ran(
        step.purpose,
        str(size.cpu),
        str(size.memory),
        None if without_load else load,
        fresh=step.fresh,
        usage=usage,
        failure=failure,
        ready=rng.choice([None, "2s", "9s"]),
    )


def unproved(trials: Trials, end: Recommend | GiveUp) -> list[Unproved]:
    """Return the clauses of a run that its trials do not show."""
    size = Limits.from_size(end.recommendation.requests) if isinstance(end, Recommend) else None
    facts = Facts(trials.spec, resources_of(trials.spec), rejudge(trials.spec, trials), size)
    texts = [end.message, end.recommendation.explanation] if isinstance(end, Recommend) else [end.message]
    return [problem for text in texts for problem in Reader(facts, FORMS).unproved(text)]


@pytest.mark.parametrize("number", range(len(SPECS)))
def test_a_run_ends_and_says_only_what_its_trials_show(number: int) -> None:
    """Each profile, whatever the outcomes: a bounded number of trials, sizes of the range, verified means passed."""
    spec: ModelProfileSpec = spec_of(**SPECS[number])
    resources = resources_of(spec)
    cpu, memory = cpu_axis(resources.cpu), memory_axis(resources.memory)
    for seed in range(20):
        rng, trials = random.Random(f"{number} {seed}"), Trials(spec)
        while isinstance(step := next_step(spec, resources, "server", "Local", trials), RunTrial):
            assert len(trials) < spec.search.max_trials
            assert step.limits.cpu in cpu
            assert step.limits.memory in memory
            assert step.fresh or step.purpose in (Purpose.BRACKET, Purpose.BISECT)
            add_anything(trials, step, rng)
            step_at_deadline(spec, resources, "server", "Local", trials)
        assert not unproved(trials, step), f"{number} {seed}"
        if isinstance(step, Recommend):
            size = Limits.from_size(step.recommendation.requests)
            assert size.cpu in cpu
            assert size.memory in memory
            verification = step.recommendation.verification
            if verification is not None:
                proof = trials[verification.trial - 1]
                assert (Outcome.PASSED, size, True) == (proof.outcome, Limits.from_size(proof.limits), proof.fresh)
