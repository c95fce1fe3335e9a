"""One server process: how it starts, becomes ready, and ends with everything it started."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.integration.host.support import Serve, Start, wait_until
from tests.ports import unused_port

from modelprofiler.errors import StartFailed
from modelprofiler.host.cgroup import Cgroup
from modelprofiler.host.ports import occupied, port_problem
from modelprofiler.host.process_tree import ProcessTree
from modelprofiler.host.readiness import Target
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
    tcp = await server.ready(Target("127.0.0.1", port), timeout=10)
    http = await server.ready(Target("127.0.0.1", port, "/healthz"), timeout=10)
    assert tcp is not None
    assert http is not None
    assert 0.3 <= tcp <= http


async def test_an_answer_that_is_no_success_is_not_ready(serve: Serve) -> None:
    """As a probe of the kubelet: from 200 to 399."""
    server, port = await serve("--status", "503")
    assert await server.ready(Target("127.0.0.1", port, "/score"), timeout=0.2) is None
    assert await server.ready(Target("127.0.0.1", port), timeout=5) is not None


async def test_a_server_that_ends_is_not_waited_for_and_its_last_words_are_reported(start: Start) -> None:
    """At once, not at the end of the timeout; standard output and errors both."""
    server = await start(sys.executable, "-c", "import sys; print('loading'); sys.exit('no model in /models')")
    async with asyncio.timeout(20):
        assert await server.ready(Target("127.0.0.1", 1), timeout=600) is None
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
async def test_a_process_that_ignores_sigterm_is_killed_and_so_is_what_it_left_behind(
    held: bool, start: Start, request: pytest.FixtureRequest, gone: Callable[[int], Awaitable[bool]], tmp_path: Path
) -> None:
    """Also a process whose parent has ended."""
    cgroup: Cgroup | None = request.getfixturevalue("cgroup") if held else None
    server = await start(sys.executable, "-c", STUBBORN, cgroup=cgroup)
    log = tmp_path / "1.log"
    await wait_until(lambda: "orphan" in log.read_text())
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
    assert await server.ready(Target("127.0.0.1", 1), timeout=10) is None
    assert f"{{{cpu}}}" == (tmp_path / "1.log").read_text().strip()


async def test_processes_are_sampled_where_no_group_counts(serve: Serve) -> None:
    """CPU, threads and memory of a master and its workers; what they share is not counted twice."""
    server, port = await serve("--workers", "2", "--memory-mib", "30", "--cpu-ms", "50")
    await wait_until(lambda: len(ProcessTree(server.pid).members()) == 3)
    assert await server.ready(Target("127.0.0.1", port, "/healthz"), timeout=10) is not None
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


SAYS_WHAT_IT_GETS = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    print("connected", connection.recv(4096).decode(), flush=True)
    connection.sendall(b"HTTP/1.1 " + sys.argv[3].encode() + b" X\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    connection.close()
"""


async def listening(start: Start, tmp_path: Path, address: str, status: int = 200) -> tuple[ServerProcess, int, Path]:
    """Return a server that prints what it receives, its port and the file with its output."""
    port, log = unused_port(), tmp_path / "1.log"
    server = await start(sys.executable, "-c", SAYS_WHAT_IT_GETS, address, str(port), str(status))
    await wait_until(lambda: "ready" in log.read_text())
    return server, port, log


async def test_a_server_that_only_has_to_listen_gets_no_connection(start: Start, tmp_path: Path) -> None:
    """A connection that is closed at once is an error to a server that expects TLS."""
    server, port, log = await listening(start, tmp_path, "127.0.0.1")
    assert await server.ready(Target("127.0.0.1", port), timeout=5) is not None
    assert "ready\n" == log.read_text()


async def test_the_headers_of_a_probe_are_sent_and_take_the_place_of_the_usual_ones(
    start: Start, tmp_path: Path
) -> None:
    """As the kubelet does; an empty value leaves a header out."""
    server, port, log = await listening(start, tmp_path, "127.0.0.1")
    headers = {"host": "model.example.internal", "X-Forwarded-Proto": "https", "Accept": ""}
    assert await server.ready(Target("127.0.0.1", port, "/ready now", headers=headers), timeout=5) is not None
    sent = log.read_text()
    assert "GET /ready%20now HTTP/1.1" in sent
    assert "host: model.example.internal" in sent
    assert "X-Forwarded-Proto: https" in sent
    assert ("Host:" in sent, "Accept:" in sent) == (False, False)


