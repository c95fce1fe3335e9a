"""Programs and files of Azure ML's users, as public repositories have them; each with its source."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cases.azureml.conftest import Ran

from modelprofiler.azureml.core import Dataset, Workspace

pytestmark = [pytest.mark.whole_run, pytest.mark.timeout(1000)]

INFERENCE_CONFIG = """\
entryScript: score.py
runtime: python
condaFile: conda_dependencies.yml
extraDockerfileSteps:
schemaFile:
dependencies:
enableGpu: False
baseImage:
baseImageRegistry:
"""

FIRST_CALL = """\
import json
from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig

ws = Workspace.local()
config = InferenceConfig(entry_script="score.py", runtime="python", conda_file="myenv.yml")
test_sample = json.dumps({"data": [[1, 2, 3]]})
profile = Model.profile(ws, "first", [Model(ws, "scale")], config, test_sample, cpu=1.0, memory_in_gb=0.5)
profile.wait_for_profiling(True)
results = profile.get_results()
print(results["cpu"], results["memoryInGB"])
"""

CALL = """\
from modelprofiler.azureml.core import Dataset, Environment, Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig

ws = Workspace.local()
config = InferenceConfig(entry_script="score.py", environment={environment})
data = Dataset.get_by_name(ws, "requests")
profile = Model.profile(ws, "p", [Model(ws, "scale")], config, data, cpu=1.0, memory_in_gb=0.5)
profile.wait_for_completion(True)
print(profile.state)
"""

COLLECTOR = """\
import json
from azureml.core.model import Model
from azureml.monitoring import ModelDataCollector

def init():
    global factor, inputs_dc, prediction_dc
    inputs_dc = ModelDataCollector("scale", designation="inputs", feature_names=["a", "b", "c"])
    prediction_dc = ModelDataCollector("scale", designation="predictions", feature_names=["sum"])
    with open(Model.get_model_path("scale")) as file:
        factor = json.load(file)["factor"]

def run(raw_data):
    data = json.loads(raw_data)["data"]
    answer = [factor * sum(row) for row in data]
    inputs_dc.collect(data)
    prediction_dc.collect(answer)
    return answer
"""

AUTOML = """\
import json
import logging
import os

import azureml.automl.core
from azureml.automl.core.shared import logging_utilities, log_server
from azureml.telemetry import INSTRUMENTATION_KEY
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

try:
    log_server.enable_telemetry(INSTRUMENTATION_KEY)
    logger = logging.getLogger("azureml.automl.core.scoring_script")
except Exception:
    pass

def init():
    global factor
    try:
        with open(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "weights.json")) as file:
            factor = json.load(file)["factor"]
    except Exception as error:
        logging_utilities.log_traceback(error, logger)
        raise

@input_schema("data", StandardPythonParameterType([[1, 2, 3]]))
@output_schema(StandardPythonParameterType([12]))
def run(data):
    return json.dumps({"result": [factor * sum(row) for row in data]})
"""

WORKSPACE = """\
import json
from azureml.core import Run, Workspace
from azureml.core.model import Model

def init():
    global factor
    workspace = Run.get_context().experiment.workspace
    with open(Model(workspace, "scale").download(exist_ok=True)) as file:
        factor = json.load(file)["factor"]

def run(raw_data):
    return [factor * sum(row) for row in json.loads(raw_data)["data"]]
"""

PROFILE = """\
apiVersion: modelprofiler.io/v1alpha1
kind: ModelProfile
metadata: {name: script}
spec:
  model: {name: scale, source: {path: weights.json}}
  server: {entryScript: {source: {path: score.py}, file: score.py}}
  dataset: {source: {path: requests.txt}}
  load: {closedLoop: {concurrency: 1}, warmup: 2s, duration: 8s}
  objectives: {latency: {p95: 500ms}}
  resources: {cpu: {values: [300m, "1"]}, memory: {values: [256Mi, 512Mi]}}
