"""Fetching in a process of its own: drivers read and change the environment, and fill the memory of their process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from modelprofiler.files.fetch.failure import FetchFailed

CA_VARIABLE = "MODELPROFILER_CA_BUNDLE"
"""Environment variable of `modelprofiler fetch` with the CA certificates by which servers are verified."""

POLL_SECONDS = 0.2
"""Between two looks at a download, so that Ctrl-C seems immediate."""
LOOK_SECONDS = 1.0
"""Between two looks at how much there is: a folder with many files takes some milliseconds."""
STALLED_SECONDS = 120.0
"""Without a new byte for this long a download is given up: twice the time that a read may take. Drivers try a host that
does not answer again for many minutes."""
LONGEST_SECONDS = 3600.0
"""How long a download may take where nothing else bounds it: the largest source, 200 GiB, at 0.5 Gbit/s."""
MOST_MEMORY = 2**30
"""Bytes that a download may hold in memory: a driver holds a few pieces of a file, and a kilobyte for each file that is
listed. A listing without an end would otherwise take all memory of the machine."""
OF_THE_LIMIT = 0.6
"""The part of a container's memory that a download may hold; the process that waits for it needs a quarter."""
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container finds its own limit: control groups of version 2 and of version 1."""
END_SECONDS = 2.0
"""How long a process has to end after it was killed."""


class Stopped(Exception):
    """The download was to be stopped."""


def fetch_apart(
    command: Sequence[str],
    uri: str,
    folder: Path,
    *,
    credentials: Path | None = None,
    ca_bundle: str = "",
    environment: Mapping[str, str] = os.environ,
    watch: Callable[[int], bool] | None = None,
) -> None:
    """Download the files of an address into a folder, in a process of its own.

    Parameters
    ----------
    command
        The command line of ``modelprofiler fetch``, which the address follows.
    uri, folder
        From where, and to where.
    credentials
        A folder with the keys of a Secret.
    ca_bundle
        CA certificates, as PEM text, by which servers are verified.
    environment
        The variables that drivers read.
    watch
        Called several times a second with the bytes that are there; whether to go on. Without it something else bounds
        the time of the whole, and the output of the process is that of this process.

    Raises
    ------
    FetchFailed
        There are no files, or they cannot be read.
    Stopped
        ``watch`` said so.
    """
    with tempfile.TemporaryDirectory() as place:
        problem = Path(place) / "problem"
        line = [*command, uri, "--to", str(folder), "--problem", str(problem)]
        if credentials is not None:
            line += ["--credentials", str(credentials)]
        output = None if watch is None else subprocess.DEVNULL
        with subprocess.Popen(  # noqa: S603 - our own command; the address is an argument and never a command
            line,
            env={**environment, CA_VARIABLE: ca_bundle},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=watch is not None,  # Ctrl-C is for this program, which stops the download itself
        ) as process:
            try:
                _wait(process, folder, watch)
            finally:
                _end(process)
        if process.returncode:
            raise _failure(process.returncode, problem)


def _failure(code: int, problem: Path) -> FetchFailed:
    """Return why a process that has ended with this code has not fetched the files."""
    if not problem.exists():
        how = "memory ran out" if code == -signal.SIGKILL else f"exit code {code}"
        return FetchFailed(f"the files cannot be fetched: {how}")
    reason, _, message = problem.read_text(encoding="utf-8").partition("\n")
    return FetchFailed(message, "SourceNotFound" if reason == "SourceNotFound" else "SourceUnreadable")


def _wait(process: subprocess.Popen[bytes], folder: Path, watch: Callable[[int], bool] | None) -> None:
    """Wait for a download, as long as bytes arrive and its memory is bounded."""
    now = began = grown = looked = time.monotonic()
    size, most = 0, most_memory()
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        now = time.monotonic()
        if now - looked >= LOOK_SECONDS:
            looked = now
            if (there := size_of(folder)) != size:
                size, grown = there, now
        if watch is not None and not watch(size):
            raise Stopped
        if _memory_of(process.pid) > most:
            raise FetchFailed(
                f"the download needs more than {most:,} bytes of memory: the address has too many files, or its list "
                "of files does not end; name a folder with fewer files"
            )
        if now - grown > STALLED_SECONDS:
            raise FetchFailed(_stalled(size))
        if watch is not None and now - began > LONGEST_SECONDS:
            raise FetchFailed(
                f"the download took longer than {LONGEST_SECONDS:.0f} s; by then {size:,} bytes were there"
            )


def _stalled(size: int) -> str:
    if size:
        return f"the download stopped: nothing arrived for {STALLED_SECONDS:.0f} s after {size:,} bytes"
    return f"nothing arrived for {STALLED_SECONDS:.0f} s: the server does not answer, or its list of files does not end"


def most_memory() -> int:
    """Return how many bytes a download may hold in memory here."""
    limits = [MOST_MEMORY]
    for place in LIMITS:
        try:
            limits.append(int(OF_THE_LIMIT * int(Path(place).read_text(encoding="ascii"))))
        except (OSError, ValueError):  # another version of control groups, or "max"
            continue
    return min(limits)


def _memory_of(pid: int) -> int:
    """Return the bytes that a process holds in memory without those of files; 0 where that is not to be seen."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:  # it has ended, or this is no Linux
        return 0
    match = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait(END_SECONDS)


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, which is being filled."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_size
            except OSError:  # it was renamed or removed meanwhile
                continue
    return total
