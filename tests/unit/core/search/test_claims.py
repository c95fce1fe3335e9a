"""Every clause of every explanation is shown by a trial, over simulated runs with and without noise."""

from dataclasses import replace

import pytest
from benchmarks.search.families import CHANGING, draw
from benchmarks.search.truth import truth_of
from tests.unit.core.search.claims import HOLDS, false_claims
from tests.unit.core.search.simulator import REQUESTS, Noise, Simulation, random_simulation, spec_of

from modelprofiler.core.search.claims import Kind
from modelprofiler.core.search.recommend import Explained

MARGINS = {"cpuMarginPercent": 10, "memoryMarginPercent": 20}


def with_margins(simulation: Simulation) -> Simulation:
    """Return the simulation with margins, and a coarse list of sizes in every third of them."""
    spec = simulation.spec
    data = spec.to_dict() | {"recommendation": MARGINS}
    if simulation.seed % 3 == 0:
        cpu, memory = simulation.axes
        values = sorted({cpu[i] for i in (0, len(cpu) // 4, len(cpu) // 2, -1)})
        data["resources"] = {
            "cpu": {"values": [f"{value}m" for value in values]},
            "memory": {"values": [str(value) for value in (memory[len(memory) // 2], memory.last)]},
        }
    return replace(simulation, spec=spec_of(**data), trials=[])


@pytest.mark.parametrize("family", CHANGING)
def test_a_cost_that_changes_with_the_size_costs_no_size(family: str) -> None:
    """Without noise the answer is the optimum or one step above, and no claim about it is false."""
    for number in range(6):
        simulation = draw(number, family, requests=REQUESTS)
        best, end = truth_of(simulation).best, simulation.run()
        if best is None:
            continue
        assert isinstance(end, Explained)
        cpu, size = simulation.axes[0], end.recommendation.requests.cpu
        assert size is not None
        assert 0 <= cpu.position_of_ceil(size.millicores) - cpu.position_of_ceil(best.cpu) <= 1
        assert [] == false_claims(simulation.spec, simulation.resources, simulation.trials, end)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2])
def test_every_claim_is_shown_by_a_trial(noise: float) -> None:
    """A false claim fails the test with its clause, trial and size."""
    explained = 0
    for number in range(39):
        simulation = with_margins(random_simulation(number, noise=Noise(runs=noise, drift=0.02 if noise else 0.0)))
        end = simulation.run()
        if isinstance(end, Explained):
            explained += 1
            assert [] == false_claims(simulation.spec, simulation.resources, simulation.trials, end)
    assert explained > 20


def test_every_kind_of_claim_is_checked() -> None:
    """A kind that is added needs a predicate."""
    assert set(Kind) == set(HOLDS)
