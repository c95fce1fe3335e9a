"""What an earlier server left behind in shared folders: only that is removed, and only where it is in the way."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from modelprofiler.host.leftovers import Leftovers


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Return a /proc with one process, which maps a segment, and with one socket that is bound."""
    proc, segments = tmp_path / "proc", tmp_path / "shm"
    (proc / "net").mkdir(parents=True)
    (proc / "812").mkdir()
    (proc / "812/maps").write_text(f"7f00-7f01 rw-s 00000000 00:19 4 {segments}/used\n")
    bound = tmp_path / "run" / "bound.sock"
    (proc / "net/unix").write_text(f"0000: 00000002 00000000 00010000 0001 01 4242 {bound}\n")
    for folder in ("run", "shm"):
        (tmp_path / folder).mkdir()
    return proc


def leftovers(proc: Path) -> Leftovers:
    """Return what a run takes for the state before it."""
    return Leftovers((proc.parent / "run", proc.parent / "shm"), proc.parent / "shm", proc)


def test_a_file_that_the_server_names_is_removed_before_each_start(proc: Path) -> None:
    """It was not there when the run began."""
    left = leftovers(proc)
    lock = proc.parent / "run" / "model.lock"
    lock.touch()
    assert [lock] == left.remove(f"FileExistsError: [Errno 17] File exists: '{lock}'")
    lock.touch()
    left.remove_known()
    assert not lock.exists()


def test_what_was_there_before_the_run_stays(proc: Path) -> None:
    """It may be what the user put there."""
    lock = proc.parent / "run" / "model.lock"
    lock.touch()
    assert [] == leftovers(proc).remove(f"File exists: '{lock}'")
    assert lock.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to another user")
def test_what_lies_in_a_folder_of_another_user_stays(proc: Path) -> None:
    """That user could put a link in the folder's place before the file is removed."""
    left = leftovers(proc)
    folder = proc.parent / "run" / "theirs"
    folder.mkdir()
    (folder / "model.lock").touch()
    os.chown(folder, 65534, 65534)
    assert [] == left.remove(f"File exists: '{folder}/model.lock'")
    assert (folder / "model.lock").exists()


def test_what_the_server_does_not_name_stays(proc: Path) -> None:
    """It belongs to another program; and what lies elsewhere does, too."""
    left = leftovers(proc)
    other, elsewhere = proc.parent / "run" / "other.lock", proc.parent / "elsewhere.lock"
    other.touch()
    elsewhere.touch()
    assert [] == left.remove(f"File exists: '{elsewhere}', and {proc.parent}/run/../elsewhere.lock")
    assert other.exists()
    assert elsewhere.exists()


def test_a_socket_that_nobody_has_bound_is_removed_when_an_address_is_in_use(proc: Path) -> None:
    """The words name no path."""
    left = leftovers(proc)
    sockets = []
    for name in ("stale.sock", "bound.sock"):
        end = socket.socket(socket.AF_UNIX)
        end.bind(str(proc.parent / "run" / name))
        end.close()
        sockets.append(proc.parent / "run" / name)
    assert sockets[:1] == left.remove("OSError: [Errno 98] Address already in use")
    assert sockets[1].exists()


@pytest.mark.parametrize(
    ("words", "removed"),
    [
        ("FileExistsError: [Errno 17] File exists: '/weights'", ["weights"]),
        ("posix_ipc.ExistentialError: Shared memory with the specified name already exists", ["sem.x", "weights"]),
        ("FileExistsError: [Errno 17] File exists: '/elsewhere'", []),
    ],
)
def test_a_segment_is_removed_by_its_name_or_where_no_process_maps_it(
    proc: Path, words: str, removed: list[str]
) -> None:
    """Libraries say that a name is taken, not always which."""
    left = leftovers(proc)
    for name in ("weights", "used", "sem.x"):
        (proc.parent / "shm" / name).touch()
    assert removed == [path.name for path in left.remove(words)]
    assert (proc.parent / "shm" / "used").exists()
