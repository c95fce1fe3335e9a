"""What every test may use. What needs a cluster is in tests/e2e/conftest.py."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parent.parent
