"""One server process: how it starts, becomes ready, and ends with everything it started."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.integration.host.support import Serve, Start, until

from modelprofiler.errors import StartFailed
from modelprofiler.host.cgroup import Cgroup
from modelprofiler.host.ports import port_problem
from modelprofiler.host.process_tree import ProcessTree
from modelprofiler.host.sampler import Sampler
from modelprofiler.host.server_process import ServerProcess

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    if os.fork(): os._exit(0)      # its child is nobody's, but still of the session
    print("orphan", os.getpid(), flush=True)
time.sleep(60)
"""


async def test_time_to_ready_counts_from_exec(serve: Serve) -> None:
    """A server that takes 0.3 s to load its model was ready no sooner, as TCP and as HTTP."""
    server, port = await serve("--startup-ms", "300")
    tcp = await server.ready("127.0.0.1", port, timeout=10)
    http = await server.ready("127.0.0.1", port, "/healthz", timeout=10)
    assert tcp is not None
    assert http is not None
    assert 0.3 <= tcp <= http


async def test_an_answer_that_is_no_success_is_not_ready(serve: Serve) -> None:
    """As a probe of the kubelet: from 200 to 399."""
    server, port = await serve("--status", "503")
    assert await server.ready("127.0.0.1", port, "/score", timeout=0.2) is None
    assert await server.ready("127.0.0.1", port, timeout=5) is not None


async def test_a_server_that_ends_is_not_waited_for_and_its_last_words_are_said(start: Start) -> None:
    """At once, not at the end of the timeout; standard output and errors both."""
    server = await start(sys.executable, "-c", "import sys; print('loading'); sys.exit('no model in /models')")
    async with asyncio.timeout(20):
        assert await server.ready("127.0.0.1", 1, timeout=600) is None
    assert "the server ended with exit code 1: loading\nno model in /models" == server.exit_sentence()


async def test_a_command_or_folder_that_is_not_there_cannot_be_started(tmp_path: Path) -> None:
    """In a sentence that names it."""
    with pytest.raises(StartFailed, match="cannot run no-such-server: No such file or directory"):
        await ServerProcess().start(
            ["no-such-server"], env=dict(os.environ), cwd=tmp_path, cgroup=None, log_path=tmp_path / "a"
        )
    with pytest.raises(StartFailed, match=r"No such file or directory: .*/nowhere"):
        await ServerProcess().start(["true"], env={}, cwd=tmp_path / "nowhere", cgroup=None, log_path=tmp_path / "a")


@pytest.mark.parametrize("held", [True, False], ids=["in a control group", "on its own"])
async def test_whoever_ignores_sigterm_is_killed_and_so_is_what_it_left_behind(
    held: bool, start: Start, request: pytest.FixtureRequest, gone: Callable[[int], Awaitable[bool]], tmp_path: Path
) -> None:
    """Also a process whose parent has ended."""
    cgroup: Cgroup | None = request.getfixturevalue("cgroup") if held else None
    server = await start(sys.executable, "-c", STUBBORN, cgroup=cgroup)
    log = tmp_path / "1.log"
    await until(lambda: "orphan" in log.read_text())
    assert await server.stop(0.1)
    assert await gone(int(log.read_text().split()[1]))
    assert not server.alive
    assert "the server was killed by SIGKILL when asked to end" in server.exit_sentence()


async def test_a_server_that_ends_when_asked_is_not_killed(serve: Serve) -> None:
    """Its exit code is its own."""
    server, _ = await serve()
    assert await server.stop(10)
    assert 0 == server.exit_code


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not keep processes to CPUs")
async def test_a_server_is_on_its_cpus_from_the_first_instruction(start: Start, tmp_path: Path) -> None:
    """It says itself which it may use."""
    cpu = max(os.sched_getaffinity(0))
    server = await start(sys.executable, "-c", "import os; print(os.sched_getaffinity(0))", cpus={cpu})
    assert await server.ready("127.0.0.1", 1, timeout=10) is None
    assert f"{{{cpu}}}" == (tmp_path / "1.log").read_text().strip()


async def test_processes_are_sampled_where_no_group_counts(serve: Serve) -> None:
    """CPU, threads and memory of a master and its workers; what they share is not counted twice."""
    server, port = await serve("--workers", "2", "--memory-mib", "30", "--cpu-ms", "50")
    await until(lambda: len(ProcessTree(server.pid).members()) == 3)
    assert await server.ready("127.0.0.1", port, "/healthz", timeout=10) is not None
    sampler = Sampler.of_process(server.pid, interval=0.02)
    sampler.start()
    for _ in range(4):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
    sampler.stop()
    samples = sampler.samples()
    cpu = [s.value for s in samples.cpu_seconds]
    assert "Process" == samples.source
    assert 0.2 == pytest.approx(cpu[-1] - cpu[0], abs=0.06)  # a tick of 10 ms, of three processes, at either end
    assert 3 == samples.threads[-1].value
    assert 60 * 2**20 < samples.working_set_bytes[-1].value < 110 * 2**20


def test_a_port_in_use_is_known_with_who_holds_it() -> None:
    """Whichever address it listens on; afterwards it is free."""
    for host in ("127.0.0.1", "0.0.0.0"):
        with socket.create_server((host, 0)) as listener:
            port = listener.getsockname()[1]
            problem = port_problem(port)
            assert problem is not None
            assert f"port {port} is in use by " in problem
            assert f"(process {os.getpid()})" in problem
        assert port_problem(port) is None
