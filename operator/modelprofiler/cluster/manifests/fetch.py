"""How a pod gets files from an address: its first container downloads them into a volume.

Only this container sees the Secret that the address needs. Pure.
"""

from __future__ import annotations

from typing import Literal

from modelprofiler.api.objects import Object
from modelprofiler.api.sources import SecretSource, UriSource
from modelprofiler.cluster.manifests.pods import RESTRICTED, RESTRICTED_POD
from modelprofiler.cluster.settings import Settings
from modelprofiler.files.fetch.apart import CA_VARIABLE

Part = Literal["model", "code", "dataset"]

FETCHED_DIR = "/var/modelprofiler/fetched"
CREDENTIALS_DIR = "/var/modelprofiler/credentials"


def inline_key(part: Part) -> str:
    """Return the key of an inline source in the run's ConfigMap; the volume of any source has the same name."""
    return f"modelprofiler-{part}"


def fetch_container(part: Part, source: UriSource, settings: Settings, digest: str | None) -> Object:
    """Return the container that downloads the files of an address.

    Parameters
    ----------
    digest
        What the files must be; None where that is found out elsewhere, as for rows by the load.
    """
    volume = inline_key(part)
    arguments = ["fetch", source.uri, "--to", FETCHED_DIR]
    mounts: list[Object] = [
        {"name": volume, "mountPath": FETCHED_DIR},
        {"name": f"{volume}-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
    ]
    if source.secret_ref is not None:
        arguments += ["--credentials", CREDENTIALS_DIR]
        mounts.append({"name": f"{volume}-secret", "mountPath": CREDENTIALS_DIR, "readOnly": True})
    if digest is not None:
        arguments += ["--digest", digest]
    return {
        "name": f"{volume}-fetch",
        "image": settings.load_image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": arguments,
        "env": [{"name": CA_VARIABLE, "value": source.ca_bundle}] if source.ca_bundle else [],
        "resources": {
            "requests": {"cpu": settings.load_cpu, "memory": settings.load_memory},
            "limits": {"memory": settings.load_memory},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            **RESTRICTED,
            **{key: value for key, value in RESTRICTED_POD.items() if key != "fsGroup"},
        },
        "volumeMounts": mounts,
    }


def fetch_volumes(name: str, source: UriSource) -> list[Object]:
    """Return the volumes of a container that fetches: for the files, for its work, and for what the address needs."""
    volumes: list[Object] = [{"name": name, "emptyDir": {}}, {"name": f"{name}-tmp", "emptyDir": {}}]
    if source.secret_ref is not None:
        volumes.append(credentials_volume(f"{name}-secret", source.secret_ref))
    return volumes


def credentials_volume(name: str, secret: str) -> Object:
    """Return a Secret as a volume; where it does not exist, the pod starts and says so."""
    return {"name": name, "secret": {"secretName": secret, "optional": True}}


def secret_volume(name: str, source: SecretSource, *, optional: bool = False) -> Object:
    """Return the files of a Secret as a volume."""
    items = {"items": [{"key": source.key, "path": source.key}]} if source.key else {}
    missing = {"optional": True} if optional else {}
    return {"name": name, "secret": {"secretName": source.name, **items, **missing}}


def add_pull_secrets(pod: Object, settings: Settings) -> None:
    """Let a pod pull our image, beside its own."""
    known = list(pod.get("imagePullSecrets") or [])
    missing = [{"name": name} for name in settings.image_pull_secrets if {"name": name} not in known]
    if missing:
        pod["imagePullSecrets"] = [*known, *missing]
