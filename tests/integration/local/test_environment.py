"""Environments of entry scripts, built by the real uv from a real index."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelprofiler.api.server import Environment
from modelprofiler.errors import EnvironmentFailed, InvalidInput
from modelprofiler.local.environment import _build_lock, build, usable_python

Build = Callable[[Environment], Path]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which nothing is kept yet."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="module")
def tiny(cache: Path) -> Environment:
    """Return an environment with next to nothing in it, built."""
    environment = Environment(requirements=["six"])
    try:
        build(environment, cache)
    except EnvironmentFailed as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no environment can be built here, which is a failure because CI=true: {error}")
        pytest.skip(f"no environment can be built here: {error}")
    return environment


def test_an_environment_has_what_is_asked_for_and_the_server(tiny: Environment, cache: Path) -> None:
    """It runs where it was moved to."""
    python = build(tiny, cache)
    assert cache == python.parent.parent.parent
    subprocess.run([python, "-c", "import six, azureml_inference_server_http"], check=True, timeout=60)
    for command in ([python, python.with_name("azmlinfsrv")], [python.with_name("azmlinfsrv")]):
        completed = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60, check=False)
        assert "--entry_script" in completed.stdout, completed.stderr


def test_it_is_built_once(tiny: Environment, cache: Path) -> None:
    """The second time there is no message, and no temporary folder is left."""
    messages: list[str] = []
    assert build(tiny, cache, messages.append) == build(tiny, cache, messages.append)
    assert [] == messages
    assert [] == list(cache.glob(".building-*"))


def test_one_whose_python_is_gone_is_not_used(tiny: Environment, cache: Path) -> None:
    """A system upgrade takes the interpreter that it was made with."""
    python = build(tiny, cache)
    assert python == usable_python(python.parent.parent)
    target = python.readlink()
    python.unlink()
    python.symlink_to("/no/such/python")
    assert usable_python(python.parent.parent) is None
    python.unlink()
    python.symlink_to(target)


def test_requirements_that_contradict_each_other_are_the_users_to_mend(tiny: Environment, cache: Path) -> None:
    """The message quotes the resolver, and no temporary folder is left."""
    with pytest.raises(InvalidInput) as error:
        build(Environment(requirements=[*tiny.requirements, "six<1", "six>1"]), cache)
    (problem,) = error.value.problems
    assert "spec.server.entryScript.environment.requirements" == problem.path
    assert "six" in problem.message
    assert [] == list(cache.glob(".building-*"))


def test_a_missing_python_is_reported_with_those_that_are_installed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network none is fetched."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PATH", str(Path(sys.base_prefix) / "bin"))  # not every interpreter that there is
    with pytest.raises(InvalidInput) as error:
        build(Environment(python_version="3.99"), cache)
    (problem,) = error.value.problems
    assert "spec.server.entryScript.environment.pythonVersion" == problem.path
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in problem.message


def test_without_a_way_to_the_packages_the_profile_is_not_blamed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that does not answer."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EnvironmentFailed, match="cannot be installed"):
        build(Environment(requirements=["no-such-package-anywhere"]), cache)


def test_building_ends_soon_after_it_is_stopped(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even while uv waits for an index that does not answer: Ctrl-C does not wait for it."""
    stop = threading.Event()

    def stop_when_asked(silent: socket.socket) -> None:
        connection, _ = silent.accept()
        with connection:
            stop.set()
            connection.settimeout(30)
            while connection.recv(1000):
                pass

    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as threads:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        monkeypatch.setenv("UV_NO_CACHE", "1")
        served = threads.submit(stop_when_asked, silent)
        with pytest.raises(EnvironmentFailed, match="stopped"):
            build(Environment(requirements=["never-comes"]), cache, stop=stop)
        served.result()
    assert [] == list(cache.glob(".building-*"))


@pytest.fixture
def other_build(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a process that holds the lock of a build until its input ends."""
    file = tmp_path / "lock"
    with subprocess.Popen(["flock", file, "sh", "-c", "echo held; cat"], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        yield process
        process.communicate()


def test_a_build_waits_for_another_process_that_builds_the_same(
    tmp_path: Path, other_build: subprocess.Popen[str]
) -> None:
    """It says so once, and goes on when the other has ended."""
    messages: list[str] = []

    def notify(message: str) -> None:
        messages.append(message)
        other_build.communicate()

    with _build_lock(tmp_path / "lock", notify, threading.Event()):
        assert ["waiting for another process that builds the same environment"] == messages


@pytest.mark.usefixtures("other_build")
def test_waiting_for_another_build_can_be_stopped(tmp_path: Path) -> None:
    """Ctrl-C does not wait for the other process."""
    stop = threading.Event()
    with pytest.raises(EnvironmentFailed, match="stopped"), _build_lock(tmp_path / "lock", lambda _: stop.set(), stop):
        pass
