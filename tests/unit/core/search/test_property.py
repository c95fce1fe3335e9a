"""Over random services the search finds what exhaustive evaluation finds, in few trials."""

import statistics

import pytest
from benchmarks.search.truth import truth_of
from tests.unit.core.search.simulator import Noise, Simulation, random_simulation

from modelprofiler.api.trial import Outcome
from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import Recommend

COARSE = [random_simulation(number) for number in range(26)]
FINE = [random_simulation(number, cpus=100, memories=100) for number in range(26, 35)]


def distance(simulation: Simulation) -> tuple[int, int] | None:
    """Return how many steps of CPU and memory the answer is above the optimum; nothing when both say infeasible."""
    best, end = truth_of(simulation).best, simulation.run()
    if best is None:
        assert not isinstance(end, Recommend), "called an infeasible service feasible"
        return None
    assert isinstance(end, Recommend), "called a feasible service infeasible"
    limits = Limits.from_size(end.recommendation.limits)
    cpu, memory = simulation.axes
    return (
        cpu.position_of_ceil(limits.cpu) - cpu.position_of_ceil(best.cpu),
        memory.position_of_ceil(limits.memory) - memory.position_of_ceil(best.memory),
    )


@pytest.mark.parametrize(("simulations", "median", "maximum"), [(COARSE, 6, 12), (FINE, 7, 12)], ids=["720", "10000"])
def test_the_answer_is_the_optimum(simulations: list[Simulation], median: int, maximum: int) -> None:
    """Feasible, within one step of the optimum on both axes, and infeasible services called infeasible."""
    distances = [distance(simulation) for simulation in simulations]
    assert [] == [d for d in distances if d is not None and not (0 <= d[0] <= 1 and 0 <= d[1] <= 1)]
    trials = [len(simulation.trials) for simulation in simulations]
    assert statistics.median(trials) <= median
    assert max(trials) <= maximum


def test_what_is_verified_did_pass() -> None:
    """The trial that is named ran fresh, at exactly the recommended size, and passed; whatever the noise."""
    for number in range(39, 45):
        simulation = random_simulation(number, noise=Noise(runs=0.2, drift=0.02, stalls=0.1))
        end = simulation.run()
        if isinstance(end, Recommend) and end.recommendation.verification is not None:
            proof = simulation.trials[end.recommendation.verification.trial - 1]
            assert (end.recommendation.limits, True, Outcome.PASSED) == (proof.limits, proof.fresh, proof.outcome)
