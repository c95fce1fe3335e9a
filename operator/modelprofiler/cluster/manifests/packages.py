"""How a pod gets the packages of an entry script: a container installs them before the server starts.

It runs `modelprofiler.host.packages` in the image of the server, since packages depend on its Python. The first time it
runs in the prepare Job, whose result names the versions; then every pod of the run installs these versions again. A
claim that the pods share would tie the run to one node and to a storage class, and the operator would need the right to
create claims. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from modelprofiler.api.objects import Object
from modelprofiler.api.server import EntryScript, Environment
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.cluster.manifests.fetch import CREDENTIALS_DIR, add_pull_secrets, credentials_volume
from modelprofiler.cluster.manifests.pods import RESTRICTED, RESTRICTED_POD
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.requirements import is_installed
from modelprofiler.host.packages import CONFIG_VARIABLE

CONTAINER = "modelprofiler-packages"
"""Name of the container that installs, and of the volume that it fills."""
COPY = "modelprofiler-installer"
"""Name of the container that brings the installer to an image of the user's, and of the volume for it."""

FOLDER = "/var/modelprofiler/packages"
PROGRAMS = f"{FOLDER}/venv/bin"
"""Folder with the programs of the environment."""
OF_IMAGE = "/opt/installer"
"""Where the scoring-server image has the installer: ``install.py`` and ``bin/uv``."""
COPIED = "/var/modelprofiler/installer"
LOGIN_DIR = f"{CREDENTIALS_DIR}/index"
TERMINATION_LOG = "/dev/termination-log"

LEAST = Limits(500, 512 * 2**20)
"""What the container gets at least: half a CPU, as a load pod, and memory for uv (some 200 MiB for a large resolution)
and for the files that it has yet to write."""
SMALLEST = Limits(50, 32 * 2**20)
"""What the container gets that copies two files."""
LARGEST_SIZE = "10Gi"
"""Disk that the packages may take, with their downloads; chosen for PyTorch with CUDA, some 6 GiB. The kubelet evicts
a pod that takes more."""


def installs(spec: ModelProfileSpec) -> bool:
    """Return whether the pods of a profile's server install packages."""
    return is_installed(spec.server.entry_script)


def add_packages(
    pod: Object,
    container: Object,
    script: EntryScript,
    settings: Settings,
    limits: Limits,
    versions: Sequence[str],
) -> None:
    """Let the pod of a server install its packages before it starts, and its container see them.

    Parameters
    ----------
    pod, container
        The pod's spec, and its container.
    limits
        The size of the server: the container has requests and limits like it, since the quality of service of a pod
        (Guaranteed, Burstable) depends on all of its containers.
    versions
        What the prepare Job has installed, as NAME==VERSION.
    """
    size = Limits(max(limits.cpu, LEAST.cpu), max(limits.memory, LEAST.memory))
    installing = {**_container(script.environment, settings, versions), "resources": _resources(size)}
    # First, so that a cold start drops what they write.
    pod["initContainers"] = [*_copying(script.environment, settings), installing, *(pod.get("initContainers") or [])]
    pod["volumes"] = [*(pod.get("volumes") or []), *_volumes(script.environment, settings)]
    mount = {"name": CONTAINER, "mountPath": FOLDER, "readOnly": True}
    container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]
    if script.environment.image is not None:
        add_pull_secrets(pod, settings)


def add_first_installation(pod: Object, script: EntryScript, settings: Settings) -> None:
    """Let the pod of the prepare Job install packages, and leave in its termination message what they were."""
    environment = script.environment
    container = {**_container(environment, settings, ()), "resources": _resources(LEAST)}
    container["command"] = [*container["command"], "--result", TERMINATION_LOG]
    pod["containers"] = [*pod["containers"], container]
    if copying := _copying(environment, settings):
        pod["initContainers"] = [*(pod.get("initContainers") or []), *copying]
    pod["volumes"] = [*pod["volumes"], *_volumes(environment, settings)]
    own = [s.to_dict() for s in environment.image_pull_secrets]
    if secrets := [*(pod.get("imagePullSecrets") or []), *own]:
        pod["imagePullSecrets"] = secrets


def index_of(environment: Environment, settings: Settings) -> tuple[str, str, str]:
    """Return the index that packages come from: its address, the Secret with its login, and its certificates.

    A login of the installation is for its own index alone.
    """
    own = environment.package_index
    if own is not None:
        return own.url, own.secret_ref or "", own.ca_bundle or ""
    return settings.package_index_url, settings.package_index_secret, settings.package_index_ca


def _container(environment: Environment, settings: Settings, versions: Sequence[str]) -> Object:
    url, secret, ca = index_of(environment, settings)
    image = environment.image or settings.scoring_image
    config = {
        "requirements": environment.requirements,
        "constraints": list(versions),
        "exact": environment.image is None,
        "python": environment.python_version,
        "index": url,
        "ca": ca,
        "image": image,
        "seconds": settings.prepare_timeout_seconds,
    }
    installer = OF_IMAGE if environment.image is None else COPIED
    uv = f"{installer}/bin/uv" if environment.image is None else f"{installer}/uv"
    command = ["python3", "-I", f"{installer}/install.py", "--folder", FOLDER, "--uv", uv]
    mounts: list[Object] = [{"name": CONTAINER, "mountPath": FOLDER}]
    if environment.image is not None:
        mounts.append({"name": COPY, "mountPath": COPIED, "readOnly": True})
    if secret:
        command += ["--login", LOGIN_DIR]
        mounts.append({"name": f"{CONTAINER}-login", "mountPath": LOGIN_DIR, "readOnly": True})
    return {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": command,
        # The kubelet would replace $(NAME) in a value.
        "env": [{"name": CONFIG_VARIABLE, "value": json.dumps(config).replace("$", "\\u0024")}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": _security(),
        "volumeMounts": mounts,
    }


def _copying(environment: Environment, settings: Settings) -> list[Object]:
    """Return the container that copies the installer out of our image for an image of the user's."""
    if environment.image is None:
        return []
    return [
        {
            "name": COPY,
            "image": settings.scoring_image,
            "imagePullPolicy": settings.image_pull_policy,
            "command": ["cp", f"{OF_IMAGE}/install.py", f"{OF_IMAGE}/bin/uv", f"{COPIED}/"],
            "resources": _resources(SMALLEST),
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "securityContext": _security(),
            "volumeMounts": [{"name": COPY, "mountPath": COPIED}],
        }
    ]


def _volumes(environment: Environment, settings: Settings) -> list[Object]:
    volumes: list[Object] = [{"name": CONTAINER, "emptyDir": {"sizeLimit": LARGEST_SIZE}}]
    if environment.image is not None:
        volumes.append({"name": COPY, "emptyDir": {}})
    if secret := index_of(environment, settings)[1]:
        volumes.append(credentials_volume(f"{CONTAINER}-login", secret))
    return volumes


def _resources(size: Limits) -> Object:
    amounts = size.to_size().to_dict()
    return {"requests": amounts, "limits": amounts}


def _security() -> Object:
    return {**RESTRICTED, **{key: value for key, value in RESTRICTED_POD.items() if key != "fsGroup"}}
