"""Copies the files of a run, in Azure ML's layout."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.registry.model import RegisteredModel
from modelprofiler.azureml.serving.inference_config import InferenceConfig
from modelprofiler.azureml.serving.model_path import MODELS_VARIABLE
from modelprofiler.files.script_imports import guarded_names

MODELS_DIRECTORY = "azureml-models"
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".git", ".venv", ".ipynb_checkpoints")

_SDK = ("azureml.", "modelprofiler.azureml.")
_NOTHING_ABSENT = 'ABSENT: "frozenset[str]" = frozenset()'
"""A line of the shim."""

_IMPORT = re.compile(
    r"(?:^\s*(?:from|import)\s+(?:[\w., ]+,\s*)?|(?:import_module|__import__)\(\s*['\"])"
    r"(modelprofiler\.azureml|azureml)\b",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Staged:
    """The files of a run.

    Attributes
    ----------
    code
        The script's directory.
    file
        The script, relative to `code`.
    models
        The value of AZUREML_MODEL_DIR: the directory of the only model, or of all models; None without models.
    dataset
        The file with the requests, one per line.
    variables
        Environment variables that the server needs.
    """

    code: Path
    file: str
    models: Path | None
    dataset: Path
    variables: dict[str, str]


def stage(
    directory: Path,
    config: InferenceConfig,
    models: Sequence[RegisteredModel],
    requests: Sequence[str],
    packages: set[str],
) -> Staged:
    """Copy the files of a run into a directory, so that they do not change while it runs.

    Parameters
    ----------
    packages
        Names of the packages that are installed: without the SDK, a script that imports it gets a replacement.

    Raises
    ------
    WebserviceException
        When the entry script does not exist any more.
    """
    code, file = _stage_code(directory / "code", config)
    _stage_shims(code, packages)
    dataset = directory / "dataset.txt"
    dataset.write_text("".join(f"{row}\n" for row in requests), encoding="utf-8")
    root = directory / MODELS_DIRECTORY
    staged = [_stage_model(root, model) for model in models]
    if len(staged) != len({(p.name, p.parent.name) for p in staged}):
        raise UserErrorException("the same model is in the list twice")
    model_dir = root if len(staged) > 1 else staged[0] if staged else None
    variables = {}
    if model_dir is not None:
        entries = [
            [model.name, model.version, str(_only_entry(p).relative_to(model_dir))]
            for model, p in zip(models, staged, strict=True)
        ]
        variables[MODELS_VARIABLE] = json.dumps(entries)
    return Staged(code, file, model_dir, dataset, variables)


def _stage_code(target: Path, config: InferenceConfig) -> tuple[Path, str]:
    script = config.entry_script_path
    if not script.is_file():
        raise WebserviceException(f"entry_script {script} doesn't exist any more.")
    if config.source_directory is None:
        target.mkdir(parents=True)
        shutil.copy2(script, target / script.name)
        return target, script.name
    source = Path(config.source_directory)
    shutil.copytree(source, target, ignore=LEFT_OUT, symlinks=False)
    return target, os.fspath(script.resolve().relative_to(source.resolve()))


def _stage_shims(code: Path, packages: set[str]) -> None:
    scripts = [script.read_text(encoding="utf-8", errors="replace") for script in code.rglob("*.py")]
    imported = {name.split(".")[0] for script in scripts for name in _IMPORT.findall(script)}
    if "azureml-core" in packages:
        imported.discard("azureml")
    text = importlib.resources.files(__package__).joinpath("shim.py").read_text(encoding="utf-8")
    absent = sorted(name for name in guarded_names(scripts) if name.startswith(_SDK))
    text = text.replace(_NOTHING_ABSENT, f"{_NOTHING_ABSENT[:-1]}{absent!r})", 1)
    for name in imported:
        if not (code / f"{name}.py").exists() and not (code / name).is_dir():
            (code / f"{name}.py").write_text(text, encoding="utf-8")


def _stage_model(root: Path, model: RegisteredModel) -> Path:
    source = model.directory()
    target = root / model.name / str(model.version)
    if target.exists():
        raise UserErrorException(f"model {model.id} is in the list twice")
    shutil.copytree(source, target, copy_function=_link_or_copy)
    return target


def _only_entry(directory: Path) -> Path:
    (entry,) = directory.iterdir()
    return entry


def _link_or_copy(source: str, target: str) -> None:
    """Link a registered file, which never changes; copy it where the file system cannot link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
