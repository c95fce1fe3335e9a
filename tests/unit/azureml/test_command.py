"""``modelprofiler ml`` and ``modelprofiler tag``: the flags and files of ``az ml``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.azureml import documents

from modelprofiler.azureml.core import Environment, Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.profiling.local_run import LocalRuns
from modelprofiler.azureml.store import write_json
from modelprofiler.cli import main

Ran = tuple[int, Any, str]
Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command and returns its exit code, the JSON on stdout, and stderr."""

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return command


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that sets how every run ends: at once, without a process."""

    def install(reason: str) -> None:
        def start(
            self: LocalRuns, directory: Path, manifest: dict[str, Any], models: list[str], uri: str | None
        ) -> None:
            write_json(directory / "profile.yaml", manifest)
            write_json(directory / "state.json", {"models": models, "store": str(self.store.root)})
            good = reason == "Verified"
            status = documents.finished(manifest) if good else documents.failed(manifest, reason, "so it is")
            write_json(directory / "run/profile.json", status)

        monkeypatch.setattr(LocalRuns, "start", start)

    return install


@pytest.fixture
def dataset_id(ws: Workspace, requests: TabularDataset) -> str:
    """Return the id of a registered dataset."""
    return str(requests.register(ws, "requests").id)


@pytest.fixture(autouse=True)
def files(config: InferenceConfig) -> None:
    """Create a model, a script and an inference configuration."""
    Path("model.joblib").write_text("weights", encoding="utf-8")
    Path("env.yml").write_text("dependencies:\n- numpy\n", encoding="utf-8")
    inference = {"entryScript": "score.py", "runtime": "python", "condaFile": "env.yml", "enableGpu": False}
    Path("inf.json").write_text(json.dumps(inference), encoding="utf-8")


def test_the_published_command_profiles_a_model(
    ws: Workspace, run: Run, ends: Callable[[str], None], dataset_id: str
) -> None:
    """The commands of Azure's article register, profile and tag a model, with its odd flags."""
    ends("Verified")
    assert 0 == run("ml", "model", "register", "-n", "diabetes", "-p", "model.joblib")[0]
    location_options = ("-g", "GROUP", "-w", "WORKSPACE")
    call = ("--inference-config-file", "inf.json", "-m", "diabetes:1", "--idi", dataset_id, "-n", "unique-name")
    code, details, stderr = run("ml", "model", "profile", *location_options, *call, "-t", "out.json")
    assert 0 == code
    assert (0.45, 0.25, "Succeeded") == tuple(details[k] for k in ("recommendedCpu", "recommendedMemoryInGB", "state"))
    assert "numpy is taken from PyPI as numpy" in stderr
    assert "Trial 3: Confirm" in stderr
    written = json.loads(Path("out.json").read_text(encoding="utf-8"))
    expected = {"workspaceName": "WORKSPACE", "resourceGroupName": "GROUP", "cpu": 0.45, "memoryInGB": 0.25}
    assert {**details, **expected} == written
    tags = ("--add-tag", "requestedCpu=1", "--add-tag", "requestedMemoryInGb=0.5")
    assert 0 == run("ml", "model", "profile", *location_options, "--i", "diabetes:1", *tags)[0]
    assert {"requestedCpu": "1", "requestedMemoryInGb": "0.5"} == Model(ws, "diabetes").tags
    assert 0 == run("ml", "model", "update", *location_options, "-i", "diabetes:1", "--add-tag", "requestedCpu=2")[0]
    assert "2" == Model(ws, "diabetes").tags["requestedCpu"]


@pytest.mark.parametrize(("reason", "state"), [("NoFeasibleSize", "Failed"), ("DeadlineExceeded", "TimedOut")])
def test_a_run_without_a_result_has_exit_code_1(
    run: Run, ends: Callable[[str], None], dataset_id: str, reason: str, state: str
) -> None:
    """The result contains the error."""
    ends(reason)
    code, details, stderr = run("ml", "model", "profile", "--es", "score.py", "--idi", dataset_id, "-n", "p")
    assert (1, state, "so it is") == (code, details["state"], details["error"]["message"])
    assert "so it is" in stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Error, need to specify entry_script"),
        (("--ic", "gone.json"), "--inference-config-file gone.json: there is no such file"),
        (("--ic", "inf.json", "-n", ""), "profile_name cannot be None or empty."),
        (("--ic", "inf.json"), "Dataset not provided."),
        (("--ic", "inf.json", "--cc", "9"), "Expected cpu value is between 0.1 and 3.5. Provided: 9.0"),
        (("--ic", "inf.json", "--gb", "99"), "Expected memory value is between 0.1 and 15.0. Provided: 99.0"),
        (("--ic", "inf.json", "--idi", "x"), 'Cannot find dataset with id "x"'),
        (("--ic", "inf.json", "-m", "x:1"), "ModelNotFound: Model with name x, version 1"),
        (("--ic", "inf.json", "-f", "inf.json"), "-f inf.json has no modelId"),
        (("--ic", "inf.json", "--latency", "p95"), "--latency p95: write key=value"),
        (("--es", "score.py", "-e", "AzureML-Minimal"), "there is no environment 'AzureML-Minimal'"),
        (("--add-tag", "a=b"), "--add-tag needs the model"),
    ],
)
def test_bad_input_has_a_message_and_exit_code_2(run: Run, arguments: tuple[str, ...], message: str) -> None:
    """No run is started."""
    named = arguments if "-n" in arguments or "--add-tag" in arguments else (*arguments, "-n", "p")
    code, out, stderr = run("ml", "model", "profile", *named)
    assert (2, None) == (code, out)
    assert f"modelprofiler: {message}" in stderr


