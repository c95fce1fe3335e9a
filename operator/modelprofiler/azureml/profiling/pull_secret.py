"""The login of an image's registry, as the Secret that a cluster pulls with; created with the caller's rights."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

from modelprofiler.api.objects import Object
from modelprofiler.azureml.serving.environment_sections import DockerSection

DOCKER_HUB = "https://index.docker.io/v1/"
"""What the kubelet calls the registry of images without one."""


@dataclass(frozen=True)
class Login:
    """A user of a registry."""

    address: str
    username: str = field(repr=False)
    password: str = field(repr=False)


def login_of(docker: DockerSection) -> Login | None:
    """Return the login of the registry of an image; None where there is none.

    Raises
    ------
    ValueError
        There is a user name without a password, or the other way round.
    """
    registry = docker.base_image_registry
    if not registry.username and not registry.password:
        return None
    if not registry.username or not registry.password:
        raise ValueError("the registry of an image needs both a username and a password")
    first = (docker.image or "").split("/", 1)[0]
    # As in Docker's reference format: the part before the first slash is a registry if it could be a host.
    host = first if "/" in (docker.image or "") and ("." in first or ":" in first or first == "localhost") else ""
    return Login(registry.address or host or DOCKER_HUB, registry.username, registry.password)


def secret_name(profile: str) -> str:
    """Return the name of the Secret of a profile."""
    return f"{profile}-registry"


def pull_secret(name: str, namespace: str, login: Login, owner: Object) -> Object:
    """Return a Secret that is deleted with its owner, the profile."""
    auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode("ascii")
    entry = {"username": login.username, "password": login.password, "auth": auth}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps({"auths": {login.address: entry}})},
    }
