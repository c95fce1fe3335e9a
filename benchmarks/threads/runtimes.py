"""A JVM and a Go program that compute a request in parts, on as many threads as they count CPUs.

This JVM and a Go of version 1.25 or later go by their limit where they see it; that they count a large node's CPUs is
brought about as the servers say (tests/servers/PoolServer.java, poolserver.go), by what the variables win over.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.threads.trials import NODE_CPUS, Case

SIZES = (400, 200)
"""In millicores."""
SERVERS = Path(__file__).parent.parent.parent / "tests" / "servers"
_BUILD_SECONDS = 300


def jvm(directory: Path, cpus: int | None = None) -> list[str]:
    """Compile the server in Java into a directory.

    Parameters
    ----------
    cpus
        CPUs that the JVM is to count unless JAVA_TOOL_OPTIONS says otherwise; None: those that it sees.

    Returns
    -------
    list[str]
        Its command, with ``{port}`` for the port.

    Raises
    ------
    FileNotFoundError, subprocess.CalledProcessError
        Where there is no compiler, or it fails.
    """
    subprocess.run(["javac", "-d", directory, SERVERS / "PoolServer.java"], check=True, timeout=_BUILD_SECONDS)
    # A file of flags and no variable: what a variable sets, a profile's author has set.
    flags = directory / "flags"
    if cpus is not None:
        flags.write_text(f"ActiveProcessorCount={cpus}\n")
    options = [] if cpus is None else [f"-XX:Flags={flags}"]
    return ["java", *options, "-cp", str(directory), "PoolServer", "{port}"]


def go(directory: Path, cpus: int | None = None) -> list[str]:
    """Compile the server in Go into a directory; see `jvm`. GOMAXPROCS is what wins."""
    program = directory / "poolserver"
    command = ["go", "build", "-o", str(program), str(SERVERS / "poolserver.go")]
    subprocess.run(command, check=True, timeout=_BUILD_SECONDS)
    return [str(program), "{port}", *([] if cpus is None else [str(cpus)])]


RUNTIMES = {"A JVM": jvm, "Go": go}


def cases(runtime: str, directory: Path) -> list[Case]:
    """Return a server with this machine's pools, with a large node's, and with those that Auto sets there."""
    build = RUNTIMES[runtime]
    own, node = server(build(_under(directory, "own"))), server(build(_under(directory, "node"), NODE_CPUS))
    # Compilers in a JVM are at work for a while.
    warmup = "4s" if build is jvm else "1s"
    return [
        Case(f"None: {os.cpu_count()} CPUs, this machine's", own, warmup=warmup),
        Case(f"None: as on {NODE_CPUS} CPUs", node, warmup=warmup),
        Case("Auto", node, threads="Auto", warmup=warmup),
    ]


def server(command: list[str]) -> dict[str, Any]:
    """Return `spec.server` of a command."""
    return {"template": {"spec": {"containers": [{"name": "server", "image": "none", "command": command}]}}}


def _under(directory: Path, name: str) -> Path:
    folder = directory / name
    folder.mkdir()
    return folder
