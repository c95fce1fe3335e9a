"""The chart, rendered by the real Helm."""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Object = dict[str, Any]
Render = Callable[..., list[Object]]


@pytest.fixture(scope="session")
def chart(repository: Path) -> Path:
    """Return the chart's folder."""
    return repository / "charts" / "modelprofiler"


def _built_with_the_local_cluster() -> str | None:
    cache = Path(os.environ.get("MODELPROFILER_CACHE") or Path.home() / ".cache" / "modelprofiler")
    built = sorted(cache.glob("bin/kubernetes-*-helm-*/helm"), key=lambda path: path.stat().st_mtime)
    return str(built[-1]) if built else None


@pytest.fixture(scope="session")
def helm() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Helm: the one MODELPROFILER_HELM names, that on PATH, or the local cluster's own."""
    program = os.environ.get("MODELPROFILER_HELM") or shutil.which("helm") or _built_with_the_local_cluster()
    if not program:
        pytest.skip("no helm: MODELPROFILER_HELM names none, PATH has none, and `make cluster` has built none")

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        completed = subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=60)
        assert completed.returncode == 0 or not check, completed.stderr
        return completed

    return run


@pytest.fixture(scope="session")
def render(helm: Callable[..., subprocess.CompletedProcess[str]], chart: Path) -> Render:
    """Return a function that renders the chart with further arguments (`--set` …) and returns its objects."""

    @functools.cache
    def rendered(*arguments: str) -> str:
        return helm("template", "mp", str(chart), "--namespace", "tools", *arguments).stdout

    def run(*arguments: str) -> list[Object]:
        # The CRD is most of the text; the fast loader reads it in a fifth of the time.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return [document for document in yaml.load_all(rendered(*arguments), Loader=loader) if document]

    return run
