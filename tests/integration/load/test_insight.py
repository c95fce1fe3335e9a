"""What a load learns of its rows from a real server that treats them differently."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from modelprofiler.load.result import LoadResult

MakeLoad = Callable[..., LoadResult]
SMALL, LARGE = 12, 3
"""Rows of either size: few, so that each is sent many times, and its median survives a busy machine."""


class Handler(BaseHTTPRequestHandler):
    """Takes 100 ms for a large body, refuses one that asks for it, and never answers another in time."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer by what the body says."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body.startswith(b"hang"):
            time.sleep(4)
        if len(body) > 1000:
            time.sleep(0.1)
        answer = b'{"error": "no"}' if body.startswith(b"refuse") else b'{"score": 1}'
        self.send_response(500 if body.startswith(b"refuse") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with contextlib.suppress(OSError):  # nobody waits any more
            self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def by_row() -> Iterator[int]:
    """Return the port of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(5)


@pytest.mark.parametrize(
    "load_of", [{"openLoop": {"rate": "40"}}, {"closedLoop": {"concurrency": 4}}], ids=["open", "closed"]
)
def test_large_rows_and_refused_rows_are_found(load: MakeLoad, by_row: int, load_of: dict[str, Any]) -> None:
    """By their numbers in the dataset, although rows are sent in another order."""
    rows = [b"small %d" % n for n in range(SMALL)] + [b"large %d " % n + b"x" * 2000 for n in range(LARGE)]
    rows[4] = b"refuse 4"
    result = load("row", load_of, rows=b"\n".join(rows) + b"\n", port=by_row, bounds={"duration": 3.0})
    assert result.status is not None
    assert result.rows is not None
    assert result.rows.requests <= result.status.requests
    small, large = result.rows.strata[0], result.rows.strata[-1]
    assert small.p50 is not None
    assert large.p50 is not None
    assert 0.1 <= large.p50.value * 1.01  # the error of a histogram
    assert small.p50.value < large.p50.value
    slowest = result.rows.slowest[:LARGE]
    assert set(range(SMALL + 1, SMALL + LARGE + 1)) == {slow.row for slow in slowest}
    for slow in slowest:
        assert len(rows[slow.row - 1]) == slow.size
        assert 0.1 <= slow.fastest <= slow.median
    assert [[], [5]] == [kind.row_numbers for kind in result.status.answers]


def test_a_row_that_is_never_answered_in_time_is_the_slowest(load: MakeLoad, by_row: int) -> None:
    """It took at least as long as the timeout."""
    rows = b"".join(b"row %d\n" % n for n in range(10)) + b"hang\n"
    changes = {"rows": rows, "port": by_row, "endpoint": {"timeout": "1s"}, "bounds": {"duration": 1.5}}
    result = load("row", {"openLoop": {"rate": "30"}}, **changes)
    assert result.rows is not None
    assert 11 == result.rows.slowest[0].row
    assert result.rows.slowest[0].median >= 1
