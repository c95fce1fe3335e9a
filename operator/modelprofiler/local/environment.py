"""The Python environment of an entry script: built once by uv from what the profile asks for, and kept by content."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.resources
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from modelprofiler.api.server import Environment
from modelprofiler.core.scoring import COMMAND
from modelprofiler.core.support import CLUSTER_PYTHON
from modelprofiler.errors import EnvironmentFailed, InvalidInput, Problem
from modelprofiler.local.pip_settings import uv_settings

PATH = "spec.server.entryScript.environment"
SERVER = "azureml-inference-server-http"
BUILD_SECONDS = 1800.0
"""Of fetching and installing: large packages come over slow lines."""
VENV_SECONDS = 300.0
"""Of making an empty environment, for which Python itself may have to be fetched."""
LOCK_SECONDS = BUILD_SECONDS + VENV_SECONDS
LOOK_SECONDS = 0.1
"""How often it is looked whether uv shall be stopped."""
STOPPED = "the environment was not built: stopped"
LAST_WORDS = 12
"""Lines of uv that are shown when it fails."""

# Whatever uv says when not the profile but the way to the packages is at fault.
UNREACHABLE = re.compile(
    r"failed to fetch|error sending request|dns error|connect(ion|ing) |timed out|certificate|network was disabled"
    r"|no space left|permission denied|read-only file system",
    re.IGNORECASE,
)

Say = Callable[[str], None]


def default_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in which environments are kept."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "modelprofiler" / "environments"


def build(
    environment: Environment,
    cache: Path | None = None,
    say: Say = lambda _: None,
    stop: threading.Event | None = None,
) -> Path:
    """Return the Python of an environment with what the profile asks for, built if there is none yet.

    Parameters
    ----------
    environment
        What the profile says; without requirements, the packages of the scoring-server image.
    cache
        Where environments are kept; default: `default_cache`.
    say
        Is told what takes so long, a line at a time.
    stop
        Set to end it early: uv and what it started are gone soon after.

    Raises
    ------
    InvalidInput
        No such Python, or the requirements do not resolve; with uv's own words.
    EnvironmentFailed
        There is no uv, no way to the packages, no room, or no time; or it was stopped.
    """
    stop = stop or threading.Event()
    cache = cache or default_cache()
    wanted = requirements(environment)
    version = environment.python_version
    folder = cache / _key(wanted, version)
    if found := usable(folder):
        return found
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache / f"{folder.name}.lock", say, stop):
            if found := usable(folder):
                return found
            uv = Uv(say, stop)
            asked = "with the packages of the scoring-server image" if not environment.requirements else ""
            count = len(environment.requirements)
            asked = asked or f"from {count} requirement{'s' if count > 1 else ''}"
            say(f"building the environment of the entry script, {asked} (only once: it is kept in {cache})")
            with tempfile.TemporaryDirectory(prefix=".building-", dir=cache, ignore_cleanup_errors=True) as new:
                _fill(uv, Path(new) / "env", wanted, version)
                shutil.rmtree(folder, ignore_errors=True)
                (Path(new) / "env").rename(folder)
    except OSError as error:
        raise EnvironmentFailed(f"the environment cannot be kept in {cache}: {error.strerror or error}") from error
    found = usable(folder)
    if found is None:
        raise EnvironmentFailed(f"the environment in {folder} was built, but its Python does not run")
    return found


def requirements(environment: Environment) -> list[str]:
    """Return what is installed: what the profile asks for and the server, or what the scoring-server image has."""
    image = image_requirements()
    asked = [line.strip() for line in environment.requirements]
    if not asked:
        return image
    if any(_name(line) == SERVER for line in asked):
        return asked
    return [*(line for line in image if _name(line) == SERVER), *asked]


def image_requirements() -> list[str]:
    """Return what the scoring-server image is made from."""
    text = importlib.resources.files("modelprofiler.local").joinpath("scoring-server.in").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def requirement_problems(environment: Environment) -> list[Problem]:
    """Return what in the requirements can be seen to be wrong without looking for packages."""
    return [
        Problem(f"{PATH}.requirements[{number}]", f"names packages, not options or files: {line!r}")
        for number, line in enumerate(environment.requirements)
        if line.strip().startswith("-")
    ]


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _key(wanted: Sequence[str], version: str | None) -> str:
    content = {"requirements": sorted(wanted), "python": version, "platform": sysconfig.get_platform()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def usable(folder: Path) -> Path | None:
    """Return the Python of an environment that is there and still runs."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / COMMAND).exists():
        return None
    try:
        done = subprocess.run([python, "-I", "-S", "-c", ""], capture_output=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return python if done.returncode == 0 else None


def _fill(uv: Uv, folder: Path, wanted: Sequence[str], version: str | None) -> None:
    python = uv.python(version)
    # Relocatable: it moves to its place only when it is whole.
    uv.run("venv", "--quiet", "--relocatable", "--python", python, str(folder), seconds=VENV_SECONDS)
    listed = folder / "requirements.txt"
    listed.write_text("\n".join(wanted) + "\n")
    install = ("pip", "install", "--python", str(folder / "bin/python"), "--compile-bytecode", "-r", str(listed))
    done = uv.call(*install, seconds=BUILD_SECONDS)
    if done.returncode:
        words = last_words(done.stderr)
        if UNREACHABLE.search(done.stderr):
            raise EnvironmentFailed(f"the packages of the entry script cannot be installed: {words}")
        raise InvalidInput([Problem(f"{PATH}.requirements", f"cannot be installed: {words}")])


def last_words(said: str) -> str:
    """Return the end of what uv printed, its decoration removed."""
    lines = [line.strip(" \t×╰─▶│├→") for line in said.splitlines() if not line.startswith("Using Python ")]
    return "\n".join([line for line in lines if line][-LAST_WORDS:]) or "uv gave no reason"


@contextlib.contextmanager
def _alone(path: Path, say: Say, stop: threading.Event) -> Iterator[None]:
    """Hold a file's lock: two runs that want one environment build it once."""
    with path.open("w") as file:
        end = time.monotonic() + LOCK_SECONDS
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    message = f"another process has been building the environment ({path}) for too long"
                    raise EnvironmentFailed(message) from None
                if not told:
                    say("waiting for another process that builds the same environment")
                    told = True
                if stop.wait(0.2):
                    raise EnvironmentFailed(STOPPED) from None
        yield


class Uv:
    """The program uv, with this machine's indexes and certificates."""

    def __init__(self, say: Say = lambda _: None, stop: threading.Event | None = None) -> None:
        self._say = say
        self._stop = stop or threading.Event()
        self._program = _program()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT", "UV_PYTHON", "UV_SYSTEM_PYTHON")
        }
        self._environment = inherited | uv_settings(os.environ, Path.home()) | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1"}

    def python(self, version: str | None) -> str:
        """Return the Python to use: the version asked for, else the image's where this machine has it, else our own.

        Raises
        ------
        InvalidInput
            This machine has no such Python, and none can be fetched.
        """
        wanted = version or CLUSTER_PYTHON
        done = self.call("python", "find", "--no-python-downloads", "--no-project", wanted, seconds=60)
        if done.returncode == 0:
            return done.stdout.strip()
        if version is None:
            return sys.executable
        if self._environment.get("UV_OFFLINE", "") in ("", "0", "false"):
            self._say(f"this machine has no Python {version}; fetching it")
            done = self.call("python", "install", "--no-bin", version, seconds=VENV_SECONDS)
            if done.returncode == 0:
                return version
        there = self.call("python", "list", "--only-installed", "--no-python-downloads", seconds=60).stdout
        versions = sorted(set(re.findall(r"^cpython-(\d+\.\d+)", there, re.MULTILINE)), key=_number)
        # Beside the error there may be a warning for every other Python that cannot be asked.
        why = re.findall(r"^error: (.*)", done.stderr, re.MULTILINE) or [last_words(done.stderr)]
        message = (
            f"Python {version} is not on this machine and cannot be fetched ({why[-1]}); "
            f"install it, or ask for one that is here: {', '.join(versions) or 'none was found'}"
        )
        raise InvalidInput([Problem(f"{PATH}.pythonVersion", message)])

    def run(self, *arguments: str, seconds: float) -> None:
        """Run uv.

        Raises
        ------
        EnvironmentFailed
            It failed.
        """
        done = self.call(*arguments, seconds=seconds)
        if done.returncode:
            raise EnvironmentFailed(f"uv {arguments[0]} failed: {last_words(done.stderr)}")

    def call(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run uv; return its exit code and what it printed.

        Raises
        ------
        EnvironmentFailed
            It cannot be run, or takes too long.
        """
        command = [self._program, *arguments]
        # In a folder of its own: the uv.toml of whatever project the person stands in is not about this environment.
        with tempfile.TemporaryDirectory(prefix="modelprofiler-") as nowhere:
            try:
                process = subprocess.Popen(  # noqa: S603 - no shell
                    command,
                    cwd=nowhere,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    # Packages may be compiled: whatever uv started ends with it.
                    start_new_session=True,
                )
            except OSError as error:
                raise EnvironmentFailed(f"uv cannot be run: {error.strerror}") from error
            with process:
                try:
                    out, said = self._output(process, time.monotonic() + seconds)
                except subprocess.TimeoutExpired as error:
                    message = (
                        STOPPED
                        if self._stop.is_set()
                        else f"uv {arguments[0]} was still not done after {seconds:.0f} s"
                    )
                    raise EnvironmentFailed(message) from error
        return subprocess.CompletedProcess(command, process.returncode, out, said)

    def _output(self, process: subprocess.Popen[str], end: float) -> tuple[str, str]:
        """Return what it printed when it has ended; after `end` (monotonic clock), or when stopped, it is killed."""
        while True:
            try:
                return process.communicate(timeout=LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if self._stop.is_set() or time.monotonic() > end:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    raise


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _program() -> str:
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        if found := shutil.which("uv"):
            return found
        message = "the environment of an entry script is built by uv: pip install 'modelprofiler[local]'"
        raise EnvironmentFailed(message) from error