def test_flags_override_the_file(ws: Workspace, run: Run, ends: Callable[[str], None], dataset_id: str) -> None:
    """There are flags for options that Azure ML did not have."""
    ends("Verified")
    Path("src").mkdir()
    Path("src/other.py").write_text("def init(): pass\ndef run(d): return d\n", encoding="utf-8")
    Environment.from_pip_requirements("mine", "requirements.txt").register(ws)
    ours = ("--rate", "5", "--latency", "p95=1s", "--latency", "p50=500ms", "--deadline", "5m")
    size = ("--cc", "0.5", "--gb", "1", "--description", "why")
    code = ("--ic", "inf.json", "--es", "other.py", "--sd", "src", "-e", "mine", "--ev", "1")
    assert 0 == run("ml", "model", "profile", *code, *size, *ours, "--idi", dataset_id, "-n", "p")[0]
    manifest = ModelProfile(ws, "p").to_manifest()
    for expected in ("file: other.py", "joblib==1.5.1", "rate: '5'", "p95: 1s", "p50: 500ms", "max: 500m", "why", "5m"):
        assert expected in manifest


INFERENCE = """\
entryScript: score.py
runtime: python
condaFile: env.yml
extraDockerfileSteps:
schemaFile:
dependencies:
enableGpu: False
baseImage:
baseImageRegistry:
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("inf.yml", INFERENCE),
        ("inf.conf", INFERENCE),
        ("inf2.json", json.dumps({"entryScript": "score.py", "cudaVersion": None, "schemaFile": None, "x": None})),
    ],
)
def test_the_inference_configuration_is_yaml_or_json_and_its_nulls_are_as_if_not_there(
    run: Run, ends: Callable[[str], None], dataset_id: str, name: str, text: str
) -> None:
    """Older versions of the command wrote every key, most of them empty."""
    ends("Verified")
    Path(name).write_text(text, encoding="utf-8")
    code, _, stderr = run("ml", "model", "profile", "--ic", name, "--idi", dataset_id, "-n", "p")
    assert 0 == code, stderr
    assert "is not used" not in stderr


def test_a_value_without_a_meaning_is_warned_of(run: Run, ends: Callable[[str], None], dataset_id: str) -> None:
    """The run starts all the same."""
    ends("Verified")
    Path("inf.yml").write_text("entryScript: score.py\nschemaFile: s.json\ndependencies: [a.py]\n", encoding="utf-8")
    code, _, stderr = run("ml", "model", "profile", "--ic", "inf.yml", "--idi", dataset_id, "-n", "p")
    assert 0 == code
    assert "inf.yml: schemaFile is not used: no schema is generated here" in stderr
    assert "inf.yml: dependencies is not used: put the files into the folder" in stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "inf.yml is neither JSON nor YAML: line 1, column 5: expected"),
        ('{"a": 1', "inf.yml is neither JSON nor YAML: Expecting"),
        ("score.py", "inf.yml must be an object with names as keys"),
        ("1: 2", "inf.yml must be an object with names as keys"),
        ("entryscript: score.py", "inf.yml: unknown key entryscript; the known keys are"),
        ("entryScript: [score.py]\nenableGpu: 1", "entryScript must be text, not ['score.py']; enableGpu must be true"),
        ("entryScript: score.py\nbaseImageRegistry: [1]", "baseImageRegistry must be an address"),
    ],
)
def test_an_inference_configuration_that_cannot_be_used_is_refused(run: Run, text: str, message: str) -> None:
    """In one sentence that names the file."""
    Path("inf.yml").write_text(text, encoding="utf-8")
    code, _, stderr = run("ml", "model", "profile", "--ic", "inf.yml", "-n", "p")
    assert 2 == code
    assert message in stderr


def test_a_sample_request_can_be_given_instead_of_a_dataset(run: Run, ends: Callable[[str], None]) -> None:
    """With the flag of the first version of the command."""
    ends("Verified")
    call = ("ml", "model", "profile", "--es", "score.py", "-n", "p")
    code, _, stderr = run(*call, "-d", '{"data": [[1, 2]]}')
    assert 0 == code
    assert "one sample request" in stderr
    assert "give --idi or --input-data, not both" in run(*call, "-d", "{}", "--idi", "x")[2]


def test_an_environment_can_be_in_the_file_or_in_a_directory(
    ws: Workspace, run: Run, ends: Callable[[str], None], dataset_id: str
) -> None:
    """It is given by name or as a whole; then the conda file is ignored, as in Azure ML."""
    ends("Verified")
    environment = Environment.from_pip_requirements("mine", "requirements.txt")
    environment.save_to_directory("dir")
    assert 0 == run("ml", "environment", "register", "-d", "dir")[0]
    ways: dict[str, tuple[dict[str, Any] | None, tuple[str, ...]]] = {
        "full": (environment.serialize(), ()),
        "name": ({"name": "mine", "version": "1"}, ()),
        "directory": (None, ("--ed", "dir")),
    }
    for name, (entry, flags) in ways.items():
        inference = {"entryScript": "score.py", "condaFile": "env.yml", "environment": entry}
        Path("inf.json").write_text(json.dumps(inference), encoding="utf-8")
        assert 0 == run("ml", "model", "profile", "--ic", "inf.json", *flags, "--idi", dataset_id, "-n", name)[0]
        assert "joblib==1.5.1" in ModelProfile(ws, name).to_manifest()


def test_an_unknown_key_of_the_file_is_refused(run: Run) -> None:
    """The error names the known keys."""
    Path("inf.json").write_text('{"entryscript": "score.py"}', encoding="utf-8")
    code, _, stderr = run("ml", "model", "profile", "--ic", "inf.json", "-n", "p")
    assert 2 == code
    assert "unknown key entryscript; the known keys are baseImage" in stderr


def test_models_are_registered_listed_shown_and_deleted(run: Run, tmp_path: Path) -> None:
    """The flags are those of ``az ml``."""
    more = ("-d", "why", "--tag", "a=b", "--property", "p=q", "--cc", "1", "--gb", "0.5", "-t", "meta.json")
    _, model, _ = run("ml", "model", "register", "-n", "m", "-p", "model.joblib", *more)
    assert ("m:1", {"a": "b"}, {"p": "q"}) == (model["id"], model["tags"], model["properties"])
    assert {"cpu": 1.0, "memoryInGB": 0.5, "gpu": None} == model["resourceConfiguration"]
    assert "m:1" == json.loads(Path("meta.json").read_text(encoding="utf-8"))["modelId"]
    run("ml", "model", "register", "-n", "m", "-p", "model.joblib")
    assert ["m:2", "m:1"] == [m["id"] for m in run("ml", "model", "list")[1]]
    assert ["m:2"] == [m["id"] for m in run("ml", "model", "list", "-l")[1]]
    assert ["m:1"] == [m["id"] for m in run("ml", "model", "list", "--tag", "a=b")[1]]
    assert "m:1" == run("ml", "model", "show", "-n", "m", "--version", "1")[1]["id"]
    assert 0 == run("ml", "model", "update", "-i", "m:1", "--description", "new", "--remove-tag", "a", "--cc", "2")[0]
    output = run("ml", "model", "show", "-i", "m:1")[1]
    assert ("new", {}, 2.0) == (output["description"], output["tags"], output["resourceConfiguration"]["cpu"])
    assert 0 == run("ml", "model", "download", "-i", "m:1", "-t", str(tmp_path / "out"))[0]
    assert "weights" == (tmp_path / "out/model.joblib").read_text(encoding="utf-8")
    assert 0 == run("ml", "model", "delete", "-i", "m:2")[0]
    assert (2, None) == run("ml", "model", "show", "-i", "m:2")[:2]
    assert (2, None) == run("ml", "model", "register", "-n", "m", "-p", "gone")[:2]


def test_data_is_uploaded_and_registered_from_a_file(run: Run) -> None:
    """The template is a valid file."""
    Path("sample_request_data.txt").write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    assert 0 == run("ml", "datastore", "upload", "-p", "sample_request_data.txt", "-u", "sample_request_data")[0]
    template = run("ml", "dataset", "register", "--show-template")[1]
    Path("dataset.json").write_text(json.dumps(template), encoding="utf-16")  # as PowerShell does
    _, registered, _ = run("ml", "dataset", "register", "-f", "dataset.json")
    dataset = run("ml", "dataset", "show", "-n", "sample_request_data", "-v", "1")[1]
    assert registered == dataset == run("ml", "dataset", "show", "-i", dataset["registration"]["id"])[1]
    assert ["sample_request_data"] == [d["name"] for d in run("ml", "dataset", "list")[1]]
    assert "workspaceblobstore" == next(s["name"] for s in run("ml", "datastore", "list")[1] if s["isDefault"])
    assert 0 == run("ml", "dataset", "unregister", "-n", "sample_request_data")[0]
    assert [] == run("ml", "dataset", "list")[1]


def test_a_dataset_file_names_json_lines_and_parquet(run: Run) -> None:
    """With what becomes of lines that are not JSON."""
    template = run("ml", "dataset", "register", "--show-template")[1]

    def register(**parameters: str) -> tuple[int, Any, str]:
        data = {**template, "parameters": parameters}
        Path("dataset.json").write_text(json.dumps(data), encoding="utf-8")
        return run("ml", "dataset", "register", "-f", "dataset.json")

    Path("x.jsonl").write_text('{"a": "1"}\nno\n', encoding="utf-8")
    code, registered, _ = register(path="x.jsonl", sourceType="json_lines_files", invalidLines="drop")
    assert (0, ["GetFiles", "ParseJsonLines"]) == (code, registered["definition"])
    code, _, stderr = register(path="x.jsonl", sourceType="json_lines_files", invalidLines="keep")
    assert code == 2
    assert 'invalid_lines must be "error" or "drop"' in stderr
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    code, registered, _ = register(path="x.jsonl", sourceType="parquet_files")
    assert (0, ["GetFiles", "ReadParquetFile"]) == (code, registered["definition"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schemaVersion": 2}, "schemaVersion must be 1"),
        ({"datasetType": "Sql"}, "datasetType must be Tabular or File, not 'Sql'"),
        ({"parameters": None}, "parameters must be an object"),
        ({"registration": {}}, "registration.name is required"),
        ({"parameters": {"path": 1}}, "a path is a string, or an object with datastoreName and relativePath"),
        ({"parameters": {"path": "data.txt", "sourceType": "sql_query"}}, "sourceType must be delimited_files or"),
        ({"parameters": {"path": "x", "sourceType": "delimited_files", "header": "ALL"}}, "header must be true, false"),
    ],
)
def test_an_invalid_dataset_file_is_refused(run: Run, change: dict[str, Any], message: str) -> None:
    """The error names the valid values."""
    template = run("ml", "dataset", "register", "--show-template")[1]
    Path("dataset.json").write_text(json.dumps({**template, **change}), encoding="utf-8")
    code, _, stderr = run("ml", "dataset", "register", "-f", "dataset.json")
    assert 2 == code
    assert message in stderr


def test_the_workspace_comes_from_a_config_file_without_flags(run: Run) -> None:
    """Flags override the file."""
    Workspace("s", "group", "space").write_config()
    run("ml", "model", "register", "-n", "m", "-p", "model.joblib", "-t", "meta.json")
    assert "space" == json.loads(Path("meta.json").read_text(encoding="utf-8"))["workspaceName"]
    run("ml", "model", "register", "-n", "m", "-p", "model.joblib", "-t", "meta.json", "-w", "other")
    assert "other" == json.loads(Path("meta.json").read_text(encoding="utf-8"))["workspaceName"]


def test_a_profile_of_this_machine_tags_its_models(
    ws: Workspace, run: Run, ends: Callable[[str], None], dataset_id: str
) -> None:
    """It must have a recommendation."""
    ends("Verified")
    run("ml", "model", "register", "-n", "m", "-p", "model.joblib")
    run("ml", "model", "profile", "--ic", "inf.json", "-m", "m:1", "--idi", dataset_id, "-n", "good")
    code, tagged, _ = run("tag", "good")
    assert (0, ["m:1"]) == (code, tagged["models"])
    assert "0.45" == Model(ws, "m").tags["recommendedCpu"]
    ends("NoFeasibleSize")
    run("ml", "model", "profile", "--ic", "inf.json", "-m", "m:1", "--idi", dataset_id, "-n", "bad")
    code, _, stderr = run("tag", "bad")
    assert 2 == code
    assert "profile bad is Failed and has no recommendation: so it is" in stderr


@pytest.mark.parametrize("command", [["ml"], ["ml", "model", "profile"], ["ml", "dataset", "register"], ["tag"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The help contains the command's name and an example."""
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert 0 == end.value.code
    printed = capsys.readouterr().out
    assert f"usage: modelprofiler {' '.join(command)}" in printed
    assert "example" in printed
