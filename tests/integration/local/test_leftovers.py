"""What an earlier server of a run left behind says nothing about the size of the next one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.local.support import prepare

from modelprofiler.api.trial import Outcome
from modelprofiler.core.axis import Limits
from modelprofiler.host import leftovers
from modelprofiler.local import lifecycle
from modelprofiler.local.lifecycle import ServerLifecycle, Start
from modelprofiler.local.placement import Placement

SERVER = Path(__file__).with_name("stubborn.py")
LARGE, SMALL = Limits(500, 128 * 2**20), Limits(250, 128 * 2**20)
Starts = Callable[[str], tuple[list[Start], list[str]]]


@pytest.fixture
def starts(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """Return a function that starts a server with a habit twice, at a large and a small size, and what was noted."""
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(leftovers.Leftovers.__init__, "__defaults__", ((shared,), shared, Path("/proc")))

    def make(habit: str) -> tuple[list[Start], list[str]]:
        prepared = prepare(tmp_path, repository, objectives={"latency": {"p95": "2s"}, "maxTimeToReady": "10s"})
        port = prepared.profile.spec.endpoint.http.port
        command = replace(
            prepared.server, argv=(sys.executable, str(SERVER), habit, str(port), str(shared)), probe=None
        )
        notes: list[str] = []

        async def run() -> list[Start]:
            placement = replace(Placement.of(prepared.resources), limits_problem="they do not matter here")
            servers = ServerLifecycle(replace(prepared, server=command), placement, tmp_path / "logs", notes.append)
            started = []
            for index, size in enumerate((LARGE, SMALL), 1):
                started.append(await servers.start(size, index, lambda _: None))
                await servers.stop()
            return started

        return asyncio.run(run()), notes

    return make


@pytest.mark.parametrize("habit", ["lock", "socket"])
def test_what_is_in_the_way_is_removed_before_the_next_start(starts: Starts, habit: str) -> None:
    """A file that the server names, and a socket that it does not name; in a cluster every pod has its own /tmp."""
    started, notes = starts(habit)
    assert [None, None] == [start.failure for start in started]
    (note,) = notes
    assert "which an earlier one left behind, so it is removed before each start" in note


def test_a_server_that_does_not_start_at_the_larger_size_any_more_is_not_too_small(starts: Starts) -> None:
    """Nothing that it says names a cause."""
    (first, second), _ = starts("counter")
    assert first.failure is None
    assert second.failure is not None
    assert Outcome.DISTURBED is second.failure.outcome
    assert "a new server does not start at 500m CPU and 128Mi memory any more either" in second.failure.message


def test_a_second_port_of_the_server_is_waited_for_too(starts: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have connections in TIME_WAIT as the first one; here they are gone soon."""
    waited: list[int] = []

    def occupied(port: int) -> str | None:
        waited.append(port)
        return "connections" if waited.count(port) == 1 and port != min(waited) else None

    monkeypatch.setattr(lifecycle, "occupied", occupied)
    (first, _), _ = starts("second-port")
    assert first.failure is None
    assert len(set(waited)) == 2
