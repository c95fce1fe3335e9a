"""``modelprofiler ml model register | update | list | show | download | delete``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelprofiler.azureml.commands.common import Result, add_command, filters, pairs, workspace_of
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.model import Model
from modelprofiler.azureml.core.resource_configuration import ResourceConfiguration
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.store import write_json

MODEL_ID = "the model, as name:version"


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
    add("-p", "--model-path", required=True, help="the file or folder of the model")
    add("-d", "--description", help="description of the model")
    add("--tag", action="append", metavar="KEY=VALUE", help="a tag; repeatable")
    add("--property", action="append", metavar="KEY=VALUE", help="a property; repeatable")
    add("--model-framework", help="framework of the model, such as ScikitLearn")
    add("--model-framework-version", help="version of the framework")
    _add_size(add)
    add("--sample-input-dataset-id", help="id of a dataset with sample requests")
    add("--sample-output-dataset-id", help="id of a dataset with sample answers")
    add("-t", "--output-metadata-file", help="file to write the model's id to, for `profile -f`")

    add = add_command(
        commands,
        "update",
        update,
        "Change a model's tags, properties, description or size.",
        "model update -i diabetes:1 --add-tag requestedCpu=1",
    ).add_argument
    add("-i", "--model-id", required=True, help=MODEL_ID)
    add("--add-tag", action="append", metavar="KEY=VALUE", help="a tag to add; repeatable")
    add("--remove-tag", action="append", metavar="KEY", help="a tag to remove; repeatable")
    add("--add-property", action="append", metavar="KEY=VALUE", help="a property to add; repeatable")
    add("--description", help="description of the model")
    _add_size(add)
    _configure_queries(commands)

    add = add_command(
        commands, "download", download, "Copy a model's files.", "model download -i diabetes:1 -t here"
    ).add_argument
    add("-i", "--model-id", required=True, help=MODEL_ID)
    add("-t", "--target-dir", required=True, help="directory to copy to")
    add("--overwrite", action="store_true", help="replace existing files")

    add_command(commands, "delete", delete, "Remove a version of a model.", "model delete -i diabetes:1").add_argument(
        "-i", "--model-id", required=True, help=MODEL_ID
    )


def _configure_queries(commands: Any) -> None:
    add = add_command(commands, "list", list_models, "List models.", "model list -l --tag area=health").add_argument
    add("-n", "--model-name", help="only models of this name")
    add("-l", "--latest", action="store_true", help="only the latest version of each model")
    add("--tag", action="append", metavar="KEY[=VALUE]", help="only models with this tag; repeatable")
    add("--property", action="append", metavar="KEY[=VALUE]", help="only models with this property; repeatable")
    add("--dataset-id", help="only models that used this dataset")
    add("--run-id", help="only models of this training run")

    add = add_command(commands, "show", show, "Show a model.", "model show -n diabetes --version 1").add_argument
    add("-i", "--model-id", help=MODEL_ID)
    add("-n", "--model-name", help="name of the model, instead of -i")
    add("--version", help="version of the model (default: the latest)")
    add("--run-id", help="training run of the model")


def _add_size(add: Callable[..., Any]) -> None:
    add("--cc", "--cpu-cores", type=float, help="CPU cores that the model is deployed with")
    add("--gb", "--memory-gb", type=float, help="memory in GB that the model is deployed with")
    add("--gc", "--gpu-cores", type=int, help="GPUs that the model is deployed with")


def register(args: argparse.Namespace) -> Result:
    """Register a model."""
    workspace = workspace_of(args)
    if not Path(args.model_path).exists():
        raise UserErrorException(f"-p {args.model_path}: there is no such file or folder")
    model = Model.register(
        workspace,
        args.model_path,
        args.name,
        tags=pairs(args.tag, "--tag"),
        properties=pairs(args.property, "--property"),
        description=args.description,
        model_framework=args.model_framework,
        model_framework_version=args.model_framework_version,
        sample_input_dataset=_dataset(workspace, args.sample_input_dataset_id),
        sample_output_dataset=_dataset(workspace, args.sample_output_dataset_id),
        resource_configuration=_size(args),
    )
    if args.output_metadata_file:
        location = {"workspaceName": workspace.name, "resourceGroupName": workspace.resource_group}
        write_json(Path(args.output_metadata_file), {"modelId": model.id, **location})
    return model.serialize(), 0


def update(args: argparse.Namespace) -> Result:
    """Change a model."""
    return tagged(workspace_of(args), args, description=args.description, size=_size(args))


def tagged(
    workspace: Workspace,
    args: argparse.Namespace,
    *,
    description: str | None = None,
    size: ResourceConfiguration | None = None,
) -> Result:
    """Change the tags and properties of the model of ``-i``, and return the model."""
    if not args.model_id:
        raise UserErrorException("--add-tag needs the model: -i name:version")
    model = Model(workspace, id=args.model_id)
    tags, properties = pairs(args.add_tag, "--add-tag"), pairs(args.add_property, "--add-property")
    model.update_tags_properties(add_tags=tags, remove_tags=args.remove_tag, add_properties=properties)
    if description is not None or size is not None:
        model.update(description=description, resource_configuration=size)
    return model.serialize(), 0


def list_models(args: argparse.Namespace) -> Result:
    """List models."""
    models = Model.list(
        workspace_of(args),
        args.model_name,
        tags=filters(args.tag),
        properties=filters(args.property),
        run_id=args.run_id,
        latest=args.latest,
        dataset_id=args.dataset_id,
    )
    return [model.serialize() for model in models], 0


def show(args: argparse.Namespace) -> Result:
    """Show a model."""
    return Model(
        workspace_of(args), args.model_name, args.model_id, version=args.version, run_id=args.run_id
    ).serialize(), 0


def download(args: argparse.Namespace) -> Result:
    """Copy a model's files."""
    path = Model(workspace_of(args), id=args.model_id).download(args.target_dir, exist_ok=args.overwrite)
    return {"downloadPath": path}, 0


def delete(args: argparse.Namespace) -> Result:
    """Remove a version of a model."""
    Model(workspace_of(args), id=args.model_id).delete()
    return None, 0


def _dataset(workspace: Workspace, dataset_id: str | None) -> Any:
    return Dataset.get_by_id(workspace, dataset_id) if dataset_id else None


def _size(args: argparse.Namespace) -> ResourceConfiguration | None:
    if args.cc is None and args.gb is None and args.gc is None:
        return None
    return ResourceConfiguration(cpu=args.cc, memory_in_gb=args.gb, gpu=args.gc)
