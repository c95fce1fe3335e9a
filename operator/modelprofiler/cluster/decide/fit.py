"""The status within what the API server stores: where texts are too long, the oldest rows give theirs up. Pure.

etcd takes objects of 1.5 MiB, and a profile that is larger with its status than that could never be written again. What
is left out here is in the report, which has every trial in full.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import FirstRequest, LoadStatus, Trial
from modelprofiler.core.text import head_in_bytes

LARGEST_STATUS = 512 * 2**10
"""Bytes of a status as JSON; the other MiB is for the spec, its annotations, and the names of managed fields."""

SHORT_MESSAGE, SHORTER_MESSAGE = 200, 60
"""Bytes of a trial's message where all are too long: a sentence, and the beginning of one."""

Shorten: TypeAlias = Callable[[Trial], Trial]


def fitted(status: ModelProfileStatus) -> ModelProfileStatus:
    """Return the status, with rows that are as short as needed for it to have at most `LARGEST_STATUS` bytes.

    The search reads numbers only, and all of these stay; the newest rows keep their texts longest.
    """
    excess = _size(status.to_dict()) - LARGEST_STATUS
    if excess <= 0:
        return status
    trials = list(status.trials)
    for shorten in (_without_samples, _with_short_message, _without_answers, _without_texts):
        for at, trial in enumerate(trials):
            if excess <= 0:
                break
            trials[at] = shorten(trial)
            excess -= _size(trial.to_dict()) - _size(trials[at].to_dict())
    return status.model_copy(update={"trials": trials})


def _size(value: dict[str, Any]) -> int:
    """Return the bytes of an object as the API server stores it: Go writes ``<``, ``>`` and ``&`` in six bytes each."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode("utf-8", "replace")) + 5 * sum(map(text.count, "<>&"))


def _of_load(trial: Trial, change: Callable[[LoadStatus], dict[str, Any]]) -> Trial:
    if trial.load is None:
        return trial
    return trial.model_copy(update={"load": trial.load.model_copy(update=change(trial.load))})


def _without_samples(trial: Trial) -> Trial:
    """Leave out the beginnings of answers, and shorten what describes them."""

    def change(load: LoadStatus) -> dict[str, Any]:
        answers = [
            kind.model_copy(
                update={
                    "sample": "",
                    "shape": head_in_bytes(kind.shape, SHORTER_MESSAGE),
                    "content_type": head_in_bytes(kind.content_type, SHORTER_MESSAGE) if kind.content_type else None,
                }
            )
            for kind in load.answers
        ]
        first: FirstRequest | None = load.first_request
        if first is not None and first.refusal is not None:
            first = first.model_copy(update={"refusal": head_in_bytes(first.refusal, SHORTER_MESSAGE)})
        return {"answers": answers, "first_request": first}

    return _of_load(trial, change)


def _with_short_message(trial: Trial) -> Trial:
    return trial.model_copy(update={"message": head_in_bytes(trial.message, SHORT_MESSAGE)})


def _without_answers(trial: Trial) -> Trial:
    shorter = _of_load(trial, lambda load: {"answers": [], "row_size_effect": None})
    judged = trial.judged
    if judged is not None:
        texts = {name: text for name, text in judged.model_dump().items() if isinstance(text, str)}
        judged = judged.model_copy(update={name: head_in_bytes(text, SHORTER_MESSAGE) for name, text in texts.items()})
    return shorter.model_copy(update={"message": head_in_bytes(trial.message, SHORTER_MESSAGE), "judged": judged})


def _without_texts(trial: Trial) -> Trial:
    """Leave out every text: hundreds of rows may have texts of characters that are stored in six bytes."""

    def change(load: LoadStatus) -> dict[str, Any]:
        first = load.first_request
        return {"first_request": first.model_copy(update={"refusal": None}) if first is not None else None}

    return _of_load(trial.model_copy(update={"message": ""}), change)
