"""Over random services the search finds what exhaustive evaluation finds, in few trials."""

import statistics

import pytest
from tests.unit.core.simulator import Simulation, best_size, random_simulation

from modelprofiler.api.status import Outcome
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.steps import Recommend

COARSE = [random_simulation(seed, run_noise=0.0) for seed in range(50)]
FINE = [random_simulation(1000 + seed, cpus=96, memories=97, run_noise=0.0) for seed in range(15)]


def distance(simulation: Simulation) -> tuple[int, int] | None:
    """Return how many steps of CPU and memory the answer is above the optimum; nothing when both say infeasible."""
    best, end = best_size(simulation), simulation.run()
    if best is None:
        assert not isinstance(end, Recommend), "called an infeasible service feasible"
        return None
    assert isinstance(end, Recommend), "called a feasible service infeasible"
    found = Limits.from_size(end.recommendation.limits)
    cpu, memory = cpu_axis(simulation.resources.cpu), memory_axis(simulation.resources.memory)
    return (
        cpu.position_of_ceil(found.cpu) - cpu.position_of_ceil(best.cpu),
        memory.position_of_ceil(found.memory) - memory.position_of_ceil(best.memory),
    )


@pytest.mark.parametrize(("simulations", "median", "most"), [(COARSE, 6, 10), (FINE, 7, 13)], ids=["551", "9312"])
def test_the_answer_is_the_optimum(simulations: list[Simulation], median: int, most: int) -> None:
    """Feasible, within one step of the optimum on both axes, and infeasible services called infeasible."""
    found = [distance(simulation) for simulation in simulations]
    assert [] == [d for d in found if d is not None and not (0 <= d[0] <= 1 and 0 <= d[1] <= 1)]
    trials = [len(simulation.trials) for simulation in simulations]
    assert statistics.median(trials) <= median
    assert max(trials) <= most


def test_what_is_verified_did_pass() -> None:
    """The trial that is named ran fresh, at exactly the recommended size, and passed; whatever the noise."""
    for seed in range(2000, 2006):
        simulation = random_simulation(seed, run_noise=0.2)
        end = simulation.run()
        if isinstance(end, Recommend) and end.recommendation.verification is not None:
            proof = simulation.trials[end.recommendation.verification.trial - 1]
            assert (end.recommendation.limits, True, Outcome.PASSED) == (proof.limits, proof.fresh, proof.outcome)
