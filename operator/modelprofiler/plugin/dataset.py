"""The rows that ``--dataset`` names: an address that pods download, or a file or folder of this machine.

What is on this machine is read and checked here, and goes into a ConfigMap whose name contains its digest: a changed
file is another ConfigMap, so that a run in progress keeps its rows, and the changed profile starts a new run.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import Source
from modelprofiler.api.status import DatasetStatus
from modelprofiler.core.sources import KEY
from modelprofiler.errors import Problem
from modelprofiler.files.bundle import MAX_CONFIG_MAP_BYTES
from modelprofiler.files.document import Document
from modelprofiler.files.inputs import resolve_rows
from modelprofiler.files.sources import SourceFiles, Supply, locate

OPTION = "--dataset"

FORMATS = {
    ".parquet": DatasetFormat.PARQUET,
    ".pq": DatasetFormat.PARQUET,
    ".csv": DatasetFormat.CSV,
    ".tsv": DatasetFormat.CSV,
    ".jsonl": DatasetFormat.JSON_LINES,
    ".ndjson": DatasetFormat.JSON_LINES,
    ".json": DatasetFormat.JSON_ARRAY,
}
"""What the ending of a name says about the format; any other file has a body on each line."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|models:/")

_DIGEST_DIGITS = 10
"""Of the digest in the name of a ConfigMap: enough to tell the files of one profile apart."""

_LONGEST_PREFIX = 200
"""Characters of a profile's name in that of its ConfigMap, which has at most 253."""


@dataclass(frozen=True)
class LocalRows:
    """Rows of this machine: what they are, and the ConfigMap that has them."""

    config_map: Object
    facts: DatasetStatus


def is_address(dataset: str) -> bool:
    """Return whether rows are downloaded by pods, rather than read here."""
    return _ADDRESS.match(dataset) is not None


def format_of(dataset: str) -> DatasetFormat:
    """Return the format of rows that a user names without their format."""
    if not is_address(dataset) and _is_folder(dataset):
        return DatasetFormat.FILES
    name = re.split(r"[?#]", dataset)[0] if is_address(dataset) else dataset
    return FORMATS.get(Path(name).suffix.lower(), DatasetFormat.LINES)


def _is_folder(dataset: str) -> bool:
    try:
        return Path(dataset).expanduser().is_dir()
    except (OSError, ValueError):
        return False  # `unusable_file` says what is wrong


def source_of(dataset: str, secret: str | None) -> Object:
    """Return the source of rows as a profile has it; a path for what is on this machine."""
    if not is_address(dataset):
        return {"path": dataset}
    return {"uri": {"uri": dataset} | ({"secretRef": secret} if secret is not None else {})}


def unusable_file(dataset: str) -> Problem | None:
    """Return why a file or folder cannot go into a ConfigMap; of one that is too large nothing is read."""
    path = Path(dataset).expanduser()
    try:
        path.stat()
    except (OSError, ValueError) as error:  # what was pasted is rows themselves, for example, or has a zero byte
        why = error.strerror if isinstance(error, OSError) else error
        return Problem(OPTION, f"{dataset[:80]!r} cannot be read: {why}; name a file, a folder or an address")
    if not (path.is_file() or path.is_dir()):
        return Problem(OPTION, f"{dataset[:80]} is neither a file nor a folder")
    if (size := _size(path)) > MAX_CONFIG_MAP_BYTES:
        least = "at least " if path.is_dir() else ""
        message = (
            f"{dataset} has {least}{size / 2**20:.1f} MiB, and a ConfigMap can hold 1 MiB: take a sample, a few "
            "hundred rows are enough; or put them into a bucket and write the address, such as "
            "s3://bucket/requests.parquet"
        )
        return Problem(OPTION, message)
    located = locate(Source.model_validate({"path": dataset[:1024]}), OPTION, "", Supply(Path.cwd()))
    if not isinstance(located, SourceFiles):
        return Problem(OPTION, located[0].message)
    names = located.files
    if len(names) > 1 and (invalid := [name for name in names if not KEY.fullmatch(name)]):
        message = f"a ConfigMap cannot have folders or a file of this name: {invalid[0][:80]!r}"
        return Problem(OPTION, message)
    return None


def _size(path: Path) -> int:
    """Return the bytes of a file, or those of the files below a folder until they are too many for a ConfigMap."""
    size = 0
    try:
        for file in (path,) if path.is_file() else path.rglob("*"):
            size += file.stat().st_size if file.is_file() else 0
            if size > MAX_CONFIG_MAP_BYTES:
                break
    except OSError:
        pass  # whoever opens it says why
    return size


def local_rows(data: Object, profile: ModelProfile) -> LocalRows | list[Problem]:
    """Return the rows of this machine that a profile names by a path, checked as a cluster would, or what is wrong.

    Parameters
    ----------
    data, profile
        The profile, whose dataset has a path; as JSON data, and validated.
    """
    document = Document("-", Path.cwd(), data, profile, {})
    resolved = resolve_rows(document)
    if isinstance(resolved, list):
        return [Problem(OPTION, problem.message) for problem in resolved]
    contents = {
        name: content if isinstance(content, bytes) else content.read_bytes()
        for name, content in sorted(resolved.files.files.items())
    }
    if len(contents) == 1:  # the name of a single file says nothing: the profile has its format
        [(name, content)] = contents.items()
        contents = {name if KEY.fullmatch(name) else f"rows{Path(name).suffix}": content}
    digits = resolved.files.digest.rpartition(":")[2][:_DIGEST_DIGITS]
    prefix = profile.metadata.name[:_LONGEST_PREFIX].rstrip("-.")
    return LocalRows(_config_map(f"{prefix}-rows-{digits}", contents), resolved.dataset)


def _config_map(name: str, contents: Mapping[str, bytes]) -> Object:
    texts, others = {}, {}
    for key, content in contents.items():
        try:
            texts[key] = content.decode()
        except UnicodeDecodeError:
            others[key] = base64.b64encode(content).decode()
    data: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "immutable": True}
    return data | ({"data": texts} if texts else {}) | ({"binaryData": others} if others else {})
