"""Files that a server maps, as a part of the memory that it needs: a sentence for the user."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.api.trial import Outcome, Trial

LEAST_NAMED = 32 * 2**20
"""Bytes of mapped files that are worth a sentence: the libraries of an interpreter have fewer."""
LEAST_SHARE = 0.2
"""Share of the memory from which mapped files are worth a sentence. Chosen, not fitted."""


def mapped_sentence(trials: Sequence[Trial], peak: int | None) -> str | None:
    """Return which part of the memory are pages of mapped files; None where it is small or was not measured.

    Parameters
    ----------
    trials
        The finished trials.
    peak
        The largest memory of those that passed, in bytes.
    """
    usages = [trial.usage for trial in trials if trial.outcome is Outcome.PASSED and trial.usage is not None]
    mapped = max((usage.mapped_file.bytes for usage in usages if usage.mapped_file is not None), default=0)
    if peak is None or mapped < max(LEAST_NAMED, LEAST_SHARE * peak):
        return None
    return (
        f"Files that the server maps take up {-(-mapped // 2**20)}Mi of the memory: with less, their pages would "
        "be read from disk again whenever a request uses them."
    )
