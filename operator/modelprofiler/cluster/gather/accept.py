"""Checks whether a profile can be run as it is written, before anything is started; every refusal is a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelprofiler.api.conditions import LONGEST_MESSAGE, Reason
from modelprofiler.api.pod_template import misshapen
from modelprofiler.api.pod_template import problems as template_problems
from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster import limits
from modelprofiler.cluster.adapter import Cluster
from modelprofiler.cluster.gather import admission, inputs
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.room import capacity
from modelprofiler.cluster.gather.room.fitting import Fitting, NoNode
from modelprofiler.cluster.gather.room.rooms import Rooms
from modelprofiler.cluster.manifests import template
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.conditions import Finding
from modelprofiler.core.run_hash import run_hash
from modelprofiler.core.search.step import problems as search_problems
from modelprofiler.core.search.workload import Workload
from modelprofiler.core.status import is_accepted, is_running
from modelprofiler.core.support import unsupported
from modelprofiler.core.text import head
from modelprofiler.errors import Problem
from modelprofiler.load.tls import certificate_problems

TO_COME = ("(a node that an autoscaler is to bring)",)
"""Takes the place of a node that is not there yet: of the runs that wait for one, one at a time has its turn, so that
no two of them meet on the node that comes."""


@dataclass(frozen=True)
class Accepted:
    """A profile that can be run, and what the run needs to know."""

    inputs: inputs.Inputs
    resources: EffectiveResources
    run_hash: str
    settings: Settings
    """Those of the installation, with the scoring image of the run."""
    nodes: tuple[str, ...] | None = None
    """The nodes on which the run may be; None where any may, or where it has one already."""
    workload: Workload | None = None
    """The workload that the server is a copy of, if it is one."""
    resizes: bool = True
    """Whether the API server has a way to resize running pods."""


def is_rerun(profile: ModelProfile) -> bool:
    """Return whether a user has asked, by annotation, for everything to be measured anew since the run began."""
    begun = profile.status.provenance
    return begun is not None and begun.rerun != profile.metadata.annotations.get(RERUN_ANNOTATION)


def _identify(
    profile: ModelProfile, settings: Settings, sources: inputs.Inputs, *, known: bool
) -> tuple[str, Settings]:
    """Return the hash of the run that a profile and its inputs make, and the settings that it runs with.

    A run keeps the hash and the scoring image it began with while its spec and inputs are the same: an upgrade of the
    installation neither starts it anew nor mixes two images in one run.

    Parameters
    ----------
    known
        Whether this generation of the profile was accepted before.
    """
    digests = sources.model_digest, sources.code_digest, sources.dataset.digest
    begun, recorded = profile.status.provenance, profile.status.run_hash
    if begun is None or recorded is None:
        return _hash(profile, _image(profile, settings), *digests), settings
    keeping = settings.model_copy(update={"scoring_image": begun.scoring_image or settings.scoring_image})
    same_inputs = digests == (begun.model_digest, begun.code_digest, begun.dataset_digest)
    if known and same_inputs and not is_rerun(profile):
        return recorded, keeping
    if _hash(profile, _image(profile, keeping), *digests) == recorded:
        return recorded, keeping
    return _hash(profile, _image(profile, settings), *digests), settings


def _image(profile: ModelProfile, settings: Settings) -> str | None:
    return settings.scoring_image if profile.spec.server.entry_script else None


def _hash(profile: ModelProfile, image: str | None, model: str | None, code: str | None, dataset: str | None) -> str:
    return run_hash(
        profile.spec,
        model_digest=model,
        code_digest=code,
        dataset_digest=dataset,
        image=image,
        rerun=profile.metadata.annotations.get(RERUN_ANNOTATION),
    )


async def accept(
    cluster: Cluster, profile: ModelProfile, settings: Settings, rooms: Rooms | None = None
) -> Accepted | Claims | Finding:
    """Return what a run needs to know, or the claims that have to be read first, or why there is no run.

    Parameters
    ----------
    rooms
        What the nodes have left; by default it is read anew.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    refused = _as_written(profile, settings) or await limits.unselected(cluster, profile.metadata.namespace, settings)
    if refused is not None:
        return refused
    sources = await inputs.resolve(cluster, profile)
    if isinstance(sources, inputs.Unusable):
        return _finding(sources.reason, sources.problems)
    if isinstance(sources, Claims):
        return sources
    known = profile.status.observed_generation == profile.metadata.generation and is_accepted(profile.status)
    identity, settings = _identify(profile, settings, sources, known=known)
    recorded = profile.status.resources if known else None
    if recorded is not None and _has_node(profile):
        return Accepted(sources, recorded, identity, settings)
    fitting, awaited = await _fitting(profile, settings, rooms or Rooms(cluster, settings), sources.host), None
    if isinstance(fitting, NoNode):
        if (refused := _no_node(profile, settings, fitting, known=known)) is not None:
            return refused
        # Nothing is known of a node that is to come; where no autoscaler brings one, it may be any that is there.
        awaited = TO_COME if settings.nodes_autoscaled and fitting.may_come else None
        fitting = None
    resources = recorded or _range(profile, fitting)
    if isinstance(resources, Finding):
        return resources
    nodes = fitting.nodes(resources) if fitting is not None else awaited
    if recorded is not None:
        return Accepted(sources, recorded, identity, settings, nodes)
    if too_many := search_problems(profile.spec, resources):
        return _finding(Reason.INVALID_SPEC, too_many)
    refused = await admission.refusal(cluster, profile, settings, resources, identity)
    return refused or Accepted(sources, resources, identity, settings, nodes)


