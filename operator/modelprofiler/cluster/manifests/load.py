"""The load of a trial: the Job that replays the dataset against the server.

The first of several load generators has a Job of its own, whose pod the others connect to: its address is in the
configuration of their Job, so that no Service and no right to make one is needed.
"""

from __future__ import annotations

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.headers import add_header_variables
from modelprofiler.cluster.manifests.metadata import child_metadata
from modelprofiler.cluster.manifests.pods import HOSTNAME, Helper, helper_job, helper_pod, on_node
from modelprofiler.cluster.manifests.template import server_pod_as_written
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.sources import INLINE_DATASET
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.rows.format import RowFormat

DATASET_DIR = "/var/modelprofiler/dataset"

SCRATCH_DIR = "/tmp"  # noqa: S108 - a volume of the pod's own: the rest of its file system is read-only

COMPLETION_INDEX = "JOB_COMPLETION_INDEX"
"""Variable in which an Indexed Job tells each of its pods its number; the kubelet puts it in the place of $(…)."""

STOP_SECONDS = 10
"""How long a load that is cut short gets to end its requests and write its result."""


def load_job(
    profile: ModelProfile,
    run_hash: str,
    settings: Settings,
    config: LoadConfig,
    *,
    trial: int,
    purpose: Purpose,
    limits: Limits,
    window: str,
    incarnation: int,
    server_pod: str,
    server_host: str | None,
    deadline_seconds: int,
    together: bool = False,
    inline: str | None = None,
) -> Object:
    """Return the Job that replays the dataset for one trial, or a part of it.

    It carries what its trial is for, so that an operator that starts anew finishes the trial as it was begun. The index
    in its configuration is that of its first pod.

    Parameters
    ----------
    trial, purpose, limits, window
        The trial: its index, its purpose, the server's size, and what ends its window.
    incarnation, server_pod
        The start of the server that the load is for, and the uid of its pod.
    server_host, together
        See `load_pod`.
    deadline_seconds, inline
        When the Job is stopped, whatever it does; and see `Files.of`.
    """
    first = config.index == 0
    meta = child_metadata(
        profile,
        run_hash,
        names.LOAD,
        (names.load if first else names.other_loads)(profile, run_hash, trial),
        labels={names.TRIAL: str(trial)} | ({names.DOWNLOADS: "true"} if profile.spec.dataset.source.uri else {}),
        annotations={
            **names.size_annotations(limits),
            names.PURPOSE: purpose.value,
            names.WINDOW: window,
            names.INCARNATION: str(incarnation),
            names.SERVER_POD: server_pod,
            **({} if first else {names.FIRST_GENERATOR: str(config.index)}),
        },
    )
    job = helper_job(
        profile.spec,
        settings,
        meta,
        load_pod(profile, run_hash, settings, server_host, together=together, inline=inline),
        annotations={names.LOAD_CONFIG: config.model_dump_json(by_alias=True, exclude_none=True)},
        deadline_seconds=deadline_seconds,
        pods=1 if first else config.load.parallelism - 1,
    )
    job["spec"]["completionMode"] = "Indexed"
    return job


def load_pod(
    profile: ModelProfile,
    run_hash: str,
    settings: Settings,
    server_host: str | None,
    *,
    together: bool = False,
    inline: str | None = None,
) -> Object:
    """Return the spec of a load pod.

    Parameters
    ----------
    server_host
        Host name of the server's node: the load prefers any other.
    together
        Whether the load has to be on that node, since both pods mount a volume that only one node can mount.
    inline
        See `Files.of`.
    """
    numbered = ("--completion-index", f"$({COMPLETION_INDEX})") if profile.spec.load.parallelism > 1 else ()
    helper = Helper(
        command="load",
        config_annotation=names.LOAD_CONFIG,
        arguments=("--result", "/dev/termination-log", *numbered),
        stop_seconds=STOP_SECONDS,
        placement=_placement(profile.spec, server_host, together=together),
    )
    pod = helper_pod(helper, settings)
    add_header_variables(profile.spec, pod["containers"][0])
    files = Files.of(profile, run_hash, settings, inline)
    if not RowFormat.of(profile.spec.dataset).copies_lines:
        # Rows that the file does not have as they are sent are copied, where there are too many for the memory.
        pod["volumes"].append({"name": "scratch", "emptyDir": {}})
        pod["containers"][0]["volumeMounts"].append({"name": "scratch", "mountPath": SCRATCH_DIR})
    files.mount("dataset", profile.spec.dataset.source, DATASET_DIR, pod, pod["containers"][0], INLINE_DATASET)
    return pod


def dataset_path(profile: ModelProfile, key: str) -> str:
    """Return where a load pod finds the file with the rows, or the folder whose files are the rows.

    Parameters
    ----------
    key
        Name of the file; empty where it is the only file of its folder.
    """
    source = profile.spec.dataset.source
    if profile.spec.dataset.format is DatasetFormat.FILES or not (key or source.inline):
        return DATASET_DIR
    return f"{DATASET_DIR}/{key or INLINE_DATASET}"


def load_placement(spec: ModelProfileSpec) -> Object:
    """Return what the load pod takes over from the server's about where it may run.

    Where the server's pod tolerates a taint the load's does too: on a cluster whose nodes are all tainted it would have
    no node otherwise.
    """
    tolerations = server_pod_as_written(spec).get("tolerations")
    return {"tolerations": tolerations} if tolerations else {}


def _placement(spec: ModelProfileSpec, server_host: str | None, *, together: bool) -> Object:
    tolerations = load_placement(spec)
    if server_host is None:
        return tolerations
    if together:
        return {**tolerations, "nodeSelector": on_node(server_host)}
    elsewhere = {"matchExpressions": [{"key": HOSTNAME, "operator": "NotIn", "values": [server_host]}]}
    preferred = [{"weight": 100, "preference": elsewhere}]
    return {
        **tolerations,
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
    }
