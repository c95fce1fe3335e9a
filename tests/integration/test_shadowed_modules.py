"""Files of a user that are named like modules of Python or of our libraries take the place of none of them.

People have a ``types.py`` or a ``json.py`` next to their script; every program of this package is started among them.
"""

import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.ports import unused_port

from modelprofiler.azureml.profiling.local_run import LocalRuns
from modelprofiler.azureml.store import Store
from modelprofiler.errors import LoadError
from modelprofiler.host.programs import PACKAGE_FOLDER, own_environment
from modelprofiler.host.server_process import ServerProcess
from modelprofiler.load.config import LoadConfig
from modelprofiler.local.generator import Generator

LIBRARIES = ("yaml", "pydantic", "httptools", "uvloop", "psutil", "rich", "filelock", "jinja2", "uv")
STANDARD = [name for name in sys.stdlib_module_names if name != "__main__" and importlib.util.find_spec(name)]
"""The modules of Python on this machine; others, such as winreg, are looked for without being there."""
MODELPROFILER = str(Path(sys.executable).with_name("modelprofiler"))

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder, also on PYTHONPATH, with a file for each module that somebody may import."""
    for name in (*STANDARD, *LIBRARIES):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} is the one of the user')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def usable_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what no Python starts without (encodings, re and what they import) out of PYTHONPATH."""
    listing = [sys.executable, "-I", "-c", "import re, sys; print(*sys.modules)"]
    needed = subprocess.run(listing, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    on_path = folder / "on-path"
    on_path.mkdir()
    for file in folder.glob("*.py"):
        if file.stem not in {*needed, "__future__"}:
            (on_path / file.name).write_text(file.read_text())
    monkeypatch.setenv("PYTHONPATH", str(on_path))


def profile(port: int) -> dict[str, Any]:
    """Return a profile whose server is not there."""
    container = {"name": "server", "image": "none", "command": [sys.executable, "-S", "-c", "import time"]}
    return {
        "apiVersion": "modelprofiler.io/v1alpha1",
        "kind": "ModelProfile",
        "metadata": {"name": "shadowed", "annotations": {}},
        "spec": {
            "server": {"template": {"spec": {"containers": [container]}}},
            "endpoint": {"http": {"port": port}},
            "dataset": {"source": {"inline": "{}\n{}\n"}},
            "load": {"openLoop": {"rate": "10"}, "duration": "5s"},
            "objectives": {"latency": {"p95": "1s"}},
            "resources": {"cpu": {"values": ["500m"]}, "memory": {"values": ["64Mi"]}},
        },
    }


def load_config(folder: Path, port: int) -> LoadConfig:
    """Return a load of a server on this machine."""
    (folder / "rows.txt").write_text("{}\n{}\n")
    return LoadConfig.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "endpoint": {"port": port, "path": "/", "timeout": "1s"},
            "dataset": {"path": str(folder / "rows.txt")},
            "load": {"openLoop": {"rate": "10"}, "duration": "5s"},
            "connectTimeout": 0.2,
        }
    )


async def test_the_load_generator(folder: Path) -> None:
    """Nothing listens, which is what it says."""
    port = unused_port()
    generator = await Generator.start()
    result = await generator.run(load_config(folder, port), asyncio.Event(), lambda _: None)
    assert f"nothing listens on port {port}" in result.message


async def test_the_load_generator_of_a_user_whose_folder_is_not_readable(folder: Path) -> None:
    """A folder of PYTHONPATH that is gone is no reason to fail."""
    os.environ["PYTHONPATH"] = os.pathsep.join(["", str(folder / "gone"), str(folder)])
    generator = await Generator.start()
    try:
        await generator.run(load_config(folder, unused_port()), asyncio.Event(), lambda _: None)
    except LoadError as error:
        pytest.fail(str(error))


async def test_the_launcher_of_servers(folder: Path) -> None:
    """It becomes the server, which finds the variables of its profile and nothing of ours."""
    server = ServerProcess()
    await server.start(
        ("/bin/sh", "-c", "echo started; exit 3"),
        env={"PATH": "/bin"},
        cwd=folder,
        cgroup=None,
        log_path=folder / "log",
    )
    try:
        async with asyncio.timeout(20):
            while server.alive:  # noqa: ASYNC110 - the kernel sets no event
                await asyncio.sleep(0.01)
        assert "the server ended with exit code 3: started" == server.exit_sentence()
    finally:
        await server.stop(0)


@pytest.mark.usefixtures("usable_path")
@pytest.mark.parametrize("command", ["validate", "plan", "init", "run", "report"])
def test_the_commands(folder: Path, command: str) -> None:
    """The program that pip installs, and the files that it reads."""
    port = unused_port()
    (folder / "profile.yaml").write_text(json.dumps(profile(port)))
    (folder / "rows.txt").write_text("{}\n")
    arguments = {"init": ["--command", "python3 server.py", "--port", str(port), "--dataset", "rows.txt"]}
    if command == "run":  # refused before anything starts, since somebody listens
        with socket.create_server(("127.0.0.1", port)):
            completed = subprocess.run(
                [MODELPROFILER, "run", "profile.yaml"], capture_output=True, text=True, timeout=60
            )
        assert f"port {port}" in completed.stderr
    else:
        called = [MODELPROFILER, command, *arguments.get(command, ["profile.yaml"])]
        completed = subprocess.run(called, capture_output=True, text=True, timeout=60, check=False)
    assert "of the user" not in completed.stdout + completed.stderr
    assert "Traceback" not in completed.stderr


def test_the_process_of_an_azure_ml_profile(folder: Path) -> None:
    """Its worker, and the engine that the worker starts, in a run that is refused since its port is occupied."""
    runs = LocalRuns(Store(folder / "home"))
    directory = runs.reserve("shadowed")
    port = unused_port()
    with socket.create_server(("127.0.0.1", port)):
        runs.start(directory, profile(port), [], None)
        deadline = time.monotonic() + 60
        while not runs.read("shadowed").state.startswith("F") and time.monotonic() < deadline:
            time.sleep(0.2)
    log = (directory / "run.log").read_text()
    assert f"port {port}" in log
    assert "of the user" not in log


def test_folders_of_installed_packages_stay(tmp_path: Path) -> None:
    """Those of ``pip install --target``, and that of this package; others are left out."""
    packages, scripts = tmp_path / "packages", tmp_path / "scripts"
    (packages / "somebody-1.0.dist-info").mkdir(parents=True)
    scripts.mkdir()
    path = os.pathsep.join(map(str, (scripts, packages, PACKAGE_FOLDER, tmp_path / "gone")))
    kept = own_environment({"PYTHONPATH": path, "HOME": "/root"})
    assert {"HOME": "/root", "PYTHONPATH": os.pathsep.join(map(str, (packages, PACKAGE_FOLDER)))} == kept
    assert {} == own_environment({"PYTHONPATH": str(scripts)})
