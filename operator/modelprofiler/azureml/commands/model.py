"""``modelprofiler ml model register | update | list | show | download | delete``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from modelprofiler.azureml.commands.common import Result, add_command, filters, pairs, workspace_of
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.model import Model
from modelprofiler.azureml.core.resource_configuration import ResourceConfiguration
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.store import write_json


def configure(commands: Any) -> None:
    """Add the commands."""
    add = add_command(
        commands,
        "register",
        register,
        "Register the next version of a model.",
        "model register -n diabetes -p model.joblib -t model.json",
    ).add_argument
    add("-n", "--name", required=True, help="name of the model")
    add("-p", "--model-path", required=True, help="a file or folder")
    add("-d", "--description", help="what it is")
    add("--tag", action="append", metavar="KEY=VALUE", help="repeatable")
    add("--property", action="append", metavar="KEY=VALUE", help="repeatable")
    add("--model-framework", help="such as ScikitLearn")
    add("--model-framework-version", help="its version")
    add("--cc", "--cpu-cores", type=float, help="CPU that it is deployed with")
    add("--gb", "--memory-gb", type=float, help="memory that it is deployed with")
    add("--gc", "--gpu-cores", type=int, help="GPUs that it is deployed with")
    add("--sample-input-dataset-id", help="requests")
    add("--sample-output-dataset-id", help="answers")
    add("-t", "--output-metadata-file", help="where its id is written, for `profile -f`")

    add = add_command(
        commands,
        "update",
        update,
        "Change a model's tags, properties, description or size.",
        "model update -i diabetes:1 --add-tag requestedCpu=1",
    ).add_argument
    add("-i", "--model-id", required=True, help="the model, as name:version")
    add("--add-tag", action="append", metavar="KEY=VALUE", help="repeatable")
    add("--remove-tag", action="append", metavar="KEY", help="repeatable")
    add("--add-property", action="append", metavar="KEY=VALUE", help="repeatable")
    add("--description", help="what it is")
    add("--cc", "--cpu-cores", type=float, help="CPU that it is deployed with")
    add("--gb", "--memory-gb", type=float, help="memory that it is deployed with")
    add("--gc", "--gpu-cores", type=int, help="GPUs that it is deployed with")

    add = add_command(commands, "list", list_models, "List models.", "model list -l --tag area=health").add_argument
    add("-n", "--model-name", help="of this name")
    add("-l", "--latest", action="store_true", help="each in its latest version")
    add("--tag", action="append", metavar="KEY[=VALUE]", help="with this tag; repeatable")
    add("--property", action="append", metavar="KEY[=VALUE]", help="with this property; repeatable")
    add("--dataset-id", help="that used this dataset")
    add("--run-id", help="of this run")

    add = add_command(commands, "show", show, "Show a model.", "model show -n diabetes --version 1").add_argument
    add("-i", "--model-id", help="the model, as name:version")
    add("-n", "--model-name", help="or its name")
    add("--version", help="and version")
    add("--run-id", help="of this run")

    add = add_command(
        commands, "download", download, "Copy a model's files.", "model download -i diabetes:1 -t here"
    ).add_argument
    add("-i", "--model-id", required=True, help="the model, as name:version")
    add("-t", "--target-dir", required=True, help="where to")
    add("--overwrite", action="store_true", help="replace what is there")

    add_command(commands, "delete", delete, "Remove a version of a model.", "model delete -i diabetes:1").add_argument(
        "-i", "--model-id", required=True, help="the model, as name:version"
    )


def register(a: argparse.Namespace) -> Result:
    """Register a model."""
    workspace = workspace_of(a)
    if not Path(a.model_path).exists():
        raise UserErrorException(f"-p {a.model_path}: there is no such file or folder")
    model = Model.register(
        workspace,
        a.model_path,
        a.name,
        tags=pairs(a.tag, "--tag"),
        properties=pairs(a.property, "--property"),
        description=a.description,
        model_framework=a.model_framework,
        model_framework_version=a.model_framework_version,
        sample_input_dataset=_dataset(workspace, a.sample_input_dataset_id),
        sample_output_dataset=_dataset(workspace, a.sample_output_dataset_id),
        resource_configuration=_size(a),
    )
    if a.output_metadata_file:
        where = {"workspaceName": workspace.name, "resourceGroupName": workspace.resource_group}
        write_json(Path(a.output_metadata_file), {"modelId": model.id, **where})
    return model.serialize(), 0


def update(a: argparse.Namespace) -> Result:
    """Change a model."""
    return tagged(workspace_of(a), a, description=a.description, size=_size(a))


def tagged(
    workspace: Workspace,
    a: argparse.Namespace,
    *,
    description: str | None = None,
    size: ResourceConfiguration | None = None,
) -> Result:
    """Change the tags and properties of the model of ``-i``, and print it."""
    if not a.model_id:
        raise UserErrorException("--add-tag needs the model: -i name:version")
    model = Model(workspace, id=a.model_id)
    tags, properties = pairs(a.add_tag, "--add-tag"), pairs(a.add_property, "--add-property")
    model.update_tags_properties(add_tags=tags, remove_tags=a.remove_tag, add_properties=properties)
    if description is not None or size is not None:
        model.update(description=description, resource_configuration=size)
    return model.serialize(), 0


def list_models(a: argparse.Namespace) -> Result:
    """List models."""
    found = Model.list(
        workspace_of(a),
        a.model_name,
        tags=filters(a.tag),
        properties=filters(a.property),
        run_id=a.run_id,
        latest=a.latest,
        dataset_id=a.dataset_id,
    )
    return [model.serialize() for model in found], 0


def show(a: argparse.Namespace) -> Result:
    """Show a model."""
    return Model(workspace_of(a), a.model_name, a.model_id, version=a.version, run_id=a.run_id).serialize(), 0


def download(a: argparse.Namespace) -> Result:
    """Copy a model's files."""
    path = Model(workspace_of(a), id=a.model_id).download(a.target_dir, exist_ok=a.overwrite)
    return {"downloadPath": path}, 0


def delete(a: argparse.Namespace) -> Result:
    """Remove a version of a model."""
    Model(workspace_of(a), id=a.model_id).delete()
    return None, 0


def _dataset(workspace: Workspace, dataset_id: str | None) -> Any:
    return Dataset.get_by_id(workspace, dataset_id) if dataset_id else None


def _size(a: argparse.Namespace) -> ResourceConfiguration | None:
    if a.cc is None and a.gb is None and a.gc is None:
        return None
    return ResourceConfiguration(cpu=a.cc, memory_in_gb=a.gb, gpu=a.gc)
