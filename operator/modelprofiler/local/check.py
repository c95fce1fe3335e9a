"""Whether a file can be run: everything that is wrong with it, before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.api.pod_template import misshapen
from modelprofiler.api.pod_template import problems as template_shape_problems
from modelprofiler.api.server import EntryScript
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import DatasetStatus, EffectiveResources
from modelprofiler.core.requirements import requirement_problems
from modelprofiler.core.rows import forecast
from modelprofiler.core.search.step import problems as search_problems
from modelprofiler.core.steps import Environment
from modelprofiler.core.support import ignored, unsupported
from modelprofiler.errors import Problem
from modelprofiler.files.advice import advice
from modelprofiler.files.document import Document
from modelprofiler.files.headers import secret_header_problems
from modelprofiler.files.inputs import Resolved, resolve, server_variables
from modelprofiler.files.script_imports import python_texts, sdk_needs
from modelprofiler.files.sources import MissingObject, SourceFiles, UnusablePath
from modelprofiler.host.machine import Machine, effective, scarce, this_machine
from modelprofiler.host.packages import package_name
from modelprofiler.host.ports import port_problem
from modelprofiler.load.tls import certificate_problems
from modelprofiler.local.command import template_problems
from modelprofiler.local.download import address_notes, address_problems


@dataclass(frozen=True)
class Examined:
    """The result of a check.

    Attributes
    ----------
    problems
        Why the file cannot be run; empty when it can.
    warnings
        Differences to a run in a cluster, one sentence each.
    inputs
        The files of its sources; None when one is missing, or is still to be downloaded.
    resources
        The range that would be searched; None when this machine cannot give it.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    inputs: Resolved | None
    resources: EffectiveResources | None


def problems(document: Document) -> list[Problem]:
    """Return why a file cannot be run on this machine, even when no other program uses its port."""
    return list(examine(document, port_must_be_free=False).problems)


def examine(
    document: Document,
    machine: Machine | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    port_must_be_free: bool = True,
) -> Examined:
    """Check a file for a run on this machine without starting anything.

    Parameters
    ----------
    document
        The file.
    machine
        What this machine can give; by default that is measured.
    environment
        The environment variables that the server inherits.
    port_must_be_free
        Whether a port that is in use now is a problem. It is not for a run that waits for another one, which may use
        the same port.
    """
    spec = document.profile.spec
    shape_problems = template_shape_problems(spec)
    problems = unsupported(spec, "Local") + certificate_problems(spec) + shape_problems
    warnings = [*document.warnings]
    inputs = None
    if spec.server.template is None or not misshapen(spec.server.template):
        resolved = resolve(document)
        if isinstance(resolved, Resolved):
            inputs = resolved
            warnings += about_rows(spec, resolved.dataset, "Local")
        else:
            problems += resolved
        problems += address_problems(document, environment)
        warnings += address_notes(document)
        problems += [*server_variables(document)[1], *secret_header_problems(document)]
        if not shape_problems:
            problems += template_problems(document, environment)
            warnings += [*advice(spec), *ignored(spec, document.secrets)]
    if spec.server.entry_script is not None:
        problems += requirement_problems(spec.server.entry_script.environment)
        if inputs is not None and inputs.code is not None:
            missing, doubtful = script_import_problems(spec.server.entry_script, inputs.code)
            problems += missing
            warnings += doubtful
    machine = machine or this_machine()
    resources = effective(spec.resources, machine)
    if isinstance(resources, list):
        problems += resources
    else:
        problems += search_problems(spec, resources)
        warnings += [warning for warning in [scarce(resources, machine)] if warning]
    if port_must_be_free:
        problems += port_problems(document)
    return Examined(
        tuple(dict.fromkeys(problems)), tuple(warnings), inputs, None if isinstance(resources, list) else resources
    )


def about_rows(spec: ModelProfileSpec, dataset: DatasetStatus, environment: Environment) -> list[str]:
    """Return what is odd about the rows, and what the load will not be able to show with them."""
    odd = [f"spec.dataset: {warning}" for warning in dataset.warnings or ()]
    return [*odd, *load_notes(spec, dataset, environment)]


def load_notes(spec: ModelProfileSpec, dataset: DatasetStatus, environment: Environment) -> list[str]:
    """Return what the load will not be able to show with these rows."""
    return [f"spec.load: {sentence}" for sentence in forecast(spec, dataset, environment)]


def script_import_problems(script: EntryScript, code: SourceFiles) -> tuple[list[Problem], list[str]]:
    """Return what a script imports of Azure ML's SDK, as a problem where it certainly does, else as a warning."""
    packages = [package_name(line) for line in script.environment.requirements]
    needs = sdk_needs(script.file, python_texts(script.file, code.files), packages)
    path = "spec.server.entryScript.file"
    advice = (
        "the scoring server does not have it; find the model with AZUREML_MODEL_DIR, catch the ImportError, list the "
        "package in environment.requirements, or put a module of that name beside the script"
    )
    certain = ", ".join(str(need) for need in needs if need.certain)
    doubtful = ", ".join(str(need) for need in needs if not need.certain)
    problems = [Problem(path, f"imports Azure ML's SDK ({certain}): {advice}")] if certain else []
    return problems, [f"{path} may import Azure ML's SDK ({doubtful}): {advice}"] if doubtful else []


def port_problems(document: Document) -> list[Problem]:
    """Return why the server cannot listen on its port now."""
    reason = port_problem(document.profile.spec.endpoint.http.port)
    message = f"{reason}; let the server listen on another port, or free this one"
    return [Problem("spec.endpoint.http.port", message)] if reason else []


def examine_for_cluster(document: Document) -> Examined:
    """Check a file for a cluster, as far as that is possible without one.

    Only the cluster knows what its nodes can give and what its admission allows. It may also have the ConfigMaps and
    Secrets that are not in the file.
    """
    spec = document.profile.spec
    problems = unsupported(spec, "Cluster") + certificate_problems(spec) + template_shape_problems(spec)
    warnings = [] if problems else advice(spec)
    unreadable = spec.server.template is not None and misshapen(spec.server.template)
    resolved = [] if unreadable else resolve(document)
    if isinstance(resolved, Resolved):
        warnings += about_rows(spec, resolved.dataset, "Cluster")
    for problem in resolved if isinstance(resolved, list) else []:
        if isinstance(problem, MissingObject):
            message = f"{problem.kind} {problem.name!r} is not in the file; it must be in the cluster"
            warnings.append(f"{problem.path}: {message}")
        elif not isinstance(problem, UnusablePath):  # `unsupported` has refused every path
            problems.append(problem)
    script = spec.server.entry_script
    if script is not None and script.environment.image is None and isinstance(resolved, Resolved) and resolved.code:
        missing, doubtful = script_import_problems(script, resolved.code)
        problems += missing
        warnings += doubtful
    return Examined(tuple(dict.fromkeys(problems)), tuple(warnings), None, None)
