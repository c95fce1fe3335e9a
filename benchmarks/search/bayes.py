"""Bayesian optimisation as a peer: Optuna's Gaussian process sampler, with latency and memory as constraints.

Needs `optuna` with `torch` (requirements/bench.txt); without them the table says that it is missing.
"""

from __future__ import annotations

import warnings

from benchmarks.search.peers import Bench

from modelprofiler.core.axis import Limits

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
    import optuna
    import torch

    torch.set_num_threads(1)  # the other CPUs have services of their own
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    cpu, memory = bench.axes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the sampler is marked as experimental
        sampler = optuna.samplers.GPSampler(
            seed=bench.simulation.seed,
            n_startup_trials=STARTUP,
            deterministic_objective=not bench.simulation.noise.runs,
            constraints_func=lambda trial: trial.user_attrs["excess"],
        )
    study = optuna.create_study(sampler=sampler, direction="minimize")
    axes = {
        "cpu": optuna.distributions.IntDistribution(0, len(cpu) - 1),
        "memory": optuna.distributions.IntDistribution(0, len(memory) - 1),
    }
    passed = []
    for _ in range(budget):
        trial = study.ask(axes)
        size = Limits(cpu[trial.params["cpu"]], memory[trial.params["memory"]])
        slow, full = bench.excess(size)
        trial.set_user_attr("excess", [min(slow, 10.0), full])
        study.tell(trial, bench.truth.cost(size))
        if slow <= 0 and full <= 0:
            passed.append(size)
    return bench.cheapest(passed)
