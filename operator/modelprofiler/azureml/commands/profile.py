"""``modelprofiler ml model profile``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from modelprofiler.azureml.commands.common import Result, add_command, data_file, pairs, workspace_of
from modelprofiler.azureml.commands.inference import inference_config
from modelprofiler.azureml.commands.model import tagged
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.model import Model
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.details import SUCCEEDED
from modelprofiler.azureml.store import write_json

TEXT = (
    "Find the smallest size at which models answer the requests of a dataset well enough. With --add-tag, --remove-tag "
    "or --add-property the command profiles nothing and only changes the model of -i, as Azure's article uses it."
)


def configure(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "profile",
        run,
        TEXT,
        "model profile --ic inf.json -m diabetes:1 --idi ID -n unique-name --rate 50 --latency p95=250ms",
    )
    add = parser.add_argument
    add("-n", "--name", default="", help="name of the profile; it must be unique")
    add("-m", "--model", action="append", default=[], metavar="ID", help="a model, as name:version; repeatable")
    add(
        "-f",
        "--model-metadata-file",
        action="append",
        default=[],
        help="a file from `register -t`; repeatable",
    )
    add("--ic", "--inference-config-file", metavar="FILE", help="JSON or YAML file with the inference configuration")
    add("--idi", "--input-dataset-id", metavar="ID", help="id of the dataset whose rows are the requests")
    add("-d", "--input-data", metavar="JSON", help="instead of --idi, a sample request: the body of every request")
    add("--cc", "--cpu-cores", type=float, metavar="CORES", help="largest number of CPU cores to try (0.1 to 3.5)")
    add("--gb", "--memory-in-gb", type=float, metavar="GB", help="largest memory to try, in GB (0.1 to 15.0)")
    add("--description", help="description of the profile")
    add("--es", "--entry-script", help="the scoring script with init() and run(data), instead of --ic")
    add("--sd", "--source-directory", help="directory of the scoring script")
    add("--cf", "--conda-file", help="conda file with the packages of the scoring script")
    add("-e", "--environment-name", help="name of a registered environment")
    add("--ev", "--environment-version", help="version of the environment (default: the latest)")
    add("--ed", "--environment-directory", help="directory with azureml_environment.json")
    add("--bi", "--base-image", help="an image with an inference server")
    add("--ir", "--base-image-registry", help="address of the image's registry")
    add("-t", "--output-metadata-file", metavar="FILE", help="file to write the result to, as JSON")
    ours = parser.add_argument_group("options that az ml did not have")
    ours.add_argument("--rate", help="requests per second (default: none, but --concurrency 1)")
    ours.add_argument("--concurrency", type=int, help="number of clients, instead of a rate (default: 1)")
    ours.add_argument("--latency", action="append", metavar="p95=250ms", help="upper bound of a latency; repeatable")
    ours.add_argument(
        "--max-slowdown-percent",
        type=float,
        help="largest slowdown of p95 (default: 50)",
    )
    ours.add_argument("--duration", help="longest window of a trial, such as 30s")
    ours.add_argument("--warmup", help="length of the load before the window, such as 5s")
    ours.add_argument("--soak", help="longest run that watches memory which seems to grow, such as 3m; 0s for none")
    ours.add_argument("--deadline", help="longest duration of the run, such as 1h")
    ours.add_argument(
        "--auto-tag",
        action="store_true",
        help="write the recommendation to the models' tags",
    )
    ours.add_argument("--no-wait", action="store_true", help="return when the run has started")
    tagging = parser.add_argument_group("options that only change a model")
    tagging.add_argument("-i", "--i", "--model-id", dest="model_id", help="the model, as name:version")
    tagging.add_argument("--add-tag", action="append", metavar="KEY=VALUE", help="a tag to add; repeatable")
    tagging.add_argument("--remove-tag", action="append", metavar="KEY", help="a tag to remove; repeatable")
    tagging.add_argument("--add-property", action="append", metavar="KEY=VALUE", help="a property to add; repeatable")


def run(args: argparse.Namespace) -> Result:
    """Profile models, or change the tags of one."""
    workspace = workspace_of(args)
    if args.add_tag or args.remove_tag or args.add_property:
        return tagged(workspace, args)
    if args.model_id:
        args.model = [args.model_id, *args.model]
    profile = Model.profile(
        workspace,
        args.name,
        [Model(workspace, id=model_id) for model_id in [*args.model, *map(_model_id, args.model_metadata_file)]],
        inference_config(workspace, args),
        _input(workspace, args),
        args.cc,
        args.gb,
        args.description,
        rate=args.rate,
        concurrency=args.concurrency,
        latency=pairs(args.latency, "--latency") if args.latency else None,
        max_slowdown_percent=args.max_slowdown_percent,
        duration=args.duration,
        warmup=args.warmup,
        soak=args.soak,
        deadline=args.deadline,
        auto_tag=args.auto_tag,
    )
    if args.no_wait:
        return dict(profile.get_details()), 0
    profile.wait_for_completion(show_output=True)
    details = dict(profile.get_details())
    if args.output_metadata_file:
        _write(Path(args.output_metadata_file), workspace, details)
    return details, 0 if profile.state == SUCCEEDED else 1


def _input(workspace: Workspace, args: argparse.Namespace) -> AbstractDataset | str | None:
    if args.idi and args.input_data:
        raise UserErrorException("give --idi or --input-data, not both")
    return Dataset.get_by_id(workspace, args.idi) if args.idi else args.input_data


def _model_id(path: str) -> str:
    model_id = data_file(path, "-f").get("modelId")
    if not model_id:
        raise UserErrorException(f"-f {path} has no modelId; `modelprofiler ml model register -t` writes such a file")
    return str(model_id)


def _write(path: Path, workspace: Workspace, details: dict[str, Any]) -> None:
    """Write the result, with cpu and memoryInGB, the keys that Azure ML wrote for a deployment."""
    size = {"cpu": details.get("recommendedCpu"), "memoryInGB": details.get("recommendedMemoryInGB")}
    location = {"workspaceName": workspace.name, "resourceGroupName": workspace.resource_group}
    write_json(path, {**location, **details, **{key: value for key, value in size.items() if value is not None}})
    print(f"Wrote JSON metadata to {path}", file=sys.stderr)
