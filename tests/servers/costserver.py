"""An HTTP server of known cost: a profiler must measure what its options say that it burns, holds and breaks.

One file, standard library only, so that it runs from a ConfigMap in any image with Python 3.11:

    python costserver.py --port 8080 --cpu-ms 8 --memory-mib 64

Each knob is an argument with a value; those in the environment variable COSTSERVER_ARGS are read first.

What a request costs
    --cpu-ms MS             CPU time of the process a request, all of HTTP included (see Account)
    --delay-ms MS           time a request waits without burning CPU; it keeps its thread busy
    --request-memory-mib M  memory held for each request, from when it is read (with one thread: when what is served
                            before it is answered) to its answer
    --leak-kib K            memory kept for ever, a request
What the server holds
    --memory-mib M          memory held, beside the interpreter's own (12 to 20 MiB; /proc/PID/status says)
    --startup-ms MS         time from start to ready, without CPU
    --startup-cpu-ms MS     CPU time burnt before it is ready
    --startup-memory-mib M  memory held until it is ready, then given back
How it serves
    --threads N             requests served at once. 1 (default): in the order of arrival, in the thread that reads;
                            while one is served nothing else is read or answered, /healthz neither
    --workers N             0 (default): this process serves. N: like gunicorn, a master that opens the port, forks N
                            workers, serves nothing, and forks another when one dies. Each worker has all of the above.
    --close 1               close the connection after each answer, as gunicorn's sync workers do
    --host H --port P       where it listens (0.0.0.0:8080), printed when it does; port 0 takes a free one
How it fails
    --status S --every K    every K-th request (1: each) is answered with status S, the others with 200
    --hang-after N          after N requests none is answered any more, /healthz neither; the port stays open
    --crash-after N         the process dies on the request after the N-th, with a sentence on stderr
    --exit-message TEXT     print TEXT on stderr at start and exit
    --exit-code C           of crash and exit at start (3)
    --never-listen 1        live, but listen nowhere

GET /healthz answers 200 and counts as no request. Every other request is a request; its answer is JSON:
``{"request": number, "pid": process}``, both of the worker that answered.
"""

from __future__ import annotations

import argparse
import itertools
import mmap
import os
import queue
import selectors
import shlex
import signal
import socket
import sys
import threading
import time

MIB = 1 << 20
# How long a master waits before it forks again, so that workers that die at once do not become a fork bomb.
RESPAWN_SECONDS = 0.2


def hold(mebibytes: float) -> mmap.mmap:
    """Return resident memory of this size, a page at least, given back to the kernel when closed.

    Neither the allocator nor MAP_POPULATE will do: the first may keep what is freed, the second stops silently at a
    cgroup's limit. A page that is written faults in user mode, and there the kernel kills whoever is out of memory.
    """
    size = max(int(mebibytes * MIB), 1)
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for start in range(0, size, MIB):
        end = min(start + MIB, size)
        block[start : end : mmap.PAGESIZE] = b"\x01" * len(range(start, end, mmap.PAGESIZE))
    return block


class Account:
    """Keep the CPU time of this process at exactly `cost` seconds a request.

    The books are closed: after n requests the process has used n times the cost, because each one burns only what is
    missing from that. So whatever HTTP, memory and health checks cost is paid from the next request's share, and an
    overshoot of one is taken back from another.
    """

    def __init__(self, cost: float) -> None:
        self.cost = cost
        self.target = time.process_time()
        self.lock = threading.Lock()

    def settle(self) -> None:
        """Burn until this request is paid for."""
        with self.lock:
            # Ahead by more than a whole request (long idle under health checks, or a cost below HTTP's own) is written
            # off: a request that burns nothing would be worse than a total that is a little too high.
            self.target = max(self.target + self.cost, time.process_time())
            target = self.target
        burn_until(target)


def burn_until(process_time: float) -> None:
    """Use CPU until the clock of this process's CPU time shows `process_time` seconds."""
    while time.process_time() < process_time:
        for _ in range(200):  # some microseconds, so that the time is spent here and not in reading the clock
            pass


class Connection:
    """One client: bytes that came in, not yet a whole request."""

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.received = b""

    def next_request(self) -> tuple[str, bool] | None:
        """Take a whole request off the bytes received; return its path and whether the client wants to go on."""
        head, separator, rest = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines[1:])
        headers = {name.lower(): value.strip() for name, _, value in fields}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return None
        self.received = rest[length:]
        keep = headers.get("connection", "").lower() != "close" and not lines[0].endswith("HTTP/1.0")
        return lines[0].split(" ")[1], keep

    def answer(self, status: int, body: bytes, *, close: bool) -> None:
        """Send an answer. To close is to end the stream; the reading side sees that, and alone forgets the client."""
        ending = b"Connection: close\r\n" if close else b""
        head = b"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
        try:
            self.socket.sendall(head + ending + b"\r\n" + body)
            if close:
                self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client has gone; its request was served all the same


# The client, whether to close it after the answer, and the memory held until then.
Request = tuple[Connection, bool, mmap.mmap]


