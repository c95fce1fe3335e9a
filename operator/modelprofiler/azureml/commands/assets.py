"""``modelprofiler ml dataset | datastore | environment``: what a profile needs beside a model."""

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
    dataset = _group(groups, "dataset", "data that is replayed")
    add_command(dataset, "list", list_datasets, "List registered datasets.", "dataset list")
    add = add_command(
        dataset, "show", show_dataset, "Show a dataset.", "dataset show -n sample_request_data -v 1", verbosity=False
    ).add_argument
    add("-n", "--name", help="its name")
    add("-v", "--version", default="latest", help="and version")
    add("-i", "--id", help="or its id")
    add = add_command(
        dataset,
        "register",
        register_dataset,
        "Register a dataset that a JSON file describes.",
        "dataset register -f dataset.json",
    ).add_argument
    add("-f", "--file", help="the file")
    add("--show-template", action="store_true", help="print what such a file has")
    add("--skip-validation", action="store_true", help="the data need not be there yet")
    add_command(
        dataset,
        "unregister",
        unregister_dataset,
        "Forget a dataset's name.",
        "dataset unregister -n sample_request_data",
    ).add_argument("-n", "--name", required=True, help="the name")
    datastore = _group(groups, "datastore", "directories into which data is uploaded")
    add_command(datastore, "list", list_datastores, "List datastores.", "datastore list")
    add = add_command(
        datastore,
        "upload",
        upload,
        "Copy a directory or file into a datastore.",
        "datastore upload -p sample_request_data.txt -u sample_request_data",
    ).add_argument
    add("-n", "--name", help="the datastore; by default the default one")
    add("-p", "--src-path", required=True, help="the directory or file")
    add("-u", "--target-path", default="", help="directory in the datastore")
    add("--overwrite", action="store_true", help="replace what is there")
    environment = _group(groups, "environment", "what scoring scripts run with")
    add_command(environment, "list", list_environments, "List registered environments.", "environment list")
    add = add_command(
        environment, "show", show_environment, "Show an environment.", "environment show -n env", verbosity=False
    ).add_argument
    add("-n", "--name", required=True, help="its name")
    add("-v", "--version", help="and version")
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


def list_datasets(a: argparse.Namespace) -> Result:
    """List registered datasets."""
    return [_registration(dataset) for dataset in Dataset.get_all(workspace_of(a)).values()], 0


def show_dataset(a: argparse.Namespace) -> Result:
    """Show a dataset."""
    if (a.name is None) == (a.id is None):
        raise UserErrorException("say which dataset: --name or --id, and not both")
    workspace = workspace_of(a)
    found = Dataset.get_by_id(workspace, a.id) if a.id else Dataset.get_by_name(workspace, a.name, a.version)
    return _document(found), 0


def register_dataset(a: argparse.Namespace) -> Result:
    """Register a dataset that a JSON file describes."""
    if a.show_template == bool(a.file):
        raise UserErrorException("give --file, or else --show-template")
    if a.show_template:
        return TEMPLATE, 0
    return _document(dataset_of(workspace_of(a), a.file, validate=not a.skip_validation)), 0


def unregister_dataset(a: argparse.Namespace) -> Result:
    """Forget a dataset's name."""
    Dataset.get_by_name(workspace_of(a), a.name).unregister_all_versions()
    return None, 0


def list_datastores(a: argparse.Namespace) -> Result:
    """List datastores."""
    workspace = workspace_of(a)
    default = default_datastore(workspace).name
    stores = workspace.datastores.values()
    return [{"name": s.name, "path": str(s.root), "isDefault": s.name == default} for s in stores], 0


def upload(a: argparse.Namespace) -> Result:
    """Copy a directory or file into a datastore."""
    workspace = workspace_of(a)
    store = get_datastore(workspace, a.name) if a.name else default_datastore(workspace)
    if Path(a.src_path).is_dir():
        store.upload(a.src_path, a.target_path, a.overwrite)
    else:
        store.upload_files([a.src_path], target_path=a.target_path, overwrite=a.overwrite)
    return None, 0


def list_environments(a: argparse.Namespace) -> Result:
    """List registered environments."""
    return [e.serialize() for e in Environment.list(workspace_of(a)).values()], 0


def show_environment(a: argparse.Namespace) -> Result:
    """Show an environment."""
    return Environment.get(workspace_of(a), a.name, a.version).serialize(), 0


def register_environment(a: argparse.Namespace) -> Result:
    """Register the environment of a directory."""
    return Environment.load_from_directory(a.directory).register(workspace_of(a)).serialize(), 0


def _registration(dataset: AbstractDataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "name": dataset.name,
        "version": dataset.version,
        "description": dataset.description,
        "tags": dataset.tags,
    }


def _document(dataset: AbstractDataset) -> dict[str, Any]:
    return dataset.describe()
