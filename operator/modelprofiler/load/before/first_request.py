"""The first request of a load: it is sent again while the server is not yet there, and it has a patience of its own.

A server may say that it is ready before its model is loaded, refuse requests until then, or load the model when the
first request comes. That says nothing about how it carries a load, so that it is measured apart from the load.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import FirstRequest
from modelprofiler.core.text import head_in_bytes
from modelprofiler.load.before.answer import Answer
from modelprofiler.load.before.probe import Prober
from modelprofiler.load.http.bodies import BODY_BYTES, body_of

NOT_YET = frozenset({429, 502, 503, 504})
"""Statuses that say "not now": too many requests, and what a server or the proxy before it answers until it is up."""
OF_THE_REQUEST = frozenset({401, 403, 405, 406, 407, 411, 413, 414, 415, 422, 426, 431, 505})
"""Statuses that blame the request itself; no waiting changes it."""
LOADING = re.compile(
    r"(?i)\bnot (?:yet |been )?(?:ready|loaded|available|initiali[sz]ed)|\bloading\b|\bstarting up|warming"
)
"""What servers say whose model is not loaded, whatever the status: MLServer answers 400 and "is not ready yet"."""
FAILED = re.compile(
    r"(?i)\binternal ?server ?(?:error|exception)|prediction failed|invalid model predict|traceback|\bexception\b"
)
"""What servers say that computed and failed, whatever the status: TorchServe answers 503 and "Prediction failed" to a
request that its handler cannot read. Waiting does not change the request."""
UNLIKELY_SECONDS = 10.0
"""How long other answers of 400 and more are tried again: servers exist that answer 400, 404 or 500 until the model is
loaded. Chosen, not fitted: most small models are loaded within it, and a row that is wrong costs it once a run."""

FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 0.1, 1.5, 1.0
"""Pause between tries, in seconds: one request a second is no work for a server that starts."""
REFUSAL_BYTES = 160
"""Bytes that a trial records of how the first try failed: a status and the beginning of a body."""
NOTICE = 5.0
"""Seconds between two lines about the wait."""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """How the first request ended in the end.

    Attributes
    ----------
    answer
        Of the last try.
    seconds
        From the first try to the end of the last.
    tries
        How often it was sent.
    refusal
        How the first try failed, as the end of a sentence; empty where it did not.
    """

    answer: Answer
    seconds: float
    tries: int
    refusal: str

    @property
    def sentence(self) -> str:
        """How it failed, as a sentence for users."""
        if self.tries == 1:
            return self.answer.sentence
        hint = ""
        if self.answer.status in NOT_YET and FAILED.search(self.answer.body):
            hint = "; the server fails to compute an answer to this row"
        elif self.answer.status in NOT_YET:
            hint = "; its readiness probe should wait for the model, or objectives.maxFirstRequest allow it more time"
        return f"{self.answer.sentence}; it was sent {self.tries} times in {self.seconds:.3g} s{hint}"

    @property
    def measured(self) -> FirstRequest:
        """What a trial records of it."""
        return FirstRequest(
            duration=Duration.of(self.seconds, digits=3),
            tries=self.tries,
            refusal=head_in_bytes(self.refusal, REFUSAL_BYTES) or None,
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the first request is waited for, in seconds from the first try.

    Attributes
    ----------
    answer
        For an answer as expected, which may load the model.
    refusals
        For a server that refuses requests without saying that its model is being loaded.
    """

    answer: float
    refusals: float


async def first_answer(prober: Prober, patience: Patience, say: Callable[[str], None]) -> FirstAnswer:
    """Send the first request until it is answered as expected, or waiting does not help, or no patience is left.

    Parameters
    ----------
    prober
        Sends requests; its timeout is the patience.
    patience
        How long it is waited for.
    say
        Called with a line about the wait every five seconds.
    """
    began = monotonic()
    pause, tries, refusal, next_notice = FIRST_PAUSE, 0, "", began
    while True:
        answer = await _asked(prober, began, patience.answer, say)
        tries += 1
        now = monotonic()
        if answer.failure is None and not _says_loading(answer):
            return FirstAnswer(answer, now - began, tries, refusal)
        refusal = refusal or answer.end
        if now + pause - began > _longest_wait(answer, patience):
            return FirstAnswer(answer, now - began, tries, refusal)
        if now >= next_notice:
            say(f"{answer.sentence}; it is sent again for up to {_longest_wait(answer, patience):g} s")
            next_notice = now + NOTICE
        await asyncio.sleep(pause)
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)


async def _asked(prober: Prober, began: float, patience: float, say: Callable[[str], None]) -> Answer:
    """Send the request once and return how it ended; what is being waited for is said meanwhile."""
    asked = asyncio.ensure_future(prober.ask(timeout=max(patience - (monotonic() - began), FIRST_PAUSE)))
    try:
        while not (await asyncio.wait({asked}, timeout=NOTICE))[0]:
            waited = f"the first request is not answered after {monotonic() - began:.0f} s"
            say(f"{waited}; it may take up to {patience:g} s, since it may load the model")
        return asked.result()
    finally:
        asked.cancel()


def _says_loading(answer: Answer) -> bool:
    """Whether an answer with a good status only says that the model is being loaded; what a user checks is believed."""
    if answer.expect.error_bodies == "Accept" or answer.expect.is_about_bodies or not LOADING.search(answer.body):
        return False
    body = body_of(answer.body.encode()[:BODY_BYTES])
    return body.is_error or body.lack == "Pending"


def _longest_wait(answer: Answer, patience: Patience) -> float:
    """Return how long a request that ended like this is tried again, in seconds from the first try; 0 for never."""
    if answer.failure in {"refused", "reset", None}:
        return patience.refusals
    if answer.failure == "content":  # a server may say in an answer of its own that its model is being loaded
        return patience.refusals if LOADING.search(answer.body) else 0.0
    if answer.failure != "status" or answer.status is None:  # a timeout has used up the patience; the rest stays so
        return 0.0
    if answer.status < 400 or answer.status in OF_THE_REQUEST:
        return 0.0
    if LOADING.search(answer.body):
        return patience.answer
    if FAILED.search(answer.body):
        return min(UNLIKELY_SECONDS, patience.refusals)
    return patience.refusals if answer.status in NOT_YET else min(UNLIKELY_SECONDS, patience.refusals)