def _has_node(profile: ModelProfile) -> bool:
    """Return whether the run of a profile is on a node, so that it does not matter any more which ones take it."""
    begun = profile.status.provenance
    return begun is not None and begun.node is not None


async def _fitting(
    profile: ModelProfile, settings: Settings, rooms: Rooms, host: str | None
) -> Fitting | NoNode | None:
    """Return which nodes take the server of a profile; None where nodes may not be read."""
    every = await rooms.read()
    return None if every is None else Fitting.of(profile, settings, every, host)


def _no_node(profile: ModelProfile, settings: Settings, none: NoNode, *, known: bool) -> Finding | None:
    """Return that no node takes the server; None where the run may wait for one.

    It may where an autoscaler brings nodes, and while it is under way: nodes are cordoned, drained and replaced
    meanwhile, its pods wait for the next one, and their trial says so in the scheduler's words.
    """
    if known and profile.status.resources is not None and is_running(profile.status):
        return None
    if not (settings.nodes_autoscaled and none.may_come):
        return _finding(Reason.NO_NODE, [none.problem])
    resources = profile.spec.resources
    if resources.cpu is not None and resources.memory is not None:
        return None
    message = (
        f"{none.problem.message}. An autoscaler may bring such a node, but what it will have is not known: write cpu "
        "and memory here"
    )
    return _finding(Reason.NO_NODE, [Problem("spec.resources", message)])


async def nodes_for(
    profile: ModelProfile, settings: Settings, rooms: Rooms, host: str | None
) -> tuple[str, ...] | None:
    """Return the nodes that take the server of a profile whose range is not known yet; None where any may.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    fitting = await _fitting(profile, settings, rooms, host)
    if isinstance(fitting, Fitting):
        return fitting.nodes(None)
    return TO_COME if fitting is not None and settings.nodes_autoscaled and fitting.may_come else None


def _finding(reason: Reason, problems: Sequence[Problem]) -> Finding:
    # The API server refuses a message of more than 32,768 characters; the keys of a large ConfigMap may be that long.
    return Finding(reason, head("; ".join(map(str, problems)), LONGEST_MESSAGE))


def _as_written(profile: ModelProfile, settings: Settings) -> Finding | None:
    """Check what can be checked without the cluster; the first problem gives the reason, the message names them all."""
    pod_template = profile.spec.server.template
    unreadable = pod_template is not None and bool(misshapen(pod_template))
    groups = (
        (Reason.NOT_SUPPORTED, unsupported(profile.spec, "Cluster")),
        (Reason.NOT_SUPPORTED, certificate_problems(profile.spec)),
        (Reason.INVALID_SPEC, template_problems(profile.spec)),
        (Reason.NOT_SUPPORTED, limits.exceeded(profile.spec, settings)),
        (Reason.TEMPLATE_REFUSED, [] if unreadable else template.privileges(profile.spec, settings)),
    )
    all_problems = [(reason, problem) for reason, problems in groups for problem in problems]
    if not all_problems:
        return None
    return _finding(all_problems[0][0], [problem for _, problem in all_problems])


def _range(profile: ModelProfile, fitting: Fitting | None) -> EffectiveResources | Finding:
    resources = profile.spec.resources
    effective = fitting.range_of(profile) if fitting is not None else capacity.effective(resources, None)
    if isinstance(effective, EffectiveResources):
        return effective
    too_large = _finding(Reason.RANGE_TOO_LARGE, effective)
    return replace(too_large, may_pass=fitting is not None and fitting.would_hold_empty(resources))
