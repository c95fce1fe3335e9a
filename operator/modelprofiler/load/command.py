"""``modelprofiler load``: generate the load that one file describes, and write the result to another."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelprofiler.api.trial import LoadStatus
from modelprofiler.core.answers.redact import without
from modelprofiler.core.evidence import ResultKind
from modelprofiler.errors import InvalidInput, ModelProfilerError
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.runner import run as run_load
from modelprofiler.load.secret_headers import filled, header_problems, values_in
from modelprofiler.load.tls import pair_in, pair_problems

TERMINATION_LOG = "/dev/termination-log"
"""Where a container leaves its termination message, which Kubernetes shows in the pod's status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Generate a load as the command line says; return the exit code: 0 when a result was written, else 1."""
    parser = argparse.ArgumentParser(
        prog="modelprofiler load",
        description="Send the rows of a dataset to a server as requests, and measure its latency.",
    )
    configure(parser)
    return run(parser.parse_args(argv))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSON file with the server, the requests and how they arrive; - reads it from standard input",
    )
    parser.add_argument(
        "--result",
        type=Path,
        default=Path(TERMINATION_LOG),
        metavar="FILE",
        help="file to write the result to (default: %(default)s)",
    )
    parser.add_argument(
        "--completion-index",
        type=int,
        default=0,
        metavar="NUMBER",
        help="number of this pod in its Indexed Job, which is added to the index of the configuration (default: 0)",
    )
    parser.epilog = "example:\n  modelprofiler load --config load.json --result result.txt"


def run(arguments: argparse.Namespace) -> int:
    """Generate the load; return 0 when a result was written, else 1."""
    result = _result(arguments.config, arguments.completion_index)
    try:
        arguments.result.write_text(result.encode(), encoding="ascii")
    except OSError as e:
        print(f"the result cannot be written: {e}", file=sys.stderr)
        return 1
    _print(result.summary_line() + (f": {result.message}" if result.message else ""))
    return 0


def _result(path: Path, completion_index: int) -> LoadResult:
    try:
        config = LoadConfig.read(path).numbered(completion_index)
        values = config.header_values or values_in(config.endpoint, os.environ)
        pair = config.client_certificate or pair_in(config.endpoint, os.environ)
        if problems := [*header_problems(config.endpoint, values), *pair_problems(config.endpoint, pair)]:
            raise InvalidInput([*problems])
        endpoint = filled(config.endpoint, values)
        secrets = tuple(values.values())
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            ready = config.model_copy(update={"endpoint": endpoint, "client_certificate": pair or None})
            result = runner.run(_until_signal(ready, secrets))
        return _without(secrets, result)
    except ModelProfilerError as e:
        return LoadResult(ResultKind.FAILED, str(e))
    except Exception as e:  # whatever happened, there must be a result that says it
        return LoadResult(ResultKind.FAILED, f"{type(e).__name__}: {e}")


async def _until_signal(config: LoadConfig, secrets: Sequence[str]) -> LoadResult:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(number, stop.set)
    return await run_load(config, stop, lambda line: _print(without(line, secrets)))


def _without(secrets: Sequence[str], result: LoadResult) -> LoadResult:
    """Return a result in which no text contains a secret that a server has sent back."""
    if not secrets:
        return result

    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: cleaned(part) for name, part in value.items()}
        if isinstance(value, list):
            return [cleaned(part) for part in value]
        return without(value, secrets) if isinstance(value, str) else value

    status = result.status
    if status is not None:
        status = LoadStatus.model_validate(cleaned(status.to_dict()))
    return replace(result, message=without(result.message, secrets), status=status)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


def _print(line: str) -> None:
    print(line, flush=True)
