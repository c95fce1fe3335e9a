"""Runs on this machine: each a process of its own, which outlives the script that started it.

A run's directory has what it was started with (profile.yaml, code, azureml-models, dataset.txt), what the engine writes
(run/profile.json), its output (run.log), and state.json: the process, and how it ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from modelprofiler.api.resource import ModelProfile
from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.profiling.details import CANCELLED, FAILED, FINAL_STATES, Snapshot
from modelprofiler.azureml.store import Json, Store, read_json, write_json

PROFILES = "profiles"
STATE, MANIFEST, LOG = "state.json", "profile.yaml", "run.log"
STATUS = "run/profile.json"

LAST_LINES = 20
START_SECONDS = 30.0
CANCEL_SECONDS = 15.0
"""How long a run gets to stop its server and load before it is killed."""


class LocalRuns:
    """The runs in a store."""

    def __init__(self, store: Store) -> None:
        self.store = self._store = store

    def reserve(self, name: str) -> Path:
        """Make the directory of a new run.

        Raises
        ------
        WebserviceException
            When the name is taken, or cannot be one.
        """
        if name in (".", "..") or "/" in name or "\\" in name or name.startswith("."):
            raise WebserviceException(f"{name!r} cannot be the name of a profile; use letters, digits, - and _.")
        directory = self._store.path(PROFILES, name)
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
        write_json(directory / STATE, {"models": models, "trackingUri": tracking_uri, "store": str(self._store.root)})
        with (directory / LOG).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-m", "modelprofiler.azureml.profiling.worker", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=directory,
            )
        _children.append(process)
        update_state(directory, pid=process.pid, started=_start_of(process.pid))

    def read(self, name: str) -> Snapshot:
        """Return a run as it is now.

        Raises
        ------
        WebserviceException
            When there is none of that name.
        """
        directory = self._store.path(PROFILES, name)
        state = read_json(directory / STATE) if name and "/" not in name else None
        if state is None or not (directory / MANIFEST).is_file():
            known = ", ".join(self._store.names(PROFILES)) or "none"
            raise WebserviceException(
                f"Model profiling result with name {name} not found in provided workspace; there are {known}.",
                status_code=404,
            )
        _reap()
        # Asked before the state is read again: a run that ends in between has written how.
        alive = _is_running(state) or ("pid" not in state and _is_new(directory / STATE))
        state = read_json(directory / STATE) or state
        written = read_json(directory / STATUS) or yaml.safe_load((directory / MANIFEST).read_text(encoding="utf-8"))
        profile = ModelProfile.parse(_with_annotations(written, directory))
        logs = (directory / LOG).as_uri()
        ended, message = state.get("ended"), state.get("message", "")
        if ended is None and not alive:
            ended = FAILED
            message = f"the process of the run ended without a result; its last words: {last_words(directory / LOG)}"
        return Snapshot(profile, ended, message, logs)

    def cancel(self, name: str) -> None:
        """Stop a run that is under way; it keeps the trials it has finished."""
        if self.read(name).state in FINAL_STATES:
            return
        directory = self._store.path(PROFILES, name)
        update_state(directory, ended=CANCELLED, message="it was cancelled")
        state = read_json(directory / STATE) or {}
        for sent in (signal.SIGTERM, signal.SIGKILL):
            if not _is_running(state):
                return
            try:
                # The worker leads a session: the engine, its server and its load are in it.
                os.kill(state["pid"], sent) if sent == signal.SIGTERM else os.killpg(state["pid"], sent)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + CANCEL_SECONDS
            while _is_running(state) and time.monotonic() < deadline:
                time.sleep(0.05)
                _reap()


def update_state(directory: Path, **changes: Any) -> None:
    """Write changes to the state of a run."""
    with Store(directory).locked():
        write_json(directory / STATE, {**(read_json(directory / STATE) or {}), **changes})


def last_words(log: Path) -> str:
    """Return the end of a log in one line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return " | ".join(line.strip() for line in lines[-LAST_LINES:] if line.strip())[-1500:] or "none"


def _with_annotations(written: Json, directory: Path) -> Json:
    """Return the profile with the annotations it was started with: a run writes its status, not those."""
    started = yaml.safe_load((directory / MANIFEST).read_text(encoding="utf-8"))["metadata"]
    metadata = written.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **started["annotations"]}
    return {**written, "metadata": {**started, **metadata, "annotations": annotations}}


_children: list[subprocess.Popen[bytes]] = []
"""Runs that this process started: they are waited for, so that none is left as a zombie."""


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def _is_running(state: Json) -> bool:
    """Whether the process of a run is there: the same one, not another that got its number."""
    pid = state.get("pid")
    return pid is not None and _start_of(pid) is not None and _start_of(pid) == state.get("started")


def _is_new(path: Path) -> bool:
    """Whether a state was written just now: its process is being started."""
    return time.time() - path.stat().st_mtime < START_SECONDS


def _start_of(pid: int) -> str | None:
    """Return what tells a process from a later one of the same number; None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return _start_without_proc(pid)
    return None if fields[0] in ("Z", "X") else fields[19]


def _start_without_proc(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        return None
    try:  # macOS
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, timeout=5, check=False)  # noqa: S603, S607 - of every system
    except (OSError, subprocess.TimeoutExpired):
        return None
    return shown.stdout.decode().strip() or None
