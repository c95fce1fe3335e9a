"""``modelprofiler.run``: a run on this machine as one call, for notebooks and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import Trial
from modelprofiler.files.document import Document, load_document
from modelprofiler.local.progress import Silent
from modelprofiler.local.session import Options, Session
from modelprofiler.report.record import TrialRecord
from modelprofiler.report.result import Result


def run(
    profile: ModelProfile | Mapping[str, Any] | str | PathLike[str],
    *,
    on_trial: Callable[[Trial], None] | None = None,
    directory: str | PathLike[str] | None = None,
    resume: bool = False,
    wait_seconds: float = 0.0,
) -> Result:
    """Measure a profile on this machine.

    Parameters
    ----------
    profile
        A file as kubectl takes it, or what would be in one: a profile, or its data. Relative paths in it start from
        the file's folder, or from the current one.
    on_trial
        Called with each finished trial.
    directory
        Where the run is kept; default: ``modelprofiler-runs/NAME``.
    resume
        Go on from the finished trials of an interrupted run in that directory.
    wait_seconds
        How long to wait for another run on this machine to end.

    Returns
    -------
    Result
        Whatever the run found; ``succeeded`` tells whether there is a recommendation.

    Raises
    ------
    InvalidInput
        With everything that is wrong with the profile at once; nothing was started then.
    MachineBusy
        Another run has the machine.
    ModelProfilerError
        The run could not be made, whatever the sizes.
    KeyboardInterrupt
        It was interrupted; the server is gone, and the finished trials are kept.
    """
    document = _document(profile)
    options = Options(Path(directory) if directory is not None else None, resume, wait_seconds)
    return Result(Session(document, options, _Each(on_trial)).run())


def _document(profile: ModelProfile | Mapping[str, Any] | str | PathLike[str]) -> Document:
    if isinstance(profile, str | PathLike):
        return load_document(str(profile))
    data = profile.to_dict() if isinstance(profile, ModelProfile) else dict(profile)
    parsed = profile if isinstance(profile, ModelProfile) else ModelProfile.parse(data)
    return Document(path="", directory=Path.cwd(), data=data, profile=parsed, config_maps={})


class _Each(Silent):
    """Tells of finished trials."""

    def __init__(self, on_trial: Callable[[Trial], None] | None) -> None:
        self._on_trial = on_trial

    def finished_trial(self, record: TrialRecord) -> None:
        """Call whoever wants to know."""
        if self._on_trial is not None:
            self._on_trial(record.trial)
