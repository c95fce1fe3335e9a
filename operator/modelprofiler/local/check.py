"""Whether a file can be run on this machine: everything that is wrong at once, before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.api.pod_template import misshapen
from modelprofiler.api.pod_template import problems as shape_problems
from modelprofiler.api.status import EffectiveResources
from modelprofiler.core.search.step import problems as search_problems
from modelprofiler.core.support import ignored, unsupported
from modelprofiler.errors import Problem
from modelprofiler.files.document import Document
from modelprofiler.files.inputs import Resolved, resolve, server_variables
from modelprofiler.host.machine import Machine, effective, scarce, this_machine
from modelprofiler.host.ports import port_problem
from modelprofiler.load.tls import certificate_problems
from modelprofiler.local.command import template_problems
from modelprofiler.local.environment import requirement_problems


@dataclass(frozen=True)
class Examined:
    """What was found out about a file.

    Attributes
    ----------
    problems
        Why it cannot be run; nothing when it can.
    warnings
        What will be otherwise than in a cluster, a sentence each.
    inputs
        What is behind its sources; None when something is missing.
    resources
        The range that would be searched; None when this machine cannot give it.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    inputs: Resolved | None
    resources: EffectiveResources | None


def problems(document: Document) -> list[Problem]:
    """Return everything that keeps a file from being run on this machine, whoever may be using it now."""
    return list(examine(document, port_must_be_free=False).problems)


def examine(
    document: Document,
    machine: Machine | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    port_must_be_free: bool = True,
) -> Examined:
    """Look at everything that can be looked at without starting anything.

    Parameters
    ----------
    document
        The file.
    machine
        What this machine can give; default: it is asked.
    environment
        The variables that the server inherits.
    now
        Whether the port must be free at once. That of a run that waits for another may be the other's until it ends.
    """
    spec = document.profile.spec
    found = unsupported(spec, "Local") + certificate_problems(spec) + shape_problems(spec)
    warnings = [*document.warnings]
    inputs = None
    readable = spec.server.template is None or not misshapen(spec.server.template)
    if readable:
        looked_up = resolve(document)
        inputs = looked_up if isinstance(looked_up, Resolved) else None
        found += looked_up if isinstance(looked_up, list) else []
        found += server_variables(document)[1]
        if not shape_problems(spec):
            found += template_problems(document, environment)
            warnings += ignored(spec)
    if spec.server.entry_script is not None:
        found += requirement_problems(spec.server.entry_script.environment)
    machine = machine or this_machine()
    resources = effective(spec.resources, machine)
    if isinstance(resources, list):
        found += resources
    else:
        found += search_problems(spec, resources)
        warnings += [sentence for sentence in [scarce(resources, machine)] if sentence]
    found += port_problems(document) if port_must_be_free else []
    return Examined(
        tuple(dict.fromkeys(found)), tuple(warnings), inputs, None if isinstance(resources, list) else resources
    )


def port_problems(document: Document) -> list[Problem]:
    """Return why the server could not listen on its port now."""
    taken = port_problem(document.profile.spec.endpoint.http.port)
    message = f"{taken}; end it, or let the server listen on another port"
    return [Problem("spec.endpoint.http.port", message)] if taken else []


def examine_for_cluster(document: Document) -> Examined:
    """Look at what can be said about a file that is for a cluster, without one.

    What its nodes can give and what its admission allows only the cluster knows; ConfigMaps that are not in the file
    may be there already.
    """
    spec = document.profile.spec
    found = unsupported(spec, "Cluster") + certificate_problems(spec) + shape_problems(spec)
    warnings = []
    inputs = resolve(document)
    for problem in inputs if isinstance(inputs, list) else []:
        if "there is no ConfigMap" in problem.message:
            warnings.append(f"{problem}: it must be in the cluster")
        elif not problem.path.endswith(".path"):
            found.append(problem)
    return Examined(tuple(dict.fromkeys(found)), tuple(warnings), None, None)
