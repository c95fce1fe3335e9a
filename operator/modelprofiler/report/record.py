"""How a run is kept: the profile with its status, and for each trial the details for which the status has no room.

A run on this machine is a directory: ``profile.json`` and ``trials/001.json``; in a cluster the ModelProfile and the
ConfigMap ``<name>-report``, whose values are the same JSON as the files.
"""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import Trial
from modelprofiler.errors import InvalidInput, LoadError, Problem, RecordUnreadable
from modelprofiler.load.result import LoadResult
from modelprofiler.metrics.series import Series, series

PROFILE_FILE = "profile.json"
TRIALS_DIR = "trials"
NOTES_FILE = "notes.json"

MOST_SAMPLES = 100_000
"""Samples of a series that are read: 40 a second for the longest window of an hour would not be so many."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One finished trial in full.

    Attributes
    ----------
    trial
        Its row in the status.
    load
        The load generator's result with histogram and timeline. Absent where there was no load.
    cpu_seconds, memory
        Samples over time: the CPU time used since the container started, in seconds, and the working set in bytes.
        Empty where no samples were kept.
    """

    trial: Trial
    load: LoadResult | None = None
    cpu_seconds: Series = ()
    memory: Series = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON data; what is absent is left out."""
        full: dict[str, Any] = {"trial": self.trial.to_dict()}
        if (load := self.load) is not None:
            full["load"] = {
                "kind": str(load.kind),
                "started": load.started,
                "warmupStarted": load.warmup_started,
                "windowStarted": load.window_started,
                "windowEnded": load.window_ended,
                "ended": load.ended,
                "generatorCpuPercent": load.cpu_percent,
                "sendLagP99Seconds": load.send_lag_p99,
                **({"rows": load.rows.to_dict()} if load.rows is not None else {}),
                # As the load package writes it: `LoadResult.decode` reads it.
                "result": base64.b64encode(load.encode().encode()).decode(),
            }
        samples = {"cpuSeconds": self.cpu_seconds, "workingSetBytes": self.memory}
        if any(samples.values()):
            full["samples"] = {name: [[round(t, 3), v] for t, v in kept] for name, kept in samples.items() if kept}
        return full

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; a load that cannot be read is left out.

        Raises
        ------
        RecordUnreadable
            When it is not the record of a trial.
        """
        try:
            trial = Trial.model_validate(data["trial"])
            samples = data.get("samples") or {}
            return cls(
                trial,
                _load(data.get("load") or {}),
                _samples(samples.get("cpuSeconds") or ()),
                _samples(samples.get("workingSetBytes") or ()),
            )
        except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise RecordUnreadable(f"this is not the record of a trial: {error}") from error


def _samples(pairs: Iterable[tuple[float, float]]) -> Series:
    """Return samples; a time or value that is no number is a TypeError or ValueError."""
    pairs = list(pairs)
    if len(pairs) > MOST_SAMPLES:
        raise ValueError(f"{len(pairs)} samples are more than a record keeps")
    numbers = [(float(time), float(value)) for time, value in pairs]
    if not all(math.isfinite(time) and math.isfinite(value) for time, value in numbers):
        raise ValueError("times and values of samples must be finite")
    return series(numbers)


def _load(data: Mapping[str, Any]) -> LoadResult | None:
    try:
        return LoadResult.decode(base64.b64decode(data["result"]).decode("ascii"))
    except (KeyError, TypeError, ValueError, LoadError):
        return None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run, finished or not.

    Attributes
    ----------
    profile
        The profile with its status.
    details
        Records of trials by their index; those that are missing were not kept.
    notes
        Sentences that limit what the numbers are worth, such as that the load and the server shared their CPUs.
    """

    profile: ModelProfile
    details: Mapping[int, TrialRecord] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """Every finished trial, in order: the row of the status with its details."""
        rows = self.profile.status.trials
        return tuple(replace(self.details.get(row.index, TrialRecord(row)), trial=row) for row in rows)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a run from its directory, or a profile with its status from one JSON file.

        Raises
        ------
        RecordUnreadable
            When there is no run, or it cannot be read.
        InvalidInput
            When the profile is not valid.
        """
        file = path / PROFILE_FILE if path.is_dir() else path
        if path.is_dir() and not file.exists():
            raise RecordUnreadable(f"{path} is not the directory of a run: it has no {PROFILE_FILE}")
        profile = ModelProfile.parse(_object(file))
        kept = [_trial(f) for f in sorted((file.parent / TRIALS_DIR).glob("[0-9]*.json"))]
        # A trial is written before the profile: one that the profile does not have was not recorded completely.
        rows = {row.index: row.start_time for row in profile.status.trials}
        details = {r.trial.index: r for r in kept if rows.get(r.trial.index) == r.trial.start_time}
        return cls(profile, details, _notes(file.parent / NOTES_FILE))


def _trial(file: Path) -> TrialRecord:
    data = _object(file)
    try:
        return TrialRecord.from_dict(data)
    except RecordUnreadable as error:
        raise RecordUnreadable(f"{file}: {error}") from error


def _notes(file: Path) -> tuple[str, ...]:
    notes = _object(file).get("notes") if file.exists() else None
    return tuple(map(str, notes)) if isinstance(notes, list) else ()


def _object(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordUnreadable(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecordUnreadable(f"{file} is not JSON: {error}") from error
    except RecursionError as error:
        raise RecordUnreadable(f"{file} is nested too deeply for a run") from error
    if not isinstance(data, dict):
        raise InvalidInput([Problem("", f"{file} does not contain an object")])
    return data


def write_profile(directory: Path, profile: ModelProfile) -> None:
    """Write the profile with its status, completely or not at all."""
    _write(directory / PROFILE_FILE, profile.to_dict())


def write_trial(directory: Path, record: TrialRecord) -> None:
    """Write a trial. Call this before the profile with the trial's row is written."""
    (directory / TRIALS_DIR).mkdir(exist_ok=True)
    _write(directory / TRIALS_DIR / f"{record.trial.index:03d}.json", record.to_dict())


def write_notes(directory: Path, notes: Sequence[str]) -> None:
    """Write sentences that limit what the numbers are worth."""
    _write(directory / NOTES_FILE, {"notes": list(notes)})


def _write(file: Path, data: Mapping[str, Any]) -> None:
    """Replace a file's content atomically: a reader sees either the old or the new content."""
    temporary = file.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as out:
        json.dump(data, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
