"""Files in the page cache: dropped for a cold start, and counted where a server maps them."""

import mmap
import os
import sys
from pathlib import Path

import pytest
from tests.integration.host.support import Start, wait_until

from modelprofiler.host.cgroup import Cgroup
from modelprofiler.host.page_cache import LARGE, evict, mapped_data

SIZE = 8 * LARGE
TOUCHES = """
import mmap, sys, time
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print(sum(mapped[i] for i in range(0, len(mapped), 4096)), flush=True)
time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a file that is in the page cache, charged to this process."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "index.bin").write_bytes(os.urandom(SIZE))
    (folder / "small.json").write_text("{}")
    return folder / "index.bin"


async def test_the_data_files_of_a_server_are_those_that_it_maps(start: Start, data: Path, tmp_path: Path) -> None:
    """With what is in use of them; programs and libraries are not among them."""
    server = await start(sys.executable, "-c", TOUCHES, str(data))
    await wait_until(lambda: bool((tmp_path / "1.log").read_text()))
    assert {data: SIZE} == mapped_data({server.pid})


async def test_a_server_is_charged_for_what_it_maps_once_the_file_was_evicted(
    start: Start, data: Path, tmp_path: Path, cgroup: Cgroup
) -> None:
    """It reads the file itself; folders and links are followed, as a server follows them."""
    link = tmp_path / "link"
    link.symlink_to(data)
    if os.statvfs(tmp_path).f_fsid == 0:
        pytest.skip("the files of a tmpfs cannot leave memory")
    assert 2 * SIZE == evict([data.parent, link, tmp_path / "missing"])
    await start(sys.executable, "-c", TOUCHES, str(data), cgroup=cgroup)
    await wait_until(lambda: bool((tmp_path / "1.log").read_text()))
    reading = cgroup.read()
    assert reading.mapped_file is not None
    assert reading.major_faults is not None
    assert reading.mapped_file >= SIZE
    assert reading.major_faults > 0


def test_a_file_that_is_mapped_stays_usable(data: Path) -> None:
    """Eviction is a request to the kernel and changes no content."""
    with data.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        before = mapped[:]
        evict([data])
        assert before == mapped[:]
