"""Control groups of this machine's kernel: limits hold, counters count, nothing is left."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.integration.host.support import Serve, Start, wait_until

from modelprofiler.host.cgroup import Cgroup, open_cgroup
from modelprofiler.host.cgroup_v2 import SERVER, CgroupV2
from modelprofiler.host.control_group import Reading, processes
from modelprofiler.host.readiness import Target

MIB = 2**20
BURN = "while True: pass"
# Forks as fast as it can, each child in a session of its own, whose parent has ended.
FOUNTAIN = """
import os, time
while True:
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        time.sleep(60)
    os.waitpid(-1, 0)
"""
# Runs a server in a control group; the server leaves a process behind that outlives it.
OWNER = """
import asyncio, os, sys
from pathlib import Path
from modelprofiler.host.cgroup import open_cgroup
from modelprofiler.host.readiness import Target
from modelprofiler.host.server_process import ServerProcess
script = "import os, time; os.fork() or (os.setsid(), print('daemon', os.getpid(), flush=True)); time.sleep(60)"
async def main():
    cgroup, server = open_cgroup("owner"), ServerProcess()
    await server.start([sys.executable, "-c", script], env=dict(os.environ), cwd=Path("/"), cgroup=cgroup,
                       log_path=Path(sys.argv[1]))
    print(server.pid, *cgroup.directories, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def used(cgroup: Cgroup, seconds: float) -> tuple[float, Reading, Reading]:
    """Return the mean CPU over some seconds in cores, and the readings at both ends."""
    before = cgroup.read()
    await asyncio.sleep(seconds)
    after = cgroup.read()
    assert before.cpu_seconds is not None
    assert after.cpu_seconds is not None
    return (after.cpu_seconds - before.cpu_seconds) / (after.time - before.time), before, after


async def test_cpu_is_held_to_its_quota_and_the_quota_can_be_changed_while_it_runs(
    cgroup: Cgroup, start: Start
) -> None:
    """A loop uses its quota and never more, with throttled periods; without a quota there are no periods."""
    cgroup.set_cpu(50)
    await start(sys.executable, "-c", BURN, cgroup=cgroup)
    await asyncio.sleep(0.2)
    small, before, after = await used(cgroup, 0.6)
    cgroup.set_cpu(400)
    assert small <= 0.07  # a period more than its share, at either end
    larger = [(await used(cgroup, 0.6))[0]]
    while larger[-1] < max(2 * small, 0.08) and len(larger) < 20:  # a busy machine may give less than the quota
        larger.append((await used(cgroup, 0.6))[0])
    assert max(2 * small, 0.08) <= larger[-1] <= 0.52
    assert before.throttled_periods is not None
    assert after.throttled_periods is not None
    assert after.throttled_periods > before.throttled_periods
    cgroup.set_cpu(None)
    await asyncio.sleep(0.1)
    _, before, after = await used(cgroup, 0.3)
    assert before.periods == after.periods


async def test_a_server_that_exceeds_its_memory_limit_is_killed_and_the_kill_is_reported(
    cgroup: Cgroup, start: Start, repository: Path
) -> None:
    """The kernel kills it, and its counter distinguishes that from any other SIGKILL."""
    cgroup.set_memory(48 * MIB)
    program = str(repository / "tests/servers/costserver.py")
    server = await start(sys.executable, program, "--port", "0", "--memory-mib", "100", cgroup=cgroup)
    assert await server.ready(Target("127.0.0.1", 1), timeout=10) is None
    assert not server.alive
    assert -9 == server.exit_code
    assert 1 == cgroup.read().oom_kills
    assert "SIGKILL; the kernel killed 1 of its processes for memory" in server.exit_sentence()
    assert 48 * MIB >= (cgroup.read().memory_peak or 0)


async def test_a_worker_that_is_killed_for_memory_is_counted_while_its_master_lives(
    cgroup: Cgroup, serve: Serve
) -> None:
    """As with gunicorn: seen from outside, the server just runs."""
    cgroup.set_memory(48 * MIB)
    server, _ = await serve("--workers", "1", "--memory-mib", "100", cgroup=cgroup)
    await wait_until(lambda: (cgroup.read().oom_kills or 0) >= 2)
    assert server.alive
    assert server.exit_code is None


async def test_memory_can_be_raised_and_lowered_to_what_is_free(cgroup: Cgroup, serve: Serve) -> None:
    """Both limits, with and without swap, in the order that the kernel demands."""
    for size in (64, 256, 48, None, 64):
        cgroup.set_memory(None if size is None else size * MIB)
    await serve("--memory-mib", "20", cgroup=cgroup)
    cgroup.set_memory(512 * MIB)
    assert 20 * MIB < (cgroup.read().working_set or 0) < 64 * MIB


async def test_what_forks_while_it_is_killed_is_killed_too(cgroup: Cgroup, start: Start) -> None:
    """None of hundreds of daemons escapes."""
    await start(sys.executable, "-c", FOUNTAIN, cgroup=cgroup)
    # Each fact is waited for on its own: the members change between two readings.
    await wait_until(lambda: len(cgroup.pids()) >= 50)
    await wait_until(lambda: (cgroup.read().threads or 0) >= 50)
    assert cgroup.kill()
    assert set() == cgroup.pids()


async def test_peaks_between_readings_are_seen_and_the_peak_of_all_time_is_kept(cgroup: Cgroup, serve: Serve) -> None:
    """What was held during start-up is the peak of all time; what came later is asked for on its own."""
    await serve("--startup-memory-mib", "60", "--memory-mib", "5", cgroup=cgroup)
    highest = cgroup.take_peak()
    assert highest is not None
    assert highest > 60 * MIB
    later = cgroup.take_peak()
    assert later is None or later < 50 * MIB  # None: an older kernel of version 2
    assert (cgroup.read().memory_peak or 0) >= highest


async def test_the_next_run_ends_what_a_killed_one_left_behind(
    cgroup: Cgroup, tmp_path: Path, gone: Callable[[int], Awaitable[bool]]
) -> None:
    """The server dies with its parent; a daemon of the server lives on in the group until another group is opened."""
    log = tmp_path / "server.log"
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, str(log), stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    server, *names = (await owner.stdout.readline()).decode().split()
    directories = [Path(name) for name in names]
    await wait_until(lambda: "daemon" in log.read_text())
    daemon = int(log.read_text().split()[1])
    open_cgroup("other").remove()
    assert directories == existing(directories), "those of a living run stay"
    owner.kill()
    await owner.wait()
    assert await gone(int(server))
    assert {daemon} == processes(directories[0]), "nothing has ended it"
    open_cgroup("other").remove()
    assert await gone(daemon)
    assert [] == existing(directories)


def existing(directories: list[Path]) -> list[Path]:
    """Return those that are there."""
    return [directory for directory in directories if directory.exists()]


@pytest.fixture
def version_2() -> Path:
    """Return where version 2 is mounted, with any controllers, if this user may write to it."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            path = Path(line.split()[4])
            try:
                (path / "modelprofiler.probe").mkdir()
                (path / "modelprofiler.probe").rmdir()
            except OSError:
                break
            return path
    pytest.skip("version 2 of control groups is not mounted here, or is not this user's to write to")


async def test_the_kernels_own_version_2_counts_cpu_kills_and_goes(version_2: Path, start: Start) -> None:
    """Whatever controllers it has: CPU time, processes and cgroup.kill are always there."""
    outer = version_2 / f"modelprofiler.test-{time.time_ns()}"
    (outer / SERVER).mkdir(parents=True)
    cgroup = CgroupV2(outer)
    try:
        server = await start(sys.executable, "-c", FOUNTAIN, cgroup=cgroup)
        # Each fact is waited for on its own: the members change between two readings.
        await wait_until(lambda: len(cgroup.pids()) >= 20)
        await wait_until(lambda: (cgroup.read().threads or 0) >= 20)
        assert server.pid in cgroup.pids()
        assert (cgroup.read().cpu_seconds or 0) > 0
    finally:
        assert cgroup.kill()
        assert cgroup.remove()
    assert not outer.exists()
