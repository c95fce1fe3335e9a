"""The API of a registry, as far as it reads: manifests and blobs, and the login that they need."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed, denied
from modelprofiler.files.fetch.target import MOST_BYTES
from modelprofiler.files.fetch.web import CHUNK, Web, origin_of, parsed, received

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
LARGEST_MANIFEST = 4 * 2**20
"""Bytes of a manifest, as registries bound it."""
MOST_LAYERS = 1000
DOCKER_HUB, DOCKER_HUB_API = "docker.io", "registry-1.docker.io"
"""The only registry whose API is not at the host of its names."""
DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
"""The name that its login has in a file of Docker."""

_REFERENCE = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(?::\d+)?)/(?P<repository>[a-z0-9._/-]+?)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
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
        repository = match["repository"]
        if match["host"] == DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(match["host"], repository, match["digest"] or match["tag"] or "latest")

    @property
    def api(self) -> str:
        """The host that answers requests."""
        return DOCKER_HUB_API if self.host == DOCKER_HUB else self.host


@dataclass(frozen=True)
class Layer:
    """What a manifest says about a blob."""

    digest: str
    size: int
    media_type: str
    annotations: Mapping[str, Any]


class Registry:
    """A repository of a registry."""

    def __init__(self, reference: Reference, credentials: Credentials, ca_file: Path | None) -> None:
        self._reference = reference
        self._basic = basic(credentials, reference.host)
        self._ca_file = ca_file
        scheme = "http" if credentials.values.get("OCI_PLAIN_HTTP", "").lower() == "true" else "https"
        self._base = f"{scheme}://{reference.api}/v2/{reference.repository}"
        self._web = Web(self._basic, ca_file)

    def layers(self) -> list[Layer]:
        """Return the layers of the manifest; of an index, those of its first manifest for amd64, or of any platform."""
        manifest = self._manifest(self._reference.manifest)
        if isinstance(manifest.get("manifests"), list):
            manifest = self._manifest(self._chosen(manifest["manifests"]))
        layers = manifest.get("layers")
        if not isinstance(layers, list) or len(layers) > MOST_LAYERS:
            raise FetchFailed(f"the manifest of {self._name} has no layers")
        read = [self._layer(layer) for layer in layers]
        if (total := sum(layer.size for layer in read)) > MOST_BYTES:
            raise FetchFailed(f"the layers of {self._name} have {total:,} bytes, which is more than {MOST_BYTES:,}")
        return read

    def blob(self, layer: Layer) -> Iterator[bytes]:
        """Yield a layer in pieces, and check that it is the one that the manifest names."""
        sha, size = hashlib.sha256(), 0
        url = f"{self._base}/blobs/{layer.digest}"
        with self._get(url, "*/*") as response:
            if response.status_code != 200:
                raise denied(f"a layer of oci://{self._name}", response.status_code)
            for part in received(response, url):
                size += len(part)
                if size > layer.size:
                    break
                sha.update(part)
                yield part
        if size != layer.size:
            what = f"more than the {layer.size:,}" if size > layer.size else f"{size:,} of the {layer.size:,}"
            raise FetchFailed(f"a layer of {self._name} has {what} bytes that its manifest says")
        if f"sha256:{sha.hexdigest()}" != layer.digest:
            raise FetchFailed(f"a layer of {self._name} is not what its digest {layer.digest} says")

    @property
    def _name(self) -> str:
        return f"{self._reference.host}/{self._reference.repository}"

    def _chosen(self, manifests: list[Any]) -> str:
        """Return the digest of the manifest of an index that is read; what describes another one is none."""
        named = [m for m in manifests if isinstance(m, dict) and isinstance(m.get("digest"), str)]
        platforms = [(m["digest"], _text(m.get("platform"), "architecture")) for m in named]
        choices = sorted((p for p in platforms if p[1] != "unknown"), key=lambda p: p[1] != "amd64")
        if not choices:
            raise FetchFailed(f"the index of {self._name} has no manifests", "SourceNotFound")
        return self._checked(choices[0][0], "a manifest")

    def _checked(self, digest: object, what: str) -> str:
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise FetchFailed(f"{what} of {self._name} has the digest {digest!r:.100}, which is no sha256")
        return digest

    def _layer(self, entry: Any) -> Layer:
        if not isinstance(entry, dict):
            raise FetchFailed(f"the manifest of {self._name} has a layer that is no object")
        digest = self._checked(entry.get("digest"), "a layer")
        size = entry.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise FetchFailed(f"a layer of {self._name} has the size {size!r:.60}, which is no number of bytes")
        annotations = entry.get("annotations")
        return Layer(digest, size, _text(entry, "mediaType"), annotations if isinstance(annotations, dict) else {})

    def _manifest(self, reference: str) -> dict[str, Any]:
        url = f"{self._base}/manifests/{reference}"
        with self._get(url, ", ".join(MANIFESTS)) as response:
            if response.status_code != 200:
                raise denied(f"oci://{self._name}", response.status_code)
            return self._parsed(response.iter_content(CHUNK), url, reference)

    @contextmanager
    def _get(self, url: str, accept: str) -> Iterator[requests.Response]:
        """Yield an answer; where the registry asks for a token, or the one it gave has expired, that with a new one."""
        with self._web.get(url, accept, may_fail=True) as response:
            challenge = response.headers.get("WWW-Authenticate", "")
            if response.status_code != 401 or not challenge:
                yield response
                return
        self._web.headers = self._token(challenge)
        with self._web.get(url, accept, may_fail=True) as response:
            yield response

    def _parsed(self, parts: Iterable[bytes], url: str, reference: str) -> dict[str, Any]:
        content = b""
        for part in parts:
            content += part
            if len(content) > LARGEST_MANIFEST:
                raise FetchFailed(f"the manifest of {self._name} has more than {LARGEST_MANIFEST:,} bytes")
        if _DIGEST.fullmatch(reference) and f"sha256:{hashlib.sha256(content).hexdigest()}" != reference:
            raise FetchFailed(f"the manifest of {self._name} is not what its digest {reference} says")
        return parsed(content, url)

    def _token(self, challenge: str) -> dict[str, str]:
        """Return the headers with which a registry asks to be asked again.

        The password goes to the server that issues tokens only where that is the registry's own, or has TLS.
        """
        kind, _, rest = challenge.partition(" ")
        fields = dict(_CHALLENGE.findall(rest))
        realm = fields.get("realm", "")
        if kind.lower() != "bearer" or urlsplit(realm).scheme not in ("http", "https"):
            raise denied(f"oci://{self._name}", 401)
        elsewhere = urlsplit(self._base).scheme == "https" or origin_of(realm)[1] != origin_of(self._base)[1]
        if urlsplit(realm).scheme == "http" and elsewhere:  # a registry of this machine may have no TLS at all
            raise FetchFailed(f"{self._reference.host} sends its users to {urlsplit(realm).hostname} without TLS")
        query = urlencode({name: fields[name] for name in ("service", "scope") if name in fields})
        answer = Web(self._basic, self._ca_file).json(f"{realm}{'&' if urlsplit(realm).query else '?'}{query}")
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str):
            raise denied(f"oci://{self._name}", 401)
        return {"Authorization": f"Bearer {token}"}


def _text(entry: object, key: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""


def basic(credentials: Credentials, host: str) -> dict[str, str]:
    """Return the header with the name and password of a Secret: of two keys, or of a file of Docker."""
    values = credentials.values
    name, password = values.get("username"), values.get("password")
    if name is None and (text := values.get(".dockerconfigjson")):
        try:
            logins = json.loads(text)["auths"]
            names = [host, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/"]
            names += [DOCKER_HUB_LOGIN] if host == DOCKER_HUB else []
            entry = next(logins[name] for name in names if name in logins)
            if entry.get("auth"):
                return {"Authorization": f"Basic {entry['auth']}"}
            name, password = entry["username"], entry["password"]
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            raise FetchFailed(f"the Secret has no login for {host} in .dockerconfigjson") from error
    if name is None:
        return {}
    login = f"{name}:{password or ''}"
    return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
