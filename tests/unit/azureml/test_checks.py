"""The checks of `Model.profile`, in Azure ML's order: a call with several faults reports the first."""

import json
from pathlib import Path

import pytest
from tests.unit.azureml.conftest import Tabular

from modelprofiler.azureml.core import Dataset, Environment, Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.data import DataType, TabularDataset
from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.profiling.request import Options


def error_of(ws: Workspace, config: InferenceConfig, dataset: object, **call: object) -> str:
    """Return the error of a call."""
    arguments = {"profile_name": "p", "models": [], "cpu": None, "memory_in_gb": None} | call
    with pytest.raises(UserErrorException) as error:
        Model.profile(ws, inference_config=config, input_dataset=dataset, **arguments)  # type: ignore[arg-type]
    assert [] == ws.store.names("profiles")
    return str(error.value)


@pytest.mark.parametrize("name", ["", None])
def test_the_name_is_checked_first(ws: Workspace, config: InferenceConfig, name: str | None) -> None:
    """It must not be empty."""
    message = error_of(ws, config, None, profile_name=name, cpu=9, memory_in_gb=99)
    assert message == "profile_name cannot be None or empty."


@pytest.mark.parametrize("cpu", [0, 0.09, 3.6, -1, True, "1"])
def test_the_cpu_is_checked_after_the_name(ws: Workspace, config: InferenceConfig, cpu: object) -> None:
    """It is between 0.1 and 3.5 cores."""
    message = error_of(ws, config, None, cpu=cpu, memory_in_gb=99)
    assert message.startswith(f"Expected cpu value is between 0.1 and 3.5. Provided: {cpu}")


@pytest.mark.parametrize("memory", [0, 0.09, 15.1])
def test_the_memory_is_checked_after_the_cpu(ws: Workspace, config: InferenceConfig, memory: float) -> None:
    """It is between 0.1 and 15 GB."""
    message = error_of(ws, config, None, memory_in_gb=memory)
    assert message.startswith(f"Expected memory value is between 0.1 and 15.0. Provided: {memory}")


def test_bounds_are_a_setting(ws: Workspace, config: InferenceConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables set them; a value that is not a number is refused."""
    monkeypatch.setenv("MODELPROFILER_MAX_PROFILE_CPU", "16")
    assert error_of(ws, config, None, cpu=8).startswith("Dataset not provided")
    monkeypatch.setenv("MODELPROFILER_MAX_PROFILE_CPU", "many")
    assert error_of(ws, config, None) == "MODELPROFILER_MAX_PROFILE_CPU must be a number above 0, not 'many'"


def test_a_dataset_is_required(ws: Workspace, config: InferenceConfig) -> None:
    """None is refused."""
    assert error_of(ws, config, None).startswith("Dataset not provided.")


def test_the_dataset_must_be_tabular(ws: Workspace, config: InferenceConfig) -> None:
    """A file dataset and a path are refused."""
    Path("data.txt").write_text("a\n", encoding="utf-8")
    files = Dataset.File.from_files("data.txt")
    assert error_of(ws, config, files).endswith("Provided: FileDataset")
    for text in ("data.txt", '{"data": [[1, 2]'):
        assert "a text must be the body of a request" in error_of(ws, config, text)
    assert "a sample request is a text: json.dumps(sample)" in error_of(ws, config, {"data": [[1, 2]]})


@pytest.mark.usefixtures("not_started")
@pytest.mark.parametrize("text", ['{"data": [[1, 2]]}', b"[[1, 2]]", '{\n  "data": [[1, 2]]\n}'])
def test_a_sample_request_is_a_dataset_of_one_row(ws: Workspace, config: InferenceConfig, text: str | bytes) -> None:
    """The SDK's first version took a JSON text; a warning says that one row is little, and how to give more."""
    with pytest.warns(UserWarning, match=r"one sample request.*from_delimited_files\(file"):
        profile = Model.profile(ws, "p", [], config, text)  # type: ignore[arg-type]  # bytes are the same to JSON
    directory = ws.store.path("profiles", profile.name)
    (row,) = (directory / "dataset.txt").read_text(encoding="utf-8").splitlines()
    assert json.loads(text) == json.loads(row)


def test_the_dataset_must_have_one_column(ws: Workspace, config: InferenceConfig, tabular: Tabular) -> None:
    """The error names both columns with their types."""
    message = error_of(ws, config, tabular("1,x\n2,y\n", separator=","))
    assert "Number of columns != 1: Column1 (long), Column2 (string)" in message


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1\n2\n", "long"), ("1.5\n2\n", "float"), ("true\nFalse\n", "bool"), ("2020-01-31\n", "datetime")],
)
def test_the_dataset_must_contain_strings(
    ws: Workspace, config: InferenceConfig, tabular: Tabular, text: str, kind: str
) -> None:
    """A column of numbers, booleans or dates is refused, and the error names its type."""
    message = error_of(ws, config, tabular(text))
    assert f"Dataset contains datatype other than string: column Column1 is {kind}." in message


