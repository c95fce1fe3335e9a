"""The process of a run on this machine: it runs the engine, records how that ended, and tags the models if requested.

``python -m modelprofiler.azureml.profiling.worker DIRECTORY``
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from modelprofiler.azureml.profiling.details import FAILED, SUCCEEDED, serialized
from modelprofiler.azureml.profiling.local_run import (
    LOG,
    MANIFEST,
    PROFILES,
    STATE,
    LocalRuns,
    end_of_log,
    update_state,
)
from modelprofiler.azureml.profiling.manifest import AUTO_TAG
from modelprofiler.azureml.profiling.tags import tag_models
from modelprofiler.azureml.registry.choose import registry_at
from modelprofiler.azureml.store import Store, read_json
from modelprofiler.errors import ModelProfilerError
from modelprofiler.host.programs import own_command

WAIT_SECONDS = 24 * 3600
"""How long a run waits in the queue for other runs on this machine: a day. An estimate."""


def engine(directory: Path) -> list[str]:
    """Return the command that runs the profile of a directory."""
    options = ("--output", "json", "--directory", str(directory / "run"), "--wait", str(WAIT_SECONDS))
    return own_command("modelprofiler", "run", str(directory / MANIFEST), *options)


def main(argv: list[str]) -> int:
    """Run the profile of a directory; return the engine's exit code."""
    directory = Path(argv[0])
    process = subprocess.Popen(engine(directory), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603 - this very program

    def stop(number: int, frame: FrameType | None) -> None:
        process.terminate()  # a process that a shell started in the background ignores SIGINT

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        output, _ = process.communicate()
    finally:
        if process.poll() is None:
            process.kill()
    _record_end(directory, process.returncode, output)
    return process.returncode


def _record_end(directory: Path, code: int, output: bytes) -> None:
    status = directory / "run" / "profile.json"
    if not status.is_file() and output.strip().startswith(b"{"):
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_bytes(output)
    state = read_json(directory / STATE) or {}
    runs = LocalRuns(Store(Path(state["store"])))
    name = directory.relative_to(Path(state["store"]) / PROFILES).as_posix()
    try:
        snapshot = runs.read(name)
        if state.get("ended") is None and snapshot.state not in (SUCCEEDED, FAILED) and not snapshot.error:
            message = f"the run ended with exit code {code}; its last output: {end_of_log(directory / LOG)}"
            update_state(directory, ended=FAILED, message=message)
            return
        if snapshot.state == SUCCEEDED and snapshot.profile.metadata.annotations.get(AUTO_TAG):
            registry = registry_at(state.get("trackingUri"), runs.store)
            tag_models(registry, state.get("models") or [], serialized(snapshot))
    except ModelProfilerError as error:
        print(f"modelprofiler: {error}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
