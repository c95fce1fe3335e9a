"""What a profile names, found on this machine: model, code, dataset, and the ConfigMaps that a template mounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelprofiler.api.sources import Source
from modelprofiler.api.status import DatasetStatus
from modelprofiler.core.sources import INLINE_DATASET, INLINE_MODEL, script_problems, which_rows
from modelprofiler.core.support import container_path, profiled_container
from modelprofiler.errors import DatasetError, InvalidInput, Problem
from modelprofiler.files.document import Document
from modelprofiler.files.sources import Found, find
from modelprofiler.load.dataset import describe, read_rows


@dataclass(frozen=True)
class Inputs:
    """The files of a run, in place.

    Attributes
    ----------
    directory
        The run's own folder.
    model_dir, code_dir
        Folders with the files of the model and of the entry script; None without one.
    script
        The entry script.
    dataset_file
        The file with the rows.
    dataset
        What it holds.
    model_digest, code_digest
        The same as a cluster finds for the same files.
    mounts
        For a template: paths in the container to what is there instead on this machine.
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
    """What is behind the sources of a profile; nothing is written yet."""

    model: Found | None
    code: Found | None
    rows: Found
    dataset: DatasetStatus
    volumes: Mapping[str, Found]
    """ConfigMaps that a template mounts, by the name of the volume."""


def prepare(document: Document, directory: Path) -> Inputs:
    """Find everything that a profile names, and put it in place.

    Parameters
    ----------
    directory
        The run's own folder; what is in the file as ConfigMaps or inline is written into it, as a cluster would mount
        it. Folders of this machine are used where they are.

    Raises
    ------
    InvalidInput
        With everything that is missing or unusable at once.
    """
    found = resolve(document)
    if isinstance(found, list):
        raise InvalidInput(found)
    spec = document.profile.spec
    code_dir = found.code.place(directory / "code") if found.code else None
    rows = found.rows.place(directory / "dataset") / next(iter(found.rows.files))
    model_dir = found.model.place(directory / "model", link=True) if found.model else None
    script = spec.server.entry_script
    return Inputs(
        directory=directory,
        model_dir=model_dir,
        code_dir=code_dir,
        script=code_dir / script.file if code_dir and script else None,
        dataset_file=rows,
        dataset=found.dataset,
        model_digest=found.model.digest if found.model else None,
        code_digest=found.code.digest if found.code else None,
        mounts=_mounts(document, found, directory),
    )


def resolve(document: Document) -> Resolved | list[Problem]:
    """Find everything that a profile names without writing anything; return what it is, or everything that is wrong."""
    spec = document.profile.spec
    problems: list[Problem] = []

    def content(source: Source | None, path: str, inline_name: str) -> Found | None:
        if source is None:
            return None
        found = find(source, path, inline_name, document.config_maps, document.directory)
        if isinstance(found, Found):
            return found
        problems.extend(found)
        return None

    script = spec.server.entry_script
    inline_script = script.file if script else ""
    code = content(script.source if script else None, "spec.server.entryScript.source", inline_script)
    model = content(spec.model.source if spec.model else None, "spec.model.source", INLINE_MODEL)
    rows = content(spec.dataset.source, "spec.dataset.source", INLINE_DATASET)
    if script and code is not None:
        problems += script_problems(script.file, code.files)
    dataset = None
    if rows is not None:
        unclear = _unclear(spec.dataset.source, rows)
        problems += unclear
        dataset = None if unclear else _described(document, rows, problems)
    volumes = _volumes(document, problems)
    if problems or rows is None or dataset is None:
        return problems
    return Resolved(model, code, rows, dataset, volumes)


def _unclear(source: Source, rows: Found) -> list[Problem]:
    """Return what keeps one file from being the dataset."""
    if source.config_map is not None:
        return which_rows(source.config_map.name, rows.files)
    if rows.folder is not None:
        return [Problem("spec.dataset.source.path", f"{source.path} is a folder; name the file with the rows")]
    return []


def _described(document: Document, rows: Found, problems: list[Problem]) -> DatasetStatus | None:
    given = document.profile.spec.dataset
    try:
        return describe(read_rows(rows.only(), given.format, given.encoding))
    except DatasetError as error:
        problems.append(Problem("spec.dataset", str(error)))
    except OSError as error:
        problems.append(Problem("spec.dataset.source.path", f"{error.filename} cannot be read: {error.strerror}"))
    return None


