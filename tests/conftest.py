"""What every test may use. What needs a cluster is in tests/e2e/conftest.py."""

import signal
from pathlib import Path

import pytest

# A shell has background jobs ignore Ctrl-C, and what they start inherits that; tests of it are about a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parent.parent
