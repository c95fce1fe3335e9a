"""The files of a run as ConfigMaps, or on a volume where they are too large for that.

The keys of a ConfigMap are plain names. Folders and several models are therefore packed into an archive, which
`modelprofiler.azureml.profiling.unpack` unpacks on the server before it imports the user's script.
"""

from __future__ import annotations

import base64
import importlib.resources
import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from modelprofiler.api.objects import Object
from modelprofiler.azureml.profiling.stage import Staged
from modelprofiler.cluster.act.upload_files import Volume

LARGEST = 2**20
"""Largest content of a ConfigMap, in bytes: https://kubernetes.io/docs/concepts/configuration/configmap/."""

ARCHIVE = "files.zip"
ROWS = "requests.txt"
ENTRY = "modelprofiler_entry.py"
ENTRY_VARIABLE = "MODELPROFILER_ENTRY_SCRIPT"

_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")
_FIXED_TIME = (2020, 1, 1, 0, 0, 0)
"""Time of every file in an archive, so that the same files make the same archive."""


@dataclass
class Bundle:
    """The files of a run in a cluster: the content of a ConfigMap by key for each source, or files on a volume.

    Attributes
    ----------
    file
        The script that the server starts.
    variables
        Environment variables that the script needs.
    volume
        The files that are too large for ConfigMaps; None where all fit.
    places
        The path of each source that is on the volume: code, model, dataset.
    """

    code: dict[str, bytes] | None
    file: str
    model: dict[str, bytes] | None
    dataset: dict[str, bytes] | None
    variables: dict[str, str] = field(default_factory=dict)
    volume: Volume | None = None
    places: dict[str, str] = field(default_factory=dict)


def bundled(staged: Staged) -> Bundle:
    """Return the files of a run: in ConfigMaps of up to 1 MiB, and on a volume where a source is larger."""
    code = _paths(staged.code)
    models = _paths(staged.models) if staged.models else None
    on_volume: dict[str, Path] = {}
    places: dict[str, str] = {}
    dataset: dict[str, bytes] | None = None
    if staged.dataset.stat().st_size > LARGEST:
        places["dataset"] = f"dataset/{ROWS}"
        on_volume[places["dataset"]] = staged.dataset
    else:
        dataset = {ROWS: staged.dataset.read_bytes()}
    small = max(_size(code), _size(models or {})) <= LARGEST
    contents = _in_config_maps(staged, code, models) if small else None
    if contents is not None:
        packed, packed_models, file, variables = contents
        volume = Volume(on_volume) if on_volume else None
        return Bundle(packed, file, packed_models, dataset, variables, volume, places)
    # Code and models go onto the volume together, even if only one is too large, so that neither has to be unpacked.
    for part, paths in (("code", code), ("model", models)):
        if paths is not None:
            places[part] = part
            on_volume |= {f"{part}/{name}": path for name, path in paths.items()}
    return Bundle(None, staged.file, None, dataset, dict(staged.variables), Volume(on_volume), places)


def _in_config_maps(
    staged: Staged, code: dict[str, Path], models: dict[str, Path] | None
) -> tuple[dict[str, bytes], dict[str, bytes] | None, str, dict[str, str]] | None:
    """Return the contents of both ConfigMaps, the script to start and its variables; None where they are too large."""
    files, model = _read(code), None if models is None else _read(models)
    if _flat(files) and (model is None or _flat(model)):
        return files, model, staged.file, dict(staged.variables)
    entry = importlib.resources.files(__package__).joinpath("unpack.py").read_bytes()
    files = {ENTRY: entry, ARCHIVE: _packed(files)}
    model = None if model is None else {ARCHIVE: _packed(model)}
    if max(sum(map(len, part.values())) for part in (files, model or {})) > LARGEST:
        return None
    return files, model, ENTRY, {**staged.variables, ENTRY_VARIABLE: staged.file}


def config_map(name: str, namespace: str, files: dict[str, bytes], owner: Object) -> Object:
    """Return a ConfigMap that is deleted with its owner, the profile."""
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


def _paths(root: Path) -> dict[str, Path]:
    return {p.relative_to(root).as_posix(): p for p in sorted(root.rglob("*")) if p.is_file()}


def _read(paths: dict[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in paths.items()}


def _size(paths: dict[str, Path]) -> int:
    return sum(path.stat().st_size for path in paths.values())


def _flat(files: dict[str, bytes]) -> bool:
    return all(_KEY.match(name) for name in files)


def _packed(files: dict[str, bytes]) -> bytes:
    """Return a zip archive; the same files make the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