def _volumes(document: Document, problems: list[Problem]) -> dict[str, Found]:
    """Return the ConfigMaps that the profiled container of a template mounts."""
    found: dict[str, Found] = {}
    spec = document.profile.spec
    container = profiled_container(spec)
    if container is None or spec.server.template is None:
        return found
    mounted = {m.get("name") for m in container.get("volumeMounts") or [] if isinstance(m, dict)}
    for number, volume in enumerate(spec.server.template["spec"].get("volumes") or []):
        given = volume.get("configMap") if isinstance(volume, dict) else None
        if not isinstance(given, dict) or volume.get("name") not in mounted:
            continue
        path, name = f"spec.server.template.spec.volumes[{number}].configMap", str(given.get("name"))
        content = find(
            Source.model_validate({"configMap": {"name": name}}), path, "", document.config_maps, document.directory
        )
        if isinstance(content, Found):
            found[volume["name"]] = _picked(content, given.get("items"))
        elif not given.get("optional"):
            problems += [Problem(p.path.replace(".configMap.configMap", ".configMap"), p.message) for p in content]
    return found


def _picked(content: Found, items: Any) -> Found:
    """Return only those keys that a volume picks, under the names that it gives them."""
    if not items:
        return content
    files = {
        str(i["path"]): content.files[i["key"]]
        for i in items
        if isinstance(i, dict) and i.get("key") in content.files and _inside(i.get("path"))
    }
    return Found(files, None, content.digest)


def _inside(path: Any) -> bool:
    """Return whether a path stays in its folder, as the API server demands."""
    return isinstance(path, str) and not path.startswith("/") and ".." not in path.split("/")


def _mounts(document: Document, found: Resolved, directory: Path) -> dict[str, Path]:
    """Return what is here instead of the paths at which the profiled container has its volumes."""
    spec = document.profile.spec
    container = profiled_container(spec)
    if container is None or spec.server.template is None:
        return {}
    volumes = [v for v in spec.server.template["spec"].get("volumes") or [] if isinstance(v, dict)]
    empty = {v.get("name") for v in volumes if v.get("emptyDir") is not None}
    mounts: dict[str, Path] = {}
    for mount in (m for m in container.get("volumeMounts") or [] if isinstance(m, dict)):
        name, at = str(mount.get("name")), str(mount.get("mountPath", "")).rstrip("/")
        if not at or at == "/tmp":  # noqa: S108 - there is one here too
            continue
        if name in found.volumes:
            folder = found.volumes[name].place(directory / "volumes" / name)
        elif name in empty:
            folder = directory / "volumes" / name
            folder.mkdir(parents=True, exist_ok=True)
        else:
            continue
        inner = mount.get("subPath")
        mounts[at] = folder / inner if isinstance(inner, str) and _inside(inner) else folder
    return mounts


def server_variables(document: Document) -> tuple[dict[str, str], list[Problem]]:
    """Return the variables that the profile gives its server, ConfigMaps of the file looked up, and what is missing."""
    spec = document.profile.spec
    script, container = spec.server.entry_script, profiled_container(spec)
    problems: list[Problem] = []
    found: dict[str, str] = {}
    if script is not None:
        given: list[Any] = [v.to_dict() for v in script.environment.env]
        path = "spec.server.entryScript.environment.env"
    else:
        path = f"{container_path(spec)}.env"
        given = (container or {}).get("env") or []
        for number, group in enumerate((container or {}).get("envFrom") or []):
            reference = group.get("configMapRef") if isinstance(group, dict) else None
            if isinstance(reference, dict):
                content = document.config_maps.get(str(reference.get("name")))
                if content is not None:
                    prefix = str(group.get("prefix") or "")
                    found |= {prefix + key: value.decode(errors="replace") for key, value in content.items()}
                elif not reference.get("optional"):
                    message = f"there is no ConfigMap {reference.get('name')!r} in the file"
                    problems.append(Problem(f"{path}From[{number}].configMapRef", message))
    for number, variable in enumerate(v for v in given if isinstance(v, dict) and isinstance(v.get("name"), str)):
        source = variable.get("valueFrom")
        reference = source.get("configMapKeyRef") if isinstance(source, dict) else None
        if isinstance(reference, dict):
            content = document.config_maps.get(str(reference.get("name"))) or {}
            value = content.get(str(reference.get("key")))
            if value is not None:
                found[variable["name"]] = value.decode(errors="replace")
            elif not reference.get("optional"):
                message = f"the file has no ConfigMap {reference.get('name')!r} with key {reference.get('key')!r}"
                problems.append(Problem(f"{path}[{number}].valueFrom.configMapKeyRef", message))
        else:
            found[variable["name"]] = str(variable.get("value") or "")
    return found, problems
