"""The checks of `Model.profile`, in the original's order: a call with several faults hears of the first."""

from pathlib import Path

import pytest
from tests.unit.azureml.conftest import Tabular

from modelprofiler.azureml.core import Dataset, Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.data import DataType, TabularDataset
from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.profiling.request import Options


def refused(ws: Workspace, config: InferenceConfig, dataset: object, **call: object) -> str:
    """Return what a call is told."""
    arguments = {"profile_name": "p", "models": [], "cpu": None, "memory_in_gb": None} | call
    with pytest.raises(UserErrorException) as error:
        Model.profile(ws, inference_config=config, input_dataset=dataset, **arguments)  # type: ignore[arg-type]
    assert [] == ws.store.names("profiles")
    return str(error.value)


@pytest.mark.parametrize("name", ["", None])
def test_first_the_name(ws: Workspace, config: InferenceConfig, name: str | None) -> None:
    """It cannot be empty."""
    message = refused(ws, config, None, profile_name=name, cpu=9, memory_in_gb=99)
    assert message == "profile_name cannot be None or empty."


@pytest.mark.parametrize("cpu", [0, 0.09, 3.6, -1, True, "1"])
def test_then_the_cpu(ws: Workspace, config: InferenceConfig, cpu: object) -> None:
    """It is from 0.1 to 3.5 cores."""
    message = refused(ws, config, None, cpu=cpu, memory_in_gb=99)
    assert message.startswith(f"Expected cpu value is between 0.1 and 3.5. Provided: {cpu}")


@pytest.mark.parametrize("memory", [0, 0.09, 15.1])
def test_then_the_memory(ws: Workspace, config: InferenceConfig, memory: float) -> None:
    """It is from 0.1 to 15 GB."""
    message = refused(ws, config, None, memory_in_gb=memory)
    assert message.startswith(f"Expected memory value is between 0.1 and 15.0. Provided: {memory}")


def test_bounds_are_a_setting(ws: Workspace, config: InferenceConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables move them; what is no number is refused."""
    monkeypatch.setenv("MODELPROFILER_MAX_PROFILE_CPU", "16")
    assert refused(ws, config, None, cpu=8).startswith("Dataset not provided")
    monkeypatch.setenv("MODELPROFILER_MAX_PROFILE_CPU", "many")
    assert refused(ws, config, None) == "MODELPROFILER_MAX_PROFILE_CPU must be a number above 0, not 'many'"


def test_then_that_there_is_a_dataset(ws: Workspace, config: InferenceConfig) -> None:
    """None is none."""
    assert refused(ws, config, None).startswith("Dataset not provided.")


def test_then_that_it_is_tabular(ws: Workspace, config: InferenceConfig) -> None:
    """A dataset of files is not, nor is a path."""
    Path("data.txt").write_text("a\n", encoding="utf-8")
    files = Dataset.File.from_files("data.txt")
    assert refused(ws, config, files).endswith("Provided: FileDataset")
    assert refused(ws, config, "data.txt").endswith("Provided: str")


def test_then_that_it_has_one_column(ws: Workspace, config: InferenceConfig, tabular: Tabular) -> None:
    """Two are named, with their types."""
    message = refused(ws, config, tabular("1,x\n2,y\n", separator=","))
    assert "Number of columns != 1: Column1 (long), Column2 (string)" in message


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1\n2\n", "long"), ("1.5\n2\n", "float"), ("true\nFalse\n", "bool"), ("2020-01-31\n", "datetime")],
)
def test_then_that_it_holds_strings(
    ws: Workspace, config: InferenceConfig, tabular: Tabular, text: str, kind: str
) -> None:
    """A column of numbers, truths or dates is told by its type."""
    message = refused(ws, config, tabular(text))
    assert f"Dataset contains datatype other than string: column Column1 is {kind}." in message


@pytest.mark.usefixtures("not_started")
def test_numbers_can_be_requests(ws: Workspace, config: InferenceConfig, tabular: Tabular) -> None:
    """When the column is said to be text, or types are not told."""
    typed = tabular("1\n2\n", set_column_types={"Column1": DataType.to_string()})
    untold = tabular("1\n2\n", infer_column_types=False)
    for name, dataset in (("typed", typed), ("untold", untold)):
        Model.profile(ws, name, [], config, dataset)
        assert "1\n2\n" == ws.store.path("profiles", name, "dataset.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "\n\n", "   \n"])
def test_then_that_there_is_a_row(ws: Workspace, config: InferenceConfig, tabular: Tabular, text: str) -> None:
    """An empty file is an empty dataset."""
    assert refused(ws, config, tabular(text)).startswith("Empty Dataset.")


def test_then_what_the_original_had_not(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """Options are refused under the names by which they were given, all at once."""
    assert "not both" in refused(ws, config, requests, rate=1, concurrency=1)
    assert "not both" in refused(ws, config, requests, latency={"p95": "1s"}, max_slowdown_percent=5)
    message = refused(ws, config, requests, rate="fast", latency={"p95": "soon", "p42": "1s"}, duration="1s")
    assert "rate: 'fast' is not a quantity" in message
    assert "latency.p95: 'soon' is not a duration" in message
    assert "latency.p42: is not a field" in message


def test_then_models_and_configuration(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """They must be what they are called."""
    assert "models must be a list of Model objects" in refused(ws, config, requests, models=["diabetes:1"])
    assert "must be an InferenceConfig" in refused(ws, "score.py", requests)  # type: ignore[arg-type]  # on purpose


@pytest.mark.usefixtures("not_started")
def test_last_that_the_name_is_free(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """A second profile of the same name is refused, and the first stays as it was."""
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


def test_a_failure_leaves_the_name_free(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """When the entry script has gone since."""
    Path("score.py").unlink()
    for _ in range(2):
        with pytest.raises(WebserviceException, match="doesn't exist any more"):
            Model.profile(ws, "p", [], config, requests)


def test_a_row_with_line_breaks_is_one_line_if_it_is_json(
    ws: Workspace, config: InferenceConfig, tabular: Tabular
) -> None:
    """Other text with line breaks cannot be replayed."""
    csv = {"separator": ",", "support_multi_line": True}
    assert "line breaks and is not JSON" in refused(ws, config, tabular('"a\nb"\n', **csv))


def test_variables_say_what_the_call_does_not() -> None:
    """A script that is to run unchanged; what the call says stands."""
    said = {
        "MODELPROFILER_PROFILE_RATE": "20",
        "MODELPROFILER_PROFILE_LATENCY": "p95=250ms,p50=100ms",
        "MODELPROFILER_PROFILE_DURATION": "10s",
    }
    silent = Options().or_of(said)
    assert ("20", {"p95": "250ms", "p50": "100ms"}, "10s") == (silent.rate, silent.latency, silent.duration)
    spoke = Options(concurrency=2, max_slowdown_percent=30, duration="30s").or_of(said)
    assert (None, None, "30s") == (spoke.rate, spoke.latency, spoke.duration)


def test_a_variable_that_is_no_latency_is_refused() -> None:
    """With what would be right."""
    with pytest.raises(UserErrorException, match="METRIC=DURATION, such as p95=250ms, not '250ms'"):
        Options().or_of({"MODELPROFILER_PROFILE_LATENCY": "250ms"})
