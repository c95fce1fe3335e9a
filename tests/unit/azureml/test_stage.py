"""The files of a run, and the module that replaces the SDK for a scoring script."""

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
        "import os, azureml.core\nModel = azureml.core.Model",
        "from azureml import core\nModel = core.Model",
        "import importlib\nModel = importlib.import_module('azureml.core').Model",
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_a_script_finds_its_models_without_any_package(
    tmp_path: Path, models: list[Model], imports: str, count: int
) -> None:
    """Under the old and the new import path, for one model and for several."""
    files = staged(tmp_path, USES.format(imports=imports), models[:count])
    environment = {**files.variables, "AZUREML_MODEL_DIR": str(files.models)}
    output = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path[:0] = ['.']; import score; score.init()"],
        cwd=files.code,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    below = files.models if count == 1 else Path(str(files.models), "first/1")
    assert [f"{below}/a.bin"] * 2 == output


def ran(files: Staged, then: str = "") -> subprocess.CompletedProcess[str]:
    """Import a script as a server without any package does, and call init."""
    code = f"import sys; sys.path[:0] = ['.']; import score; score.init(); {then}"
    command = [sys.executable, "-S", "-c", code]
    return subprocess.run(command, cwd=files.code, env={}, capture_output=True, text=True, timeout=60, check=False)


QUIET = """
import azureml.automl.core
from azureml.automl.core.shared import logging_utilities, log_server
from azureml.telemetry import INSTRUMENTATION_KEY
from azureml.monitoring import ModelDataCollector
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from azureml.core import Model, Run, Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from azureml.monitoring import SomethingElse
from azureml.automl.core.shared import constants

log_server.enable_telemetry(INSTRUMENTATION_KEY)
logging_utilities.log_traceback(ValueError(), None)

def init():
    dc = ModelDataCollector("scale", designation="inputs", feature_names=["a"])
    dc.collect([1])
    context = Collector(name="inputs", on_error=print).collect([1])
    Collector(name="outputs").collect([1], context)
    print(BasicCorrelationContext(id="7").get_id(), context.get_id())

def run(data):
    return Run.get_context()
"""


def test_parts_of_the_sdk_that_do_nothing_do_nothing(tmp_path: Path, models: list[Model]) -> None:
    """Collectors collect nothing; what cannot be there can be imported, and says on use what to do instead."""
    files = staged(tmp_path, QUIET, models)
    assert ["7"] == ran(files).stdout.split()
    used = ran(files, "score.run(1)")
    assert "ImportError: Run.get_context: a server has no workspace, run or other service" in used.stderr
    missing = ran(staged(tmp_path / "2", "import azureml.train\ndef init(): pass\ndef run(data): pass\n", models))
    assert "No module named 'azureml.train'" in missing.stderr


GUARDED = """
try:
    from azureml.core import {names}
    run = Run.get_context()
except {error}:
    run = "none"
def init():
    print(run)
"""


@pytest.mark.parametrize("error", ["ImportError", "Exception"])
@pytest.mark.parametrize("names", ["Run", "Model, Run"])
def test_a_script_that_expects_no_sdk_goes_on_without(
    tmp_path: Path, models: list[Model], names: str, error: str
) -> None:
    """What it imports only with an except for when it is missing is missing, and nothing else."""
    assert ["none"] == ran(staged(tmp_path, GUARDED.format(names=names, error=error), models)).stdout.split()
    asks = """
try:
    from azureml.core import Run
    found = True
except ImportError:
    found = False
if found:
    Run.get_context()
def init():
    print(found)
"""
    assert ["False"] == ran(staged(tmp_path / "2", asks, models)).stdout.split()
    both = asks + "from azureml.core import Run\n"
    assert "ImportError: Run.get_context" in ran(staged(tmp_path / "3", both, models)).stderr


def test_installed_packages_of_the_sdk_are_used(tmp_path: Path, models: list[Model]) -> None:
    """The replacement provides only what they do not have."""
    site = tmp_path / "site/azureml/monitoring"
    site.mkdir(parents=True)
    (site / "__init__.py").write_text("ModelDataCollector = 'real'\n", encoding="utf-8")
    script = (
        f"import sys; sys.path.append({str(tmp_path / 'site')!r})\n"
        "from azureml.monitoring import ModelDataCollector\nfrom azureml.core.model import Model\n"
        "def init(): print(ModelDataCollector, Model.__name__)\ndef run(data): pass\n"
    )
    assert ["real", "Model"] == ran(staged(tmp_path, script, models)).stdout.split()


def test_a_script_that_does_not_import_the_sdk_gets_no_replacement(tmp_path: Path, models: list[Model]) -> None:
    """Neither does one whose environment has the SDK."""
    assert ["score.py"] == [p.name for p in staged(tmp_path / "1", "def init(): pass\n", models).code.iterdir()]
    script = USES.format(imports="from azureml.core.model import Model")
    files = staged(tmp_path / "2", script, models, frozenset({"azureml-core"}))
    assert ["score.py"] == [p.name for p in files.code.iterdir()]


def test_the_server_gets_the_list_of_its_models(tmp_path: Path, models: list[Model]) -> None:
    """Each with its name, version and path below AZUREML_MODEL_DIR."""
    files = staged(tmp_path, "def init(): pass\n", models)
    expected = [["first", 1, "first/1/a.bin"], ["second", 1, "second/1/a.bin"]]
    assert expected == json.loads(files.variables["MODELPROFILER_MODELS"])


def test_a_model_must_not_be_repeated(tmp_path: Path, models: list[Model]) -> None:
    """Two versions of it are two models."""
    with pytest.raises(UserErrorException, match="model first:1 is in the list twice"):
        staged(tmp_path, "def init(): pass\n", [models[0], models[0]])
