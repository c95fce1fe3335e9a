"""Paths of models: where a server finds those it was started with, and which files a registration takes.

The original laid models out as ``azureml-models/<name>/<version>/<file or folder>``. AZUREML_MODEL_DIR named
``azureml-models/<name>/<version>`` when there was one model, and ``azureml-models`` when there were several.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelprofiler.azureml.exceptions import ModelPathNotFoundException, WebserviceException

MODELS_VARIABLE = "MODELPROFILER_MODELS"
"""JSON: the models a server was started with, each [name, version, path below AZUREML_MODEL_DIR]."""


def find_model_path(name: str, version: int | None, environment: Mapping[str, str]) -> str | None:
    """Return the path of a model that this server was started with, or None.

    Parameters
    ----------
    environment
        Environment variables of the process.
    """
    root = environment.get("AZUREML_MODEL_DIR")
    if not root:
        return None
    given = [m for m in json.loads(environment.get(MODELS_VARIABLE, "[]")) if m[0] == name]
    chosen = [m for m in given if version is None or m[1] == version]
    if not chosen:
        return None
    return str(Path(root) / max(chosen, key=lambda m: int(m[1]))[2])


def files_of(path: Path, child_paths: Sequence[str] | None) -> dict[str, Path]:
    """Return the files of a model by their path in its directory, which begins with the file's or folder's name.

    Raises
    ------
    ModelPathNotFoundException
        When a path is not there.
    WebserviceException
        When there is nothing in it.
    """
    path = Path(path).absolute()
    if not path.exists():
        raise ModelPathNotFoundException(f'Error, provided model path "{path}" cannot be found')
    if path.is_file():
        return {path.name: path}
    chosen = [path / child for child in child_paths] if child_paths else [path]
    if missing := [c for c in chosen if not c.exists()]:
        raise ModelPathNotFoundException(f'Error, provided child path "{missing[0]}" cannot be found')
    files = [f for c in chosen for f in ([c] if c.is_file() else sorted(p for p in c.rglob("*") if p.is_file()))]
    if not files:
        raise WebserviceException(f'Error, provided model path "{path}" has no files')
    return {str(f.relative_to(path.parent)): f for f in files}


def copied(source: Path, directory: Path, *, replace: bool) -> str:
    """Copy a model's file or folder into a directory, and return its path there.

    Raises
    ------
    WebserviceException
        When something of that name is there already and shall not be replaced.
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
