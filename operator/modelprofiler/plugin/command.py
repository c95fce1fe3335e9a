"""``kubectl modelprofile``: kubectl starts the program ``kubectl-modelprofile`` for it, wherever PATH has one."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Duration
from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.cli import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_OK, complain, guarded
from modelprofiler.errors import ClusterUnavailable, InvalidInput, NotFound, Problem, Refused
from modelprofiler.plugin.follow import Follower, Progress
from modelprofiler.plugin.kubectl import PROFILES, Kubectl
from modelprofiler.plugin.options import PROGRAM, argument_parser
from modelprofiler.plugin.output import as_text
from modelprofiler.plugin.request import MANAGED_BY, Request, request_of
from modelprofiler.plugin.result import render
from modelprofiler.plugin.workload import TARGET, Target, Workload, made_by_kserve, target_of, workload_of

EXIT_NOT_VERIFIED, EXIT_NO_CLUSTER, EXIT_GOES_ON = 1, 3, 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the plugin; return its exit code, of which the help has the table."""
    return guarded(PROGRAM, lambda: _main(sys.argv[1:] if argv is None else list(argv)))


def _main(command_line: Sequence[str]) -> int:
    arguments = argument_parser().parse_args(command_line)
    kubectl = Kubectl(arguments.kubectl)
    try:
        return _run(arguments, kubectl)
    except (ClusterUnavailable, Refused) as error:
        complain(PROGRAM, error)
        # What the API server finds wrong with an object is as much bad input as what this program finds.
        is_input = isinstance(error, Refused) and error.status in (409, 422)
        return EXIT_BAD_INPUT if is_input else EXIT_NO_CLUSTER


def _run(arguments: argparse.Namespace, kubectl: Kubectl) -> int:
    request, workload = _request(arguments, kubectl)
    if request.facts is not None:
        facts = request.facts
        print(f"{arguments.dataset}: {facts.rows} rows, {facts.distinct_rows} different", file=sys.stderr)
        for warning in facts.warnings or ():
            print(f"{arguments.dataset}: {warning}", file=sys.stderr)
    if arguments.dry_run == "client":
        request = request.rerun_as(workload.fingerprint)
        _write([*filter(None, (request.config_map,)), request.profile], arguments.output)
        return EXIT_OK
    before = _existing(request, kubectl)
    request = _identified(request, workload, before, rerun=arguments.rerun)
    if arguments.output == "text":
        _write([request.profile], "yaml")
    created = _create(request, kubectl, before, dry_run=arguments.dry_run == "server")
    if arguments.dry_run == "server" or not arguments.wait:
        if arguments.output != "text":
            _write([created], arguments.output)
        elif arguments.dry_run == "none":
            print(_how_to_look(created), file=sys.stderr)
        return EXIT_OK
    return _follow(arguments, kubectl, created, workload, _outdated(before, created))


def _request(arguments: argparse.Namespace, kubectl: Kubectl) -> tuple[Request, Workload]:
    """Return what is to be created.

    Raises
    ------
    InvalidInput
        With every problem of the options, the rows and the workload. Where the cluster cannot be reached, the problems
        of the others are reported first.
    """
    problems: list[Problem] = []
    target = target_of(arguments.target)
    workload, unreachable = None, None
    if isinstance(target, Target):
        try:
            reading = _look_up(target, kubectl)
            workload = reading if isinstance(reading, Workload) else None
            problems += [reading] if isinstance(reading, Problem) else []
        except (ClusterUnavailable, Refused) as error:
            unreachable = error
    else:
        problems.append(target)
    request = request_of(arguments, workload, problems)
    if problems:
        raise InvalidInput(problems)
    if unreachable is not None:
        raise unreachable
    assert request is not None
    assert workload is not None
    return request, workload


def _look_up(target: Target, kubectl: Kubectl) -> Workload | Problem:
    try:
        data = kubectl.get(target.resource, target.name)
        deployment = made_by_kserve(data, target)
        if deployment is None:
            return workload_of(data, target)
        return workload_of(kubectl.get(deployment.resource, deployment.name), target, data)
    except NotFound as error:
        return Problem(TARGET, str(error))


