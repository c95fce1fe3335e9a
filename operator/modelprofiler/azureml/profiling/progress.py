"""Prints the progress of a run."""

from __future__ import annotations

from typing import TextIO

from modelprofiler.api.resource import ModelProfile


class Progress:
    """Prints the state when it changes, each trial when it has ended, and dots in between.

    Parameters
    ----------
    output
        The stream to print to; None prints nothing.
    """

    def __init__(self, output: TextIO | None) -> None:
        self._output = output
        self._state = ""
        self._trials = 0
        self._in_line = False

    def show(self, state: str, profile: ModelProfile) -> None:
        """Print the trials and the state that have not been printed."""
        for trial in profile.status.trials[self._trials :]:
            latency = trial.load.latency.p95 if trial.load else None
            measured = f", p95 {latency}" if latency is not None else ""
            size = f"{trial.limits.cpu} CPU, {trial.limits.memory} memory"
            self._line(f"Trial {trial.index}: {trial.purpose} at {size}: {trial.outcome}{measured}")
        self._trials = len(profile.status.trials)
        if state != self._state:
            self._line(state)
            self._state = state
        elif self._output is not None:
            self._output.write(".")
            self._output.flush()
            self._in_line = True

    def end(self) -> None:
        """End the line of dots."""
        if self._in_line:
            self._line("")

    def _line(self, text: str) -> None:
        if self._output is None:
            return
        self._output.write(("\n" if self._in_line else "") + (f"{text}\n" if text else ""))
        self._output.flush()
        self._in_line = False
