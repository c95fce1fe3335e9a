"""A run as one JSON document, and the reader for every form in which a run is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from modelprofiler.api.resource import API_VERSION, ModelProfile
from modelprofiler.errors import InvalidInput, Problem, RecordUnreadable
from modelprofiler.report.record import RunRecord, TrialRecord

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
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except OSError as error:
        raise RecordUnreadable(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecordUnreadable(f"{path} is neither JSON nor YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise InvalidInput([Problem("", f"{path} does not contain an object")])
    if data.get("kind") == KIND:
        return _from_document(data, path)
    if data.get("kind") == "List" and isinstance(data.get("items"), list) and len(data["items"]) == 1:
        data = data["items"][0]
    profile = ModelProfile.parse(data)
    if path.name == "profile.json":
        return RunRecord.read(path)  # its directory has the trials too
    return RunRecord(profile)


def _from_document(data: dict[str, Any], path: Path) -> RunRecord:
    profile, trials = data.get("profile"), data.get("trials") or []
    if not isinstance(profile, dict) or not isinstance(trials, list) or not all(isinstance(t, dict) for t in trials):
        raise InvalidInput([Problem("", f"{path} is a {KIND} without a profile or trials")])
    notes = data.get("notes")
    records = [TrialRecord.from_dict(trial) for trial in trials]
    return RunRecord(
        ModelProfile.parse(profile),
        {record.trial.index: record for record in records},
        tuple(map(str, notes)) if isinstance(notes, list) else (),
    )
