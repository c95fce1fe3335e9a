"""A profile as a script sees it: its state, its result and its messages."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from tests.unit.azureml import documents

from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.profiling import local_run, worker
from modelprofiler.azureml.profiling.result import Details
from modelprofiler.azureml.store import read_json, write_json

Manifest = dict[str, Any]
Ends = Callable[..., ModelProfile]


@pytest.fixture
def directory(ws: Workspace, config: InferenceConfig, requests: TabularDataset, not_started: None) -> Path:
    """Return the directory of a run whose process is this one."""
    Path("model.joblib").write_text("weights", encoding="utf-8")
    model = Model.register(ws, "model.joblib", "m")
    options: dict[str, Any] = {"cpu": 0.5, "memory_in_gb": 1.25, "description": "why", "auto_tag": True, "rate": 50}
    Model.profile(ws, "p", [model], config, requests, **options)
    directory = ws.store.path("profiles", "p")
    local_run.update_state(directory, pid=os.getpid(), command=psutil.Process().cmdline())
    return directory


@pytest.fixture
def manifest(directory: Path) -> Manifest:
    """Return the manifest that the run was started with."""
    data: Manifest = yaml.safe_load((directory / "profile.yaml").read_text(encoding="utf-8"))
    return data


def test_a_profile_with_a_process_is_running(ws: Workspace, directory: Path) -> None:
    """The requested size is known already."""
    profile = ModelProfile(ws, "p")
    assert "Running" == profile.state
    assert profile.error is None
    expected = {
        "name": "p",
        "description": "why",
        "state": "Running",
        "requestedCpu": 0.5,
        "requestedMemoryInGB": 1.25,
        "requestedQueriesPerSecond": 50.0,
        "errorLogsUri": (directory / "run.log").as_uri(),
        "createdTime": profile.serialize()["createdTime"],
    }
    assert expected == profile.get_details()


def test_the_result_has_azure_ml_keys_and_units(ws: Workspace, directory: Path, manifest: Manifest) -> None:
    """Cores, GB and milliseconds as floats, at the requested size; the recommended size has keys of its own."""
    write_json(directory / "run/profile.json", documents.finished(manifest))
    profile = ModelProfile(ws, "p")
    measured = {
        "totalQueries": 200.0,
        "successQueries": 199.0,
        "successRate": 99.5,
        "averageLatencyInMs": 8.0,
        "latencyPercentile50InMs": 7.5,
        "latencyPercentile90InMs": 10.0,
        "latencyPercentile95InMs": 12.5,
        "latencyPercentile99InMs": 20.0,
        "latencyPercentile999InMs": 30.0,
        "measuredQueriesPerSecond": 49.5,
    }
    expected = {
        "requestedCpu": 0.5,
        "requestedMemoryInGB": 1.25,
        "requestedQueriesPerSecond": 50.0,
        "maxUtilizedMemoryInGB": 0.187,
        "maxUtilizedCpu": 0.4,
        **measured,
        "state": "Succeeded",
        "name": "p",
        "description": "why",
        "createdTime": profile.serialize()["createdTime"],
        "recommendedMemoryInGB": 0.25,
        "recommendedCpu": 0.45,
        "verifiedCpu": 0.45,
        "verifiedMemoryInGB": 0.25,
        "verifiedMaxUtilizedCpu": 0.39,
        **{f"verified{key[0].upper()}{key[1:]}": value for key, value in measured.items()},
    }
    details = profile.get_details()
    assert expected == details
    assert all(
        isinstance(v, float) for k, v in details.items() if k not in ("state", "name", "description", "createdTime")
    )
    assert ["m:1"] == profile.model_ids
    assert profile.serialize()["inputDatasetId"] == profile.input_dataset_id


def test_both_spellings_of_a_key_work() -> None:
    """Azure ML's example reads a key that its result did not have."""
    details = Details({"requestedMemoryInGB": 1.0, "requestedCpu": 2.0})
    assert 1.0 == details["requestedMemoryInGb"] == details["requestedMemoryInGB"] == details.get("requestedMemoryInGb")
    assert "requestedMemoryInGb" in details
    assert "recommendedMemoryInGb" not in details
    assert details.get("recommendedMemoryInGB") is None
    assert {"requestedMemoryInGB": 1.0, "requestedCpu": 2.0} == json.loads(json.dumps(details))
    with pytest.raises(KeyError):
        details["recommendedCpu"]


