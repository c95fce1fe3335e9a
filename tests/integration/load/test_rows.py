"""What reaches a server of the rows of a dataset."""

import base64
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from modelprofiler.load.config import LoadConfig
from modelprofiler.load.rows import store
from modelprofiler.load.runner import run


class Recorded(ThreadingHTTPServer):
    """A server that keeps what it is asked for."""

    requests: list[tuple[str, str | None, bytes]]
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    """Answers everything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Recorded)
        self.server.requests.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Recorded]:
    """Return the server, on a port of its own."""
    with Recorded(("127.0.0.1", 0), Handler) as recorded:
        recorded.requests = []
        thread = threading.Thread(target=recorded.serve_forever, daemon=True)
        thread.start()
        yield recorded
        recorded.shutdown()
        thread.join(10)


def configuration(server: Recorded, path: Path, **dataset: Any) -> LoadConfig:
    """Return a load of a second."""
    return LoadConfig.model_validate(
        {
            "host": "127.0.0.1",
            "port": server.server_port,
            "endpoint": {"path": "/score", "contentType": "text/plain"},
            "dataset": {"path": str(path), **dataset},
            "load": {"openLoop": {"rate": "100"}, "warmup": "0s", "duration": "5s"},
        }
    )


@pytest.mark.parametrize("in_memory", [True, False])
async def test_a_row_has_its_own_path_type_and_weight(
    server: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool
) -> None:
    """Whether rows are in memory or in a file."""
    if not in_memory:
        monkeypatch.setattr(store, "MEMORY_BYTES", 1)
    image = base64.b64encode(b"\x89PNG\r\n").decode()
    rows = tmp_path / "rows.csv"
    rows.write_text(f'n,type,path,body\n3,image/png,/images?size=1,"{image}"\n1,audio/wav,/sounds,AAE=\n')
    columns = {"column": "body", "contentTypeColumn": "type", "pathColumn": "path", "weightColumn": "n"}
    config = configuration(server, rows, format="CSV", encoding="Base64", **columns)
    result = await run(config, say=lambda _: None)
    assert result.status is not None, result.message
    sent = Counter(server.requests)
    image_row, sound_row = ("/images?size=1", "image/png", b"\x89PNG\r\n"), ("/sounds", "audio/wav", b"\x00\x01")
    assert {image_row, sound_row} == set(sent)
    assert 3.0 == pytest.approx(sent[image_row] / sent[sound_row], rel=0.3)
    assert (2, 2) == (result.status.rows_covered, result.status.distinct_rows)


async def test_the_files_of_a_folder_are_sent_with_the_types_of_their_names(server: Recorded, tmp_path: Path) -> None:
    """Images as images."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    (tmp_path / ".DS_Store").write_bytes(b"no")
    result = await run(configuration(server, tmp_path, format="Files"), say=lambda _: None)
    assert result.status is not None, result.message
    expected = {("/score", "image/jpeg", b"\xff\xd8"), ("/score", "audio/x-wav", b"RIFF")}
    assert expected == set(server.requests)


async def test_rows_that_are_not_those_of_the_run_are_not_sent(server: Recorded, tmp_path: Path) -> None:
    """Another trial of the run has sent the rows that were there before."""
    (tmp_path / "rows").write_bytes(b"a\n")
    with pytest.raises(Exception, match="the dataset has changed since the run began"):
        await run(configuration(server, tmp_path / "rows", digest="sha256:0"), say=lambda _: None)
    assert [] == server.requests
