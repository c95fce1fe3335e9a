"""A real OCI registry, what is pushed into it, and the server that issues its tokens."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jwt
import requests
from tests.integration.files.stores import certificate, program, running
from tests.ports import unused_port

USER, PASSWORD = "reader", "correct-horse-battery"
HTPASSWD = f"{USER}:$2b$04$tdLsWoGyQNKGCKK/fJamW.Fi5CocxLOpH/aunr.dbIe/rVyvoJqXK\n"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
TITLE, UNPACK = "org.opencontainers.image.title", "io.deis.oras.content.unpack"


@contextmanager
def serving_registry(folder: Path, auth: dict[str, Any] | None = None, tls: bool = False) -> Iterator[Registry]:
    """Start a registry that keeps its files in a folder."""
    port, root = unused_port(), folder / "registry"
    folder.mkdir(parents=True, exist_ok=True)
    server: dict[str, Any] = {"addr": f"127.0.0.1:{port}"}
    if tls:
        ca, key = certificate(folder / "tls")
        server["tls"] = {"certificate": str(ca), "key": str(key)}
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(root)}, "delete": {"enabled": True}},
        "http": server,
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    with running([program("servers"), "registry", str(folder / "config.yaml")], port, folder):
        yield Registry(f"127.0.0.1:{port}", root, ca=str(ca) if tls else "")


@contextmanager
def htpasswd_registry(folder: Path) -> Iterator[Registry]:
    """Start a registry that asks for a name and a password."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD)
    with serving_registry(folder, {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}) as registry:
        registry.session.auth = (USER, PASSWORD)
        yield registry


@dataclass
class Tokens:
    """Issues tokens to whoever has the password."""

    certificate: Path
    key: Path
    lifetime_seconds: list[int] = field(default_factory=list)
    """Of the tokens that are issued next; further ones are good for a minute."""
    issued: int = 0
    address: str = ""

    def token(self, subject: str) -> str:
        """Return a token with which everything may be read and written."""
        self.issued += 1
        now = int(time.time())
        lifetime = self.lifetime_seconds.pop(0) if self.lifetime_seconds else 60
        names = ["models/a", "models/b"]
        access = [{"type": "repository", "name": name, "actions": ["pull", "push"]} for name in names]
        claims = {
            "iss": "issuer", "sub": subject, "aud": "registry", "iat": now - 120, "nbf": now - 120,
            "exp": now + lifetime, "jti": str(self.issued), "access": access,
        }  # fmt: skip
        lines = [line for line in self.certificate.read_text().splitlines() if "-----" not in line]
        return jwt.encode(claims, self.key.read_text(), "ES256", headers={"x5c": ["".join(lines)]})


@contextmanager
def token_registry(folder: Path) -> Iterator[tuple[Registry, Tokens]]:
    """Start a registry that sends those who have no token to the server that issues them."""
    tokens = Tokens(*certificate(folder / "tokens"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            good = self.headers["Authorization"] == f"Basic {login}"
            body = json.dumps({"token": tokens.token(USER)} if good else {"details": "denied"}).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        tokens.address = f"http://127.0.0.1:{server.server_port}/token"
        auth = {"realm": tokens.address, "service": "registry", "issuer": "issuer"}
        with serving_registry(folder, {"token": {**auth, "rootcertbundle": str(tokens.certificate)}}) as registry:
            registry.session.headers["Authorization"] = f"Bearer {tokens.token(USER)}"
            yield registry, tokens
        server.shutdown()


@contextmanager
def slow_blobs(registry: Registry, seconds: float) -> Iterator[str]:
    """Serve what a registry has, each blob only after some time: its host and port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/blobs/" in self.path:
                time.sleep(seconds)
            sent = {name: self.headers[name] for name in ("Authorization", "Accept") if self.headers[name]}
            answer = requests.get(f"http://{registry.host}{self.path}", headers=sent, timeout=30)
            self.send_response(answer.status_code)
            for name in ("WWW-Authenticate", "Content-Type"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Registry:
    """A registry that runs, and what tests push."""

    host: str
    root: Path
    ca: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def base(self) -> str:
        """The address of its API."""
        return f"{'https' if self.ca else 'http'}://{self.host}/v2"

    def blob(self, repository: str, content: bytes, media_type: str) -> dict[str, Any]:
        """Push a blob, and return its descriptor."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        begun = self._send("POST", f"{self.base}/{repository}/blobs/uploads/")
        place = urljoin(f"{self.base}/", begun.headers["Location"])
        self._send("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def push(self, repository: str, tag: str, layers: Sequence[dict[str, Any]]) -> str:
        """Push a manifest with layers, and return its digest."""
        config = self.blob(repository, b"{}", "application/vnd.oci.image.config.v1+json")
        return self.manifest(
            repository, tag, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": list(layers)}
        )

    def manifest(self, repository: str, tag: str, manifest: dict[str, Any]) -> str:
        """Push a manifest as it is."""
        content = json.dumps(manifest).encode()
        kind = {"Content-Type": manifest["mediaType"]}
        self._send("PUT", f"{self.base}/{repository}/manifests/{tag}", content, kind)
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def files(self, repository: str, tag: str, files: dict[str, bytes]) -> str:
        """Push files as ORAS does."""
        layers = [self.file(repository, name, content) for name, content in files.items()]
        return self.push(repository, tag, layers)

    def file(self, repository: str, name: str, content: bytes) -> dict[str, Any]:
        """Push a file as ORAS does, and return its descriptor."""
        layer = self.blob(repository, content, "application/octet-stream")
        return {**layer, "annotations": {TITLE: name}}

    def folder(self, repository: str, name: str, archive: bytes) -> dict[str, Any]:
        """Push a folder as ORAS does, and return its descriptor."""
        layer = self.blob(repository, archive, "application/vnd.oci.image.layer.v1.tar+gzip")
        return {**layer, "annotations": {TITLE: name, UNPACK: "true"}}

    def image(self, repository: str, tag: str, *archives: bytes, media_type: str = IMAGE_LAYER) -> str:
        """Push an image of layers."""
        return self.push(repository, tag, [self.blob(repository, archive, media_type) for archive in archives])

    def place(self, digest: str) -> Path:
        """Return the file in which the registry keeps a blob."""
        value = digest.removeprefix("sha256:")
        return self.root / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"

    def _send(
        self, method: str, url: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> requests.Response:
        kind = {"Content-Type": "application/octet-stream", **(headers or {})}
        answer = self.session.request(method, url, data=content, headers=kind, timeout=30, verify=self.ca or True)
        assert answer.status_code < 300, answer.text
        return answer


def packed(*members: tarfile.TarInfo | tuple[str, bytes], compressed: bool = True) -> bytes:
    """Return an archive: files with their content, and members of other kinds."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in members:
            if isinstance(member, tuple):
                entry = tarfile.TarInfo(member[0])
                entry.size = len(member[1])
                archive.addfile(entry, io.BytesIO(member[1]))
            else:
                archive.addfile(member)
    return gzip.compress(file.getvalue()) if compressed else file.getvalue()


def link(name: str, leads_to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """Return a link of an archive."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, leads_to
    return member
