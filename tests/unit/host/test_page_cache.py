"""Which bytes of data files processes use, from recorded lines of /proc/PID/smaps."""

from pathlib import Path

from modelprofiler.host.page_cache import mapped_data

SMAPS = """\
7f0000000000-7f0000800000 r--s 00000000 fe:00 4711                       /models/index.bin
Rss:                8192 kB
Pss:                8192 kB
7f0000800000-7f0000a00000 rw-p 00000000 00:00 0
Rss:                2048 kB
Pss:                2048 kB
7f0000a00000-7f0000c00000 rw-p 00000000 00:00 0                          [heap]
Pss:                2048 kB
7f0000c00000-7f0000e00000 r-xp 00000000 fe:00 4712                       /usr/bin/server
Pss:                2048 kB
7f0000e00000-7f0001000000 r--p 00000000 fe:00 4713                       /usr/lib/libc.so.6
Pss:                2048 kB
"""


def test_memory_that_is_no_files_is_not_counted_for_the_file_mapped_before_it(tmp_path: Path) -> None:
    """Programs and libraries, which other processes use as well, are not counted either."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "smaps").write_text(SMAPS)
    assert {Path("/models/index.bin"): 8192 * 1024} == mapped_data([1], tmp_path)
