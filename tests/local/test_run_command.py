"""``modelprofiler run`` from its file to its report, as a person uses it: interrupted once, and resumed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.claims.recorded import unproved
from tests.local import cost
from tests.local.cost import CPU_SECONDS
from tests.machine import in_user_mode
from tests.ports import unused_port

from modelprofiler.api.resource import ModelProfile
from modelprofiler.host.owner import owner_prefix
from modelprofiler.report.record import RunRecord

pytestmark = pytest.mark.timeout(900)

SOON_SECONDS = 15
"""A bound against hanging, however busy the machine; on an idle one it takes a fifth of a second."""
COMMAND = (sys.executable, "-m", "modelprofiler.cli")
WAIT = ("--wait", "600")
"""Another run may use this machine."""


@dataclass(frozen=True)
class WholeRun:
    """What a run that was interrupted after its first trial and then resumed did and left."""

    interrupted: subprocess.CompletedProcess[str]
    stopped_within: float
    left_behind: list[str]
    refused: subprocess.CompletedProcess[str]
    first: RunRecord
    resumed: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    directory: Path

    @property
    def profile(self) -> ModelProfile:
        """The finished profile, as it was printed."""
        return ModelProfile.parse(json.loads(self.resumed.stdout))


@pytest.fixture(scope="module")
def run(control_groups: None, tmp_path_factory: pytest.TempPathFactory, repository: Path) -> WholeRun:
    """Start a run, try to start a second one, interrupt the first, resume it."""
    port = unused_port()
    base = tmp_path_factory.mktemp("run")
    file = cost.write(base / "profile.yaml", repository, port)
    command = [*COMMAND, "run", str(file), "--directory", str(base / "kept"), "--output", "json", *WAIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        progress = ""
        while not re.search(r"trial [2-9] \w+: sending", progress):
            line = process.stderr.readline()
            assert line, progress
            progress += line
        # It stands still meanwhile, and has the machine all the same: so it cannot be over before the other has looked.
        process.send_signal(signal.SIGSTOP)
        completed = subprocess.run(
            [*COMMAND, "run", str(file)], capture_output=True, text=True, check=False, timeout=60
        )
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.send_signal(signal.SIGCONT)
        out, more = process.communicate(timeout=30)
        within = time.monotonic() - began
    interrupted = subprocess.CompletedProcess(command, process.returncode, out, progress + more)
    mine = owner_prefix().rsplit("-", 2)[0].replace(str(os.getpid()), str(process.pid))
    left = [str(p) for p in Path("/sys/fs/cgroup").glob(f"*/{mine}-*")]
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            left.append(f"a server on port {port}")
    first = RunRecord.read(base / "kept")
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, timeout=600)
    with socket.create_server(("127.0.0.1", port)):
        again = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, timeout=600)
    return WholeRun(interrupted, within, left, completed, first, resumed, again, base / "kept")


def test_ctrl_c_stops_server_and_load_and_leaves_nothing_behind(run: WholeRun) -> None:
    """Soon, with an exit code of its own, and how to go on."""
    assert (130, []) == (run.interrupted.returncode, run.left_behind)
    assert run.stopped_within < SOON_SECONDS
    assert f"--resume continues after the finished trials in {run.directory}" in run.interrupted.stderr


def test_every_sentence_is_shown_by_the_trials(run: WholeRun) -> None:
    """Of the explanation, of how the run ended, and of each trial."""
    assert [] == unproved(run.profile, "Local")


def test_a_second_run_at_the_same_time_is_refused(run: WholeRun) -> None:
    """It says which run it would disturb."""
    assert 1 == run.refused.returncode
    assert "profile cost (process " in run.refused.stderr
    assert "two runs would disturb each other" in run.refused.stderr


def test_a_resumed_run_goes_on_from_the_finished_trials(run: WholeRun) -> None:
    """None of them runs again."""
    assert 0 == run.resumed.returncode, run.resumed.stderr
    before = run.first.profile.status.trials
    assert before
    assert before == run.profile.status.trials[: len(before)]


def test_a_run_that_has_ended_is_shown_again(run: WholeRun) -> None:
    """Another process may have its port now: nothing is started."""
    assert 0 == run.again.returncode, run.again.stderr
    assert "nothing is left to measure" in run.again.stderr
    status = ModelProfile.parse(json.loads(run.again.stdout)).status
    before = run.profile.status
    assert (before.trials, before.recommendations) == (status.trials, status.recommendations)
    assert (before.start_time, before.completion_time) == (status.start_time, status.completion_time)


def test_the_smallest_size_is_recommended_and_was_run(run: WholeRun) -> None:
    """30 requests/s of 5 ms fit into 250m with room to spare, 20 MiB and an interpreter into 64Mi.

    A kernel in user mode counts more CPU than that on a busy machine, and throttles for it.
    """
    (recommendation,) = run.profile.status.recommendations
    assert "64Mi" == str(recommendation.limits.memory)
    assert str(recommendation.limits.cpu) in ({"250m", "500m"} if in_user_mode() else {"250m"})
    assert recommendation.verification is not None
    proof = run.profile.status.trials[recommendation.verification.trial - 1]
    assert (recommendation.limits, "Local") == (proof.limits, recommendation.verification.environment)


@pytest.mark.skipif(in_user_mode(), reason="the kernel's clock of CPU time runs on while the host does something else")
def test_what_a_request_costs_is_what_the_server_burns(run: WholeRun) -> None:
    """From the control group's own counter."""
    usage = run.profile.status.trials[0].usage
    assert usage is not None
    assert usage.cpu_time_per_request is not None
    assert pytest.approx(CPU_SECONDS, rel=0.1) == usage.cpu_time_per_request.seconds
    assert usage.source == "Cgroup"


def test_the_status_is_that_of_a_finished_profile(run: WholeRun) -> None:
    """The conditions that a cluster would show."""
    conditions = {c.type: c.status for c in run.profile.status.conditions}
    assert {"Finished": "True", "Succeeded": "True", "Ready": "True"}.items() <= conditions.items()


def test_every_trial_is_on_disk_in_full(run: WholeRun) -> None:
    """Load, samples and the server's own output; and the page."""
    kept = RunRecord.read(run.directory).trials
    assert len(kept) == len(run.profile.status.trials)
    assert all(t.load is not None and t.memory and t.cpu_seconds for t in kept)
    assert "listening on" in (run.directory / "trials/001.log").read_text()
    assert "<svg" in (run.directory / "report.html").read_text()
