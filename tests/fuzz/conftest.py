"""How long tests of decoders may take: as long as `make fuzz` has them go on, and what hangs is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz.exploring import SECONDS

HERE = Path(__file__).parent
LONGEST_SECONDS = 120.0
"""Until a test ends once its time is over: an input that fails is made smaller for a while."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test its time; by a thread, as a signal does not end what hangs in the loop of a load."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS + LONGEST_SECONDS, method="thread"))
