"""Profiles the tests of the resource begin with."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).resolve().parent
Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def minimal() -> dict[str, Any]:
    """Return the least a profile can say."""
    data: dict[str, Any] = yaml.safe_load((HERE / "minimal.yaml").read_text(encoding="utf-8"))
    return data


@pytest.fixture
def change(minimal: dict[str, Any]) -> Change:
    """Return a function that gives the minimal profile with some fields (by their paths) set, or removed by None."""

    def apply(fields: dict[str, Any]) -> dict[str, Any]:
        changed = copy.deepcopy(minimal)
        for path, value in fields.items():
            *parents, last = path.split(".")
            target = changed
            for name in parents:
                target = target.setdefault(name, {})
            target[last] = value
            if value is None:
                del target[last]
        return changed

    return apply