class Service:
    """Serve requests from one listening socket, in one process."""

    def __init__(self, knobs: argparse.Namespace, listener: socket.socket, memory: mmap.mmap) -> None:
        self.knobs = knobs
        self.listener = listener
        self.held = memory
        self.selector = selectors.DefaultSelector()
        self.waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.numbers = itertools.count(1)
        self.leaked: list[bytearray] = []
        self.account = Account(knobs.cpu_ms / 1e3)

    def run(self) -> None:
        """Serve until the process ends."""
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        threads = self.knobs.threads if self.knobs.threads > 1 else 0
        for _ in range(threads):
            threading.Thread(target=self.serve_waiting, daemon=True).start()
        while True:
            # Read all that has come before the next request is served: that makes the order that of arrival.
            behind = not threads and not self.waiting.empty()
            events = self.selector.select(0 if behind else None)
            while True in [self.read(key.data) if key.data else self.accept() for key, _ in events]:
                events = self.selector.select(0)
            if not threads and not self.waiting.empty():
                self.serve(*self.waiting.get())

    def serve_waiting(self) -> None:
        """Be one of several threads that serve what the reading one hands over."""
        while True:
            self.serve(*self.waiting.get())

    def accept(self) -> bool:
        """Take one connection, and say so; while this worker is behind, leave it to another one."""
        if self.knobs.workers > 1 and not self.waiting.empty():
            return False
        try:
            client, _ = self.listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False  # another worker was quicker, or the client has gone
        # Blocking for the sake of sendall: what is read is only read when there is something.
        client.setblocking(True)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(client, selectors.EVENT_READ, Connection(client))
        return True

    def read(self, connection: Connection) -> bool:
        """Read once from a client, and queue or answer each whole request; say that there was something."""
        try:
            received = connection.socket.recv(1 << 16)
        except OSError:
            received = b""
        if not received:
            self.selector.unregister(connection.socket)
            connection.socket.close()
            return True
        connection.received += received
        while (request := connection.next_request()) is not None:
            path, keep = request
            close = self.knobs.close or not keep
            if path == "/healthz":
                connection.answer(200, b"ok", close=close)
                continue
            self.waiting.put((connection, close, hold(self.knobs.request_memory_mib)))
        return True

    def serve(self, connection: Connection, close: bool, memory: mmap.mmap) -> None:
        """Cost what a request costs, then answer it."""
        knobs = self.knobs
        number = next(self.numbers)
        if number > knobs.crash_after:
            print(f"costserver: crash on request {number}, as told", file=sys.stderr, flush=True)
            os._exit(knobs.exit_code)
        if number > knobs.hang_after:
            signal.pause()
        if knobs.delay_ms:
            time.sleep(knobs.delay_ms / 1e3)
        if knobs.leak_kib:
            self.leaked.append(bytearray(b"\x01") * int(knobs.leak_kib * 1024))
        self.account.settle()
        memory.close()
        status = knobs.status if number % knobs.every == 0 else 200
        connection.answer(status, b'{"request": %d, "pid": %d}\n' % (number, os.getpid()), close=close)


def listen(knobs: argparse.Namespace) -> socket.socket:
    """Open the port, and print the address: the port may have been 0."""
    listener = socket.create_server((knobs.host, knobs.port), backlog=1024)
    host, port = listener.getsockname()
    print(f"listening on {host}:{port}", flush=True)
    return listener


def work(knobs: argparse.Namespace, listener: socket.socket | None) -> None:
    """Start up and serve; a worker has the master's socket, a lone process opens its own when it is ready."""
    peak = hold(knobs.startup_memory_mib)
    burn_until(time.process_time() + knobs.startup_cpu_ms / 1e3)
    time.sleep(knobs.startup_ms / 1e3)
    peak.close()
    memory = hold(knobs.memory_mib)
    Service(knobs, listener or listen(knobs), memory).run()


def supervise(knobs: argparse.Namespace) -> None:
    """Be the master: keep `workers` workers alive and serve nothing."""
    listener = listen(knobs)
    workers: set[int] = set()

    def end(*_: object) -> None:
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        while len(workers) < knobs.workers:
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                work(knobs, listener)
            workers.add(pid)
        pid, status = os.wait()
        workers.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        print(f"worker {pid} ended with {code}, forking another", file=sys.stderr, flush=True)
        time.sleep(RESPAWN_SECONDS)


def parse_arguments() -> argparse.Namespace:
    """Read the knobs; of one given twice the last counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    amounts = "cpu-ms delay-ms memory-mib request-memory-mib leak-kib startup-ms startup-cpu-ms startup-memory-mib"
    defaults: dict[str, float | int | str] = dict.fromkeys(amounts.split(), 0.0)
    defaults |= {"threads": 1, "workers": 0, "close": 0, "host": "0.0.0.0", "port": 8080, "status": 200, "every": 1}
    defaults |= {"hang-after": sys.maxsize, "crash-after": sys.maxsize, "exit-code": 3, "exit-message": ""}
    defaults |= {"never-listen": 0}
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    # One variable, as Kubernetes itself would set COSTSERVER_PORT, to an address, beside a Service of that name.
    return parser.parse_args(shlex.split(os.environ.get("COSTSERVER_ARGS", "")) + sys.argv[1:])


def main() -> None:
    """Read the knobs and be what they say."""
    # As process 1 of a container SIGTERM would be ignored without a handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    knobs = parse_arguments()
    if knobs.exit_message:
        print(knobs.exit_message, file=sys.stderr)
        sys.exit(knobs.exit_code)
    if knobs.never_listen:
        signal.pause()
    elif knobs.workers:
        supervise(knobs)
    else:
        work(knobs, None)


if __name__ == "__main__":
    main()
