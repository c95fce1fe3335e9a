"""Real server processes, in real control groups of this machine."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.host.support import Serve, Start

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host.cgroup import Cgroup, open_cgroup
from modelprofiler.host.server_process import ServerProcess


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    """Return a control group; afterwards it and everything in it must be gone."""
    try:
        group = open_cgroup("test")
    except LimitsUnavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no control group can be had here, which is a failure because CI=true: {error}")
        pytest.skip(f"no control group can be had here: {error}")
    yield group
    assert group.kill()
    assert group.remove()
    assert [] == [directory for directory in group.directories if directory.exists()]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Return a function that starts a command as a server; afterwards all of them are gone."""
    servers: list[ServerProcess] = []

    async def run(*argv: str, cgroup: Cgroup | None = None, cpus: set[int] | None = None) -> ServerProcess:
        servers.append(server := ServerProcess())
        log = tmp_path / f"{len(servers)}.log"
        await server.start(argv, env=dict(os.environ), cwd=tmp_path, cgroup=cgroup, log_path=log, cpus=cpus)
        return server

    yield run
    for server in servers:
        assert await server.stop(0)


@pytest.fixture
async def serve(start: Start, repository: Path) -> Serve:
    """Return a function that starts the server of known cost, and gives it and its port."""

    async def run(*knobs: str, cgroup: Cgroup | None = None) -> tuple[ServerProcess, int]:
        program = str(repository / "tests/servers/costserver.py")
        server = await start(sys.executable, program, "--host", "127.0.0.1", "--port", "0", *knobs, cgroup=cgroup)
        async with asyncio.timeout(20):
            while not (match := re.search(r"listening on \S+:(\d+)", server.exit_sentence())):
                assert server.alive, server.exit_sentence()
                await asyncio.sleep(0.01)
        return server, int(match[1])

    return run


@pytest.fixture
def gone() -> Callable[[int], Awaitable[bool]]:
    """Return a function that waits for a process to be gone, for ten seconds at most."""

    def lives(pid: int) -> bool:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        return bool(state.strip()) and not state.startswith("Z")

    async def wait(pid: int) -> bool:
        for _ in range(500):
            if not lives(pid):
                return True
            await asyncio.sleep(0.02)
        return False

    return wait
