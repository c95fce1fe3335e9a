"""The ModelProfile that a command line asks for, and everything that is wrong with it. Pure but for local rows."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Duration
from modelprofiler.api.resource import API_VERSION, KIND, RERUN_ANNOTATION, ModelProfile, name_problems
from modelprofiler.api.status import DatasetStatus
from modelprofiler.errors import InvalidInput, Problem
from modelprofiler.files.overrides import Overrides
from modelprofiler.plugin import dataset
from modelprofiler.plugin.workload import Workload, container_of, port_of

MANAGED_BY = {"app.kubernetes.io/managed-by": "kubectl-modelprofile"}
"""Label of what this plugin creates. A profile without it is somebody else's, and is left alone."""

DEFAULT_SLOWDOWN = "25"
"""Percent above the largest size's p95, where no latency is asked for; as in a profile of `modelprofiler init`."""

_PLACEHOLDER = "workload"
"""Name of a profile that has none yet, while its other fields are checked."""


@dataclass(frozen=True)
class Request:
    """What is to be created.

    Attributes
    ----------
    profile
        The ModelProfile, as JSON data.
    config_map
        The ConfigMap with its rows, where they are on this machine.
    facts
        These rows in numbers.
    """

    profile: Object
    config_map: Object | None = None
    facts: DatasetStatus | None = None

    @property
    def name(self) -> str:
        """Name of the profile."""
        return str(self.profile["metadata"]["name"])

    def rerun_as(self, value: str) -> Request:
        """Return the same request with this value of the annotation that identifies a run."""
        metadata = {**self.profile["metadata"], "annotations": {RERUN_ANNOTATION: value}}
        return replace(self, profile={**self.profile, "metadata": metadata})


def request_of(arguments: argparse.Namespace, workload: Workload | None, problems: list[Problem]) -> Request | None:
    """Return what a command line asks for; None where there are problems, which are appended.

    Parameters
    ----------
    workload
        The workload that it names; None where that could not be read, so that only the options are checked.
    problems
        What is wrong already.
    """
    data = _draft(arguments, workload, problems)
    profile = _validated(data, problems)
    rows = _local_rows(arguments.dataset, data, profile, problems)
    if problems or profile is None or workload is None:
        return None
    if rows is None:
        return Request(data)
    source = {"configMap": {"name": rows.config_map["metadata"]["name"]}}
    rows.config_map["metadata"] |= {"labels": MANAGED_BY, **_in(workload)}
    dataset_spec = {**data["spec"]["dataset"], "source": source}
    return Request({**data, "spec": {**data["spec"], "dataset": dataset_spec}}, rows.config_map, rows.facts)


def _draft(arguments: argparse.Namespace, workload: Workload | None, problems: list[Problem]) -> Object:
    """Return the profile as the options have it, not yet validated."""
    problems += _missing(arguments)
    name = arguments.name or (workload.name if workload is not None else _PLACEHOLDER)
    server: Object = {}
    port = _number("--port", arguments.port, problems)
    if workload is not None:
        server["workloadRef"] = workload.reference
        container = container_of(workload, arguments.container)
        if isinstance(container, Problem):
            problems.append(container)
        elif port is None and arguments.port is None:
            declared = port_of(workload, container)
            port = declared if isinstance(declared, int) else None
            problems += [declared] if isinstance(declared, Problem) else []
    else:
        server["workloadRef"] = {"apiVersion": "apps/v1", "kind": "Deployment", "name": _PLACEHOLDER}
    if arguments.container is not None:
        server["containerName"] = arguments.container
    data: Object = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, **_in(workload), "labels": MANAGED_BY},
        "spec": {"server": server, "endpoint": {"http": {}}, "dataset": _dataset(arguments), "load": {}},
    }
    data["spec"]["objectives"] = {} if arguments.latency else {"maxSlowdownPercent": DEFAULT_SLOWDOWN}
    overrides = Overrides(
        rate=arguments.rate,
        concurrency=_number("--concurrency", arguments.concurrency, problems),
        warmup=arguments.warmup,
        duration=arguments.duration,
        cpu=arguments.cpu,
        memory=arguments.memory,
        latency=tuple(arguments.latency),
        max_error_percent=arguments.max_error_percent,
        port=port,
        method=arguments.method,
        path=arguments.path,
        content_type=arguments.content_type,
        max_trials=_number("--max-trials", arguments.max_trials, problems),
        deadline=arguments.deadline,
    )
    data, unusable = overrides.applied(data)
    problems += unusable
    return data