def test_the_first_names_of_the_keys_say_where_they_went() -> None:
    """The SDK's first result had cpu and memoryInGB: the recommendation, which has other keys since."""
    details = Details({"recommendedCpu": 0.5, "recommendedMemoryInGB": 0.25, "state": "Succeeded"})
    with pytest.warns(UserWarning, match="the key cpu of a result is now called recommendedCpu"):
        assert 0.5 == details["cpu"]
    with pytest.warns(UserWarning, match="the key memoryInGB of a result is now called recommendedMemoryInGB"):
        assert 0.25 == details["memoryInGB"]
    assert ["recommendedCpu", "recommendedMemoryInGB", "state"] == list(details)
    message = "the key cpu is now called recommendedCpu, and this result has no recommendedCpu: its state is Failed"
    with pytest.raises(KeyError, match=message) as error:
        Details({"state": "Failed"})["cpu"]
    assert message == str(error.value)


@pytest.mark.usefixtures("not_started")
def test_the_requested_rate_is_always_there(ws: Workspace, requests: TabularDataset, config: InferenceConfig) -> None:
    """Scripts read it as a number; it is 0 where no rate was requested."""
    profile = Model.profile(ws, "closed", [], config, requests, cpu=0.5, memory_in_gb=1)
    assert 0.0 == profile.get_details()["requestedQueriesPerSecond"]
    assert 0.0 == profile.requested_queries_per_second


def test_success_with_issues_warns_and_reports_them(ws: Workspace, directory: Path, manifest: Manifest) -> None:
    """A size that was not verified is such an issue."""
    write_json(directory / "run/profile.json", documents.finished(manifest, "NotVerified", "time was up"))
    profile = ModelProfile(ws, "p")
    with pytest.warns(UserWarning, match="completed, but encountered issues during execution: time was up"):
        details = profile.get_details()
    assert {"code": "NotVerified", "message": "time was up"} == details["error"]
    assert "verifiedCpu" not in details


@pytest.mark.parametrize(
    ("reason", "state"), [("NoFeasibleSize", "Failed"), ("DeadlineExceeded", "TimedOut"), ("Unreliable", "Failed")]
)
def test_a_run_without_a_recommendation_says_why(
    ws: Workspace, directory: Path, manifest: Manifest, reason: str, state: str
) -> None:
    """The result has Azure ML's keys."""
    write_json(directory / "run/profile.json", documents.failed(manifest, reason, "so it is"))
    profile = ModelProfile(ws, "p")
    with pytest.warns(UserWarning, match="so it is"):
        profile.wait_for_completion()
    details = profile.get_details()
    assert {"code": reason, "message": "so it is"} == details["error"]
    assert state == details["state"]
    assert "recommendedCpu" not in details


def test_a_run_whose_process_died_has_failed(ws: Workspace, directory: Path) -> None:
    """The error contains the end of its output."""
    (directory / "run.log").write_text("one\nno such command\n", encoding="utf-8")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    local_run.update_state(directory, pid=gone.pid)
    profile = ModelProfile(ws, "p")
    assert "Failed" == profile.state
    assert profile.error is not None
    assert profile.error["message"].endswith("its last output: one | no such command")


def test_another_process_with_the_same_number_is_not_that_of_the_run(ws: Workspace, directory: Path) -> None:
    """A machine assigns numbers again after a restart."""
    local_run.update_state(directory, command=[sys.executable, "-m", "another"])
    assert "Failed" == ModelProfile(ws, "p").state


def test_an_unknown_profile_is_refused_and_the_known_ones_are_named(ws: Workspace, directory: Path) -> None:
    """By name."""
    for name in ("q", "", "../p"):
        with pytest.raises(WebserviceException, match="not found in provided workspace; there are p") as error:
            ModelProfile(ws, name)
        assert 404 == error.value.status_code


