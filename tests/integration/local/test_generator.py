"""The load generator as a process that may fail before its load, or be started where something is missing."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelprofiler.errors import LoadError
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.local.generator import Generator

LOAD = {"openLoop": {"rate": "1"}, "warmup": "0s", "duration": "5s"}


def config(rows: Path) -> LoadConfig:
    """Return a load of a server that does not exist."""
    endpoint = {"http": {"port": 9}}
    return LoadConfig.model_validate(
        {
            "host": "127.0.0.1",
            "port": 9,
            "endpoint": endpoint["http"],
            "dataset": {"path": str(rows)},
            "load": LOAD,
            "connectTimeout": 0.1,
        }
    )


async def load(rows: Path, until_it_ended: bool = False) -> LoadResult:
    """Make one load, and wait for an early end of the generator before it gets its configuration, or do not."""
    generator = await Generator.start()
    if until_it_ended:
        await asyncio.wait_for(generator._process.wait(), 20)
    return await asyncio.wait_for(generator.run(config(rows), asyncio.Event(), lambda _: None), 60)


@pytest.mark.parametrize("until_it_ended", [True, False])
async def test_one_that_ends_before_its_load_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until_it_ended: bool
) -> None:
    """Its exit code, and the cause of its end, whenever it ends."""
    broken = tmp_path / "python"
    traceback = 'Traceback (most recent call last):\n  File "/x.py", line 1\nImportError: libgone.so is missing'
    broken.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{traceback}\n{'more ' * 300}\nEND\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(LoadError) as caught:
        await load(tmp_path / "rows", until_it_ended)
    message = str(caught.value)
    assert "the load generator left no result and ended with exit code 3; its last words were: " in message
    assert "ImportError: libgone.so is missing" in message


async def test_the_rows_that_it_cannot_read_are_named(tmp_path: Path) -> None:
    """Its own message is the result's."""
    assert str(tmp_path / "rows") in (await load(tmp_path / "rows")).message


def test_it_needs_no_device_for_its_configuration(tmp_path: Path) -> None:
    """A container may have no /dev/stdin: only /dev/null and /dev/urandom are there."""
    rows, result = tmp_path / "rows", tmp_path / "result"
    rows.write_text("{}")
    devices = "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9"
    inner = [sys.executable, "-P", "-m", "modelprofiler.load", "--config", "-", "--result", str(result)]
    command = ["unshare", "--mount", "sh", "-c", f'{devices} && exec "$@"', "sh", *inner]
    if os.geteuid():
        command = inner  # only root may take the devices away
    text = json.dumps(config(rows).to_dict())
    completed = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == completed.returncode, completed.stdout + completed.stderr
    assert "nothing listens on port 9" in LoadResult.decode(result.read_text()).message