def _in(workload: Workload | None) -> Object:
    """Return the namespace of a workload as a part of metadata: what is printed is applied where the workload is."""
    return {"namespace": workload.namespace} if workload is not None and workload.namespace else {}


def _missing(arguments: argparse.Namespace) -> list[Problem]:
    """Return what every profile needs and this one lacks, and options that do not go together."""
    problems = []
    if not arguments.dataset:
        problems.append(Problem("--dataset", "is required: a file with a request on each line, or an address"))
    elif arguments.dataset_secret is not None and not dataset.is_address(arguments.dataset):
        problems.append(Problem("--dataset-secret", f"is for an address, and {arguments.dataset[:80]} is none"))
    if arguments.rate is None and arguments.concurrency is None:
        message = "or --concurrency is required: requests per second, or a number of clients"
        problems.append(Problem("--rate", message))
    try:
        if not Duration(arguments.timeout).seconds:
            problems.append(Problem("--timeout", "must be greater than 0"))
    except ValueError as error:
        problems.append(Problem("--timeout", str(error)))
    return problems


def _number(option: str, text: str | None, problems: list[Problem]) -> int | None:
    """Return a whole number that an option has; None where it has none."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        problems.append(Problem(option, f"must be a whole number, not {text[:40]!r}"))
        return None
    return int(text)


def _dataset(arguments: argparse.Namespace) -> Object:
    if not arguments.dataset:
        return {}
    how = arguments.format or dataset.format_of(arguments.dataset).value
    column = {"column": arguments.column} if arguments.column is not None else {}
    return {"source": dataset.source_of(arguments.dataset, arguments.dataset_secret), "format": how, **column}


def _validated(data: Object, problems: list[Problem]) -> ModelProfile | None:
    """Return the profile, and append what is wrong with it, by the option that caused it where no problem is known."""
    problems += [Problem("--name", problem.message) for problem in name_problems(data)]
    try:
        return ModelProfile.parse(data)
    except InvalidInput as error:
        already = {problem.path for problem in problems}
        for problem in error.problems:
            option = _option_of(problem)
            if already.isdisjoint((option, *_EITHER) if option in _EITHER else (option,)):
                problems.append(replace(problem, path=option or problem.path))
    return None


_OPTIONS = {
    "spec.dataset.format": "--format",
    "spec.dataset.column": "--column",
    "spec.dataset.source.uri.secretRef": "--dataset-secret",
    "spec.dataset": "--dataset",
    "spec.server.containerName": "--container",
    "spec.load.openLoop": "--rate",
    "spec.load.closedLoop": "--concurrency",
    "spec.load.warmup": "--warmup",
    "spec.load.duration": "--duration",
    "spec.load": "--rate",
    "spec.objectives.maxErrorPercent": "--max-error-percent",
    "spec.objectives": "--latency",
    "spec.endpoint.http.port": "--port",
    "spec.endpoint.http.path": "--path",
    "spec.endpoint.http.method": "--method",
    "spec.endpoint.http.contentType": "--content-type",
    "spec.resources.cpu": "--cpu",
    "spec.resources.memory": "--memory",
    "spec.search.maxTrials": "--max-trials",
    "spec.search.deadline": "--deadline",
}
"""Fields, and the options that set them, the most specific first."""


_EITHER = ("--rate", "--concurrency")
"""Of these exactly one is needed; a problem of one explains why the profile has no load."""

_ABOUT_PARTS = {"duration": "--duration", "warmup": "--warmup", "deadline": "--deadline"}
"""First word of a message about a whole object, and the option that sets that part of it."""


def _option_of(problem: Problem) -> str:
    """Return the option that sets a field; empty where none does."""
    part = _ABOUT_PARTS.get(problem.message.partition(" ")[0])
    if part is not None and problem.path in ("spec.load", "spec.search"):
        return part
    path = problem.path
    return next((o for p, o in _OPTIONS.items() if path == p or path.startswith((f"{p}.", f"{p}["))), "")


def _local_rows(
    named: str | None, data: Object, profile: ModelProfile | None, problems: list[Problem]
) -> dataset.LocalRows | None:
    """Return the rows of this machine; None where they are not here, or cannot be used."""
    if not named or dataset.is_address(named):
        return None
    if (unusable := dataset.unusable_file(named)) is not None:
        problems.append(unusable)
        return None
    if profile is None:
        return None
    rows = dataset.local_rows(data, profile)
    if isinstance(rows, list):
        problems += rows
        return None
    return rows
