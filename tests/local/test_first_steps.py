"""From files to a report with the commands of docs/local.md, the run itself in a terminal, as a person sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.terminal import Terminal
from tests.ports import unused_port

pytestmark = pytest.mark.timeout(1200)

COMMAND = [sys.executable, "-m", "modelprofiler"]
PATIENCE_SECONDS = 900
"""A bound against hanging: an environment may have to be built, and another run may use this machine."""
SCRIPT = """import json
import os


def init():
    global known
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.json")) as file:
        known = json.load(file)


def run(raw_data):
    return [known.get(word, 0) for word in json.loads(raw_data)["words"]]
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, its entry script and requests."""
    folder = tmp_path_factory.mktemp("first-steps")
    (folder / "model.json").write_text('{"good": 1, "bad": -1}')
    (folder / "score.py").write_text(SCRIPT)
    (folder / "requests.txt").write_text("".join(f'{{"words": ["good", "bad", "{n}"]}}\n' for n in range(40)))
    return folder


def ran(work: Path, *arguments: str) -> str:
    """Run the command to its good end, and return what it says."""
    completed = subprocess.run(
        [*COMMAND, *arguments], cwd=work, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def test_files_become_a_profile_a_plan_a_run_and_a_report(control_groups: None, work: Path) -> None:
    """Four commands; the run shows a table that grows, with what is going on and how long it will take."""
    port = str(unused_port())
    files = ["--model", "model.json", "--entry-script", "score.py", "--dataset", "requests.txt"]
    profile = ran(work, "init", *files, "--port", port, "--rate", "20", "--latency", "p95=2s", "--name", "words")
    (work / "profile.yaml").write_text(profile)
    changes = ["--duration", "5s", "--cpu", "300m:600m:300m", "--memory", "256Mi:512Mi:256Mi"]

    assert "profile.yaml" in ran(work, "validate", "profile.yaml", *changes)
    plan = ran(work, "plan", "profile.yaml", *changes)
    assert "300m" in plan
    assert not (work / "modelprofiler-runs").exists()

    command = [*COMMAND, "run", "profile.yaml", *changes, "--wait", "600"]
    env = {**os.environ, "TERM": "xterm-256color"}
    with Terminal(command, cwd=work, env=env, width=120, height=120) as terminal:  # the whole report is on the screen
        going_on = terminal.until("Reference", PATIENCE_SECONDS)
        terminal.until("Verified", PATIENCE_SECONDS)
        end = terminal.ended(PATIENCE_SECONDS)  # before that the report may be painted in part
    assert "TRIAL" in going_on.upper()
    assert "300m" in end
    assert "words: Verified" in ran(work, "report", "modelprofiler-runs/words")
