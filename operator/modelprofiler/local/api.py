"""``modelprofiler.run``: a run on this machine in one call, for notebooks and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import Trial
from modelprofiler.files.document import Document, load_document
from modelprofiler.local.progress import SilentListener
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
        A file as kubectl takes it, a profile, or the data of one. Relative paths in a file start from its folder,
        others from the current one.
    on_trial
        Called with each finished trial.
    directory
        Where the run is recorded; default: ``modelprofiler-runs/NAME``.
    resume
        Whether to resume the interrupted run in that directory after its finished trials.
    wait_seconds
        How long to wait for another run on this machine to end.

    Returns
    -------
    Result
        The result of the run; ``succeeded`` says whether there is a recommendation.

    Raises
    ------
    InvalidInput
        With everything that is wrong with the profile; nothing was started.
    MachineBusy
        Another run uses the machine.
    ModelProfilerError
        The run failed for a reason that has nothing to do with the sizes.
    KeyboardInterrupt
        The run was interrupted; the server has ended, and the finished trials are kept.
    """
    document = _document(profile)
    options = Options(Path(directory) if directory is not None else None, resume, wait_seconds)
    return Result(Session(document, options, _TrialListener(on_trial)).run())


def _document(profile: ModelProfile | Mapping[str, Any] | str | PathLike[str]) -> Document:
    if isinstance(profile, str | PathLike):
        return load_document(str(profile))
    data = profile.to_dict() if isinstance(profile, ModelProfile) else dict(profile)
    parsed = profile if isinstance(profile, ModelProfile) else ModelProfile.parse(data)
    return Document(path="", directory=Path.cwd(), data=data, profile=parsed, config_maps={})


class _TrialListener(SilentListener):
    """Passes finished trials on."""

    def __init__(self, on_trial: Callable[[Trial], None] | None) -> None:
        self._on_trial = on_trial

    def on_trial_finished(self, record: TrialRecord) -> None:
        """Call the function of the caller."""
        if self._on_trial is not None:
            self._on_trial(record.trial)
