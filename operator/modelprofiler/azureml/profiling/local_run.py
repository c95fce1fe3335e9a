"""Runs on this machine: each is a process of its own, which outlives the script that started it.

The directory of a run contains its input (profile.yaml, code, azureml-models, dataset.txt), the result of the engine
(run/profile.json), the output of the process (run.log), and state.json: the process, and how it ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from modelprofiler.api.resource import ModelProfile
from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.profiling.details import CANCELLED, FAILED, FINAL_STATES, Snapshot
from modelprofiler.azureml.store import Json, Store, read_json, write_json
from modelprofiler.core.text import tail
from modelprofiler.host.programs import own_command, own_environment

PROFILES = "profiles"
STATE, MANIFEST, LOG = "state.json", "profile.yaml", "run.log"
STATUS = "run/profile.json"

LAST_LINES = 20
LONGEST_LOG_END = 1500
"""The end of a log in an error message: its last lines, up to this number of characters. Enough for a traceback."""

START_SECONDS = 30.0
"""How long a run without a process counts as starting; a process starts in milliseconds. An estimate."""

CANCEL_SECONDS = 15.0
"""How long a run may take to stop its server and load before it is killed. An estimate."""


class LocalRuns:
    """The runs in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def reserve(self, name: str) -> Path:
        """Create the directory of a new run.

        Raises
        ------
        WebserviceException
            When the name is taken or invalid.
        """
        if name in (".", "..") or "/" in name or "\\" in name or name.startswith("."):
            raise WebserviceException(f"{name!r} cannot be the name of a profile; use letters, digits, - and _.")
        directory = self.store.path(PROFILES, name)
        directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            directory.mkdir()
        except FileExistsError:
            raise WebserviceException(
                f"A profile with name {name} exists already: choose another name. "
                f"ModelProfile(workspace, {name!r}) looks it up.",
                status_code=409,
            ) from None
        return directory

    def start(self, directory: Path, manifest: Json, models: list[str], tracking_uri: str | None) -> None:
        """Start a run in the background."""
        (directory / MANIFEST).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
        write_json(directory / STATE, {"models": models, "trackingUri": tracking_uri, "store": str(self.store.root)})
        command = own_command("modelprofiler.azureml.profiling.worker", str(directory))
        with (directory / LOG).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - this very program
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=directory,
                env=own_environment(),
            )
        _children.append(process)
        update_state(directory, pid=process.pid, command=command)

    def read(self, name: str) -> Snapshot:
        """Return the present state of a run.

        Raises
        ------
        WebserviceException
            When there is no run of that name.
        """
        directory = self.store.path(PROFILES, name)
        state = read_json(directory / STATE) if name and "/" not in name else None
        if state is None or not (directory / MANIFEST).is_file():
            known = ", ".join(self.store.names(PROFILES)) or "none"
            raise WebserviceException(
                f"Model profiling result with name {name} not found in provided workspace; there are {known}.",
                status_code=404,
            )
        _reap_children()
        # In this order: a run that ends in between has written how it ended.
        alive = _is_running(state) or ("pid" not in state and _is_new(directory / STATE))
        state = read_json(directory / STATE) or state
        document = read_json(directory / STATUS) or yaml.safe_load((directory / MANIFEST).read_text(encoding="utf-8"))
        profile = ModelProfile.parse(_with_annotations(document, directory))
        logs = (directory / LOG).as_uri()
        ended, message = state.get("ended"), state.get("message", "")
        if ended is None and not alive:
            ended = FAILED
            message = f"the process of the run ended without a result; its last output: {end_of_log(directory / LOG)}"
        return Snapshot(profile, ended, message, logs)

    def cancel(self, name: str) -> None:
        """Stop a run that has not ended; its finished trials are kept."""
        if self.read(name).state in FINAL_STATES:
            return
        directory = self.store.path(PROFILES, name)
        update_state(directory, ended=CANCELLED, message="it was cancelled")
        state = read_json(directory / STATE) or {}
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not _is_running(state):
                return
            try:
                # The worker leads a session with the engine, its server and its load.
                os.kill(state["pid"], number) if number == signal.SIGTERM else os.killpg(state["pid"], number)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + CANCEL_SECONDS
            while _is_running(state) and time.monotonic() < deadline:
                time.sleep(0.05)
                _reap_children()


def update_state(directory: Path, **changes: Any) -> None:
    """Write changes to the state of a run."""
    with Store(directory).locked():
        write_json(directory / STATE, {**(read_json(directory / STATE) or {}), **changes})


def end_of_log(log: Path) -> str:
    """Return the last lines of a log as one line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return tail(" | ".join(line.strip() for line in lines[-LAST_LINES:] if line.strip()), LONGEST_LOG_END) or "none"


def _with_annotations(document: Json, directory: Path) -> Json:
    """Return a profile with the annotations of its manifest, which the engine does not write."""
    manifest = yaml.safe_load((directory / MANIFEST).read_text(encoding="utf-8"))["metadata"]
    metadata = document.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **manifest["annotations"]}
    return {**document, "metadata": {**manifest, **metadata, "annotations": annotations}}


_children: list[subprocess.Popen[bytes]] = []
"""Runs that this process started; they are reaped, so that none stays as a zombie."""


def _reap_children() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def _is_running(state: Json) -> bool:
    """Return whether the process of a run exists.

    The command line, which contains the run's directory, tells it from a later process with the same number. A start
    time would too, but psutil's changes when the clock is set.
    """
    if "pid" not in state or "command" not in state:
        return False
    # Part of modelprofiler[local], which a script that profiles in a cluster does not need.
    import psutil

    try:
        process = psutil.Process(state["pid"])
        # The interpreter is left out: the system may replace its path by another.
        same = process.cmdline()[1:] == state["command"][1:]
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _is_new(path: Path) -> bool:
    """Return whether a state was written just now, so that its process is being started."""
    return time.time() - path.stat().st_mtime < START_SECONDS
