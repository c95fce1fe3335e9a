"""Which tests may run side by side: `make integration` uses two processes."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent

WHOLE_RUNS = ("local", "azureml", "host", "test_shadowed_modules.py")
"""These start whole runs, of which the machine takes one at a time: another one would be refused, or wait. What opens a
control group is among them, since it ends what a run that was killed has left, as a test of that does to its own."""
ONE_SERVER = ("metrics", "monitoring", "chart")
"""These share servers of metrics or rendered charts, which should start once."""
ONE_SERVER_A_FILE = ("files", "plugin")
"""In these each file has servers of its own: an MLflow, a registry, an object store."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests in one process that would disturb each other in two, or would each start what they share."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        place = item.path.relative_to(HERE).parts[0]
        if place in WHOLE_RUNS:
            item.add_marker(pytest.mark.xdist_group("whole runs"))
        elif place in ONE_SERVER:
            item.add_marker(pytest.mark.xdist_group(place))
        elif place in ONE_SERVER_A_FILE:
            item.add_marker(pytest.mark.xdist_group(item.path.name))
