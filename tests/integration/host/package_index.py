"""A small index of packages on loopback, and wheels that are made for it."""

from __future__ import annotations

import base64
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOGIN = ("me", "pass/word")


def wheel(
    folder: Path, name: str, version: str, requires: Sequence[str] = (), code: str = "", program: str = ""
) -> Path:
    """Write a wheel of a module, and of a program of the same package where one is named; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    path = folder / f"{module}-{version}-py3-none-any.whl"
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}/__init__.py": code or f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {one}\n" for one in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if program:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{program} = {module}:main\n"
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, content)
    return path


def publish(root: Path, name: str, version: str, requires: Sequence[str] = (), code: str = "") -> None:
    """Put a package into an index."""
    folder = root / "simple" / name
    wheel(folder, name, version, requires, code)
    links = "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in sorted(folder.glob("*.whl")))
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


class _Handler(SimpleHTTPRequestHandler):
    login: tuple[str, str] | None = None
    silent: threading.Event | None = None

    def do_GET(self) -> None:
        """Answer with a file, if at all, and to whom may have it."""
        if self.silent is not None:
            self.silent.wait(30)
            return
        if self.login is not None:
            expected = base64.b64encode(":".join(self.login).encode()).decode()
            if self.headers.get("Authorization") != f"Basic {expected}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(root: Path, login: tuple[str, str] | None = None, *, silent: bool = False) -> Iterator[str]:
    """Serve an index, and yield its address; one that is silent takes requests and never answers."""
    over = threading.Event()
    handler = type("Handler", (_Handler,), {"login": login, "silent": over if silent else None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(root)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