@pytest.mark.usefixtures("not_started")
def test_numbers_can_be_requests(ws: Workspace, config: InferenceConfig, tabular: Tabular) -> None:
    """They are accepted when the column has the type of text, or when types are not inferred."""
    typed = tabular("1\n2\n", set_column_types={"Column1": DataType.to_string()})
    uninferred = tabular("1\n2\n", infer_column_types=False)
    for name, dataset in (("typed", typed), ("untold", uninferred)):
        Model.profile(ws, name, [], config, dataset)
        assert "1\n2\n" == ws.store.path("profiles", name, "dataset.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "\n\n", "   \n"])
def test_the_dataset_must_have_rows(ws: Workspace, config: InferenceConfig, tabular: Tabular, text: str) -> None:
    """An empty file is an empty dataset."""
    assert error_of(ws, config, tabular(text)).startswith("Empty Dataset.")


def test_options_that_azure_ml_did_not_have_are_checked_next(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset
) -> None:
    """The error names every bad option as the caller knows it."""
    assert "not both" in error_of(ws, config, requests, rate=1, concurrency=1)
    assert "not both" in error_of(ws, config, requests, latency={"p95": "1s"}, max_slowdown_percent=5)
    message = error_of(ws, config, requests, rate="fast", latency={"p95": "soon", "p42": "1s"}, duration="1s")
    assert "rate: 'fast' is not a quantity" in message
    assert "latency.p95: 'soon' is not a duration" in message
    assert "latency.p42: is not a field" in message


def test_the_types_of_models_and_configuration_are_checked_next(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset
) -> None:
    """Other types are refused."""
    assert "models must be a list of Model objects" in error_of(ws, config, requests, models=["diabetes:1"])
    assert "must be an InferenceConfig" in error_of(ws, "score.py", requests)  # type: ignore[arg-type]  # on purpose


@pytest.mark.usefixtures("not_started")
def test_the_name_must_be_unique(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """The name is checked last; the first profile of the name does not change."""
    first = Model.profile(ws, "once", [], config, requests)
    with pytest.raises(WebserviceException, match="A profile with name once exists already") as error:
        Model.profile(ws, "once", [], config, requests)
    assert 409 == error.value.status_code
    assert first.id == ModelProfile(ws, "once").id


def test_a_name_that_is_a_path_is_refused(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """Nothing is written outside the store."""
    for name in ("../p", "a/b", ".."):
        with pytest.raises(WebserviceException, match="cannot be the name of a profile"):
            Model.profile(ws, name, [], config, requests)


def test_a_failed_call_leaves_the_name_free(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """Here the entry script was deleted meanwhile."""
    Path("score.py").unlink()
    for _ in range(2):
        with pytest.raises(WebserviceException, match="doesn't exist any more"):
            Model.profile(ws, "p", [], config, requests)


def test_a_row_with_line_breaks_is_one_line_if_it_is_json(
    ws: Workspace, config: InferenceConfig, tabular: Tabular
) -> None:
    """Other text with line breaks is refused."""
    csv = {"separator": ",", "support_multi_line": True}
    assert "line breaks and is not JSON" in error_of(ws, config, tabular('"a\nb"\n', **csv))


def test_variables_set_what_the_call_does_not() -> None:
    """A script can run unchanged; an argument of the call overrides a variable."""
    variables = {
        "MODELPROFILER_PROFILE_RATE": "20",
        "MODELPROFILER_PROFILE_LATENCY": "p95=250ms,p50=100ms",
        "MODELPROFILER_PROFILE_DURATION": "10s",
        "MODELPROFILER_PROFILE_SOAK": "0s",
    }
    unset = Options().or_of(variables)
    assert ("20", {"p95": "250ms", "p50": "100ms"}, "10s") == (unset.rate, unset.latency, unset.duration)
    assert {"soak": "0s"} == unset.search()
    explicit = Options(concurrency=2, max_slowdown_percent=30, duration="30s").or_of(variables)
    assert (None, None, "30s") == (explicit.rate, explicit.latency, explicit.duration)


def test_a_variable_that_is_not_a_latency_is_refused() -> None:
    """The error shows the right format."""
    with pytest.raises(UserErrorException, match="METRIC=DURATION, such as p95=250ms, not '250ms'"):
        Options().or_of({"MODELPROFILER_PROFILE_LATENCY": "250ms"})


RUNS = "def init(): pass\ndef run(data): return data\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("from azureml.core import Run, Workspace\ndef init(): Run.get_context()", "line 1, uses Run of azureml.core:"),
        ("from azureml import core\ndef init(): core.Run.get_context()", "line 1, uses Run of azureml.core:"),
        ("from azureml.core.run import Run\ndef init(): Run.get_context()", "line 1, uses Run of azureml.core.run:"),
        ("import azureml.core\ndef init(): azureml.core.Workspace.from_config()", "uses Workspace of azureml.core:"),
        (
            "from modelprofiler.azureml.core import Dataset\nDataset.get_by_name",
            "uses Dataset of modelprofiler.azureml",
        ),
        ("import json\nimport azureml.train.automl", "line 2, uses azureml.train.automl:"),
        ("from azureml.automl.runtime.shared import model_wrappers", "uses azureml.automl.runtime.shared:"),
        ("import azureml.automl.core.shared.constants", "uses azureml.automl.core.shared.constants:"),
        (
            "from azureml.automl.core.shared import constants\nconstants.X",
            "uses constants of azureml.automl.core",
        ),
        ("import azureml_user.parallel_run", "uses azureml_user.parallel_run:"),
        ("from azureml.studio.core.io import model_directory", "uses azureml.studio.core.io:"),
        ("def init(): load()\ndef load():\n    import azureml.dataprep", "line 3, uses azureml.dataprep:"),
    ],
)
def test_a_script_that_uses_the_service_of_the_sdk_is_refused(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset, text: str, named: str
) -> None:
    """By file and line, with what to do instead, before anything is built."""
    Path("score.py").write_text(f"{text}\n{RUNS}", encoding="utf-8")
    message = error_of(ws, config, requests)
    assert named in message
    assert "Model.get_model_path(name) or the variable AZUREML_MODEL_DIR" in message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_a_script_of_another_encoding_is_read(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset, encoding: str
) -> None:
    """As Python reads it: by a byte order mark, or a comment."""
    text = f"# coding: {encoding}\n# é\nfrom azureml.core import Run\nRun.get_context()\n{RUNS}"
    Path("score.py").write_text(text, encoding=encoding)
    config.validate_configuration()
    assert "score.py, line 3, uses Run of azureml.core" in error_of(ws, config, requests)


def test_what_is_wrong_with_the_environment_and_the_script_is_reported_at_once(
    ws: Workspace, requests: TabularDataset
) -> None:
    """In one error."""
    Path("score.py").write_text(f"from azureml.core import Run\nRun.get_context()\n{RUNS}", encoding="utf-8")
    Path("r.txt").write_text("-e .\n", encoding="utf-8")
    config = InferenceConfig("score.py", environment=Environment.from_pip_requirements("e", "r.txt"))
    message = error_of(ws, config, requests)
    assert "-e . (put the package into the source directory" in message
    assert "score.py, line 1, uses Run of azureml.core" in message


@pytest.mark.usefixtures("not_started")
@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("from azureml.monitoring import ModelDataCollector", "azureml.monitoring is replaced.*not measured"),
        ("from azureml.ai.monitoring import Collector", "azureml.ai.monitoring is replaced"),
        ("import azureml.automl.core", "azureml.automl is replaced"),
        ("import azureml.automl", "azureml.automl is replaced"),
        ("from azureml.core import Run, Workspace, Model", "imports Run, Workspace of azureml.core and makes no"),
        ("from azureml.core import *", "line 1, may use more of azureml.core than Model: a server has no workspace"),
        (
            "import importlib\nimportlib.import_module('azureml.core')",
            "line 2, may use more of azureml.core than Model",
        ),
        ("import os\nif os.getenv('X'):\n    import azureml.train", "uses azureml.train, in some case"),
    ],
)
def test_what_is_replaced_or_may_be_missing_is_warned_of(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset, text: str, warning: str
) -> None:
    """The run starts."""
    Path("score.py").write_text(f"{text}\n{RUNS}", encoding="utf-8")
    with pytest.warns(UserWarning, match=warning):
        Model.profile(ws, "p", [], config, requests)


