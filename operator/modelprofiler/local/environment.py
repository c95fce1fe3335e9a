"""The Python environment of an entry script: built by uv once, and kept in a folder named after its content."""

from __future__ import annotations

import contextlib
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

from filelock import FileLock, Timeout

from modelprofiler.api.server import Environment
from modelprofiler.core.requirements import PATH
from modelprofiler.core.scoring import COMMAND
from modelprofiler.core.support import CLUSTER_PYTHON
from modelprofiler.errors import EnvironmentFailed, InvalidInput, Problem
from modelprofiler.host.packages import SERVER, UNREACHABLE, error_lines, package_name
from modelprofiler.local.pip_settings import uv_settings

BUILD_SECONDS = 1800.0
"""How long packages may take to download and install; chosen for large packages over a slow line."""
VENV_SECONDS = 300.0
"""How long an empty environment may take, which may include a download of Python; chosen likewise."""
LOCK_SECONDS = BUILD_SECONDS + VENV_SECONDS
"""How long another process may take to build the same environment."""
POLL_SECONDS = 0.1
"""Between two checks whether to stop, so that Ctrl-C seems immediate."""
CHECK_SECONDS = 60
"""How long Python or uv may take to answer a question; chosen as a bound against hanging."""
STOPPED = "the environment was not built, because the run was stopped"

Notify = Callable[[str], None]


def default_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of all environments."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "modelprofiler" / "environments"


def build(
    environment: Environment,
    cache: Path | None = None,
    notify: Notify = lambda _: None,
    stop: threading.Event | None = None,
) -> Path:
    """Return the Python of the environment that a profile asks for, after building it if it does not exist yet.

    Parameters
    ----------
    environment
        The environment; without requirements it gets the packages of the scoring-server image.
    cache
        The folder of all environments; default: `default_cache`.
    notify
        Called with a sentence before a step that takes long.
    stop
        Set by another thread to end the build early; uv and its processes end soon after.

    Raises
    ------
    InvalidInput
        The Python version does not exist, or the requirements cannot be resolved; quotes uv.
    EnvironmentFailed
        uv is missing, the packages cannot be reached or stored, the build took too long, or it was stopped.
    """
    stop = stop or threading.Event()
    cache = cache or default_cache()
    packages = requirements(environment)
    version = environment.python_version
    folder = cache / _key(packages, version)
    if python := usable_python(folder):
        return python
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _build_lock(cache / f"{folder.name}.lock", notify, stop):
            if python := usable_python(folder):
                return python
            uv = Uv(notify, stop)
            count = len(environment.requirements)
            content = (
                f"{count} requirement{'s' if count > 1 else ''}" if count else "the scoring-server image's packages"
            )
            notify(f"building the environment of the entry script with {content} (only once, it is kept in {cache})")
            with tempfile.TemporaryDirectory(prefix=".building-", dir=cache, ignore_cleanup_errors=True) as new:
                _build_in(Path(new) / "env", uv, packages, version)
                shutil.rmtree(folder, ignore_errors=True)
                (Path(new) / "env").rename(folder)
    except OSError as error:
        raise EnvironmentFailed(f"the environment cannot be kept in {cache}: {error.strerror or error}") from error
    python = usable_python(folder)
    if python is None:
        raise EnvironmentFailed(f"the environment in {folder} was built, but its Python does not run")
    return python


def is_built(environment: Environment, cache: Path | None = None) -> bool:
    """Return whether `build` would find the environment that a profile asks for."""
    folder = _key(requirements(environment), environment.python_version)
    return usable_python((cache or default_cache()) / folder) is not None


def requirements(environment: Environment) -> list[str]:
    """Return the packages to install: those of the profile and the server, or those of the scoring-server image."""
    image = image_requirements()
    packages = [line.strip() for line in environment.requirements]
    if not packages:
        return image
    if any(package_name(line) == SERVER for line in packages):
        return packages
    return [*(line for line in image if package_name(line) == SERVER), *packages]


def image_requirements() -> list[str]:
    """Return the packages that the scoring-server image is made from."""
    text = importlib.resources.files("modelprofiler.local").joinpath("scoring-server.in").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


INDEX_VARIABLES = (
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_STRATEGY"),
    *("UV_FIND_LINKS", "UV_NO_INDEX"),
)
"""Variables of uv that say where packages come from: the same name may be another package elsewhere."""


