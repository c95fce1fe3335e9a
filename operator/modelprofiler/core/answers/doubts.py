"""What the kinds of answers of a load say: whether they are answers, and whether a larger size would help.

Without an expectation of its content an answer counts as good by its status alone. A server that reports its errors
with status 200 is then measured at reporting errors, which costs it next to nothing; nothing else would say so. Where
the user says what a body must have, an answer that has it is taken for one, whatever it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import AnswerKind, LoadStatus, Outcome, Purpose, Trial, UsageStatus
from modelprofiler.core.answers.caching import caching_sentence
from modelprofiler.core.answers.delayed_ack import delayed_ack_sentence
from modelprofiler.core.answers.expected import expected_text, names_whole_answer
from modelprofiler.core.text import head

NOTED_SHARE = 0.01
"""Share of the answers from which a kind that looks like an error is worth a sentence: what `maxErrorPercent` allows by
default."""
MOST_SHARE = 0.5
"""Share of the answers above which a size is not verified: the server then mostly fails, and is measured at failing."""
OTHER_SHARE = 0.02
"""The same of a kind that merely differs from the most frequent one."""
NOT_OF_THE_REQUEST = frozenset({408, 425, 429})
"""Statuses from 400 to 499 that depend on the time: timeout, too early, too many requests."""
FULL = re.compile(r"(?i)\bqueue|\bcapacity|\boverload|\btoo (?:many|busy)|\bbusy\b|\brate.?limit|\bconcurren")
"""What servers say whose own limit is reached, such as KServe's, which answers 500 when its queue is full."""
FAILED = re.compile(r"(?i)prediction failed|invalid model predict|worker died|traceback")
"""What servers say that computed and failed, such as TorchServe, which answers 503 then: that is no limit."""
WITHOUT_BODY = frozenset({204, 205})
"""Statuses whose answers have no body (RFC 9110, 15.3.5 and 15.3.6)."""
OWN_LIMIT_STATUSES = frozenset({429, 503})
"""Statuses with which a server refuses what it could still compute: too many requests, and not available now."""
IDLE_SHARE = 0.5
"""A server that uses less of its CPU than this while it refuses requests would not do better with more. Chosen, not
fitted: a server short of CPU uses nearly all of it, and one whose workers take turns more than half."""
SHOWN_CHARACTERS = 80
"""Characters of a sample within a sentence."""


@dataclass(frozen=True, slots=True)
class Nature:
    """Why answers with a good status are none.

    Attributes
    ----------
    of
        Whether answers of a kind are of this nature.
    predicate
        What such answers do.
    name
        Their subject, in a sentence about the rows.
    instead
        What was measured instead, and what helps, in a message: as a clause.
    remedy
        The same as the end of a sentence of the explanation, after what it means for the result.
    """

    of: Callable[[AnswerKind], bool]
    predicate: str
    name: str
    instead: str
    remedy: str


NATURES = (
    Nature(
        of=lambda kind: kind.error,
        predicate="look like reports of errors",
        name="Errors",
        instead="a server that fails needs another size than one that answers: correct the dataset or the server",
        remedy="Where they are errors, {subject}: correct the dataset or the server.",
    ),
    Nature(
        of=lambda kind: kind.lack == "Pending",
        predicate="only say that the work is accepted or that the model is not loaded",
        name="Such answers",
        instead="the work itself was not measured: name an endpoint that answers with the result, and let the "
        "readiness probe wait for the model",
        remedy="The work itself was not measured: name an endpoint that answers with the result, and let the readiness "
        "probe wait for the model.",
    ),
)
"""The gravest first."""


def good_kinds(spec: ModelProfileSpec, load: LoadStatus) -> list[AnswerKind]:
    """Return the kinds of answers that counted as good."""
    return [kind for kind in load.answers if kind.status in spec.endpoint.http.expect.status and kind.unmet is None]


def _doubted(spec: ModelProfileSpec, good: Sequence[AnswerKind], nature: Nature) -> tuple[list[AnswerKind], float]:
    """Return the kinds among good answers that are none by their nature, and their share of all."""
    expect = spec.endpoint.http.expect
    if expect.error_bodies != "Doubt" or expect.is_about_bodies:
        return [], 0.0
    doubted = [kind for kind in good if nature.of(kind)]
    total = sum(kind.answers for kind in good)
    return doubted, sum(kind.answers for kind in doubted) / total if total else 0.0


