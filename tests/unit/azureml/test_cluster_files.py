"""The files of a run as ConfigMaps."""

import base64
import importlib.resources
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.profiling.cluster_files import Bundle, bundled, config_map
from modelprofiler.azureml.profiling.stage import stage
from modelprofiler.cluster.act.upload_files import Volume
from modelprofiler.core.sources import digest

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


def served(tmp_path: Path, bundle_: Bundle) -> str:
    """Mount the ConfigMaps as in a pod, start the script as its server does, and return the output of init()."""
    code, models = tmp_path / "code", tmp_path / "model"
    for directory, files in ((code, bundle_.code or {}), (models, bundle_.model or {})):
        directory.mkdir()
        for name, content in files.items():
            (directory / name).write_bytes(content)
    start = (
        "import importlib.util as u, sys; sys.path.append('.');"
        f"s = u.spec_from_file_location('entry_module', {str(code / bundle_.file)!r});"
        "m = u.module_from_spec(s); s.loader.exec_module(m); m.init(); print(m.run('same'))"
    )
    return subprocess.run(
        [sys.executable, "-S", "-c", start],
        cwd=code,
        env={**bundle_.variables, "AZUREML_MODEL_DIR": str(models), "MODEL_DIR": str(models), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_files_without_folders_are_keys(tmp_path: Path, model: Model) -> None:
    """The script reads them from the mounted ConfigMap."""
    Path("score.py").write_text(SCRIPT.format(imports="", more=""), encoding="utf-8")
    built = bundle(tmp_path, [model])
    assert {"score.py", "azureml.py"} == set(built.code or {})
    assert {"m.bin": b"weights"} == built.model
    assert {"requests.txt": b'{"a": 1}\n'} == built.dataset
    assert "weights\nsame\n" == served(tmp_path, built)


def test_folders_and_several_models_are_packed(tmp_path: Path, ws: Workspace, model: Model) -> None:
    """A script unpacks them, and then runs the user's script."""
    Path("src/lib").mkdir(parents=True)
    Path("src/lib/helper.py").write_text("WORD = 'helped'\n", encoding="utf-8")
    Path("src/score.py").write_text(
        SCRIPT.format(imports="from lib.helper import WORD", more=", WORD"), encoding="utf-8"
    )
    built = bundle(tmp_path, [model, Model.register(ws, "m.bin", "other")], "src")
    assert {"modelprofiler_entry.py", "files.zip"} == set(built.code or {})
    assert ["files.zip"] == list(built.model or {})
    assert "weights helped\nsame\n" == served(tmp_path, built)


def test_the_same_files_make_the_same_archive(tmp_path: Path, ws: Workspace, model: Model) -> None:
    """A run is identified by the digest of its files."""
    Path("score.py").write_text("def init(): pass\ndef run(d): pass\n", encoding="utf-8")
    models = [model, Model.register(ws, "m.bin", "other")]
    assert bundle(tmp_path / "1", models).model == bundle(tmp_path / "2", models).model


def test_a_model_that_is_too_large_goes_onto_a_volume_with_the_script(tmp_path: Path, ws: Workspace) -> None:
    """Both keep their folders; the dataset stays in its ConfigMap."""
    Path("src/lib").mkdir(parents=True)
    Path("src/lib/helper.py").write_text("", encoding="utf-8")
    Path("src/score.py").write_text("def init(): pass\ndef run(d): pass\n", encoding="utf-8")
    Path("big.bin").write_bytes(b"x" * (2**20 + 1))
    built = bundle(tmp_path, [Model.register(ws, "big.bin", "big")], "src")
    assert (None, None, "score.py") == (built.code, built.model, built.file)
    assert {"requests.txt": b'{"a": 1}\n'} == built.dataset
    assert {"code": "code", "model": "model"} == built.places
    assert built.volume is not None
    assert ["code/lib/helper.py", "code/score.py", "model/big.bin"] == sorted(built.volume.files)


def test_a_dataset_that_is_too_large_is_the_only_one_on_the_volume(tmp_path: Path, ws: Workspace, model: Model) -> None:
    """The server does not mount the volume then."""
    Path("score.py").write_text("def init(): pass\ndef run(d): pass\n", encoding="utf-8")
    staged = stage(tmp_path / "run", InferenceConfig("score.py"), [model], ["x" * 2**20], set())
    built = bundled(staged)
    assert ({"dataset": "dataset/requests.txt"}, None) == (built.places, built.dataset)
    assert {"score.py"} == set(built.code or {})
    assert {"m.bin": b"weights"} == built.model


def test_a_volume_is_identified_by_its_files_and_has_spare_room(tmp_path: Path) -> None:
    """The archive has no owners and times, and ends with a whole record."""
    (tmp_path / "a").write_bytes(b"a" * 700)
    (tmp_path / "b").write_bytes(b"")
    files = {"model/é" + "x" * 120: tmp_path / "a", "code/b": tmp_path / "b"}
    volume = Volume(files)
    assert digest({name: path.read_bytes() for name, path in files.items()}) == volume.digest
    assert (700, "65Mi") == (volume.size, volume.request)
    archive = b"".join(volume.archive())
    assert archive.endswith(bytes(tarfile.RECORDSIZE))
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert {name: path.stat().st_size for name, path in files.items()} == {m.name: m.size for m in opened}


def test_receiving_an_archive_replaces_existing_files(tmp_path: Path) -> None:
    """The program ends although its input stays open, and prints the digest of the files on the volume."""
    (tmp_path / "a").write_bytes(b"a" * 200_000)
    volume = Volume({"model/m.bin": tmp_path / "a"})
    root = tmp_path / "root"
    (root / "old").mkdir(parents=True)
    (root / "lost+found").mkdir()
    text = importlib.resources.files("modelprofiler.cluster.act").joinpath("receive.py").read_text("utf-8")
    command = [sys.executable, "-c", text, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(volume.archive()))
        process.stdin.flush()
        assert volume.digest == process.stdout.read().decode().strip()
    assert {"model", "lost+found"} == {p.name for p in root.iterdir()}
    assert b"a" * 200_000 == (root / "model/m.bin").read_bytes()


def test_a_config_map_contains_text_and_binary_data(tmp_path: Path) -> None:
    """It is deleted with its owner."""
    created = config_map("n", "ns", {"a": b"text", "b": b"\xff"}, {"uid": "1"})
    assert ({"a": "text"}, {"b": base64.b64encode(b"\xff").decode()}) == (created["data"], created["binaryData"])
    assert [{"uid": "1"}] == created["metadata"]["ownerReferences"]
    json.dumps(created)