async def test_a_probe_leaves_the_port_free_although_the_server_closes_first(start: Start, tmp_path: Path) -> None:
    """A server without SO_REUSEADDR could not bind it again for a minute."""
    server, port, _ = await listening(start, tmp_path, "127.0.0.1")
    assert await server.ready(Target("127.0.0.1", port, "/"), timeout=5) is not None
    assert await server.stop(5)
    assert occupied(port) is None


async def test_connections_that_a_server_closed_occupy_its_port(start: Start, tmp_path: Path) -> None:
    """They are named with their number and state."""
    server, port, _ = await listening(start, tmp_path, "127.0.0.1")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x")
    await reader.read()
    writer.close()
    await writer.wait_closed()
    assert await server.stop(5)
    await wait_until(lambda: "TIME_WAIT" in (occupied(port) or ""))
    assert "connections of an earlier server (1 in TIME_WAIT)" == occupied(port)


async def test_a_server_at_another_address_is_named_and_not_waited_for(start: Start, tmp_path: Path) -> None:
    """Servers open all of their addresses within a moment, so ten seconds are enough."""
    server, port, _ = await listening(start, tmp_path, "::1")
    target = Target("127.0.0.1", port)
    async with asyncio.timeout(60):
        assert await server.ready(target, timeout=600) is None
    expected = f"something listens on [::1]:{port}, but not on 127.0.0.1:{port}; the server runs: ready"
    assert expected == server.not_ready_sentence(target)


async def test_a_server_that_is_not_ready_says_how_it_answered(start: Start, tmp_path: Path) -> None:
    """With the path and the status."""
    server, port, _ = await listening(start, tmp_path, "127.0.0.1", status=503)
    target = Target("127.0.0.1", port, "/")
    assert await server.ready(target, timeout=1) is None
    assert f"GET / on 127.0.0.1:{port}: the server answered with status 503;" in server.not_ready_sentence(target)


ANSWERS_ONCE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
connection, _ = listener.accept()
connection.recv(4096)
connection.sendall(b"HTTP/1.1 503 X\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
connection.close()
held = [listener.accept() for _ in range(100)]
"""


async def test_a_last_probe_that_is_cut_short_does_not_take_the_place_of_an_answer(
    start: Start, tmp_path: Path
) -> None:
    """Whether the server would have answered within a probe's own timeout is unknown."""
    port, log = unused_port(), tmp_path / "1.log"
    server = await start(sys.executable, "-c", ANSWERS_ONCE, str(port))
    await wait_until(lambda: "ready" in log.read_text())
    target = Target("127.0.0.1", port, "/")
    assert await server.ready(target, timeout=0.8) is None
    assert "the server answered with status 503;" in server.not_ready_sentence(target)
    assert await server.ready(target, timeout=0.2) is None
    assert "the server did not answer within 0.2 s;" in server.not_ready_sentence(target)


async def test_a_process_that_listens_nowhere(start: Start) -> None:
    """The message says so."""
    server = await start(sys.executable, "-c", "import time; time.sleep(60)")
    target = Target("127.0.0.1", 1)
    assert await server.ready(target, timeout=0.2) is None
    assert "nothing listens on 127.0.0.1:1; the server runs, and printed nothing" == server.not_ready_sentence(target)


async def test_a_program_that_answers_for_the_server_is_noticed(start: Start, serve: Serve) -> None:
    """A command that asks a daemon for the server, such as docker run, is neither limited nor measured."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target("127.0.0.1", listener.getsockname()[1])
        asking = await start(sys.executable, "-c", "import time; time.sleep(60)")
        assert await asking.ready(target, timeout=10) is not None
        assert asking.is_answered_for(target)
    assert not asking.is_answered_for(target)
    server, port = await serve()
    assert await server.ready(Target("127.0.0.1", port), timeout=10) is not None
    assert not server.is_answered_for(Target("127.0.0.1", port))
