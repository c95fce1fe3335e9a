"""``modelprofiler patch``: a recommendation as a change to commit."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelprofiler.commands import target
from modelprofiler.errors import InvalidInput, Problem


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    target.add(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=("patch", "kustomize", "helm"),
        default="patch",
        help="strategic-merge patch, Kustomize component, or Helm values (default: patch)",
    )
    parser.add_argument(
        "-w",
        "--workload",
        metavar="KIND/NAME",
        help="workload to change, such as Deployment/digits (default: the profile's spec.server.workloadRef)",
    )
    parser.add_argument(
        "-c", "--container", metavar="NAME", help="container to change (default: the name of the profiled one)"
    )
    parser.add_argument(
        "--workload-namespace",
        metavar="NAME",
        help="namespace written into the patch (default: the profile's with workloadRef, else none)",
    )
    parser.add_argument(
        "--values-path",
        metavar="PATH",
        default="resources",
        help="path of the resources in the chart's values, such as server.resources (default: resources)",
    )
    parser.add_argument(
        "--unverified", action="store_true", help="also write a recommendation that no trial has verified"
    )
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="file to write; with kustomize also an existing directory (default: standard output)",
    )
    parser.epilog = (
        "examples:\n"
        "  modelprofiler patch digits -n team --workload Deployment/digits > digits-resources.yaml\n"
        "  kubectl patch deployment digits --patch-file digits-resources.yaml\n"
        "  modelprofiler patch digits --workload Deployment/digits -o kustomize --file components/size\n"
        "  modelprofiler patch digits -o helm --values-path server.resources > size.yaml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the patch."""
    from modelprofiler.report import patch

    record = target.resolve(arguments.run, arguments.namespace)
    unverified: bool = arguments.unverified
    if arguments.output == "helm":
        target.write(patch.helm_values(record, arguments.values_path, unverified=unverified), arguments.file)
        return 0
    patch.recommendation_of(record, unverified=unverified)
    workload = patch.workload_of(record, arguments.workload, arguments.container, arguments.workload_namespace)
    if arguments.output == "patch":
        target.write(patch.strategic_merge(record, workload, unverified=unverified), arguments.file)
    elif arguments.file is not None and Path(arguments.file).is_dir():
        for name, content in patch.kustomize(record, workload, unverified=unverified).items():
            target.write(content, str(Path(arguments.file) / name))
    else:
        if arguments.file is not None and Path(arguments.file).name != "kustomization.yaml":
            raise InvalidInput(
                [
                    Problem(
                        "--file", "with kustomize it must be an existing directory or a file named kustomization.yaml"
                    )
                ]
            )
        target.write(patch.kustomize_in_one(record, workload, unverified=unverified), arguments.file)
    return 0
