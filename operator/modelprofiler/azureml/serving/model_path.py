"""Paths of models: where a server finds its models, and which files a registration copies.

Azure ML laid models out as ``azureml-models/<name>/<version>/<file or folder>``. AZUREML_MODEL_DIR named
``azureml-models/<name>/<version>`` when there was one model, and ``azureml-models`` when there were several.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelprofiler.azureml.exceptions import ModelPathNotFoundException, WebserviceException

MODELS_VARIABLE = "MODELPROFILER_MODELS"
"""Variable with the models of a server, as JSON: a list of [name, version, path below AZUREML_MODEL_DIR]."""


def find_model_path(name: str, version: int | None, environment: Mapping[str, str]) -> str | None:
    """Return the path of a model of this server, or None where it has no such model.

    Parameters
    ----------
    environment
        Environment variables of the process.
    """
    root = environment.get("AZUREML_MODEL_DIR")
    if not root:
        return None
    same_name = [m for m in json.loads(environment.get(MODELS_VARIABLE, "[]")) if m[0] == name]
    matching = [m for m in same_name if version is None or m[1] == version]
    if not matching:
        return None
    return str(Path(root) / max(matching, key=lambda m: int(m[1]))[2])


def files_of(path: Path, child_paths: Sequence[str] | None) -> dict[str, Path]:
    """Return the files of a model, each by its path in the model's directory.

    The paths begin with the name of the model's file or folder.

    Raises
    ------
    ModelPathNotFoundException
        When a path does not exist.
    WebserviceException
        When the folder has no files.
    """
    path = Path(path).absolute()
    if not path.exists():
        raise ModelPathNotFoundException(f'Error, provided model path "{path}" cannot be found')
    if path.is_file():
        return {path.name: path}
    parts = [path / child for child in child_paths] if child_paths else [path]
    if missing := [p for p in parts if not p.exists()]:
        raise ModelPathNotFoundException(f'Error, provided child path "{missing[0]}" cannot be found')
    files = [f for p in parts for f in ([p] if p.is_file() else sorted(c for c in p.rglob("*") if c.is_file()))]
    if not files:
        raise WebserviceException(f'Error, provided model path "{path}" has no files')
    return {str(f.relative_to(path.parent)): f for f in files}


def copied(source: Path, directory: Path, *, replace: bool) -> str:
    """Copy a model's file or folder into a directory, and return its path there.

    Raises
    ------
    WebserviceException
        When a file or folder of that name exists and must not be replaced.
    """
    target = directory / source.name
    if target.exists() and not replace:
        raise WebserviceException(f"File already exists in {target}; exist_ok=True replaces it")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
    return str(target)
