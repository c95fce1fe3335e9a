"""A BLAS-bound scikit-learn model, whose libraries size their pools from the CPUs that they see."""

from __future__ import annotations

import os

from benchmarks.threads.trials import NODE_CPUS, Case

SIZES = (400, 300, 200, 150, 100)
"""In millicores."""

_SCRIPT = """
import json
import os
import numpy as np
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

def init():
    global model
    if POOL and "OPENBLAS_NUM_THREADS" not in os.environ:
        threadpool_limits(POOL)
    chance = np.random.default_rng(0)
    model = MLPRegressor(hidden_layer_sizes=(640, 640), max_iter=1, random_state=0)
    model.fit(chance.normal(size=(64, 128)), chance.normal(size=64))

def run(data):
    chance = np.random.default_rng(json.loads(data)["row"])
    return float(model.predict(chance.normal(size=(320, 128))).mean())
"""


def cases() -> list[Case]:
    """Return the model with this machine's pools, with a large node's, and with those that Auto sets there."""
    own, node = (
        {"entryScript": {"source": {"inline": f"POOL = {pool}\n{_SCRIPT}"}}}
        for pool in (0, NODE_CPUS)  # 0: what the libraries make by themselves
    )
    return [
        Case(f"None: {os.cpu_count()} CPUs, this machine's", own),
        Case(f"None: as on {NODE_CPUS} CPUs", node),
        Case("Auto", node, threads="Auto"),
    ]
