"""The files of a run as ConfigMaps."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.cluster_files import Bundle, bundled, config_map
from modelprofiler.azureml.profiling.stage import stage

SCRIPT = """
from azureml.core.model import Model
{imports}
def init():
    print(open(Model.get_model_path("m")).read(){more})
def run(data):
    return data
"""


def bundle(tmp_path: Path, models: list[Model], source: str | None = None) -> Bundle:
    """Return the ConfigMaps of a run of score.py."""
    config = InferenceConfig(entry_script="score.py", source_directory=source)
    return bundled(stage(tmp_path / "run", config, models, ['{"a": 1}'], set()))


@pytest.fixture
def model(ws: Workspace) -> Model:
    """Return a model of one file."""
    Path("m.bin").write_text("weights", encoding="utf-8")
    return Model.register(ws, "m.bin", "m")


def served(tmp_path: Path, made: Bundle) -> str:
    """Mount the ConfigMaps as a pod does, start the script as its server does, and return what init() prints."""
    code, models = tmp_path / "code", tmp_path / "model"
    for directory, files in ((code, made.code), (models, made.model or {})):
        directory.mkdir()
        for name, content in files.items():
            (directory / name).write_bytes(content)
    start = (
        "import importlib.util as u, sys; sys.path.append('.');"
        f"s = u.spec_from_file_location('entry_module', {str(code / made.file)!r});"
        "m = u.module_from_spec(s); s.loader.exec_module(m); m.init(); print(m.run('same'))"
    )
    return subprocess.run(
        [sys.executable, "-S", "-c", start],
        cwd=code,
        env={**made.variables, "AZUREML_MODEL_DIR": str(models), "MODEL_DIR": str(models), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_files_without_folders_are_keys(tmp_path: Path, model: Model) -> None:
    """And can be read where they are."""
    Path("score.py").write_text(SCRIPT.format(imports="", more=""), encoding="utf-8")
    made = bundle(tmp_path, [model])
    assert {"score.py", "azureml.py"} == set(made.code)
    assert {"m.bin": b"weights"} == made.model
    assert {"requests.txt": b'{"a": 1}\n'} == made.dataset
    assert "weights\nsame\n" == served(tmp_path, made)


def test_folders_and_several_models_are_packed(tmp_path: Path, ws: Workspace, model: Model) -> None:
    """And unpacked by a script of ours, which is then the user's."""
    Path("src/lib").mkdir(parents=True)
    Path("src/lib/helper.py").write_text("WORD = 'helped'\n", encoding="utf-8")
    Path("src/score.py").write_text(
        SCRIPT.format(imports="from lib.helper import WORD", more=", WORD"), encoding="utf-8"
    )
    made = bundle(tmp_path, [model, Model.register(ws, "m.bin", "other")], "src")
    assert {"modelprofiler_entry.py", "files.zip"} == set(made.code)
    assert ["files.zip"] == list(made.model or {})
    assert "weights helped\nsame\n" == served(tmp_path, made)


def test_the_archive_is_the_same_for_the_same_files(tmp_path: Path, ws: Workspace, model: Model) -> None:
    """So that a run is known by what it measures."""
    Path("score.py").write_text("def init(): pass\ndef run(d): pass\n", encoding="utf-8")
    models = [model, Model.register(ws, "m.bin", "other")]
    assert bundle(tmp_path / "1", models).model == bundle(tmp_path / "2", models).model


def test_what_is_too_large_is_refused(tmp_path: Path, ws: Workspace) -> None:
    """With what would work."""
    Path("score.py").write_text("def init(): pass\ndef run(d): pass\n", encoding="utf-8")
    Path("big.bin").write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(
        UserErrorException, match=r"the models take 1.0 MiB, and a ConfigMap holds 1 MiB.*PersistentVolume"
    ):
        bundle(tmp_path, [Model.register(ws, "big.bin", "big")])


def test_a_config_map_holds_texts_and_bytes(tmp_path: Path) -> None:
    """And goes when its owner goes."""
    made = config_map("n", "ns", {"a": b"text", "b": b"\xff"}, {"uid": "1"})
    assert ({"a": "text"}, {"b": base64.b64encode(b"\xff").decode()}) == (made["data"], made["binaryData"])
    assert [{"uid": "1"}] == made["metadata"]["ownerReferences"]
    json.dumps(made)
