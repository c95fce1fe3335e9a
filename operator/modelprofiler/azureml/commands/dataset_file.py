"""The file of ``dataset register``, in Azure ML's schema 1: JSON or YAML."""

from __future__ import annotations

from typing import Any

from modelprofiler.azureml.commands.common import data_file
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.data.abstract_dataset import AbstractDataset, DatasetPath
from modelprofiler.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from modelprofiler.azureml.data.datastore import get_datastore
from modelprofiler.azureml.exceptions import UserErrorException

TEMPLATE: dict[str, Any] = {
    "schemaVersion": 1,
    "datasetType": "Tabular",
    "parameters": {
        "sourceType": "delimited_files",
        "path": [
            {"datastoreName": "workspaceblobstore", "relativePath": "sample_request_data/sample_request_data.txt"}
        ],
        "separator": "\n",
        "header": "NO_HEADERS",
        "inferColumnTypes": True,
    },
    "registration": {
        "name": "sample_request_data",
        "description": "Requests, one per line",
        "tags": {},
        "createNewVersion": True,
    },
}


def dataset_of(workspace: Workspace, path: str, *, validate: bool) -> AbstractDataset:
    """Create and register the dataset that a file describes.

    Raises
    ------
    UserErrorException
        When the file does not exist, or a value in it cannot be used.
    """
    data = data_file(path, "--file")
    if data.get("schemaVersion") != 1:
        raise UserErrorException(f"{path}: schemaVersion must be 1")
    kind = _one_of(data, "datasetType", ("Tabular", "File"), path)
    parameters = data.get("parameters")
    registration = data.get("registration")
    if not isinstance(parameters, dict):
        raise UserErrorException(f"{path}: parameters must be an object")
    if not isinstance(registration, dict) or not registration.get("name"):
        raise UserErrorException(f"{path}: registration.name is required")
    paths = _paths(workspace, parameters.get("path"), path)
    dataset: AbstractDataset
    if kind == "File":
        dataset = Dataset.File.from_files(paths, validate)
    else:
        dataset = _tabular(parameters, paths, path, validate=validate)
    return dataset.register(
        workspace,
        registration["name"],
        registration.get("description"),
        registration.get("tags"),
        bool(registration.get("createNewVersion")),
    )


def _tabular(parameters: dict[str, Any], paths: list[DatasetPath], path: str, *, validate: bool) -> AbstractDataset:
    columns: dict[str, Any] = {
        "include_path": bool(parameters.get("includePath")),
        "partition_format": parameters.get("partitionFormat"),
    }
    source = _one_of(parameters, "sourceType", ("delimited_files", "json_lines_files", "parquet_files"), path)
    if source == "json_lines_files":
        invalid = parameters.get("invalidLines", "error")
        return Dataset.Tabular.from_json_lines_files(paths, validate, invalid_lines=invalid, **columns)
    if source == "parquet_files":
        return Dataset.Tabular.from_parquet_files(paths, validate, **columns)
    return Dataset.Tabular.from_delimited_files(
        paths,
        validate,
        infer_column_types=bool(parameters.get("inferColumnTypes")),
        separator=parameters.get("separator", ","),
        header=_header(parameters.get("header", True), path),
        **columns,
    )


def _one_of(data: dict[str, Any], key: str, known: tuple[str, ...], path: str) -> str:
    value = data.get(key)
    if value not in known:
        raise UserErrorException(f"{path}: {key} must be {' or '.join(known)}, not {value!r}")
    return str(value)


def _header(value: Any, path: str) -> bool | PromoteHeadersBehavior:
    if isinstance(value, bool):
        return value
    try:
        return PromoteHeadersBehavior[value] if isinstance(value, str) else PromoteHeadersBehavior(value)
    except (KeyError, ValueError):
        names = ", ".join(b.name for b in PromoteHeadersBehavior)
        raise UserErrorException(f"{path}: header must be true, false, or one of {names}, not {value!r}") from None


def _paths(workspace: Workspace, value: Any, path: str) -> list[DatasetPath]:
    paths: list[DatasetPath] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and item:
            paths.append(item)
        elif isinstance(item, dict) and item.keys() >= {"datastoreName", "relativePath"}:
            paths.append((get_datastore(workspace, item["datastoreName"]), item["relativePath"]))
        else:
            raise UserErrorException(f"{path}: a path is a string, or an object with datastoreName and relativePath")
    return paths
