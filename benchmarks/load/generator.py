"""The project's generator as a trial runs it: ``python -m modelprofiler.load`` with a file of what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.load.programs import BODY, HERE, cores, running

from modelprofiler.load.result import LoadResult

PROGRAM = "modelprofiler.load"


def configuration(port: int, load: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the configuration of a generator, without the rows that `command` adds."""
    endpoint = {"path": "/", "timeout": "5s"} | changes.pop("endpoint", {})
    fields = {"host": HERE, "port": port, "endpoint": endpoint, "load": {"warmup": "1s"} | load, "connect_timeout": 5}
    return fields | changes


def command(config: dict[str, Any], folder: Path, *, program: str = PROGRAM, rows: bytes = BODY + b"\n") -> list[str]:
    """Return the command line of a generator whose result will be ``folder``/result."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows").write_bytes(rows)
    (folder / "config.json").write_text(json.dumps(config | {"dataset": {"path": str(folder / "rows")}}))
    return [
        sys.executable, "-m", program, "--config", str(folder / "config.json"), "--result", str(folder / "result")
    ]  # fmt: skip


def result_of(folder: Path) -> LoadResult:
    """Return what a generator has left in its folder.

    Raises
    ------
    RuntimeError
        When it has left nothing.
    """
    file = folder / "result"
    if not file.exists():
        raise RuntimeError(f"the generator left no result: {(folder / 'output').read_text(errors='replace')[-500:]}")
    return LoadResult.decode(file.read_text())


def measured(results: Sequence[LoadResult]) -> Sequence[LoadResult]:
    """Return the results of loads that were made.

    Raises
    ------
    RuntimeError
        When one was not, with what it says.
    """
    for result in results:
        if result.status is None:
            raise RuntimeError(f"a load was not made: {result.message}")
    return results


def run(configs: Sequence[dict[str, Any]], folder: Path, **options: Any) -> list[LoadResult]:
    """Run generators side by side on the client's core, each to its end, and return their results."""
    folders = [folder / str(i) for i in range(len(configs))]
    _run_each(list(zip(configs, folders, strict=True)), options)
    return [result_of(each) for each in folders]


def _run_each(left: Sequence[tuple[dict[str, Any], Path]], options: dict[str, Any]) -> None:
    if not left:
        return
    (config, folder), *others = left
    with running(command(config, folder, **options), cores()[0], folder) as process:
        _run_each(others, options)
        process.wait(timeout=60)