def doubts(
    spec: ModelProfileSpec, load: LoadStatus, subject: str = "the recommended size is that of a server that fails"
) -> list[str]:
    """Return a sentence for each reason to doubt that the good answers of a load are answers, the gravest first.

    Parameters
    ----------
    subject
        What answers that report errors mean for the result, as a clause.
    """
    good = good_kinds(spec, load)
    total = sum(kind.answers for kind in good)
    if not total:
        return []
    sentences = []
    for nature in NATURES:
        doubted, share = _doubted(spec, good, nature)
        if share >= NOTED_SHARE:
            sentences.append(_about(nature, doubted, good, share, subject))
    if sentences:
        return sentences
    sentences = [*_about_empty(good), *_about_json(good)]
    if sentences:
        return sentences
    others = [kind for kind in good[1:] if kind.answers >= OTHER_SHARE * total]
    if others:
        kinds = "; ".join(f"{_percent(kind.answers / total)} {_described(kind)}" for kind in (good[0], *others))
        return [
            f"The answers are of different kinds, each with its own cost: {kinds}. Check that all of them are meant."
        ]
    first = good[0]
    all_equal = len(good) == 1 and first.bodies == 1 and first.looked_at > 1 and first.rows > 1
    if all_equal and not names_whole_answer(spec.endpoint.http.expect, first.sample):
        looked_at = f"Every answer that was looked at ({first.looked_at}, to {first.rows} different requests)"
        return [f"{looked_at} is the same: {_sample(first)}. Check that the server computes it from the request."]
    return []


def doubts_of_run(spec: ModelProfileSpec, trials: Sequence[Trial]) -> list[str]:
    """Return the doubts about the answers of a run: those of the last trial that passed, or else of the last load.

    And what the times of the answers say: of rows that are sent again, and of answers that wait in between.
    """
    loads = [t for t in trials if t.load is not None and t.load.answers]
    passed = [t for t in loads if t.outcome is Outcome.PASSED]
    confirming = [t for t in passed if t.purpose is Purpose.CONFIRM]
    chosen = (confirming or passed or loads)[-1:]
    about_answers = [sentence for t in chosen if t.load is not None for sentence in doubts(spec, t.load)]
    about_times = (caching_sentence(trials), delayed_ack_sentence(trials))
    return [*about_answers, *(sentence for sentence in about_times if sentence)]


def mostly_no_answers(spec: ModelProfileSpec, load: LoadStatus | None) -> str:
    """Return that most of the good answers are none, as a clause; empty where they are."""
    good = good_kinds(spec, load) if load is not None else []
    for nature in NATURES:
        doubted, share = _doubted(spec, good, nature)
        if share > MOST_SHARE:
            return (
                f"{_percent(share)} of the answers {nature.predicate} ({_described(doubted[0])}), and "
                f"{nature.instead}, or set endpoint.http.expect.errorBodies to Accept where these are answers"
            )
    return ""


def summary_of_doubts(spec: ModelProfileSpec, load: LoadStatus | None) -> str:
    """Return the gravest doubt as a clause for a message; empty where most answers are in order."""
    good = good_kinds(spec, load) if load is not None else []
    for nature in NATURES:
        _, share = _doubted(spec, good, nature)
        if share >= NOTED_SHARE:
            return f"but {_percent(share)} of the answers {nature.predicate}"
    return ""


def failures_clause(spec: ModelProfileSpec, load: LoadStatus) -> str:
    """Return how requests failed, the most frequent first, with the statuses, when it began, and one answer."""
    counts = load.failures_by_kind.to_dict() if load.failures_by_kind is not None else {}
    kinds = sorted(((count, kind) for kind, count in counts.items() if count), reverse=True)
    if not kinds:
        return ""
    clause = "failures: " + ", ".join(f"{count} by {kind}" for count, kind in kinds)
    if load.first_failure is not None:
        clause += f", the first {load.first_failure} after the window began"
    refused = [kind for kind in load.answers if kind.status not in spec.endpoint.http.expect.status]
    if counts.get("status") and refused:
        statuses = "; ".join(f"status {kind.status}: {_sample(kind)}" for kind in refused[:2])
        clause += f" ({statuses})"
    unmet = [kind for kind in load.answers if kind.unmet is not None]
    if counts.get("content") and unmet:
        clause += f" ({'; '.join(_unmet(spec, kind) for kind in unmet[:2])})"
    return clause


def _unmet(spec: ModelProfileSpec, kind: AnswerKind) -> str:
    expect, field = spec.endpoint.http.expect, kind.unmet or ""
    condition = f"endpoint.http.expect.{field} expects {expected_text(expect, field)}"
    return f"{condition}, and status {kind.status} came with: {_sample(kind)}"


