"""Files in an OCI registry: as ORAS pushes them, each a layer with a title, and as KServe's modelcars have them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed, denied
from modelprofiler.files.fetch.target import Target
from modelprofiler.files.fetch.web import CHUNK, Web, origin_of, parsed

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TITLE, UNPACK = "org.opencontainers.image.title", "io.deis.oras.content.unpack"
"""Annotations of ORAS: the name of a file, and that it is a folder in an archive."""
MODELS = "models/"
"""Folder of an image in which a modelcar has its files."""
LARGEST_MANIFEST = 4 * 2**20
"""Bytes of a manifest, as registries bound it."""
MOST_LAYERS = 1000

_REFERENCE = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(?::\d+)?)/(?P<repository>[a-z0-9._/-]+?)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Reference:
    """Which manifest of which repository."""

    host: str
    repository: str
    manifest: str

    @classmethod
    def of(cls, uri: str) -> Reference:
        """Return what an address names.

        Raises
        ------
        FetchFailed
            It is no reference.
        """
        match = _REFERENCE.fullmatch(uri.removeprefix("oci://"))
        if match is None:
            raise FetchFailed(f"{uri!r:.200} is no reference; write oci://REGISTRY/REPOSITORY:TAG")
        return cls(match["host"], match["repository"], match["digest"] or match["tag"] or "latest")


def fetch(uri: str, target: Target, credentials: Credentials, ca_file: Path | None) -> None:
    """Download the files of an artifact, or those in the folder /models of an image.

    Raises
    ------
    FetchFailed
        There is no such artifact, access is denied, or it has no files.
    """
    registry = _Registry(Reference.of(uri), credentials, ca_file)
    layers = registry.layers()
    for layer in layers:
        title = (layer.get("annotations") or {}).get(TITLE)
        if isinstance(title, str) and (layer.get("annotations") or {}).get(UNPACK) != "true":
            target.write(title, registry.blob(layer))
        elif isinstance(title, str) or "tar" in str(layer.get("mediaType")):
            _unpack(registry, layer, target, "" if isinstance(title, str) else MODELS)
    if not target.files:
        raise FetchFailed(
            f"{uri} has no files: neither layers with a title, as ORAS pushes them, nor a folder /{MODELS.rstrip('/')}",
            "SourceNotFound",
        )


class _Registry:
    def __init__(self, reference: Reference, credentials: Credentials, ca_file: Path | None) -> None:
        self._reference = reference
        self._credentials = credentials
        self._ca_file = ca_file
        scheme = "http" if credentials.values.get("OCI_PLAIN_HTTP", "").lower() == "true" else "https"
        self._base = f"{scheme}://{reference.host}/v2/{reference.repository}"
        self._web = Web(_basic(credentials, reference.host), ca_file)

    def layers(self) -> list[dict[str, Any]]:
        """Return the layers of the manifest; of an index, those of its first manifest for Linux on amd64, or any."""
        manifest = self._manifest(self._reference.manifest)
        if isinstance(manifest.get("manifests"), list):
            choices = [m for m in manifest["manifests"] if isinstance(m, dict) and m.get("digest")]
            if not choices:
                raise FetchFailed(f"the index of {self._name} has no manifests", "SourceNotFound")
            amd64 = [m for m in choices if (m.get("platform") or {}).get("architecture") == "amd64"]
            manifest = self._manifest(str((amd64 or choices)[0]["digest"]))
        layers = manifest.get("layers")
        if not isinstance(layers, list) or len(layers) > MOST_LAYERS:
            raise FetchFailed(f"the manifest of {self._name} has no layers")
        return [layer for layer in layers if isinstance(layer, dict)]

    def blob(self, layer: dict[str, Any]) -> Iterator[bytes]:
        """Yield a layer in pieces, and check that it is the one that the manifest names."""
        digest = str(layer.get("digest"))
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise FetchFailed(f"a layer of {self._name} has the digest {digest!r:.100}, which is no sha256")
        sha = hashlib.sha256()
        for part in self._web.download(f"{self._base}/blobs/{digest}"):
            sha.update(part)
            yield part
        if f"sha256:{sha.hexdigest()}" != digest:
            raise FetchFailed(f"a layer of {self._name} is not what its digest {digest} says")

    @property
    def _name(self) -> str:
        return f"{self._reference.host}/{self._reference.repository}"

    def _manifest(self, reference: str) -> dict[str, Any]:
        url = f"{self._base}/manifests/{reference}"
        for attempt in range(2):
            with self._web.get(url, ", ".join(MANIFESTS), may_fail=True) as response:
                if response.status_code == 401 and attempt == 0:
                    challenge = response.headers.get("WWW-Authenticate", "")
                elif response.status_code != 200:
                    raise denied(f"oci://{self._name}", response.status_code)
                else:
                    return self._parsed(response.iter_content(CHUNK), url, reference)
            self._web.headers = self._token(challenge)
        raise AssertionError("the second attempt returns or fails")

    def _parsed(self, parts: Iterable[bytes], url: str, reference: str) -> dict[str, Any]:
        content = b""
        for part in parts:
            content += part
            if len(content) > LARGEST_MANIFEST:
                raise FetchFailed(f"the manifest of {self._name} has more than {LARGEST_MANIFEST:,} bytes")
        if reference.startswith("sha256:") and f"sha256:{hashlib.sha256(content).hexdigest()}" != reference:
            raise FetchFailed(f"the manifest of {self._name} is not what its digest says")
        return parsed(content, url)

    def _token(self, challenge: str) -> dict[str, str]:
        """Return the headers with which a registry asks to be asked again.

        The password goes to the server that issues tokens only where that is the registry's own, or has TLS.
        """
        kind, _, rest = challenge.partition(" ")
        fields = dict(_CHALLENGE.findall(rest))
        basic = _basic(self._credentials, self._reference.host)
        realm = fields.get("realm", "")
        if kind.lower() != "bearer" or urlsplit(realm).scheme not in ("http", "https"):
            raise denied(f"oci://{self._name}", 401)
        if urlsplit(realm).scheme == "http" and origin_of(realm)[1] != origin_of(self._base)[1]:
            raise FetchFailed(f"{self._reference.host} sends its users to {urlsplit(realm).hostname} without TLS")
        query = {name: fields[name] for name in ("service", "scope") if name in fields}
        answer = Web(basic, self._ca_file).json(f"{realm}?{urlencode(query)}")
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str):
            raise denied(f"oci://{self._name}", 401)
        return {"Authorization": f"Bearer {token}"}


def _basic(credentials: Credentials, host: str) -> dict[str, str]:
    """Return the header with the name and password of a Secret: of two keys, or of a file of Docker."""
    values = credentials.values
    name, password = values.get("username"), values.get("password")
    if name is None and (text := values.get(".dockerconfigjson")):
        try:
            entry = json.loads(text)["auths"]
            entry = entry.get(host) or entry[f"https://{host}"]
            if entry.get("auth"):
                return {"Authorization": f"Basic {entry['auth']}"}
            name, password = entry["username"], entry["password"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FetchFailed(f"the Secret has no login for {host} in .dockerconfigjson") from error
    if name is None:
        return {}
    login = f"{name}:{password or ''}"
    return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def _unpack(registry: _Registry, layer: dict[str, Any], target: Target, prefix: str) -> None:
    """Write the regular files of an archive below a prefix."""
    path = target.folder / ".layer"
    try:
        with path.open("wb") as file:
            for part in registry.blob(layer):
                file.write(part)
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removeprefix("./").removeprefix("/")
                if not member.isfile() or not name.startswith(prefix) or "/.wh." in f"/{name}":
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    target.write(name.removeprefix(prefix), iter(lambda c=content: c.read(CHUNK), b""))  # type: ignore[misc]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FetchFailed(f"a layer cannot be unpacked: {error}") from error
    finally:
        path.unlink(missing_ok=True)
