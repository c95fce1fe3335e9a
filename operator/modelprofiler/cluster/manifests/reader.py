"""The node reader of a run: the Job of a small pod beside the server, which the load asks about the node."""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.load import load_placement
from modelprofiler.cluster.manifests.metadata import child_metadata
from modelprofiler.cluster.manifests.pods import helper_job, on_node, restricted_pod
from modelprofiler.cluster.settings import Settings
from modelprofiler.load.node.serve import PORT

CPU_REQUEST = "50m"
"""It takes a reading a second, which costs some 0.1 ms of CPU, and answers a few questions at the ends of a load. What
it requests is its share of a node that other work fills: with 10m it did not answer there within 3 s."""

MEMORY = "48Mi"
"""Request and limit: Python with its event loop uses some 20 MiB, and four hours of readings 1 MiB."""

STOP_SECONDS = 2
"""It has nothing to finish."""

DEADLINE_SPARE_SECONDS = 3600
"""A run may take longer than its deadline allows by one trial; then nobody asks the reader any more."""


def reader_job(profile: ModelProfile, run_hash: str, settings: Settings, *, trial: int, host: str) -> Object:
    """Return the Job of a node reader.

    Parameters
    ----------
    trial
        The trial that it is started for; it stays for those that follow on the same node.
    host
        Host name of the server's node.
    """
    meta = child_metadata(
        profile,
        run_hash,
        names.READER,
        names.reader(profile, run_hash, trial),
        annotations={names.STARTED_FOR: str(trial)},
    )
    deadline = int(profile.spec.search.deadline.seconds) + DEADLINE_SPARE_SECONDS
    pod = _pod(profile, settings, host)
    return helper_job(profile.spec, settings, meta, pod, annotations={}, deadline_seconds=deadline)


def _pod(profile: ModelProfile, settings: Settings, host: str) -> Object:
    cpu_limit = {"cpu": settings.load_cpu_limit} if settings.load_cpu_limit else {}
    container: Object = {
        "name": "reader",
        "image": settings.load_image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["reader", "--port", str(PORT)],
        "ports": [{"name": "reader", "containerPort": PORT}],
        "resources": {
            "requests": {"cpu": CPU_REQUEST, "memory": MEMORY},
            "limits": cpu_limit | {"memory": MEMORY},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    pod = restricted_pod(container, [], stop_seconds=STOP_SECONDS) | {"nodeSelector": on_node(host)}
    pod |= load_placement(profile.spec)  # the node may have a taint that the server tolerates
    if settings.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    return pod
