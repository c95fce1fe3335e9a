"""Downloads in processes of their own that do not come to an end: bounded in pods as on a machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelprofiler.files.fetch import apart
from modelprofiler.files.fetch.failure import FetchFailed

Watch = Callable[[int], bool]

SILENT = "import time; time.sleep(60)"
GREEDY = "import time; held = bytearray(b'x') * 2**27; time.sleep(60)"


@pytest.fixture(params=["pod", "machine"])
def watch(request: pytest.FixtureRequest) -> Watch | None:
    """Return who watches: in a pod nobody, because the Job has a deadline."""
    return None if request.param == "pod" else lambda _: True


def test_a_download_that_is_silent_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Watch | None
) -> None:
    """Long before the deadline of the Job, which could only say that it was reached."""
    monkeypatch.setattr(apart, "STALLED_SECONDS", 1.0)
    says = "nothing arrived for 1 s: the server does not answer, or its list of files does not end"
    with pytest.raises(FetchFailed, match=says):
        apart.fetch_apart([sys.executable, "-c", SILENT], "s3://data/a", tmp_path / "files", watch=watch)


def test_a_download_that_takes_too_much_memory_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Watch | None
) -> None:
    """Before the kernel ends it, which could only say that memory ran out, or ends what else is in the container."""
    monkeypatch.setattr(apart, "MOST_MEMORY", 2**26)
    with pytest.raises(FetchFailed, match="needs more than 67,108,864 bytes of memory"):
        apart.fetch_apart([sys.executable, "-c", GREEDY], "s3://data/a", tmp_path / "files", watch=watch)
