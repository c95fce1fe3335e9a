"""The files of a run: what stands beside a scoring script in place of the SDK."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.stage import Staged, stage

USES = """
{imports}
def init():
    print(Model.get_model_path("first"), Model.get_model_path("first", version=1))
def run(data):
    return data
"""


def staged(tmp_path: Path, script: str, models: list[Model], packages: frozenset[str] = frozenset()) -> Staged:
    """Return the files of a run of a script."""
    Path("score.py").write_text(script, encoding="utf-8")
    return stage(tmp_path / "run", InferenceConfig(entry_script="score.py"), models, ["{}"], set(packages))


@pytest.fixture
def models(ws: Workspace) -> list[Model]:
    """Return two models."""
    Path("a.bin").write_text("a", encoding="utf-8")
    return [Model.register(ws, "a.bin", "first"), Model.register(ws, "a.bin", "second")]


@pytest.mark.parametrize(
    "imports",
    [
        "from modelprofiler.azureml.core.model import Model",
        "from modelprofiler.azureml.core import Model",
        "from azureml.core.model import Model",
        "import azureml.core\nModel = azureml.core.Model",
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_a_script_finds_its_models_without_any_package(
    tmp_path: Path, models: list[Model], imports: str, count: int
) -> None:
    """Under the old name and the new one, for one model and for several."""
    files = staged(tmp_path, USES.format(imports=imports), models[:count])
    environment = {**files.variables, "AZUREML_MODEL_DIR": str(files.models)}
    shown = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path[:0] = ['.']; import score; score.init()"],
        cwd=files.code,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    below = files.models if count == 1 else Path(str(files.models), "first/1")
    assert [f"{below}/a.bin"] * 2 == shown


def test_a_script_that_imports_nothing_of_it_has_nothing_beside_it(tmp_path: Path, models: list[Model]) -> None:
    """Nor one whose environment has the SDK itself."""
    assert ["score.py"] == [p.name for p in staged(tmp_path / "1", "def init(): pass\n", models).code.iterdir()]
    script = USES.format(imports="from azureml.core.model import Model")
    files = staged(tmp_path / "2", script, models, frozenset({"azureml-core"}))
    assert ["score.py"] == [p.name for p in files.code.iterdir()]


def test_the_models_are_told_to_the_server(tmp_path: Path, models: list[Model]) -> None:
    """Name, version, and path below AZUREML_MODEL_DIR."""
    files = staged(tmp_path, "def init(): pass\n", models)
    expected = [["first", 1, "first/1/a.bin"], ["second", 1, "second/1/a.bin"]]
    assert expected == json.loads(files.variables["MODELPROFILER_MODELS"])


def test_a_model_is_given_once(tmp_path: Path, models: list[Model]) -> None:
    """Two versions of it are two models."""
    with pytest.raises(UserErrorException, match="model first:1 is given twice"):
        staged(tmp_path, "def init(): pass\n", [models[0], models[0]])