def mostly_unmet(load: LoadStatus) -> bool:
    """Whether at least half of the failures are answers in time that do not have what is expected of their content."""
    counts = load.failures_by_kind
    return counts is not None and 0 < load.failures <= 2 * counts.content


def own_limit(spec: ModelProfileSpec, load: LoadStatus, usage: UsageStatus | None, cpu: Quantity | None) -> str:
    """Return why no larger size would answer what failed; empty where it might.

    A status from 400 to 499 blames the request. A server that refuses requests and leaves most of its CPU unused has a
    limit of its own, and one that lets them time out waits for something else, unless that is its own files on disk.

    Parameters
    ----------
    load, usage
        What was measured.
    cpu
        The CPU of the size.
    """
    counts = load.failures_by_kind
    refused = [kind for kind in load.answers if kind.status not in spec.endpoint.http.expect.status]
    if counts is not None and load.failures and counts.timeout >= load.failures / 2:
        return _waits_elsewhere(load, usage, cpu)
    if not refused or counts is None or counts.status < load.failures / 2:
        return ""
    status = refused[0].status
    if 400 <= status < 500 and status not in NOT_OF_THE_REQUEST:
        return f"status {status} blames the request, and no size can fix that"
    own = status in OWN_LIMIT_STATUSES or (status >= 500 and FULL.search(refused[0].sample))
    if not own or FAILED.search(refused[0].sample) or usage is None or usage.cpu is None or cpu is None:
        return ""
    share = float(usage.cpu) / float(cpu)
    if share >= IDLE_SHARE:
        return ""
    return (
        f"the server refused requests with status {status} while it used {100 * share:.0f}% of its CPU: a limit of its "
        "own, such as a queue or a rate, which no size can fix"
    )


def _waits_elsewhere(load: LoadStatus, usage: UsageStatus | None, cpu: Quantity | None) -> str:
    """Return that requests timed out on a server that idled; empty where it did not, or read its files from disk."""
    if usage is None or usage.cpu is None or cpu is None or load.stopped_early == "Overload":
        return ""
    share = float(usage.cpu) / float(cpu)
    if share >= IDLE_SHARE or (usage.major_faults or 0) > load.requests:
        return ""
    return (
        f"requests timed out while the server used {100 * share:.0f}% of its CPU: they waited for something else, such "
        "as another service, or a server that takes one connection at a time, which no size can fix"
    )


def _about(
    nature: Nature, doubted: Sequence[AnswerKind], good: Sequence[AnswerKind], share: float, subject: str
) -> str:
    sentence = (
        f"{_percent(share)} of the answers {nature.predicate}, although their status counts as success: "
        f"{_described(doubted[0])}"
    )
    others = [kind for kind in good if kind not in doubted]
    if others:
        rows = sum(kind.rows for kind in doubted)
        sentence += f"; others are {_described(others[0])}"
        every = rows + sum(kind.rows for kind in others)
        sentence += f". {nature.name} came for {rows} of {every} different requests that were looked at"
    return f"{sentence}. {nature.remedy.format(subject=subject)}"


def _about_empty(good: Sequence[AnswerKind]) -> list[str]:
    """Return that answers are empty; nothing where few are, or their status says that they are."""
    empty = [kind for kind in good if kind.lack == "Empty" and kind.status not in WITHOUT_BODY]
    share = sum(kind.answers for kind in empty) / sum(kind.answers for kind in good)
    if share < NOTED_SHARE:
        return []
    return [f"{_percent(share)} of the answers are empty. Check that the server answers what it computes."]


def _about_json(good: Sequence[AnswerKind]) -> list[str]:
    """Return that answers are called JSON and are none; nothing where few are."""
    wrong = [kind for kind in good if kind.lack == "NotJson"]
    share = sum(kind.answers for kind in wrong) / sum(kind.answers for kind in good)
    if share < NOTED_SHARE:
        return []
    sentence = f"{_percent(share)} of the answers have the content type of JSON and are none: {_described(wrong[0])}"
    return [f"{sentence}. Clients may refuse them: JSON has double quotes, and neither NaN nor Infinity."]


def _described(kind: AnswerKind) -> str:
    return f"{kind.shape}, such as {_sample(kind)}" if kind.sample else kind.shape


def _sample(kind: AnswerKind) -> str:
    return head(kind.sample, SHOWN_CHARACTERS) if kind.sample else kind.shape


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f}%" if percent >= 9.95 or percent == 0 else f"{percent:.2g}%"
