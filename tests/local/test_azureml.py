"""Whole programs of Azure ML's users on this machine: real server, real load, real search; minutes each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.profiling.local_run import PROFILES
from modelprofiler.azureml.store import HOME_VARIABLE

OLD_STYLE = Path(__file__).parent / "old_style"

SHORT = {"DURATION": "10s", "WARMUP": "1s", "SOAK": "0s"}
"""Shorter windows than by default, and no soak."""
EASY = {"RATE": "10", "LATENCY": "p95=5s"}
"""Instead of the default load and objective, with which a run has more trials."""


pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a directory to work in, and a store of its own; a run that a failed test leaves is stopped."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    for name, value in (SHORT | EASY).items():
        monkeypatch.setenv(f"MODELPROFILER_PROFILE_{name}", value)
    yield
    ws = Workspace.local()
    for name in ws.store.names(PROFILES):
        ModelProfile(ws, name).cancel()


def run(program: str) -> str:
    """Run a program in the current directory and return what it prints."""
    completed = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, env=os.environ.copy()
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.mark.whole_run  # the end-to-end tests run the same program in a cluster
def test_the_published_program_runs_with_its_imports_changed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten features, a schema, the model by its name, the default load and objective; it tags the model."""
    for name in EASY:
        monkeypatch.delenv(f"MODELPROFILER_PROFILE_{name}")
    example = repository / "examples/azureml"
    for name in ("profile_model.py", "score.py", "requirements.txt", "model.joblib"):
        shutil.copy(example / name, name)
    run("profile_model.py")
    ws = Workspace.local()
    profile = ModelProfile(ws, "unique-name")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on a machine that others fill it says that nothing could be verified
        details = profile.get_details()
    assert "Succeeded" == details["state"], profile.serialize()
    assert 0.1 <= details["recommendedCpu"] <= details["requestedCpu"]
    assert 0.1 <= details["recommendedMemoryInGB"] <= details["requestedMemoryInGb"]
    assert 100.0 == details["successRate"]
    assert details["recommendedCpu"] == details.get("verifiedCpu", details["recommendedCpu"])
    tags = Model(ws, "diabetes").tags
    assert str(details["recommendedCpu"]) == tags["recommendedCpu"]
    assert str(details["recommendedMemoryInGB"]) == tags["recommendedMemoryInGB"]


def test_an_old_script_runs_after_one_word_was_replaced() -> None:
    """Every class that such a script has; two models, files next to the scoring script, an old Python."""
    for file in OLD_STYLE.rglob("*.txt"):
        target = Path(file.relative_to(OLD_STYLE)).with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = re.sub(r"\bazureml\b", "modelprofiler.azureml", file.read_text(encoding="utf-8"))
        target.write_text(text, encoding="utf-8")
    Path("offsets").mkdir()
    Path("weights.json").write_text(json.dumps({"factor": 2}), encoding="utf-8")
    Path("offsets/offset.json").write_text(json.dumps({"offset": 1}), encoding="utf-8")
    assert len(Path("profile_model.py").read_text(encoding="utf-8").splitlines()) >= 60
    printed = run("profile_model.py")
    assert 5 == printed.count("as expected:")
    profile = ModelProfile(Workspace.local(), "old-style")
    assert "Succeeded" == profile.state, profile.serialize()
    assert "ported by replacing one word" == profile.description
    assert profile.recommended_cpu == profile.get_details()["verifiedCpu"]
    assert f"deploy with {profile.recommended_cpu} {profile.recommended_memory}" in printed
    assert str(profile.recommended_cpu) == Model(Workspace.local(), "offset").tags["recommendedCpu"]
