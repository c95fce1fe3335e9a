"""A hub of models as Hugging Face's client sees it: the answers of its API for one repository, and where files are."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PART = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Hub:
    """What a server has, and what it was asked."""

    token: str
    """Whoever does not send it sees nothing."""
    files: Mapping[str, bytes]
    elsewhere: str = ""
    """Address of the server that large files are redirected to."""
    pages: int = 1
    """How many pages a listing has; 0 for one that never ends."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.asked.append((self.path, self.headers["Authorization"]))
        # The same repository is also one of a dataset.
        path = path.replace("/api/datasets/", "/api/models/").replace("/datasets/owner/", "/owner/")
        if hub.token and self.headers["Authorization"] != f"Bearer {hub.token}":
            # As the hub answers who may not know that a repository exists.
            self.answer(401, {"error": "Invalid username or password."}, {"X-Error-Code": "RepoNotFound"})
        elif re.fullmatch(r"/api/models/owner/repo(/revision/main)?", path):
            self.answer(200, {"id": "owner/repo", "modelId": "owner/repo", "sha": COMMIT, "tags": [], "siblings": []})
        elif path.startswith("/api/models/owner/repo/revision/"):
            self.answer(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        elif path.startswith("/api/models/owner/repo/tree/main"):
            self.tree(path.removeprefix("/api/models/owner/repo/tree/main").strip("/"))
        elif path.startswith("/owner/repo/resolve/main/"):
            self.file(path.removeprefix("/owner/repo/resolve/main/"))
        elif path.startswith("/blobs/"):
            self.content(hub.files[path.removeprefix("/blobs/")])
        else:
            self.answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815 - the name is that of the standard library

    def tree(self, folder: str) -> None:
        """Answer with what is in a folder, and for `recursive` with all that is below."""
        hub, query = self.hub, urlsplit(self.path).query
        below = [name for name in hub.files if not folder or name.startswith(f"{folder}/")]
        if not below and folder:
            self.answer(404, {"error": "Not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        entries: dict[str, dict[str, Any]] = {}
        for name in below:
            parts = name.removeprefix(f"{folder}/" if folder else "").split("/")
            for depth in range(1, len(parts)):
                place = "/".join([*([folder] if folder else []), *parts[:depth]])
                if depth == 1 or "recursive=true" in query.lower():
                    entries[place] = {"type": "directory", "path": place, "size": 0, "oid": COMMIT}
            if len(parts) == 1 or "recursive=true" in query.lower():
                content = hub.files[name]
                entries[name] = {
                    "type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest(),
                }  # fmt: skip
        headers, listed = {}, list(entries.values())
        if hub.pages == 0:  # each page has other files
            page, one = len(hub.asked), {**listed[0], "type": "file"}
            listed = [{**one, "path": f"{folder}/{page}-{number}"} for number in range(1000)]
            headers["Link"] = f'<{hub.address}{urlsplit(self.path).path}?cursor={page}>; rel="next"'
        self.answer(200, listed, headers)

    def file(self, name: str) -> None:
        content = self.hub.files.get(name)
        if content is None:
            self.answer(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
        elif self.hub.elsewhere and len(content) > 1000:
            self.answer(302, None, {"Location": f"{self.hub.elsewhere}/blobs/{name}"})
        else:
            self.content(content)

    def content(self, content: bytes) -> None:
        part = PART.fullmatch(self.headers["Range"] or "")
        begin, end = (int(part[1]), int(part[2] or len(content) - 1)) if part else (0, len(content) - 1)
        body = content[begin : end + 1]
        self.send_response(206 if part else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {begin}-{begin + len(body) - 1}/{len(content)}")
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def answer(self, status: int, body: Any, headers: Mapping[str, str] = {}) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else text)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving_hub(hub: Hub, host: str = "127.0.0.1") -> Iterator[Hub]:
    """Serve a hub on loopback, under a name of this machine."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        hub.address = f"http://{host}:{server.server_port}"
        yield hub
        server.shutdown()
        thread.join(10)