def _key(packages: Sequence[str], version: str | None) -> str:
    """Return the folder name of an environment, which follows from its content and from where its packages come."""
    variables = {**os.environ, **uv_settings(os.environ, Path.home())}
    content = {
        "requirements": sorted(packages),
        "python": version,
        "platform": sysconfig.get_platform(),
        "indexes": {name: variables[name] for name in INDEX_VARIABLES if variables.get(name)},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def usable_python(folder: Path) -> Path | None:
    """Return the Python of an environment; None if the environment does not exist or its Python does not run."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / COMMAND).exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            [python, "-I", "-S", "-c", ""], capture_output=True, timeout=CHECK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return python if done.returncode == 0 else None


def _build_in(folder: Path, uv: Uv, packages: Sequence[str], version: str | None) -> None:
    python = uv.python(version)
    # Relocatable, because it is moved to its place when it is complete.
    uv.run("venv", "--quiet", "--relocatable", "--python", python, str(folder), seconds=VENV_SECONDS)
    requirements_file = folder / "requirements.txt"
    requirements_file.write_text("\n".join(packages) + "\n")
    install: tuple[str, ...] = ("pip", "install", "--python", str(folder / "bin/python"), "--compile-bytecode")
    install += ("-r", str(requirements_file))
    done = uv.call(*install, seconds=BUILD_SECONDS)
    if done.returncode:
        reason = error_lines(done.stderr)
        if UNREACHABLE.search(done.stderr):
            raise EnvironmentFailed(f"the packages of the entry script cannot be installed: {reason}")
        raise InvalidInput([Problem(f"{PATH}.requirements", f"cannot be installed: {reason}")])


@contextlib.contextmanager
def _build_lock(path: Path, notify: Notify, stop: threading.Event) -> Iterator[None]:
    """Hold a lock file, so that two runs that need the same environment build it once.

    Raises
    ------
    EnvironmentFailed
        Another process held the lock for too long, or the build was to be stopped.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        notify("waiting for another process that builds the same environment")
        try:
            lock.acquire(timeout=LOCK_SECONDS, poll_interval=POLL_SECONDS, cancel_check=stop.is_set)
        except Timeout as error:
            late = f"another process has been building the environment for too long and holds {path}"
            raise EnvironmentFailed(STOPPED if stop.is_set() else late) from error
    try:
        yield
    finally:
        lock.release()


class Uv:
    """The program uv, configured with this machine's indexes and certificates."""

    def __init__(self, notify: Notify = lambda _: None, stop: threading.Event | None = None) -> None:
        self._notify = notify
        self._stop = stop or threading.Event()
        self._program = _program()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT", "UV_PYTHON", "UV_SYSTEM_PYTHON")
        }
        self._environment = inherited | uv_settings(os.environ, Path.home()) | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1"}

    def python(self, version: str | None) -> str:
        """Return the Python to use: of the version asked for; else of the image's version if it is here; else our own.

        Raises
        ------
        InvalidInput
            This machine does not have this version, and it cannot be downloaded.
        """
        request = version or CLUSTER_PYTHON
        done = self.call("python", "find", "--no-python-downloads", "--no-project", request, seconds=CHECK_SECONDS)
        if done.returncode == 0:
            return done.stdout.strip()
        if version is None:
            return sys.executable
        if self._environment.get("UV_OFFLINE", "") in ("", "0", "false"):
            self._notify(f"downloading Python {version}, which this machine does not have")
            done = self.call("python", "install", "--no-bin", version, seconds=VENV_SECONDS)
            if done.returncode == 0:
                return version
        installed = self.call("python", "list", "--only-installed", "--no-python-downloads", seconds=CHECK_SECONDS)
        versions = sorted(set(re.findall(r"^cpython-(\d+\.\d+)", installed.stdout, re.MULTILINE)), key=_version_key)
        # In addition to the error, uv prints a warning for every Python that does not run.
        errors = re.findall(r"^error: (.*)", done.stderr, re.MULTILINE) or [error_lines(done.stderr)]
        message = (
            f"Python {version} is not on this machine and cannot be downloaded ({errors[-1]}); "
            f"install it, or use an installed version: {', '.join(versions) or 'none was found'}"
        )
        raise InvalidInput([Problem(f"{PATH}.pythonVersion", message)])

    def run(self, *arguments: str, seconds: float) -> None:
        """Run uv.

        Raises
        ------
        EnvironmentFailed
            uv failed.
        """
        done = self.call(*arguments, seconds=seconds)
        if done.returncode:
            raise EnvironmentFailed(f"uv {arguments[0]} failed: {error_lines(done.stderr)}")

    def call(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run uv; return its exit code and its output.

        Raises
        ------
        EnvironmentFailed
            uv cannot be run, took too long, or was stopped.
        """
        command = [self._program, *arguments]
        # In an empty folder, because the uv.toml of the current project does not apply to this environment.
        with tempfile.TemporaryDirectory(prefix="modelprofiler-") as empty:
            try:
                process = subprocess.Popen(  # noqa: S603 - no shell
                    command,
                    cwd=empty,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    # One session, so that compilers that uv has started end with it.
                    start_new_session=True,
                )
            except OSError as error:
                raise EnvironmentFailed(f"uv cannot be run: {error.strerror}") from error
            with process:
                try:
                    out, errors = self._output(process, time.monotonic() + seconds)
                except subprocess.TimeoutExpired as error:
                    late = f"uv {arguments[0]} was not finished after {seconds:.0f} s"
                    raise EnvironmentFailed(STOPPED if self._stop.is_set() else late) from error
        return subprocess.CompletedProcess(command, process.returncode, out, errors)

    def _output(self, process: subprocess.Popen[str], end: float) -> tuple[str, str]:
        """Return the output of a process when it has ended.

        Raises
        ------
        subprocess.TimeoutExpired
            It was killed: it ran beyond `end` (monotonic clock), or was to be stopped.
        """
        while True:
            try:
                return process.communicate(timeout=POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if self._stop.is_set() or time.monotonic() > end:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    raise


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _program() -> str:
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        if program := shutil.which("uv"):
            return program
        message = "uv builds the environment of an entry script and is missing: pip install 'modelprofiler[local]'"
        raise EnvironmentFailed(message) from error
