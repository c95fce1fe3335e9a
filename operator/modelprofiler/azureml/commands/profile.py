"""``modelprofiler ml model profile``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from modelprofiler.azureml.commands.common import Result, add_command, json_file, pairs, workspace_of
from modelprofiler.azureml.commands.inference import inference_config
from modelprofiler.azureml.commands.model import tagged
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.model import Model
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.details import SUCCEEDED
from modelprofiler.azureml.store import write_json

TEXT = (
    "Find the smallest size at which models answer the requests of a dataset well enough. With --add-tag it starts "
    "nothing and only tags the model of -i, as the published article has it."
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
    add("-n", "--name", default="", help="name of the profile; no other may have it")
    add("-m", "--model", action="append", default=[], metavar="ID", help="a model, as name:version; repeatable")
    add("-f", "--model-metadata-file", action="append", default=[], help="what `register -t` wrote; repeatable")
    add("--ic", "--inference-config-file", metavar="FILE", help="JSON: how the models are served")
    add("--idi", "--input-dataset-id", metavar="ID", help="the dataset whose rows are the requests")
    add("--cc", "--cpu-cores", type=float, metavar="CORES", help="largest CPU that is tried (0.1 to 3.5)")
    add("--gb", "--memory-in-gb", type=float, metavar="GB", help="largest memory that is tried (0.1 to 15.0)")
    add("--description", help="what the profile is for")
    add("--es", "--entry-script", help="the script with init() and run(data), instead of --ic")
    add("--sd", "--source-directory", help="the script's directory")
    add("--cf", "--conda-file", help="its packages")
    add("-e", "--environment-name", help="a registered environment")
    add("--ev", "--environment-version", help="its version")
    add("--ed", "--environment-directory", help="a directory with an environment")
    add("--bi", "--base-image", help="an image with an inference server")
    add("--ir", "--base-image-registry", help="address of the image's registry")
    add("-t", "--output-metadata-file", metavar="FILE", help="where the result is written as JSON")
    ours = parser.add_argument_group("what az ml did not have")
    ours.add_argument("--rate", help="requests per second; by default one client asks at a time")
    ours.add_argument("--concurrency", type=int, help="clients, instead of a rate")
    ours.add_argument("--latency", action="append", metavar="p95=250ms", help="what must hold; repeatable")
    ours.add_argument("--max-slowdown-percent", type=float, help="instead of a latency; 50 by default")
    ours.add_argument("--duration", help="longest window of a trial, such as 30s")
    ours.add_argument("--warmup", help="load before the window")
    ours.add_argument("--deadline", help="how long the run may take, such as 1h")
    ours.add_argument("--auto-tag", action="store_true", help="write the recommendation to the models' tags")
    ours.add_argument("--no-wait", action="store_true", help="return when it has started")
    odd = parser.add_argument_group("only tagging, as the published article writes it")
    odd.add_argument("-i", "--i", "--model-id", dest="model_id", help="the model")
    odd.add_argument("--add-tag", action="append", metavar="KEY=VALUE", help="repeatable")
    odd.add_argument("--remove-tag", action="append", metavar="KEY", help="repeatable")
    odd.add_argument("--add-property", action="append", metavar="KEY=VALUE", help="repeatable")


def run(a: argparse.Namespace) -> Result:
    """Profile, or tag."""
    workspace = workspace_of(a)
    if a.add_tag or a.remove_tag or a.add_property:
        return tagged(workspace, a)
    if a.model_id:
        a.model = [a.model_id, *a.model]
    profile = Model.profile(
        workspace,
        a.name,
        [Model(workspace, id=model_id) for model_id in [*a.model, *map(_model_id, a.model_metadata_file)]],
        inference_config(workspace, a),
        Dataset.get_by_id(workspace, a.idi) if a.idi else None,
        a.cc,
        a.gb,
        a.description,
        rate=a.rate,
        concurrency=a.concurrency,
        latency=pairs(a.latency, "--latency") if a.latency else None,
        max_slowdown_percent=a.max_slowdown_percent,
        duration=a.duration,
        warmup=a.warmup,
        deadline=a.deadline,
        auto_tag=a.auto_tag,
    )
    if a.no_wait:
        return dict(profile.get_details()), 0
    profile.wait_for_completion(show_output=True)
    details = dict(profile.get_details())
    if a.output_metadata_file:
        _write(Path(a.output_metadata_file), workspace, details)
    return details, 0 if profile.state == SUCCEEDED else 1


def _model_id(path: str) -> str:
    model_id = json_file(path, "-f").get("modelId")
    if not model_id:
        raise UserErrorException(f"-f {path} has no modelId; `modelprofiler ml model register -t` writes such a file")
    return str(model_id)


def _write(path: Path, workspace: Workspace, details: dict[str, Any]) -> None:
    """Write the result, with the keys of a deployment's size that Azure ML wrote here."""
    size = {"cpu": details.get("recommendedCpu"), "memoryInGB": details.get("recommendedMemoryInGB")}
    where = {"workspaceName": workspace.name, "resourceGroupName": workspace.resource_group}
    write_json(path, {**where, **details, **{key: value for key, value in size.items() if value is not None}})
    print(f"Wrote JSON metadata to {path}", file=sys.stderr)
