"""The inputs of a run on this machine: model, code, dataset, and the ConfigMaps that a template refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.names import LONGEST_OBJECT_NAME, OBJECT_PATTERN, SENTENCES
from modelprofiler.api.objects import Object
from modelprofiler.api.sources import Source
from modelprofiler.api.status import DatasetStatus
from modelprofiler.core.sources import INLINE_DATASET, INLINE_MODEL, digest, script_problems, which_rows
from modelprofiler.core.support import (
    GROUPS_OF_FILE,
    KEYS_OF_FILE,
    container_path,
    profiled_container,
    secret_of_volume,
)
from modelprofiler.errors import DatasetError, InvalidInput, Problem
from modelprofiler.files.document import Document
from modelprofiler.files.sources import Contents, MissingObject, SourceFiles, Supply, UnusablePath, locate
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.examine import examine
from modelprofiler.load.rows.folder import files_in
from modelprofiler.load.rows.format import RowFormat

DATASET = "spec.dataset.source"
"""Path of the source of the rows."""
MOST_LISTED = 20
"""Names of files that a message lists; chosen to keep it readable."""


@dataclass(frozen=True)
class Inputs:
    """The files of a run, in place.

    Attributes
    ----------
    directory
        The run's own folder.
    model_dir, code_dir
        Folders with the files of the model and of the entry script; None where the profile has none.
    script
        The entry script.
    dataset_file
        The file with the rows.
    dataset
        Its rows in numbers.
    model_digest, code_digest
        A cluster computes the same for the same files.
    mounts
        For a template: paths in the container to the folders of this machine that stand for them.
    """

    directory: Path
    model_dir: Path | None
    code_dir: Path | None
    script: Path | None
    dataset_file: Path
    dataset: DatasetStatus
    model_digest: str | None
    code_digest: str | None
    mounts: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """The files of all sources of a profile; nothing is written yet."""

    model: SourceFiles | None
    code: SourceFiles | None
    rows: SourceFiles
    dataset: DatasetStatus
    volumes: Mapping[str, SourceFiles]
    """ConfigMaps and Secrets that a template mounts, by the name of the volume."""


@dataclass(frozen=True)
class ResolvedRows:
    """The files of a dataset, and its rows in numbers; nothing is written yet."""

    files: SourceFiles
    dataset: DatasetStatus


def place_inputs(document: Document, directory: Path) -> Inputs:
    """Put the files of a profile in place.

    Parameters
    ----------
    directory
        The run's own folder. Inline files and ConfigMaps are written into it as a cluster would mount them; folders of
        this machine are used where they are.

    Raises
    ------
    InvalidInput
        With every file that is missing or unusable.
    """
    resolved = resolve(document)
    if isinstance(resolved, list):
        raise InvalidInput(resolved)
    model, code, rows = resolved.model, resolved.code, resolved.rows
    code_dir = code.place(directory / "code") if code else None
    script = document.profile.spec.server.entry_script
    return Inputs(
        directory=directory,
        model_dir=model.place(directory / "model", link=True) if model else None,
        code_dir=code_dir,
        script=code_dir / script.file if code_dir and script else None,
        dataset_file=place_rows(document, rows, directory / "dataset"),
        dataset=resolved.dataset,
        model_digest=model.digest if model else None,
        code_digest=code.digest if code else None,
        mounts=_mounts(document, resolved, directory),
    )


def place_rows(document: Document, rows: SourceFiles, directory: Path) -> Path:
    """Return the file with the rows, or the folder whose files are the rows; a file of this machine is not copied."""
    if document.profile.spec.dataset.format is DatasetFormat.FILES:
        return rows.place(directory, link=True)
    name, content = next(iter(rows.files.items()))
    return content if isinstance(content, Path) else rows.place(directory) / name


def supply_of(document: Document) -> Supply:
    """Return where the sources of a document have their files from."""
    return Supply(document.directory, document.config_maps, document.secrets, document.fetched)


def resolve(document: Document) -> Resolved | list[Problem]:
    """Return the files of a profile without writing any, or everything that is wrong with them.

    Nothing is wrong with files that are still to be downloaded; the list is then empty.
    """
    spec = document.profile.spec
    problems: list[Problem] = []

    def files_of(source: Source | None, path: str, inline_name: str) -> SourceFiles | None:
        if source is None:
            return None
        located = locate(source, path, inline_name, supply_of(document))
        if isinstance(located, SourceFiles):
            return located
        problems.extend(located)
        return None

    script = spec.server.entry_script
    inline_script = script.file if script else ""
    code = files_of(script.source if script else None, "spec.server.entryScript.source", inline_script)
    model = files_of(spec.model.source if spec.model else None, "spec.model.source", INLINE_MODEL)
    if script and code is not None:
        problems += script_problems(script.file, code.files)
    rows = resolve_rows(document)
    problems += rows if isinstance(rows, list) else []
    volumes = _mounted_config_maps(document, problems)
    if problems or isinstance(rows, list):
        return problems
    return Resolved(model, code, rows.files, rows.dataset, volumes)


def resolve_rows(document: Document) -> ResolvedRows | list[Problem]:
    """Return the files of a dataset without writing any, or everything that is wrong with them."""
    source = document.profile.spec.dataset.source
    rows = locate(source, DATASET, INLINE_DATASET, supply_of(document))
    if isinstance(rows, list):
        return rows
    if source.uri is not None and document.profile.spec.dataset.format is DatasetFormat.FILES:
        rows = replace(rows, folder=document.fetched[DATASET])
    if ambiguous := _ambiguous_dataset(source, rows, document.profile.spec.dataset.format):
        return ambiguous
    problems: list[Problem] = []
    dataset = _describe_dataset(document, rows, problems)
    return problems if dataset is None else ResolvedRows(rows, dataset)


def _ambiguous_dataset(source: Source, rows: SourceFiles, how: DatasetFormat) -> list[Problem]:
    """Return why it is not clear which file has the rows."""
    if how is DatasetFormat.FILES:
        if rows.folder is None and source.path is not None:
            message = f"{source.path} is a file; with format Files the path of a folder is needed, whose files are rows"
            return [UnusablePath(f"{DATASET}.path", message)]
        return []
    if source.config_map is not None:
        return which_rows(source.config_map.name, rows.files)
    if source.secret is not None:
        return which_rows(source.secret.name, rows.files, "Secret")
    if source.uri is not None:
        names = sorted(rows.files)
        shown = ", ".join(names[:MOST_LISTED]) + (", …" if len(names) > MOST_LISTED else "")
        one = len(names) == 1
        return [] if one else [Problem(f"{DATASET}.uri.uri", f"name the file with the rows: the address has {shown}")]
    if rows.folder is not None:
        message = f"{source.path} is a folder; name the file with the rows"
        return [UnusablePath(f"{DATASET}.path", message)]
    return []


def _describe_dataset(document: Document, rows: SourceFiles, problems: list[Problem]) -> DatasetStatus | None:
    spec = document.profile.spec
    try:
        is_folder = rows.folder is not None and spec.dataset.format is DatasetFormat.FILES
        files = files_in(rows.folder) if is_folder and rows.folder is not None else rows.files
        return examine(files, RowFormat.of(spec.dataset), Promise.of(spec))
    except DatasetError as error:
        problems.append(Problem("spec.dataset", str(error)))
    except OSError as error:
        message = f"{error.filename} cannot be read: {error.strerror}"
        problems.append(UnusablePath(f"{DATASET}.path", message))
    return None


def _objects(items: Any) -> Iterator[Object]:
    """Yield the objects of a list in a template, which may be missing or contain anything."""
    return (item for item in items or [] if isinstance(item, dict))


def _volumes(document: Document) -> list[Any]:
    template = document.profile.spec.server.template
    return list(template["spec"].get("volumes") or []) if template is not None else []


def _mounted_config_maps(document: Document, problems: list[Problem]) -> dict[str, SourceFiles]:
    """Return the ConfigMaps and Secrets that the profiled container of a template mounts, by the name of the volume."""
    container = profiled_container(document.profile.spec)
    if container is None:
        return {}
    mounted = {mount.get("name") for mount in _objects(container.get("volumeMounts"))}
    volumes: dict[str, SourceFiles] = {}
    for number, volume in enumerate(_volumes(document)):
        if not isinstance(volume, dict) or volume.get("name") not in mounted:
            continue
        secret = secret_of_volume(volume)
        if secret is not None and secret in document.secrets:  # one that the file does not have is left out with a note
            files = document.secrets[secret]
            volumes[volume["name"]] = _selected(SourceFiles(files, None, digest(files)), volume["secret"].get("items"))
        reference = volume.get("configMap")
        if not isinstance(reference, dict):
            continue
        path = f"spec.server.template.spec.volumes[{number}]"
        name = reference.get("name")
        if not isinstance(name, str) or not re.fullmatch(OBJECT_PATTERN, name):
            problems.append(Problem(f"{path}.configMap.name", f"{name!r:.80} {SENTENCES[OBJECT_PATTERN]}"))
            continue
        source = Source.model_validate({"configMap": {"name": name[:LONGEST_OBJECT_NAME]}})
        located = locate(source, path, "", supply_of(document))
        if isinstance(located, SourceFiles):
            volumes[volume["name"]] = _selected(located, reference.get("items"))
        elif not reference.get("optional"):
            problems += located
    return volumes


def _selected(content: SourceFiles, items: Any) -> SourceFiles:
    """Return only the keys that a volume selects, under the paths that it gives them."""
    if not items:
        return content
    files = {
        str(item["path"]): content.files[item["key"]]
        for item in _objects(items)
        if item.get("key") in content.files and _stays_inside(item.get("path"))
    }
    return SourceFiles(files, None, content.digest)


def _stays_inside(path: Any) -> bool:
    """Return whether a path does not leave its folder, as the API server demands."""
    return isinstance(path, str) and not path.startswith("/") and ".." not in path.split("/")


def _mounts(document: Document, resolved: Resolved, directory: Path) -> dict[str, Path]:
    """Return the folders that stand for the mounts of the profiled container, by their paths in it."""
    container = profiled_container(document.profile.spec)
    if container is None:
        return {}
    empty = {volume.get("name") for volume in _objects(_volumes(document)) if volume.get("emptyDir") is not None}
    mounts: dict[str, Path] = {}
    for mount in _objects(container.get("volumeMounts")):
        name, path = str(mount.get("name")), str(mount.get("mountPath", "")).rstrip("/")
        if not path or path == "/tmp":  # noqa: S108 - this machine has one, too
            continue
        if name in resolved.volumes:
            folder = resolved.volumes[name].place(directory / "volumes" / name)
        elif name in empty:
            folder = directory / "volumes" / name
            folder.mkdir(parents=True, exist_ok=True)
        else:
            continue
        sub_path = mount.get("subPath")
        mounts[path] = folder / sub_path if isinstance(sub_path, str) and _stays_inside(sub_path) else folder
    return mounts


def server_variables(document: Document) -> tuple[dict[str, str], list[Problem]]:
    """Return the environment variables of a profile's server, and the references that cannot be resolved.

    References to ConfigMaps and Secrets are resolved with those of the same file.
    """
    spec = document.profile.spec
    script = spec.server.entry_script
    if script is not None:
        path = "spec.server.entryScript.environment"
        container: Any = {
            "env": [variable.to_dict() for variable in script.environment.env],
            "envFrom": [group.to_dict() for group in script.environment.env_from],
        }
    else:
        container, path = profiled_container(spec) or {}, container_path(spec)
    groups, problems = _variable_groups(container.get("envFrom"), f"{path}.envFrom", document)
    variables, more = _declared_variables(container.get("env"), f"{path}.env", document)
    return groups | variables, problems + more


def _contents_of(document: Document, source: Any, kinds: tuple[str, str]) -> tuple[str, Object, str, Contents] | None:
    """Return what a reference refers to: the field's name, the reference, the kind of object and those of the file."""
    if not isinstance(source, dict):
        return None
    for field_name, kind, contents in zip(
        kinds, ("ConfigMap", "Secret"), (document.config_maps, document.secrets), strict=True
    ):
        if isinstance(reference := source.get(field_name), dict):
            return field_name, reference, kind, contents
    return None


