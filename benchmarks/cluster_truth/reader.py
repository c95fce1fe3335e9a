"""Reads a container's control group ten times a second, on the node itself, until the group is gone.

Run there as ``python3 -c TEXT CONTAINER_ID PORT``; a node has Python's smallest standard library, and nothing of this
project. Prints a line of numbers for each reading, in the order of COLUMNS; ``-`` for what the kernel does not say.
"""

# Without pathlib, which the smallest standard library may lack.
# ruff: noqa: PTH110, PTH118, PTH123

import os
import sys
import time

COLUMNS = (
    "time cpu_seconds cfs_periods cfs_throttled_periods working_set_bytes max_usage_bytes rss_bytes cache_bytes "
    "threads oom_events oom_group started listening"
)
ROOT = "/sys/fs/cgroup"
INTERVAL_SECONDS = 0.1
LONGEST_SECONDS = 580.0  # a bound: nobody ends it by force
SEARCH_SECONDS = 10.0
TICKS = os.sysconf("SC_CLK_TCK")
LISTEN = "0A"


def text(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def number(path: str) -> int | None:
    content = text(path).strip()
    return int(content) if content.isdigit() else None


def keyed(path: str) -> dict[str, int]:
    pairs = (line.split() for line in text(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def folders(container: str) -> dict[str, str] | None:
    """Return the group's folder in each hierarchy, by controller; version 2 has one, called ""."""
    unified = os.path.exists(ROOT + "/cgroup.controllers")
    by_container: dict[str, str] = {}
    for controller in [""] if unified else ["cpu", "cpuacct", "memory"]:
        for folder, names, _ in os.walk(os.path.join(ROOT, controller)):
            if container in names:
                by_container[controller] = os.path.join(folder, container)
                break
    return by_container if len(by_container) == (1 if unified else 3) else None


def minus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a - b


def version_1(at: dict[str, str]) -> list[float | None]:
    cpu, memory = keyed(at["cpu"] + "/cpu.stat"), keyed(at["memory"] + "/memory.stat")
    used = number(at["cpuacct"] + "/cpuacct.usage")
    return [
        None if used is None else used / 1e9,
        cpu.get("nr_periods"),
        cpu.get("nr_throttled"),
        minus(number(at["memory"] + "/memory.usage_in_bytes"), memory.get("total_inactive_file")),
        number(at["memory"] + "/memory.max_usage_in_bytes"),
        memory.get("total_rss"),
        memory.get("total_cache"),
        len(text(at["cpuacct"] + "/tasks").split()),
        keyed(at["memory"] + "/memory.oom_control").get("oom_kill"),
        None,
    ]


def version_2(at: dict[str, str]) -> list[float | None]:
    folder = at[""]
    cpu, memory = keyed(folder + "/cpu.stat"), keyed(folder + "/memory.stat")
    used = cpu.get("usage_usec")
    return [
        None if used is None else used / 1e6,
        cpu.get("nr_periods"),
        cpu.get("nr_throttled"),
        minus(number(folder + "/memory.current"), memory.get("inactive_file")),
        number(folder + "/memory.peak"),
        memory.get("anon"),
        memory.get("file"),
        len(text(folder + "/cgroup.threads").split()),
        keyed(folder + "/memory.events").get("oom_kill"),
        number(folder + "/memory.oom.group"),
    ]


def first_process(at: dict[str, str]) -> tuple[int | None, float | None]:
    """Return the process with the smallest number, and when it started, in seconds since the epoch."""
    pids = sorted(map(int, text(next(iter(at.values())) + "/cgroup.procs").split()))
    if not pids:
        return None, None
    fields = text(f"/proc/{pids[0]}/stat").rpartition(")")[2].split()
    if len(fields) < 20:
        return None, None
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return pids[0], booted + int(fields[19]) / TICKS


def listens(pid: int, port: int) -> bool:
    for name in ("tcp", "tcp6"):
        for line in text(f"/proc/{pid}/net/{name}").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                return True
    return False


def main() -> None:
    container, port = sys.argv[1], int(sys.argv[2])
    end = time.time() + SEARCH_SECONDS
    at = folders(container)
    while at is None and time.time() < end:
        time.sleep(INTERVAL_SECONDS)
        at = folders(container)
    if at is None:
        sys.exit("no control group of this container is on this node")
    read = version_2 if "" in at else version_1
    pid: int | None = None
    started: float | None = None
    listening: float | None = None
    end = time.time() + LONGEST_SECONDS
    due = time.time()
    while time.time() < end:
        began = time.time()
        values = read(at)
        now = (began + time.time()) / 2
        if values[0] is None or values[3] is None:
            break
        if started is None:
            pid, started = first_process(at)
        if pid is not None and listening is None and listens(pid, port):
            listening = time.time()
        line = [now, *values, started, listening]
        print(" ".join("-" if v is None else repr(v) for v in line), flush=True)
        due = max(due + INTERVAL_SECONDS, time.time())
        time.sleep(max(0.0, due - time.time()))


if __name__ == "__main__":
    main()
