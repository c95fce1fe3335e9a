"""Which control groups are available, in trees of files that are laid out like the kernel's."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host import cgroup as module
from modelprofiler.host.cgroup import open_cgroup, remove_stale
from modelprofiler.host.cgroup_v2 import CgroupV2
from modelprofiler.host.owner import is_abandoned, owner_prefix, start_ticks
from modelprofiler.host.procfs import controller_mounts

MIB = 2**20
STARTED = 4711
NAMESPACE = 7  # of no process of this machine, so that no test touches a real group
HYBRID = """\
24 1 0:22 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/a\\040memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a procfs in which this process lives, in the group /user.slice/run.scope of version 2."""
    path = tmp_path / "proc"
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(path))
    (path / "self" / "ns").mkdir(parents=True)
    (path / "self" / "ns" / "pid").symlink_to(f"pid:[{NAMESPACE}]")
    (path / "self" / "cgroup").write_text("0::/user.slice/run.scope\n")
    (path / "self" / "mountinfo").write_text("")
    (path / "stat").write_text("cpu 0 0 0 0\nbtime 1700000000\n")
    (path / str(os.getpid())).mkdir()
    (path / str(os.getpid()) / "stat").write_text(stat(os.getpid(), STARTED))
    return path


def stat(pid: int, started: int, parent: int = 1) -> str:
    """Return /proc/PID/stat of a process with a name that is hard to read."""
    fields = f"S {parent} {pid} {pid} 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {started}" + " 0" * 30
    return f"{pid} (a) b (c) {fields}\n"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a group of version 2 with what the kernel shows in it."""

    def group(path: str = "", controllers: str = "cpuset cpu io memory pids", passed_on: str = "") -> Path:
        directory = tmp_path / "cgroup" / path
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.controllers").write_text(controllers + "\n")
        (directory / "cgroup.subtree_control").write_text(passed_on + "\n")
        (directory / "cgroup.procs").write_text("")
        return directory

    return group


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Return the set of paths that cannot be written, as for a user who is not root."""
    paths: set[Path] = set()
    monkeypatch.setattr(os, "access", lambda path, mode: path not in paths)
    return paths


def test_where_controllers_are_mounted_is_read_from_mountinfo() -> None:
    """Alone or together, names escaped, version 2 left out."""
    together = Path("/sys/fs/cgroup/cpu,cpuacct")
    mounted = controller_mounts(HYBRID)
    assert (together, together, Path("/sys/fs/cgroup/a memory")) == tuple(
        mounted[name] for name in ("cpu", "cpuacct", "memory")
    )
    assert "freezer" not in mounted


def test_version_2_is_taken_at_the_top_where_that_may_be_written(make: Callable[..., Path], proc: Path) -> None:
    """With cpu, memory and pids passed on twice: to the run's group, and in it to that of the server."""
    root = make(passed_on="cpu memory pids")
    (root / owner_prefix(proc)).mkdir()
    cgroup = open_cgroup("trial 1/é", root, proc)
    (outer,) = cgroup.directories
    assert ("v2", root, f"modelprofiler-{os.getpid()}-{STARTED}-{NAMESPACE}-trial-1-") == (
        cgroup.version,
        outer.parent,
        outer.name,
    )
    assert (outer / "server" / "cgroup.procs",) == cgroup.join_files


def test_a_scope_that_systemd_delegated_is_used(make: Callable[..., Path], proc: Path, closed: set[Path]) -> None:
    """The top cannot be written, the group that this process is in can."""
    closed.add(root := make(passed_on="cpu memory"))
    scope = make("user.slice/run.scope", passed_on="cpu memory")
    assert scope == open_cgroup("trial", root, proc).directories[0].parent
    (proc / "self" / "cgroup").write_text("0::/user.slice/run.scope/modelprofiler.main\n")
    assert scope == open_cgroup("trial-2", root, proc).directories[0].parent, "not in the group of this process itself"


def test_without_a_writable_part_the_reasons_are_given(
    make: Callable[..., Path], proc: Path, closed: set[Path]
) -> None:
    """One sentence with both places that were tried."""
    closed.add(root := make(passed_on="cpu memory"))
    scope = make("user.slice/run.scope", controllers="memory pids")
    with pytest.raises(LimitsUnavailable) as caught:
        open_cgroup("trial", root, proc)
    assert (
        "this user may not make control groups in any place "
        f"({root} is not writable; {scope} does not have the controllers cpu)" == str(caught.value)
    )
    assert not list(scope.glob("modelprofiler*"))


def test_version_1_is_for_root(tmp_path: Path, proc: Path, closed: set[Path]) -> None:
    """A group in each hierarchy, those mounted together once; none where one of them cannot be written."""
    both, memory = tmp_path / "cpu,cpuacct", tmp_path / "memory"
    for directory in (both, memory):
        directory.mkdir()
    (proc / "self/mountinfo").write_text(
        f"32 31 0:29 / {both} rw - cgroup cgroup rw,cpu,cpuacct\n35 31 0:32 / {memory} rw - cgroup cgroup rw,memory\n"
    )
    cgroup = open_cgroup("trial", tmp_path / "nowhere", proc)
    assert ("v1", {both, memory}) == (cgroup.version, {directory.parent for directory in cgroup.directories})
    assert 2 == len(cgroup.join_files)
    closed.add(memory)
    with pytest.raises(LimitsUnavailable, match="only root may make control groups of version 1"):
        open_cgroup("trial", tmp_path / "nowhere", proc)


