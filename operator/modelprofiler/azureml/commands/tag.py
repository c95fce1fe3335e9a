"""``modelprofiler tag``: writes the recommendation of a profile to its models or to a workload."""

from __future__ import annotations

import argparse
from typing import Any

from modelprofiler.api.resource import GROUP
from modelprofiler.azureml.commands.common import Result
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.details import SUCCEEDED
from modelprofiler.azureml.profiling.local_run import PROFILES
from modelprofiler.azureml.profiling.tags import tag_models

KINDS = {
    "deployment": ("/apis/apps/v1", "deployments"),
    "statefulset": ("/apis/apps/v1", "statefulsets"),
    "daemonset": ("/apis/apps/v1", "daemonsets"),
    "inferenceservice": ("/apis/serving.kserve.io/v1beta1", "inferenceservices"),
}
"""Kinds of workloads, each with its path prefix and plural in the API."""
SHORT_NAMES = {"deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "isvc": "inferenceservice"}

EXAMPLE = """examples:
  modelprofiler tag unique-name                                        the models of a profile on this machine
  modelprofiler tag digits -n ml --workload deployment/digits          annotations on a workload
  MLFLOW_TRACKING_URI=http://mlflow:5000 modelprofiler tag digits -n ml    tags on the model version in MLflow
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Write the recommendation of a profile to the tags of its models, or to annotations of a workload."
    )
    parser.epilog = EXAMPLE
    parser.add_argument("name", metavar="NAME", help="name of the profile")
    parser.add_argument("-n", "--namespace", help="namespace of the profile (default: one on this machine)")
    parser.add_argument("--context", help="a context of the kubeconfig")
    kinds = ", ".join(KINDS)
    parser.add_argument("--workload", metavar="KIND/NAME", help=f"workload to annotate; KIND is one of {kinds}")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Result:
    """Write the recommendation."""
    local = Workspace.local()
    in_cluster = args.namespace or args.context or args.workload or not local.store.path(PROFILES, args.name).is_dir()
    workspace = Workspace.from_kubernetes(args.namespace or "default", context=args.context) if in_cluster else local
    profile = ModelProfile(workspace, args.name)
    if profile.state != SUCCEEDED:
        reason = f": {profile.error['message']}" if profile.error else ""
        raise UserErrorException(f"profile {args.name} is {profile.state} and has no recommendation{reason}")
    if args.workload:
        return _annotate(workspace, profile, args.workload), 0
    models = profile.model_ids
    if not models:
        raise UserErrorException(f"profile {args.name} names no model; --workload deployment/NAME annotates a workload")
    return {"models": models, "tags": tag_models(workspace.registry, models, profile.serialize())}, 0


def _annotate(workspace: Workspace, profile: ModelProfile, workload: str) -> dict[str, Any]:
    # The Kubernetes client takes half a second to import.
    from modelprofiler.azureml.profiling.cluster_client import call
    from modelprofiler.cluster.adapter import Cluster, Kind
    from modelprofiler.errors import NotFound

    prefix, _, name = workload.partition("/")
    kind = SHORT_NAMES.get(prefix.lower(), prefix.lower())
    if kind not in KINDS or not name:
        raise UserErrorException(f"--workload {workload}: write KIND/NAME, with KIND one of {', '.join(KINDS)}")
    annotations = {
        f"{GROUP}/recommended-{part}": str(quantity)
        for part, quantity in profile.recommended_size().items()
        if quantity is not None
    } | {f"{GROUP}/recommended-by": profile.name}

    async def patch(cluster: Cluster) -> None:
        body = {"metadata": {"annotations": annotations}}
        try:
            await cluster.patch(Kind(*KINDS[kind]), workspace.name, name, body)
        except NotFound as error:
            alternative = "; or KServe is not installed in this cluster" if kind == "inferenceservice" else ""
            message = f"--workload {workload}: namespace {workspace.name} has no {kind} {name}{alternative}"
            raise UserErrorException(message) from error

    call(workspace.context, patch)
    return {"workload": workload, "namespace": workspace.name, "annotations": annotations}