@pytest.mark.usefixtures("not_started")
@pytest.mark.parametrize(
    "text",
    [
        "from azureml.core.model import Model\ndef init(): Model.get_model_path('x')",
        "import azureml.core\nprint(azureml.core.VERSION, azureml.core.model.Model)",
        "from azureml import core\ncore.Model.get_model_path",
        "try:\n    from azureml.train import x\nexcept ImportError:\n    x = None",
        "from azureml.contrib.services.aml_request import AMLRequest, rawhttp",
        "from azureml.contrib.services.aml_response import AMLResponse",
        "if __name__ == '__main__':\n    import azureml.train",
    ],
)
def test_what_a_server_has_or_a_script_catches_is_accepted(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset, text: str
) -> None:
    """Without a word."""
    Path("score.py").write_text(f"{text}\n{RUNS}", encoding="utf-8")
    Model.profile(ws, "p", [], config, requests)


@pytest.mark.usefixtures("not_started")
def test_a_script_whose_environment_has_packages_of_the_sdk_is_not_judged(
    ws: Workspace, requests: TabularDataset
) -> None:
    """Only those packages know what they contain."""
    Path("score.py").write_text(f"import azureml.train\n{RUNS}", encoding="utf-8")
    Path("r.txt").write_text("azureml-train\n", encoding="utf-8")
    config = InferenceConfig("score.py", environment=Environment.from_pip_requirements("e", "r.txt"))
    Model.profile(ws, "p", [], config, requests)


def test_a_helper_of_the_script_is_looked_at_too(ws: Workspace, requests: TabularDataset) -> None:
    """In the source directory, without folders that are not copied."""
    for name, text in (
        ("src/score.py", f"import helper\n{RUNS}"),
        ("src/helper.py", "from azureml.core import Run\nRun.get_context()\n"),
        ("src/.venv/lib.py", "import azureml.train\n"),
    ):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    config = InferenceConfig("score.py", source_directory="src", environment=Environment("e"))
    assert error_of(ws, config, requests).startswith("helper.py, line 1, uses Run of azureml.core:")