def test_a_read_only_mount_is_distinguished_from_a_lack_of_rights(
    make: Callable[..., Path], proc: Path, closed: set[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in most containers, where not even root may write; and how a container gets it writable."""
    closed.add(root := make(passed_on="cpu memory"))
    actual = os.statvfs(root)
    flags = (*tuple(actual)[:8], actual.f_flag | os.ST_RDONLY, actual.f_namemax)
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(flags))
    with pytest.raises(LimitsUnavailable, match=f"{root} is mounted read-only, as in most containers .*privileged"):
        open_cgroup("trial", root, proc)


def test_a_system_without_control_groups_has_none(tmp_path: Path) -> None:
    """Such as macOS, or a container that shows none."""
    with pytest.raises(LimitsUnavailable, match="no control groups are mounted at"):
        open_cgroup("trial", tmp_path / "cgroup", tmp_path / "proc")


def test_a_missing_controller_is_named(tmp_path: Path, proc: Path) -> None:
    """Memory may be switched off when the kernel starts."""
    cpu = tmp_path / "cpu,cpuacct"
    (proc / "self/mountinfo").write_text(f"32 31 0:29 / {cpu} rw - cgroup cgroup rw,cpu,cpuacct\n")
    with pytest.raises(LimitsUnavailable, match="the controllers memory of control groups are not mounted"):
        open_cgroup("trial", tmp_path / "cgroup", proc)


def test_a_start_time_stays_the_same_when_the_clock_is_set(proc: Path) -> None:
    """It counts from boot; the time of the boot, which psutil adds to it, follows the clock."""
    assert STARTED == start_ticks(os.getpid())
    (proc / "stat").write_text("cpu 0 0 0 0\nbtime 1700003600\n")
    assert STARTED == start_ticks(os.getpid())


def test_the_start_time_is_that_of_procfs() -> None:
    """Field 22 of the real one (proc_pid_stat(5)): groups of earlier versions are recognised."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system has no procfs")
    assert int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) == start_ticks(os.getpid())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"modelprofiler-{os.getpid()}-{STARTED}-{NAMESPACE}-trial", False),  # alive
        (f"modelprofiler-{os.getpid()}-{STARTED + 1}-{NAMESPACE}-trial", True),  # another one had the number
        (f"modelprofiler-999999-{STARTED}-{NAMESPACE}-trial", True),  # ended
        (f"modelprofiler-999999-{STARTED}-{NAMESPACE + 1}-trial", False),  # of another container: not visible here
        ("modelprofiler-notes", False),  # not a run's
    ],
    ids=["alive", "number-taken-again", "ended", "another-container", "not-of-a-run"],
)
def test_a_group_is_abandoned_when_the_process_that_made_it_is_gone(name: str, expected: bool, proc: Path) -> None:
    """Its name says which that was."""
    assert expected == is_abandoned(name, proc)


def test_only_abandoned_groups_are_removed(
    make: Callable[..., Path], proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of this run, and folders of others, stay."""
    root = make()
    stays, other = root / f"{owner_prefix(proc)}-1", root / "system.slice"
    goes = root / f"modelprofiler-999999-1-{NAMESPACE}-1"
    for directory in (stays, other, goes / "server"):
        directory.mkdir(parents=True)
    ended: list[Path] = []
    monkeypatch.setattr(CgroupV2, "kill", lambda cgroup: ended.append(cgroup.directories[0]))
    assert 1 == remove_stale(root, proc)
    assert [goes] == ended
    assert (True, True, False) == (stays.exists(), other.exists(), goes.exists())


def test_what_is_left_in_the_scope_of_another_run_is_found(make: Callable[..., Path], proc: Path) -> None:
    """Each run of a user has a scope of its own, and the scopes of earlier runs are its siblings."""
    root = make()
    make("user.slice/run.scope")
    left = root / f"user.slice/run-before.scope/modelprofiler-999999-1-{NAMESPACE}-1"
    (left / "server").mkdir(parents=True)
    assert 1 == remove_stale(root, proc)
    assert not left.exists()


def test_room_is_made_only_by_moving_what_this_process_started(proc: Path, make: Callable[..., Path]) -> None:
    """A shell that runs in the same group stays, and there is no room; a child is moved along."""
    scope = make("user.slice/run.scope")
    child, shell = os.getpid() + 1, os.getpid() + 2
    for pid, parent in ((child, os.getpid()), (shell, 1)):
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "stat").write_text(stat(pid, STARTED, parent))
    (scope / "cgroup.procs").write_text(f"{os.getpid()}\n{child}\n")
    module._move_processes_out(scope, top=False)
    assert str(child) == (scope / "modelprofiler.main" / "cgroup.procs").read_text()
    shutil.rmtree(scope / "modelprofiler.main")
    (scope / "cgroup.procs").write_text(f"{os.getpid()}\n{shell}\n")
    with pytest.raises(LimitsUnavailable, match=f"other processes run in .*such as {shell}"):
        module._move_processes_out(scope, top=False)
    module._move_processes_out(scope, top=True)  # at the top of a container everything is its own
    (scope / "cgroup.procs").write_text("0\n")
    with pytest.raises(LimitsUnavailable):
        module._move_processes_out(scope, top=True)  # a process of outside
