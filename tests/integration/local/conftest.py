"""A run of the server of known cost, ready to be measured."""

from pathlib import Path

import pytest
from tests.integration.local.support import prepare

from modelprofiler.local.prepared import Prepared


@pytest.fixture
def prepared(tmp_path: Path, repository: Path) -> Prepared:
    """Return a run of the server of known cost."""
    return prepare(tmp_path, repository)