def _existing(request: Request, kubectl: Kubectl) -> Object | None:
    """Return the profile of this name, if there is one.

    Raises
    ------
    InvalidInput
        When it is somebody else's, or of another workload.
    """
    try:
        existing = kubectl.get(PROFILES, request.name)
    except NotFound:
        return None
    metadata = existing.get("metadata") or {}
    server = (existing.get("spec") or {}).get("server") or {}
    reference = server.get("workloadRef") or {}
    if not MANAGED_BY.items() <= (metadata.get("labels") or {}).items():
        message = f"there is a ModelProfile {request.name}, which this command has not created; choose another name"
        raise InvalidInput([Problem("--name", message)])
    if reference != request.profile["spec"]["server"]["workloadRef"]:
        other = f"{reference.get('kind')} {reference.get('name')}"
        message = f"there is a ModelProfile {request.name} of {other}; choose another name"
        raise InvalidInput([Problem("--name", message)])
    return existing


def _identified(request: Request, workload: Workload, before: Object | None, *, rerun: bool) -> Request:
    """Return the request with what tells its run from earlier ones: the pods' specification, or another value."""
    value = workload.fingerprint
    annotations = ((before or {}).get("metadata") or {}).get("annotations") or {}
    recorded = str(annotations.get(RERUN_ANNOTATION) or "")
    if rerun:
        value = f"{value}-{int(time.time())}"
    elif recorded.startswith(value):
        value = recorded
    return request.rerun_as(value)


def _create(request: Request, kubectl: Kubectl, before: Object | None, *, dry_run: bool) -> Object:
    """Create or change the objects, and return the profile. The ConfigMap goes when the profile does."""
    if request.config_map is None:
        return kubectl.apply(request.profile, dry_run=dry_run)
    if not dry_run:
        kubectl.apply(request.profile, dry_run=True)  # nothing is left behind where it is refused
    kubectl.apply(request.config_map if before is None else _owned(request.config_map, before), dry_run=dry_run)
    created = kubectl.apply(request.profile, dry_run=dry_run)
    if not dry_run and before is None:
        kubectl.apply(_owned(request.config_map, created))
    return created


def _owned(config_map: Object, profile: Object) -> Object:
    """Return a ConfigMap that is deleted with a profile."""
    owner = {name: profile[name] for name in ("apiVersion", "kind")}
    owner |= {name: profile["metadata"][name] for name in ("name", "uid")}
    return {**config_map, "metadata": {**config_map["metadata"], "ownerReferences": [owner]}}


def _outdated(before: Object | None, created: Object) -> Object | None:
    """Return the status that was there before a rerun was asked for, which is no result of it."""
    if before is None:
        return None
    values = [(o["metadata"].get("annotations") or {}).get(RERUN_ANNOTATION) for o in (before, created)]
    return before.get("status") if values[0] != values[1] else None


def _follow(
    arguments: argparse.Namespace, kubectl: Kubectl, created: Object, workload: Workload, outdated: Object | None
) -> int:
    progress = Progress.on(sys.stderr)
    follower = Follower(kubectl, progress, time.monotonic, time.sleep)
    try:
        ended = follower.follow(created["metadata"]["name"], outdated, Duration(arguments.timeout).seconds)
    except KeyboardInterrupt:
        progress.clear()
        print(f"\nThe run goes on. {_how_to_look(created)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    if ended is None:
        complain(PROGRAM, f"the run has not ended within {arguments.timeout}, and goes on. {_how_to_look(created)}")
        return EXIT_GOES_ON
    profile = ModelProfile.parse(ended)
    if arguments.output == "text":
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 100
        sys.stdout.write("---\n" + render(profile, str(workload), width))
        name, namespace = created["metadata"]["name"], created["metadata"].get("namespace")
        where = f" -n {namespace}" if namespace else ""
        print(f"\nEvery trial: modelprofiler report {name}{where}")
        if profile.status.recommendations:
            print(f"The size as a patch: modelprofiler patch {name}{where}")
    else:
        _write([ended], arguments.output)
    verified = any(recommendation.verification for recommendation in profile.status.recommendations)
    return EXIT_OK if verified else EXIT_NOT_VERIFIED


def _write(objects: list[Object], output: str) -> None:
    print(as_text(objects, output), end="")


def _how_to_look(created: Object) -> str:
    metadata = created["metadata"]
    where = f" -n {metadata['namespace']}" if metadata.get("namespace") else ""
    return f"kubectl get modelprofile {metadata['name']}{where} -w shows it; the same command with --wait follows it."


if __name__ == "__main__":
    raise SystemExit(main())