"""


def test_an_inference_configuration_in_yaml_with_empty_keys(ws: Workspace, modelprofiler: Callable[..., Ran]) -> None:
    """Azure-Samples/MLOpsDatabricks, src/score/inference_config.yml."""
    Path("conda_dependencies.yml").write_text("dependencies:\n- python=3.11\n- pip:\n  - azureml-defaults\n")
    Path("inference_config.yml").write_text(INFERENCE_CONFIG)
    dataset_id = str(Dataset.get_by_name(ws, "requests").id)
    call = ("-n", "p", "-m", "scale:1", "--idi", dataset_id, "--ic", "inference_config.yml", "--cc", "1", "--gb", "0.5")
    completed = modelprofiler("ml", "model", "profile", *call)
    assert 0 == completed.returncode, completed.stderr
    assert "Succeeded" == json.loads(completed.stdout)["state"]


def test_the_first_call_with_a_sample_as_a_text(python: Callable[[str], Ran]) -> None:
    """MicrosoftDocs/azure-docs of 2019, how-to-deploy-and-where.md; only the imports are changed."""
    Path("myenv.yml").write_text("name: myenv\ndependencies:\n- python=3.6.2\n- pip:\n  - azureml-defaults\n")
    completed = python(FIRST_CALL)
    assert 0 == completed.returncode, completed.stderr
    cpu, memory = map(float, completed.stdout.splitlines()[-1].split())
    assert 0 < cpu <= 1
    assert 0 < memory <= 0.5
    assert "input_dataset is one sample request" in completed.stderr
    assert "the key memoryInGB of a result is now called recommendedMemoryInGB" in completed.stderr


@pytest.mark.parametrize("script", [COLLECTOR, AUTOML], ids=["collector", "automl"])
def test_scripts_with_parts_of_the_sdk_that_only_report(python: Callable[[str], Ran], script: str) -> None:
    """MicrosoftDocs/azure-docs, how-to-enable-data-collection.md; scoring_file_v_1_0_0.py of automated ML."""
    Path("score.py").write_text(script)
    completed = python(CALL.format(environment='Environment("plain")'))
    assert 0 == completed.returncode, completed.stderr
    assert "Succeeded" == completed.stdout.splitlines()[-1]
    assert "is replaced by a module that does nothing" in completed.stderr


def test_a_script_that_looks_up_its_model_in_the_workspace(python: Callable[[str], Ran]) -> None:
    """The call reports it."""
    Path("score.py").write_text(WORKSPACE)
    completed = python(CALL.format(environment='Environment("plain")'))
    assert 1 == completed.returncode
    assert "score.py, line 2, uses Run of azureml.core: a server has no workspace" in completed.stderr


@pytest.mark.parametrize("script", [COLLECTOR, AUTOML, WORKSPACE], ids=["collector", "automl", "workspace"])
def test_scripts_with_the_sdk_in_a_profile(modelprofiler: Callable[..., Ran], script: str) -> None:
    """They are reported before anything is built or started, with exit code 2."""
    Path("score.py").write_text(script)
    Path("profile.yaml").write_text(PROFILE)
    for command in ("validate", "run"):
        completed = modelprofiler(command, "profile.yaml")
        assert 2 == completed.returncode
        assert "spec.server.entryScript.file: imports Azure ML's SDK (score.py, line" in completed.stderr


@pytest.mark.parametrize(
    ("conda", "named"),
    [
        # Azure-Samples/MLOpsDatabricks, src/score/conda_dependencies.yml
        (
            (
                "[python=3.6.2, psutil=5.3, {pip: [Pillow, pandas==0.23.1, numpy==1.14.5, "
                "'https://download.pytorch.org/whl/cpu/torch-1.1.0-cp36-cp36m-linux_x86_64.whl']}]"
            ),
            ["pandas==0.23.1 (", "numpy==1.14.5 (", "torch-1.1.0-cp36-cp36m-linux_x86_64.whl (", "python=3.6.2 is not"],
        ),
        # Azure/MachineLearningNotebooks, automl_env.yml
        (
            (
                "[pip==22.3.1, 'python>=3.8,<3.9', scikit-learn==1.1.3, scikit-learn<1.1, "
                "{pip: ['-r https://example.invalid/requirements.txt [--no-deps]', xgboost==1.3.3]}]"
            ),
            ["-r https://example.invalid/requirements.txt [--no-deps] (", "scikit-learn==1.1.3 and scikit-learn<1.1"],
        ),
        # The deployment environments of automated ML
        (
            "[python=3.8.13, pip=22.1.2, numpy~=1.22.3, py-xgboost=1.3.3, libgcc, nb_conda, openssl=1.1.1s]",
            ["libgcc, nb_conda, openssl=1.1.1s"],
        ),
        (
            (
                "[python=3.11.*=*_cpython, numpy=1.26=py311h64a7726_0, {pip: ['-e .', '-r requirements.txt', "
                "'--extra-index-url https://pypi.example.invalid/simple', ./wheels/mine-0.1-py3-none-any.whl]}]"
            ),
            ["-e . (", "-r requirements.txt (", "--extra-index-url", "./wheels/mine-0.1-py3-none-any.whl ("],
        ),
    ],
    ids=["wheels of Python 3.6", "requirements by URL", "packages of conda alone", "options"],
)
def test_conda_files_with_lines_that_cannot_be_used(python: Callable[[str], Ran], conda: str, named: list[str]) -> None:
    """One error of the call names them; the package index is asked for the versions of Python 3.6."""
    Path("env.yml").write_text(f"name: e\ndependencies: {conda}\n")
    completed = python(CALL.format(environment='Environment.from_conda_specification("e", "env.yml")'))
    assert 1 == completed.returncode
    message = completed.stderr.splitlines()[-1]
    assert [] == [part for part in named if part not in message], message