def _variable_groups(groups: Any, path: str, document: Document) -> tuple[dict[str, str], list[Problem]]:
    """Return the variables of whole ConfigMaps and Secrets, each key with the prefix of its group."""
    variables: dict[str, str] = {}
    problems: list[Problem] = []
    for number, group in enumerate(groups or []):
        referred = _contents_of(document, group, GROUPS_OF_FILE)
        if referred is None:
            continue
        field_name, reference, kind, contents = referred
        name = str(reference.get("name"))
        content = contents.get(name)
        if content is not None:
            prefix = str(group.get("prefix") or "")
            variables |= {prefix + key: value.decode(errors="replace") for key, value in content.items()}
        elif not reference.get("optional"):
            message = f"there is no {kind} {name!r} in the file"
            problems.append(MissingObject(f"{path}[{number}].{field_name}", message, kind, name))
    return variables, problems


def _declared_variables(declared: Any, path: str, document: Document) -> tuple[dict[str, str], list[Problem]]:
    """Return the variables of a list of names with values or with references to keys of ConfigMaps and Secrets."""
    variables: dict[str, str] = {}
    problems: list[Problem] = []
    for number, variable in enumerate(v for v in _objects(declared) if isinstance(v.get("name"), str)):
        referred = _contents_of(document, variable.get("valueFrom"), KEYS_OF_FILE)
        if referred is None:
            value = variable.get("value")
            if isinstance(value, str | None):  # the template's check has refused everything else
                variables[variable["name"]] = value or ""
            continue
        field_name, reference, kind, contents = referred
        name, key = str(reference.get("name")), str(reference.get("key"))
        content = (contents.get(name) or {}).get(key)
        if content is not None:
            variables[variable["name"]] = content.decode(errors="replace")
        elif not reference.get("optional"):
            message = f"the file has no {kind} {name!r} with key {key!r}"
            problems.append(MissingObject(f"{path}[{number}].valueFrom.{field_name}", message, kind, name))
    return variables, problems
