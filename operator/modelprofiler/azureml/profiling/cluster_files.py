"""The files of a run as ConfigMaps.

A ConfigMap holds files by plain names. What has folders, or several models, is packed into an archive, and a script of
ours unpacks it before it imports the user's (`modelprofiler.azureml.profiling.unpack`).
"""

from __future__ import annotations

import base64
import importlib.resources
import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.stage import Staged

LARGEST = 2**20
"""Bytes of a ConfigMap at most."""

ARCHIVE = "files.zip"
ENTRY = "modelprofiler_entry.py"
ENTRY_VARIABLE = "MODELPROFILER_ENTRY_SCRIPT"

_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")
_FIXED_TIME = (2020, 1, 1, 0, 0, 0)


@dataclass
class Bundle:
    """The files of a run as ConfigMaps: each the content by key.

    Attributes
    ----------
    file
        The script that the server starts.
    variables
        Environment variables that it needs.
    """

    code: dict[str, bytes]
    file: str
    model: dict[str, bytes] | None
    dataset: dict[str, bytes]
    variables: dict[str, str] = field(default_factory=dict)


def bundled(staged: Staged) -> Bundle:
    """Return the ConfigMaps of the files of a run.

    Raises
    ------
    UserErrorException
        When one would be over 1 MiB.
    """
    code, model = _files(staged.code), _files(staged.models) if staged.models else None
    variables = dict(staged.variables)
    file = staged.file
    if not (_flat(code) and (model is None or _flat(model))):
        entry = importlib.resources.files(__package__).joinpath("unpack.py").read_bytes()
        code, file = {ENTRY: entry, ARCHIVE: _packed(code)}, ENTRY
        variables[ENTRY_VARIABLE] = staged.file
        model = {ARCHIVE: _packed(model)} if model is not None else None
    bundle = Bundle(code, file, model, {"requests.txt": staged.dataset.read_bytes()}, variables)
    parts = {"the scoring script and the files beside it": bundle.code, "the models": bundle.model}
    for what, files in (parts | {"the dataset": bundle.dataset}).items():
        size = sum(map(len, (files or {}).values()))
        if size > LARGEST:
            raise UserErrorException(
                f"{what} take {size / 2**20:.1f} MiB, and a ConfigMap holds 1 MiB; files on a PersistentVolumeClaim or "
                "in an object store are not supported yet. Run it on this machine (Workspace.local()), or take a "
                "smaller sample"
            )
    return bundle


def config_map(name: str, namespace: str, files: dict[str, bytes], owner: dict[str, Any]) -> dict[str, Any]:
    """Return a ConfigMap that goes when its profile goes."""
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, content in files.items():
        try:
            text[key] = content.decode("utf-8")
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(content).decode("ascii")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
        "data": text,
        "binaryData": binary,
    }


def _files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def _flat(files: dict[str, bytes]) -> bool:
    return all(_KEY.match(name) for name in files)


def _packed(files: dict[str, bytes]) -> bytes:
    """Return an archive that is the same whenever the files are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
