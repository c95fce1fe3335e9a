"""Names, labels and annotations of everything that the operator creates; all follow from the profile and the run."""

from __future__ import annotations

import hashlib

from modelprofiler.api.objects import Object, controller_of
from modelprofiler.api.resource import GROUP, KIND, ModelProfile
from modelprofiler.core.axis import Limits

# Labels, by which children are found.
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "modelprofiler"
COMPONENT = "app.kubernetes.io/component"
PROFILE_UID = f"{GROUP}/profile-uid"
RUN = f"{GROUP}/run"
TRIAL = f"{GROUP}/trial"
INCARNATION = f"{GROUP}/incarnation"
DOWNLOADS = f"{GROUP}/downloads"
"""Label of a prepare pod that needs the network, which the chart's NetworkPolicies leave to it."""
# Annotations, which say what a child is for.
PROFILE_NAME = f"{GROUP}/profile"
CPU = f"{GROUP}/cpu"
MEMORY = f"{GROUP}/memory"
PURPOSE = f"{GROUP}/purpose"
WINDOW = f"{GROUP}/window"
SERVER_POD = f"{GROUP}/server-pod-uid"
LOAD_CONFIG = f"{GROUP}/load-config"
PREPARE_CONFIG = f"{GROUP}/prepare-config"
FIRST_GENERATOR = f"{GROUP}/first-generator"
"""Annotation of the Job of further load generators: the index of its first pod among those of its trial."""
STARTED_FOR = f"{GROUP}/started-for-trial"
CONTENT = f"{GROUP}/content"
"""Annotation of a claim that is filled: the digest of its files."""

SERVER, LOAD, REPORT, FILES, PREPARE, READER = "server", "load", "report", "files", "prepare", "reader"

_LONGEST_PROFILE_PART = 28
"""With ``mp-``, a hash of 8 characters and ``-s999`` a server's name has at most 45 characters. Its Deployment adds 17
for the pod, whose name is a DNS label of at most 63 (RFC 1123)."""

_TRIED_NAMES = 9
"""Names that are tried for a child: with a single digit its name stays short enough for its pods, and whoever takes
nine names on purpose would take more."""

_LONGEST_NAME = 253 - len("-9")
"""Of a report: a DNS subdomain (RFC 1123), less what `alternatives` add."""
_LONGEST_REPORT_PART = _LONGEST_NAME - len("-01234567-report")


def base(profile: ModelProfile, run_hash: str) -> str:
    """Return what the names of a run's children begin with, at most 40 characters.

    Long profile names are cut; the hash is over the profile's uid too, so that two profiles never share a name.
    """
    digest = hashlib.sha256(f"{profile.metadata.uid}/{run_hash}".encode()).hexdigest()[:8]
    readable = profile.metadata.name[:_LONGEST_PROFILE_PART].replace(".", "-").strip("-")
    return f"mp-{readable}-{digest}"


def server(profile: ModelProfile, run_hash: str, incarnation: int) -> str:
    """Return the name of a server's Deployment."""
    return f"{base(profile, run_hash)}-s{incarnation}"


def load(profile: ModelProfile, run_hash: str, trial: int) -> str:
    """Return the name of a trial's load Job."""
    return f"{base(profile, run_hash)}-t{trial}"


def other_loads(profile: ModelProfile, run_hash: str, trial: int) -> str:
    """Return the name of the Job of a trial's load generators but the first."""
    return f"{load(profile, run_hash, trial)}-others"


def reader(profile: ModelProfile, run_hash: str, trial: int) -> str:
    """Return the name of the Job of a node reader, which is called after the trial that it was started for."""
    return f"{base(profile, run_hash)}-r{trial}"


def prepare(profile: ModelProfile, identity: str) -> str:
    """Return the name of the Job that reads the sources on claims."""
    return f"{base(profile, identity)}-prepare"


def files(profile: ModelProfile, run_hash: str) -> str:
    """Return the name of the ConfigMap with the profile's inline sources."""
    return f"{base(profile, run_hash)}-files"


def report(profile_name: str) -> str:
    """Return the name of the ConfigMap with the full report; one that is too long is cut and gets a hash."""
    name = f"{profile_name}-report"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(profile_name.encode()).hexdigest()[:8]
    return f"{profile_name[:_LONGEST_REPORT_PART].rstrip('.-')}-{digest}-report"


def trial_key_prefix(run_hash: str) -> str:
    """Return what the keys of a run's trials in the report begin with."""
    return f"{run_hash}.trial-"


def trial_key(run_hash: str, trial: int) -> str:
    """Return the key of a trial in the report."""
    return f"{trial_key_prefix(run_hash)}{trial:03d}.json"


def labels(profile: ModelProfile, run_hash: str, component: str) -> dict[str, str]:
    """Return the labels of a child."""
    return {
        MANAGED_BY: MANAGER,
        COMPONENT: component,
        PROFILE_UID: profile.metadata.uid,
        RUN: run_hash,
    }


def alternatives(name: str) -> list[str]:
    """Return the names that a child may have, in the order in which they are tried.

    Somebody else's object may have the first one. A child is found by its owner, whatever its name is.
    """
    return [name, *(f"{name}-{number}" for number in range(2, _TRIED_NAMES + 1))]


def children_selector(uid: str) -> str:
    """Return the label selector of everything that belongs to a profile."""
    return f"{PROFILE_UID}={uid}"


def profile_owner_of(child: Object) -> Object:
    """Return the owner reference of the profile that controls a Deployment, a Job or a ConfigMap; empty without one."""
    owner = controller_of(child)
    group = str(owner.get("apiVersion") or "").partition("/")[0]
    return owner if (group, owner.get("kind")) == (GROUP, KIND) else {}


def owner(profile: ModelProfile) -> dict[str, object]:
    """Return the owner reference by which the garbage collector deletes a child after its profile."""
    return {
        "apiVersion": profile.api_version,
        "kind": profile.kind,
        "name": profile.metadata.name,
        "uid": profile.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def size_annotations(limits: Limits) -> dict[str, str]:
    """Return the annotations that say which size a child is for."""
    return {CPU: str(limits.cpu), MEMORY: str(limits.memory)}


def limits_of(child: Object) -> Limits:
    """Return the size that a child's annotations say it is for."""
    annotations = child["metadata"]["annotations"]
    return Limits(int(annotations[CPU]), int(annotations[MEMORY]))
