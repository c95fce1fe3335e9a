"""Sources of a run on this machine that are addresses: downloaded from real servers before anything starts."""

import http.server
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.files.test_fetch import SECRET, s3, serving
from tests.ports import unused_port

from modelprofiler.errors import InvalidInput, ModelProfilerError
from modelprofiler.files.document import Document, load_document
from modelprofiler.files.sources import digest_of_folder
from modelprofiler.local import download as downloads
from modelprofiler.local.download import download
from modelprofiler.local.prepared import Prepared

__all__ = ["s3"]

pytestmark = pytest.mark.timeout(180)


def document(folder: Path, model: Any, rows: Any, **secrets: dict[str, str]) -> Document:
    """Return a profile with a model and rows from these sources, and a file with these Secrets."""
    spec = {
        "model": {"name": "m", "source": model},
        "server": {"template": {"spec": {"containers": [{"name": "a", "image": "b", "command": [sys.executable]}]}}},
        "endpoint": {"http": {"port": unused_port(), "contentType": "text/plain"}},
        "dataset": {"source": rows},
        "load": {"openLoop": {"rate": "5"}},
        "objectives": {"latency": {"p95": "1s"}},
        "resources": {"cpu": {"values": ["250m"]}, "memory": {"values": ["64Mi"]}},
    }
    profile = {
        "apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "p"}, "spec": spec,
    }  # fmt: skip
    items = [{"kind": "Secret", "metadata": {"name": n}, "stringData": keys} for n, keys in secrets.items()]
    file = folder / "profile.json"
    file.write_text(json.dumps({"kind": "List", "items": [profile, *items]}))
    return load_document(file)


def test_a_run_is_prepared_with_files_from_a_bucket_and_a_web_server(
    s3: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the credentials of this machine's environment, and by a Secret of the file; nothing of it stays."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    notes: list[str] = []
    with serving(tmp_path) as (address, requests, ca):
        written = document(
            tmp_path,
            {"uri": {"uri": "s3://data/model"}},
            {"uri": {"uri": f"{address}/rows.txt?a=b", "secretRef": "web", "caBundle": ca}},
            web={"Authorization": SECRET},
        )
        workspace = tmp_path / "run"
        workspace.mkdir()
        prepared = Prepared.of(written, workspace, notes.append, waiting=notes.append)
    assert [("/rows.txt?a=b", SECRET)] == requests
    assert (1, "rows") == (prepared.dataset.rows, prepared.dataset_file.read_text())
    assert digest_of_folder(workspace / "fetched" / "0") == prepared.provenance.model_digest
    assert b"b" == (workspace / "model" / "sub" / "b.bin").read_bytes()
    assert "downloading the files of spec.model.source" in notes
    assert not list((workspace / "credentials").glob("*/*"))
    assert SECRET not in "".join(notes)
    assert not any(note.startswith("spec.model.source.uri") for note in prepared.warnings)


@contextmanager
def closed_store() -> Iterator[str]:
    """Serve as an object store that denies everything."""

    class Denies(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_HEAD = do_GET  # noqa: N815 - the name is that of the standard library

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Denies) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_every_address_that_fails_is_named_at_once(tmp_path: Path) -> None:
    """With the status where access is denied, and never with a credential."""
    with closed_store() as store, serving(tmp_path) as (address, _, ca):
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": store}
        written = document(
            tmp_path,
            {"uri": {"uri": "s3://data/model", "secretRef": "store"}},
            {"uri": {"uri": f"{address}/rows.txt?token={SECRET}", "caBundle": ca}},
            store=keys,
        )
        with pytest.raises(InvalidInput) as raised:
            download(written, tmp_path / "run", lambda _: None)
    messages = {problem.path: problem.message for problem in raised.value.problems}
    assert {"spec.model.source.uri", "spec.dataset.source.uri"} == messages.keys()
    assert "access to s3://data/model is denied (status 403)" in messages["spec.model.source.uri"]
    assert "is denied (status 403)" in messages["spec.dataset.source.uri"]
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("https://nosuch.invalid/rows.txt", "cannot be read: "),
        ("s3://data/nothing", "s3://data/nothing does not exist"),
        ("s3://data/model", "name the file with the rows: the address has a.bin, sub/b.bin"),
    ],
)
def test_a_host_a_key_and_a_folder_of_rows(
    s3: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    message: str,
) -> None:
    """Are each one sentence, before any server starts."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    written = document(tmp_path, {"inline": "x"}, {"uri": {"uri": uri}})
    with pytest.raises(InvalidInput) as raised:
        Prepared.of(written, tmp_path, lambda _: None)
    (problem,) = raised.value.problems
    assert problem.path.startswith("spec.dataset.source.uri")
    assert message in problem.message


def test_a_large_download_reports_progress_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon, and no process stays that goes on."""
    monkeypatch.setattr(downloads, "PROGRESS_SECONDS", 0.0)
    program = (
        "import sys, time, pathlib; p = pathlib.Path(sys.argv[3]); p.mkdir(parents=True); "
        "(p / 'big').write_bytes(bytes(3 * 2**20)); time.sleep(50)"
    )
    monkeypatch.setattr(downloads, "own_command", lambda *_: [sys.executable, "-c", program])
    written = document(tmp_path, {"inline": "x"}, {"uri": {"uri": "https://example.com/rows.txt"}})
    stop, notes = threading.Event(), []

    def progress(line: str) -> None:
        notes.append(line)
        if "3Mi so far" in line:
            stop.set()

    began = time.monotonic()
    with pytest.raises(ModelProfilerError, match="because the run was stopped"):
        download(written, tmp_path / "run", progress, stop)
    assert time.monotonic() - began < 40
    assert "downloading the files of spec.dataset.source: 3Mi so far" in notes


def test_nothing_but_a_download_imports_a_driver(tmp_path: Path) -> None:
    """They take seconds; a plan and a check of a profile with addresses do without."""
    document(tmp_path, {"uri": {"uri": "s3://data/model"}}, {"uri": {"uri": "hf://a/b/c"}})
    code = (
        "import sys; from modelprofiler.cli import main; import modelprofiler; modelprofiler.run\n"
        f"for command in ('plan', 'validate'): assert main([command, {str(tmp_path / 'profile.json')!r}]) == 0\n"
        "heavy = ('fsspec', 's3fs', 'gcsfs', 'adlfs', 'huggingface_hub', 'botocore', 'requests')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr.endswith("[]\n")
