"""Bayesian optimisation as a peer: Optuna's Gaussian process sampler, with latency and memory as constraints.

Needs `optuna` with `torch` (requirements/bench.txt); without them the table says that it is missing.
"""

from __future__ import annotations

import warnings

from benchmarks.search.peers import Bench
from benchmarks.search.service import Measured

from modelprofiler.core.axis import Limits

UTILISATION = 0.7
"""Share of a CPU limit at which a queue is usually planned: the first guess of the search with a warm start."""

STARTUP = 3
"""Trials at random before the first model; Optuna's own default is ten, more than the whole budget."""


def missing() -> str | None:
    """Return why it cannot be run; nothing when it can."""
    try:
        import optuna  # noqa: F401  an optional peer
        import torch  # noqa: F401
    except ImportError as e:
        return f"{e.name} is not installed"
    return None


def bayesian(bench: Bench, budget: int) -> Limits | None:
    """Minimise cost under the two constraints; the cheapest that passed."""
    return _search(bench, budget, warm=False)


def warm_started(bench: Bench, budget: int) -> Limits | None:
    """Do the same after the ceiling and the size that follows from it, instead of sizes at random."""
    return _search(bench, budget, warm=True)


def _search(bench: Bench, budget: int, *, warm: bool) -> Limits | None:
    import optuna
    import torch

    torch.set_num_threads(1)  # the other CPUs have services of their own
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    cpu, memory = bench.axes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the sampler is marked as experimental
        sampler = optuna.samplers.GPSampler(
            seed=bench.simulation.seed,
            n_startup_trials=2 if warm else STARTUP,
            deterministic_objective=not bench.simulation.noise.runs,
            constraints_func=lambda trial: trial.user_attrs["excess"],
        )
        study = optuna.create_study(sampler=sampler, direction="minimize")
        axes = {
            "cpu": optuna.distributions.IntDistribution(0, len(cpu) - 1),
            "memory": optuna.distributions.IntDistribution(0, len(memory) - 1),
        }
        if warm:
            study.enqueue_trial({"cpu": len(cpu) - 1, "memory": len(memory) - 1})
        passed = []
        for number in range(budget):
            trial = study.ask(axes)
            size = Limits(cpu[trial.params["cpu"]], memory[trial.params["memory"]])
            measured = bench.measured(size)
            slow, full = bench.bounds.excess(bench.simulation, measured), measured.memory / size.memory - 1
            trial.set_user_attr("excess", [min(slow, 10.0), full])
            study.tell(trial, bench.truth.cost(size))
            if slow <= 0 and full <= 0:
                passed.append(size)
            if warm and number == 0:
                study.enqueue_trial(_guess(bench, measured))
    return bench.cheapest(passed)


def _guess(bench: Bench, measured: Measured) -> dict[str, int]:
    """Return the positions of the size that the run at the ceiling suggests, by the utilisation law and its peak."""
    cpu, memory = bench.axes
    rate = bench.simulation.service.count / measured.seconds
    needed = 1000 * rate * measured.cpu_per_request / UTILISATION
    return {
        "cpu": cpu.position_of_ceil(min(cpu.last, cpu.ceil(needed))),
        "memory": memory.position_of_ceil(min(memory.last, memory.ceil(measured.memory))),
    }
