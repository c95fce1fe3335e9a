"""What every test may use. What needs a cluster is in tests/e2e/conftest.py."""

import os
import signal
from pathlib import Path

import pytest

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup import open_cgroup

# A shell has background jobs ignore Ctrl-C, and what they start inherits that; tests of it are about a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def control_groups() -> None:
    """Skip what needs a control group where none can be had; where CI relies on it, that is a failure."""
    try:
        open_cgroup("test").remove()
    except LimitsUnavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no control group can be had here, which is a failure because CI=true: {error}")
        pytest.skip(f"no control group can be had here: {error}")
