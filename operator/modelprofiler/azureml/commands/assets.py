"""``modelprofiler ml dataset | datastore | environment``: what a profile needs in addition to a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from modelprofiler.azureml.commands.common import Result, add_command, workspace_of
from modelprofiler.azureml.commands.dataset_file import TEMPLATE, dataset_of
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.environment import Environment
from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.data.datastore import default_datastore, get_datastore
from modelprofiler.azureml.exceptions import UserErrorException


def configure(groups: Any) -> None:
    """Add the groups of commands."""
    dataset = _group(groups, "dataset", "the requests that a profile replays")
    add_command(dataset, "list", list_datasets, "List registered datasets.", "dataset list")
    add = add_command(
        dataset, "show", show_dataset, "Show a dataset.", "dataset show -n sample_request_data -v 1", verbosity=False
    ).add_argument
    add("-n", "--name", help="name of the dataset")
    add("-v", "--version", default="latest", help="version of the dataset (default: latest)")
    add("-i", "--id", help="id of the dataset, instead of its name")
    add = add_command(
        dataset,
        "register",
        register_dataset,
        "Register a dataset that a JSON file describes.",
        "dataset register -f dataset.json",
    ).add_argument
    add("-f", "--file", help="the JSON file")
    add("--show-template", action="store_true", help="print a template of the file")
    add("--skip-validation", action="store_true", help="register the dataset even if its data does not exist yet")
    add_command(
        dataset,
        "unregister",
        unregister_dataset,
        "Remove the registration of a dataset.",
        "dataset unregister -n sample_request_data",
    ).add_argument("-n", "--name", required=True, help="name of the dataset")
    datastore = _group(groups, "datastore", "directories into which data is uploaded")
    add_command(datastore, "list", list_datastores, "List datastores.", "datastore list")
    add = add_command(
        datastore,
        "upload",
        upload,
        "Copy a directory or file into a datastore.",
        "datastore upload -p sample_request_data.txt -u sample_request_data",
    ).add_argument
    add("-n", "--name", help="name of the datastore (default: the default datastore)")
    add("-p", "--src-path", required=True, help="the directory or file to copy")
    add("-u", "--target-path", default="", help="directory in the datastore (default: its root)")
    add("--overwrite", action="store_true", help="replace existing files")
    environment = _group(groups, "environment", "packages and images for scoring scripts")
    add_command(environment, "list", list_environments, "List registered environments.", "environment list")
    add = add_command(
        environment, "show", show_environment, "Show an environment.", "environment show -n env", verbosity=False
    ).add_argument
    add("-n", "--name", required=True, help="name of the environment")
    add("-v", "--version", help="version of the environment (default: the latest)")
    add_command(
        environment,
        "register",
        register_environment,
        "Register the environment of a directory.",
        "environment register -d env",
    ).add_argument("-d", "--directory", required=True, help="a directory with azureml_environment.json")


def _group(groups: Any, name: str, text: str) -> Any:
    parser = groups.add_parser(name, help=text, description=text, allow_abbrev=False)
    return parser.add_subparsers(dest="action", required=True, metavar="COMMAND")


def list_datasets(args: argparse.Namespace) -> Result:
    """List registered datasets."""
    return [_registration(dataset) for dataset in Dataset.get_all(workspace_of(args)).values()], 0


def show_dataset(args: argparse.Namespace) -> Result:
    """Show a dataset."""
    if (args.name is None) == (args.id is None):
        raise UserErrorException("name the dataset with either --name or --id")
    workspace = workspace_of(args)
    by_id = args.id is not None
    dataset = (
        Dataset.get_by_id(workspace, args.id) if by_id else Dataset.get_by_name(workspace, args.name, args.version)
    )
    return dataset.describe(), 0


def register_dataset(args: argparse.Namespace) -> Result:
    """Register a dataset that a JSON file describes."""
    if args.show_template == bool(args.file):
        raise UserErrorException("give either --file or --show-template")
    if args.show_template:
        return TEMPLATE, 0
    return dataset_of(workspace_of(args), args.file, validate=not args.skip_validation).describe(), 0


def unregister_dataset(args: argparse.Namespace) -> Result:
    """Remove the registration of a dataset."""
    Dataset.get_by_name(workspace_of(args), args.name).unregister_all_versions()
    return None, 0


def list_datastores(args: argparse.Namespace) -> Result:
    """List datastores."""
    workspace = workspace_of(args)
    default = default_datastore(workspace).name
    stores = workspace.datastores.values()
    return [{"name": s.name, "path": str(s.root), "isDefault": s.name == default} for s in stores], 0


def upload(args: argparse.Namespace) -> Result:
    """Copy a directory or file into a datastore."""
    workspace = workspace_of(args)
    store = get_datastore(workspace, args.name) if args.name else default_datastore(workspace)
    if Path(args.src_path).is_dir():
        store.upload(args.src_path, args.target_path, args.overwrite)
    else:
        store.upload_files([args.src_path], target_path=args.target_path, overwrite=args.overwrite)
    return None, 0


def list_environments(args: argparse.Namespace) -> Result:
    """List registered environments."""
    return [e.serialize() for e in Environment.list(workspace_of(args)).values()], 0


def show_environment(args: argparse.Namespace) -> Result:
    """Show an environment."""
    return Environment.get(workspace_of(args), args.name, args.version).serialize(), 0


def register_environment(args: argparse.Namespace) -> Result:
    """Register the environment of a directory."""
    return Environment.load_from_directory(args.directory).register(workspace_of(args)).serialize(), 0


def _registration(dataset: AbstractDataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "name": dataset.name,
        "version": dataset.version,
        "description": dataset.description,
        "tags": dataset.tags,
    }