def test_waiting_prints_the_state_and_the_trials(
    ws: Workspace, directory: Path, manifest: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without show_output it prints nothing."""
    write_json(directory / "run/profile.json", documents.finished(manifest))
    ModelProfile(ws, "p").wait_for_completion()
    assert "" == capsys.readouterr().out.replace("Registering model m\n", "")
    ModelProfile(ws, "p").wait_for_completion(show_output=True)
    expected = [
        "Trial 1: Reference at 2 CPU, 8000M memory: Passed, p95 12.5ms",
        "Trial 2: Bisect at 400m CPU, 8000M memory: Slow, p95 12.5ms",
        "Trial 3: Confirm at 450m CPU, 250M memory: Passed, p95 12.5ms",
        "Succeeded",
    ]
    assert expected == capsys.readouterr().out.splitlines()


def test_the_manifest_is_the_one_the_run_was_started_with(ws: Workspace, directory: Path, manifest: Manifest) -> None:
    """The same holds after its end: there is no status and no default."""
    write_json(directory / "run/profile.json", documents.finished(manifest))
    assert manifest == yaml.safe_load(ModelProfile(ws, "p").to_manifest())


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that replaces the engine by a Python program, whose argument is the run's directory."""

    def install(text: str) -> None:
        def command(directory: Path) -> list[str]:
            return [sys.executable, "-c", text, str(directory)]

        monkeypatch.setattr(worker, "engine", command)
        monkeypatch.setattr(signal, "signal", lambda *_: None)

    return install


def test_a_run_that_has_succeeded_tags_its_models_with_auto_tag(
    ws: Workspace, directory: Path, manifest: Manifest, engine: Callable[[str], None]
) -> None:
    """The tags are those of Azure ML's example."""
    text = json.dumps(documents.finished(manifest))
    engine(
        "import sys, pathlib; directory = pathlib.Path(sys.argv[1], 'run'); directory.mkdir();"
        f"(directory / 'profile.json').write_text({text!r})"
    )
    assert 0 == worker.main([str(directory)])
    expected = {
        "requestedCpu": "0.5",
        "requestedMemoryInGB": "1.25",
        "recommendedCpu": "0.45",
        "recommendedMemoryInGB": "0.25",
        "profileName": "p",
    }
    assert expected == Model(ws, "m").tags


def test_the_output_of_the_engine_is_used_where_it_wrote_no_file(
    ws: Workspace, directory: Path, manifest: Manifest, engine: Callable[[str], None]
) -> None:
    """A file that it wrote is not replaced."""
    engine(f"print({json.dumps(documents.finished(manifest))!r})")
    assert 0 == worker.main([str(directory)])
    assert "Succeeded" == ModelProfile(ws, "p").state


def test_a_run_whose_engine_refuses_has_failed(ws: Workspace, directory: Path, engine: Callable[[str], None]) -> None:
    """Its exit code and the end of its output are reported."""
    (directory / "run.log").write_text("modelprofiler: spec.model: no such file\n", encoding="utf-8")
    engine("raise SystemExit(2)")
    assert 2 == worker.main([str(directory)])
    state = read_json(directory / "state.json")
    assert state is not None
    assert "Failed" == state["ended"]
    assert "exit code 2; its last output: modelprofiler: spec.model: no such file" in state["message"]


def test_cancelling_stops_the_process(ws: Workspace, directory: Path) -> None:
    """A second call changes nothing."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = subprocess.Popen(command, start_new_session=True)
    local_run._children.append(child)
    local_run.update_state(directory, pid=child.pid, command=command)
    profile = ModelProfile(ws, "p")
    profile.cancel()
    assert child.wait(timeout=10) == -signal.SIGTERM
    assert "Cancelled" == profile.state == ModelProfile(ws, "p").state
    with pytest.warns(UserWarning, match="it was cancelled"):
        profile.wait_for_completion()
    profile.cancel()
