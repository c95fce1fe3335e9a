"""Files in an OCI registry: as ORAS pushes them, each a layer with a title, and as KServe's modelcars have them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from modelprofiler.files.fetch.archive import Unpacker
from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.registry import Layer, Reference, Registry
from modelprofiler.files.fetch.target import Target

TITLE, UNPACK = "org.opencontainers.image.title", "io.deis.oras.content.unpack"
"""Annotations of ORAS: the name of a file, and that it is a folder in an archive."""
MODELS = "models/"
"""Folder of an image in which a modelcar has its files."""


def fetch(uri: str, target: Target, credentials: Credentials, ca_file: Path | None) -> None:
    """Download the files of an artifact, or those in the folder /models of an image.

    Raises
    ------
    FetchFailed
        There is no such artifact, access is denied, or it has no files.
    """
    registry = Registry(Reference.of(uri), credentials, ca_file)
    image, artifact = Unpacker(target, MODELS), Unpacker(target, "")
    for layer in registry.layers():
        title = layer.annotations.get(TITLE)
        if isinstance(title, str) and layer.annotations.get(UNPACK) != "true":
            target.write(title, registry.blob(layer))
        elif isinstance(title, str):
            _unpack(registry, layer, target, artifact)
        elif "tar" in layer.media_type:
            _unpack(registry, layer, target, image)
    image.finish()
    artifact.finish()
    if not target.files:
        raise FetchFailed(
            f"{uri} has no files: neither layers with a title, as ORAS pushes them, nor a folder /{MODELS.rstrip('/')}",
            "SourceNotFound",
        )


def _unpack(registry: Registry, layer: Layer, target: Target, unpacker: Unpacker) -> None:
    """Download an archive as a whole, so that nothing is unpacked before its digest is known to be right."""
    # In the folder, because what is there grows while the download goes on; nobody knows the name beforehand.
    place = Path(tempfile.mkdtemp(prefix=".layer-", dir=target.folder))
    try:
        archive = place / "archive"
        with archive.open("wb") as file:
            for part in registry.blob(layer):
                file.write(part)
        unpacker.add(archive)
    except OSError as error:
        raise FetchFailed(f"a layer cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(place)
