"""The cost server costs, holds and breaks what its options say: other tests rely on it."""

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

COSTSERVER = Path(__file__).parents[2] / "servers" / "costserver.py"
SECONDS = 20.0
MIB = 1024


class Running:
    """A cost server in a process of its own, on a free port of the loopback."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def connect(self, timeout: float = SECONDS) -> contextlib.closing[http.client.HTTPConnection]:
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout))

    def ask(self, count: int = 1) -> list[tuple[int, int, int]]:
        """Send requests one after another on one connection; return (status, number, pid) of each answer."""
        with self.connect() as connection:
            return [ask(connection) for _ in range(count)]


def ask(connection: http.client.HTTPConnection) -> tuple[int, int, int]:
    """Send one request; return (status, number, pid) of the answer."""
    connection.request("POST", "/score", body=b"a row of the dataset")
    response = connection.getresponse()
    answer = json.loads(response.read())
    return response.status, answer["request"], answer["pid"]


@contextlib.contextmanager
def spawn(arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server and make sure that it, and what it forked, is gone afterwards."""
    command = [sys.executable, str(COSTSERVER), "--host", "127.0.0.1", "--port", "0", *arguments.split()]
    with subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def serve(arguments: str = "", **environment: str) -> Iterator[Running]:
    """Start the server and wait until it says where it listens."""
    with spawn(arguments, **environment) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], SECONDS)[0], "it did not listen in time"
        line = process.stdout.readline().decode()
        assert line.startswith("listening on 127.0.0.1:")
        yield Running(process, int(line.rpartition(":")[2]))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of another process, all threads, from its own clock (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def memory(pid: int, field: str = "VmRSS") -> int:
    """Return a field of /proc/PID/status in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise AssertionError(f"no {field}")


@pytest.mark.parametrize(
    ("arguments", "cost"),
    [
        ("--cpu-ms 5", 0.005),
        ("--cpu-ms 20", 0.020),
        ("--cpu-ms 5 --close 1", 0.005),
        ("--cpu-ms 5 --request-memory-mib 1 --leak-kib 64", 0.005),
        ("--cpu-ms 5 --workers 1", 0.005),
    ],
)
def test_a_request_costs_the_cpu_time_that_was_set_http_included(arguments: str, cost: float) -> None:
    """The CPU time of the process that serves, over the requests, is within 2 % of the knob."""
    with serve(arguments) as server:
        pid = server.ask()[0][2]
        before = cpu_seconds(pid)
        server.ask(30)
        assert pytest.approx(cost, rel=0.02) == (cpu_seconds(pid) - before) / 30


@pytest.mark.parametrize("arguments", ["--cpu-ms 5", "--cpu-ms 5 --threads 4", "--cpu-ms 5 --threads 4 --delay-ms 5"])
def test_the_cost_is_the_same_when_several_clients_wait(arguments: str) -> None:
    """Neither queueing nor the hand-over between threads adds to the total.

    A virtual machine that is stopped in the middle of a burn counts that as CPU time: it can only add, and so the least
    of three rounds is what the server itself takes.
    """

    def cost() -> float:
        before = cpu_seconds(server.process.pid)
        list(clients.map(server.ask, [15] * 4))
        return (cpu_seconds(server.process.pid) - before) / 60

    with serve(arguments) as server, ThreadPoolExecutor(4) as clients:
        server.ask()
        assert pytest.approx(0.005, rel=0.05) == min(cost() for _ in range(3))


def test_health_checks_are_paid_from_the_share_of_the_requests() -> None:
    """A probe is no request, and does not make the next one dearer in total."""
    with serve("--cpu-ms 5") as server, server.connect() as probe, server.connect() as client:
        ask(client)
        before = cpu_seconds(server.process.pid)
        for number in range(2, 42):
            probe.request("GET", "/healthz")
            assert probe.getresponse().read() == b"ok"
            assert (200, number, server.process.pid) == ask(client)
        assert pytest.approx(0.005, rel=0.02) == (cpu_seconds(server.process.pid) - before) / 40


def test_two_workers_cost_the_same_a_request_and_share_the_work() -> None:
    """The CPU time of both workers together, over the requests, is the knob; the master uses none."""
    with serve("--cpu-ms 10 --workers 2 --close 1") as server, ThreadPoolExecutor(4) as clients:
        costs: dict[int, int] = {}

        def run() -> None:
            for answers in clients.map(server.ask, [5] * 8):
                for _, number, pid in answers:
                    costs[pid] = max(costs.get(pid, 0), number)

        run()
        before, served = {pid: cpu_seconds(pid) for pid in costs}, dict(costs)
        assert len(before) == 2
        run()
        requests = sum(costs.values()) - sum(served.values())
        assert requests == 40
        assert pytest.approx(0.010, rel=0.05) == sum(cpu_seconds(pid) - before[pid] for pid in costs) / requests


def test_requests_are_served_one_at_a_time_in_the_order_of_arrival() -> None:
    """With one thread a request waits for those that came before it on other connections."""
    with serve("--delay-ms 150") as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(3)]
        start = time.monotonic()
        for client in clients:
            client.request("POST", "/score", body=b"row")
            time.sleep(0.03)
        assert [1, 2, 3] == [json.loads(client.getresponse().read())["request"] for client in clients]
        assert time.monotonic() - start >= 3 * 0.150


def test_a_delay_takes_time_and_no_cpu() -> None:
    """The delay shows in the latency; the CPU time stays that of HTTP."""
    with serve("--delay-ms 100") as server:
        server.ask()
        before, start = cpu_seconds(server.process.pid), time.monotonic()
        server.ask(3)
        assert time.monotonic() - start >= 0.300
        assert cpu_seconds(server.process.pid) - before < 0.030


def test_the_memory_that_was_set_is_resident() -> None:
    """In addition to what the interpreter takes by itself, within 1 MiB."""
    with serve() as plain, serve("--memory-mib 48") as server:
        plain.ask()
        server.ask()
        assert pytest.approx(48 * MIB, abs=MIB) == memory(server.process.pid) - memory(plain.process.pid)


def test_memory_of_a_request_is_held_while_it_is_in_flight_and_given_back() -> None:
    """Three at once hold three times as much."""
    with serve("--request-memory-mib 16 --delay-ms 300 --threads 3") as server, ThreadPoolExecutor(3) as clients:
        server.ask()
        idle = memory(server.process.pid)
        answers = [clients.submit(server.ask) for _ in range(3)]
        for answer in answers:
            answer.result(SECONDS)
        assert pytest.approx(3 * 16 * MIB, abs=MIB) == memory(server.process.pid, "VmHWM") - idle
        assert pytest.approx(idle, abs=MIB) == memory(server.process.pid)


def test_a_leak_grows_with_the_requests() -> None:
    """A hundred requests at 64 KiB are 6.25 MiB, within a tenth."""
    with serve("--leak-kib 64") as server:
        server.ask(10)
        before = memory(server.process.pid)
        server.ask(100)
        assert pytest.approx(100 * 64, rel=0.1) == memory(server.process.pid) - before


def test_starting_takes_memory_and_cpu_that_serving_does_not() -> None:
    """The peak is in VmHWM when it listens, and no longer in VmRSS; the CPU time is in no request."""
    with serve("--startup-memory-mib 64 --startup-cpu-ms 200 --startup-ms 50 --cpu-ms 5") as server:
        pid = server.process.pid
        server.ask()
        assert memory(pid, "VmHWM") - memory(pid) >= 63 * MIB
        before = cpu_seconds(pid)
        assert before >= 0.200
        server.ask(40)
        assert pytest.approx(0.005, rel=0.02) == (cpu_seconds(pid) - before) / 40


def test_every_third_request_is_answered_with_the_status_that_was_set() -> None:
    """The others are answered with 200."""
    with serve("--status 500 --every 3") as server:
        assert [200, 200, 500, 200, 200, 500] == [status for status, _, _ in server.ask(6)]


def test_a_server_that_hangs_keeps_its_port_and_answers_nothing() -> None:
    """After the requests it still serves, neither requests nor health checks are answered."""
    with serve("--hang-after 2") as server:
        server.ask(2)
        for path in ("/score", "/healthz"):
            with server.connect(timeout=0.3) as client:
                client.request("GET", path)
                with pytest.raises(TimeoutError):
                    client.getresponse()
        assert server.process.poll() is None


def test_a_server_that_crashes_says_so_and_exits_with_the_code() -> None:
    """The request on which it dies is never answered."""
    with serve("--crash-after 2 --exit-code 7") as server:
        server.ask(2)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            server.ask()
        assert server.process.wait(SECONDS) == 7
        assert server.process.stderr is not None
        assert b"crash on request 3" in server.process.stderr.read()


def test_a_server_can_exit_at_start_with_a_message() -> None:
    """It goes to stderr, and nothing is listened on."""
    with spawn("--exit-message no-such-model --exit-code 4") as process:
        out, err = process.communicate(timeout=SECONDS)
        assert (4, b"", b"no-such-model\n") == (process.returncode, out, err)


def test_a_server_that_never_listens_lives_and_refuses_connections() -> None:
    """Until a signal ends it."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with spawn(f"--never-listen 1 --port {port}") as process:
        time.sleep(0.3)
        assert process.poll() is None
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        process.terminate()
        assert process.wait(SECONDS) == 0


def test_the_master_outlives_a_worker_that_is_killed_and_forks_another() -> None:
    """As gunicorn does when the kernel kills a worker: the first process, all that a pod's state shows, goes on."""
    with serve("--workers 1 --memory-mib 16") as server:
        ((_, _, first),) = server.ask()
        assert first != server.process.pid
        os.kill(first, signal.SIGKILL)
        ((_, number, second),) = server.ask()
        assert (1, True) == (number, second not in (first, server.process.pid))
        assert server.process.poll() is None
        assert memory(second) > memory(server.process.pid)
        server.process.terminate()
        assert server.process.wait(SECONDS) == 0


@pytest.mark.parametrize("arguments", ["", "--threads 4", "--hang-after 0"])
def test_sigterm_ends_the_server(arguments: str) -> None:
    """Also as process 1 of a container, where the default action would be to ignore it; also while it hangs."""
    with serve(arguments) as server, server.connect(timeout=0.2) as client:
        client.request("POST", "/score", body=b"row")
        with contextlib.suppress(TimeoutError):
            client.getresponse().read()
        server.process.terminate()
        assert server.process.wait(SECONDS) == 0


def test_the_environment_gives_arguments_and_the_command_line_outweighs_it() -> None:
    """One image and one command serve every case of a test."""
    with serve("--status 503", COSTSERVER_ARGS="--status 500 --every 2") as server:
        assert [200, 503] == [status for status, _, _ in server.ask(2)]
