"""A run as one JSON document, and the reader for every form in which a run is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from modelprofiler.api.resource import API_VERSION, ModelProfile
from modelprofiler.errors import InvalidInput, Problem, RecordUnreadable
from modelprofiler.report.record import PROFILE_FILE, RunRecord, TrialRecord

KIND = "RunReport"


def document(record: RunRecord) -> dict[str, Any]:
    """Return the whole run as JSON data: the profile with its status, and each trial in full."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "profile": record.profile.to_dict(),
        "trials": [trial.to_dict() for trial in record.trials],
        **({"notes": list(record.notes)} if record.notes else {}),
    }


def read(path: Path) -> RunRecord:
    """Read a run from its directory, its JSON document, or a ModelProfile with its status as kubectl prints it.

    Raises
    ------
    RecordUnreadable
        When the file does not exist or cannot be read.
    InvalidInput
        When it has other content.
    """
    if path.is_dir():
        return RunRecord.read(path)
    data = _one_profile(_load(path), path)
    if data.get("kind") == KIND:
        return _from_document(data, path)
    profile = ModelProfile.parse(data)
    if path.name == PROFILE_FILE:
        return RunRecord.read(path)  # its directory has the trials too
    return RunRecord(profile)


def _load(path: Path) -> Any:
    """Return the content of a JSON or YAML file. JSON is YAML too, but its own reader is hundreds of times faster."""
    try:
        text = path.read_text(encoding="utf-8")
        try:
            return json.loads(text)
        except ValueError:
            return yaml.safe_load(text)
    except OSError as error:
        raise RecordUnreadable(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as error:
        # Not only YAMLError: PyYAML raises the others for a value that is not what its tag says, such as !!int "".
        raise RecordUnreadable(f"{path} is neither JSON nor YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise RecordUnreadable(f"{path} is nested too deeply for a run") from error


def _one_profile(data: Any, path: Path) -> dict[str, Any]:
    """Return the object of a file, or the only item of a list as kubectl prints it."""
    if isinstance(data, dict) and data.get("kind") == "List" and isinstance(data.get("items"), list):
        items = data["items"]
        if len(items) != 1:
            raise InvalidInput([Problem("", f"{path} is a list of {len(items)} objects; write one run into a file")])
        data = items[0]
    if not isinstance(data, dict):
        raise InvalidInput([Problem("", f"{path} does not contain an object")])
    if "kind" not in data:
        raise InvalidInput([Problem("", f"{path} is not a run: it has no kind ({KIND} or ModelProfile)")])
    return data


def _from_document(data: dict[str, Any], path: Path) -> RunRecord:
    profile, trials = data.get("profile"), data.get("trials") or []
    if not isinstance(profile, dict) or not isinstance(trials, list) or not all(isinstance(t, dict) for t in trials):
        raise InvalidInput([Problem("", f"{path} is a {KIND} without a profile or trials")])
    notes = data.get("notes")
    records = [_trial(trial, f"{path}, trials[{i}]") for i, trial in enumerate(trials)]
    return RunRecord(
        ModelProfile.parse(profile),
        {record.trial.index: record for record in records},
        tuple(map(str, notes)) if isinstance(notes, list) else (),
    )


def _trial(data: dict[str, Any], place: str) -> TrialRecord:
    try:
        return TrialRecord.from_dict(data)
    except RecordUnreadable as error:
        raise RecordUnreadable(f"{place}: {error}") from error
