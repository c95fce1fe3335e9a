"""What is stated of answers, of failed requests, of files read from disk and of a workload's size, and its proofs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from benchmarks.claims.facts import MIB, Facts, is_about, rounds_to
from benchmarks.claims.language import Context, Form, Proof

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import AnswerKind, LoadStatus, Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits

Values = dict[str, Any]
Of = Callable[[AnswerKind], bool]
LONGEST_SAMPLE = 80
PENDING = "only say that the work is accepted or that the model is not loaded"
ONE_PERCENT, TWO_PERCENT = 0.01, 0.02


def _loads(facts: Facts, context: Context) -> list[tuple[Trial, LoadStatus]]:
    """Return the trials that a clause may be about, with their loads."""
    trials = [facts.trial(i) for i in context.trials] or list(facts.searched)
    return [(t, t.load) for t in trials if t.load is not None]


def _of_a_load(holds: Any) -> Proof:
    """Return a proof that needs one load; one that did not measure what it is about shows nothing."""

    def shown(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
        try:
            return bool(holds(facts, v, trial, load))
        except (AssertionError, LookupError, ValueError, ZeroDivisionError):
            return False

    return lambda facts, v, context: any(shown(facts, v, t, load) for t, load in _loads(facts, context))


def _of_any_load(holds: Any) -> Proof:
    """Return a proof that needs one load, whichever trials were named before."""
    proof = _of_a_load(holds)
    return lambda facts, v, context: proof(facts, v, Context())


def sample_of(kind: AnswerKind) -> str:
    """Return the beginning of an answer as a sentence quotes it."""
    text = kind.sample or kind.shape
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"


def described(kind: AnswerKind) -> str:
    """Return the shape of an answer, and its beginning where that is known."""
    return f"{kind.shape}, such as {sample_of(kind)}" if kind.sample else kind.shape


def quotable(load: LoadStatus) -> list[str]:
    """Return what a sentence may quote of the answers of a load."""
    return [text for kind in load.answers for text in (sample_of(kind), described(kind))]


def _good(facts: Facts, load: LoadStatus) -> list[AnswerKind]:
    return [k for k in load.answers if k.status in facts.spec.endpoint.http.expect.status and k.unmet is None]


def _share(facts: Facts, load: LoadStatus, of: Of) -> float:
    """Return the share of the good answers that are of a nature, in percent."""
    good = _good(facts, load)
    return 100 * sum(k.answers for k in good if of(k)) / sum(k.answers for k in good)


def _percent(stated: float, share: float) -> bool:
    """Whether a share is written with two digits, or none beyond the point from ten percent on."""
    return rounds_to(stated, share) if share >= 9.95 else is_about(stated, share, 2)


def _counts(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    assert load.failures_by_kind is not None
    stated = {kind: int(number) for number, kind in re.findall(r"([0-9]+) by ([a-z]+)", v["failures"])}
    counted = {kind: number for kind, number in load.failures_by_kind.to_dict().items() if number}
    return stated == counted and sum(stated.values()) == load.failures


def _first(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    return load.first_failure is not None and load.first_failure.seconds == v["time"]


def _status(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    refused = {k.status: sample_of(k) for k in load.answers if k.status not in facts.spec.endpoint.http.expect.status}
    stated = [(v["count"], v["message"])]
    stated += [(v["count1"], v["message1"])] if "count1" in v else []
    return all(refused.get(status) == sample for status, sample in stated)


def _blames_request(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    refused = [k.status for k in load.answers if k.status not in facts.spec.endpoint.http.expect.status]
    counts = load.failures_by_kind
    mostly = counts is not None and 2 * counts.status >= load.failures
    return mostly and v["count"] == refused[0] and 400 <= v["count"] < 500


def _own_limit(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    usage, cpu = trial.usage, trial.limits.cpu
    assert usage is not None
    assert usage.cpu is not None
    assert cpu is not None
    share = 100 * float(usage.cpu) / float(cpu)
    statuses = [k.status for k in load.answers]
    return v["count"] in statuses and rounds_to(v["count1"], share) and share < 50


def _waits(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    usage, cpu, counts = trial.usage, trial.limits.cpu, load.failures_by_kind
    assert usage is not None
    assert usage.cpu is not None
    assert cpu is not None
    assert counts is not None
    share = 100 * float(usage.cpu) / float(cpu)
    return 2 * counts.timeout >= load.failures and rounds_to(v["count"], share) and share < 50


def _read_again(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    usage = trial.usage
    assert usage is not None
    assert usage.read_bytes is not None
    assert usage.major_faults is not None
    return v["mebibytes"] == -(-usage.read_bytes.bytes // MIB) and rounds_to(
        v["count"], usage.major_faults / load.requests
    )


def _are(of: Of) -> Any:
    """Return a proof that a share of the answers is of a nature, and that what is quoted is one of them."""

    def holds(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
        quoted = v.get("message")
        right = _percent(v["number"], _share(facts, load, of))
        return right and (quoted is None or quoted in [described(k) for k in _good(facts, load) if of(k)])

    return holds


def _is_error(kind: AnswerKind) -> bool:
    return kind.error


def _is_pending(kind: AnswerKind) -> bool:
    return kind.lack == "Pending"


def _others(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    good = _good(facts, load)
    return any(v["message"] in [described(k) for k in good if not of(k)] for of in (_is_error, _is_pending))


def _rows(of: Of) -> Any:
    """Return a proof that so many rows had answers of a nature."""

    def holds(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
        good = _good(facts, load)
        return (v["count"], v["count1"]) == (sum(k.rows for k in good if of(k)), sum(k.rows for k in good))

    return holds


def _kinds(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    good = _good(facts, load)
    total = sum(k.answers for k in good)
    shares = {described(k): 100 * k.answers / total for k in good}
    return all(_percent(v[n], shares[v[m]]) for n, m in (("number", "message"), ("number1", "message1")))


def _all_equal(facts: Facts, v: Values, trial: Trial, load: LoadStatus) -> bool:
    (kind,) = _good(facts, load)
    stated = (v["count"], v["count1"], v["message"])
    return kind.bodies == 1 and stated == (kind.looked_at, kind.rows, sample_of(kind))


def _has_unmet(facts: Facts, v: Values, context: Context) -> bool:
    return any(k.unmet is not None for _, load in _loads(facts, context) for k in load.answers)


def _today(facts: Facts, v: Values, context: Context) -> bool:
    assert facts.workload is not None
    today = facts.workload.reserved
    return (today.cpu, today.memory) == (Quantity.cpu(v["cpu"]), Quantity.memory(v["memory"]))


def _amounts(text: str) -> Limits:
    cpu, memory = re.search(r"([0-9]+m?) CPU", text), re.search(r"([0-9.]+\w*) of memory", text)
    return Limits(Quantity(cpu[1]).millicores if cpu else 0, Quantity(memory[1]).bytes if memory else 0)


def _differs(facts: Facts, text: str, sign: int, times: int = 1) -> bool:
    """Whether the recommended requests differ from today's by these amounts, the memory to the Mi."""
    assert facts.workload is not None
    today, stated = facts.workload.reserved, _amounts(text)
    assert today.cpu is not None
    assert today.memory is not None
    cpu = max(0, sign * (today.cpu.millicores - facts.recommended.cpu)) * times
    memory = max(0, sign * (today.memory.bytes - facts.recommended.memory)) * times
    return stated.cpu == cpu and abs(stated.memory - memory) < MIB * times


def _saves(facts: Facts, v: Values, context: Context) -> bool:
    return _differs(facts, v["amounts"], 1)


def _saves_all(facts: Facts, v: Values, context: Context) -> bool:
    assert facts.workload is not None
    return v["count"] == facts.workload.replicas and _differs(facts, v["amounts"], 1, v["count"])


def _larger(facts: Facts, v: Values, context: Context) -> bool:
    return _differs(facts, v["amounts"], -1)


def _baseline(facts: Facts, v: Values, context: Context) -> bool:
    trial = facts.trial(v["count"])
    at_ceiling = Limits.from_size(trial.limits) == Limits(facts.cpu.last, facts.memory.last)
    right = Limits.from_size(trial.limits) == Limits(v["cpu"], v["memory"])
    outcome = Outcome.PASSED.value if v.get("outcome") is None else v["outcome"]
    return right and trial.outcome.value == outcome and (trial.purpose is Purpose.BASELINE or at_ceiling)


CLAUSES = [
    Form("; failures: {failures}", _of_a_load(_counts)),
    Form(", the first {time} after the window began", _of_a_load(_first)),
    Form(" (status {count}: {message})", _of_a_load(_status)),
    Form(" (status {count}: {message}; status {count1}: {message1})", _of_a_load(_status)),
    Form("; status {count} blames the request, and no size can fix that", _of_a_load(_blames_request)),
    Form(
        "; the server refused requests with status {count} while it used {count1}% of its CPU: a limit of its own, "
        "such as a queue or a rate, which no size can fix",
        _of_a_load(_own_limit),
    ),
    Form(
        "; requests timed out while the server used {count}% of its CPU: they waited for something else, such as "
        "another service, or a server that takes one connection at a time, which no size can fix",
        _of_a_load(_waits),
    ),
    Form(
        "; the files that the server maps did not fit into memory: {mebibytes} was read from disk under this load, "
        "with {count} page faults per request",
        _of_a_load(_read_again),
    ),
    Form(", but {number}% of the answers look like reports of errors", _of_a_load(_are(_is_error))),
    Form(f", but {{number}}% of the answers {PENDING}", _of_a_load(_are(_is_pending))),
]
"""That go on with the message of a trial."""

ANSWERS = [
    Form(
        "{number}% of the answers look like reports of errors, although their status counts as success: {message}",
        _of_any_load(_are(_is_error)),
        begins=True,
    ),
    Form("; others are {message}", _of_any_load(_others)),
    Form(
        "Errors came for {count} of {count1} different requests that were looked at",
        _of_any_load(_rows(_is_error)),
        begins=True,
    ),
    Form(
        f"{{number}}% of the answers {PENDING}, although their status counts as success: {{message}}",
        _of_any_load(_are(_is_pending)),
        begins=True,
    ),
    Form(
        "Such answers came for {count} of {count1} different requests that were looked at",
        _of_any_load(_rows(_is_pending)),
        begins=True,
    ),
    Form(
        "The work itself was not measured: name an endpoint that answers with the result, and let the readiness probe "
        "wait for the model",
        lambda f, v, c: True,
        begins=True,
    ),
    Form(
        f", but {{number}}% of the answers {PENDING} ({{message}}), and the work itself was not measured: name an "
        "endpoint that answers with the result, and let the readiness probe wait for the model, or set "
        "endpoint.http.expect.errorBodies to Accept where these are answers",
        _of_a_load(_are(_is_pending)),
    ),
    Form("{number}% of the answers are empty", _of_any_load(_are(lambda k: k.lack == "Empty")), begins=True),
    Form("Check that the server answers what it computes", lambda f, v, c: True, begins=True),
    Form(
        "{number}% of the answers have the content type of JSON and are none: {message}",
        _of_any_load(_are(lambda k: k.lack == "NotJson")),
        begins=True,
    ),
    Form(
        "Clients may refuse them: JSON has double quotes, and neither NaN nor Infinity",
        lambda f, v, c: True,
        begins=True,
    ),
    Form(
        "Where they are errors, the recommended size is that of a server that fails: correct the dataset or the server",
        lambda f, v, c: True,
        begins=True,
    ),
    Form(
        "The answers are of different kinds, each with its own cost: {number}% {message}; {number1}% {message1}",
        _of_any_load(_kinds),
        begins=True,
    ),
    Form("Check that all of them are meant", lambda f, v, c: True, begins=True),
    Form(
        "Every answer that was looked at ({count}, to {count1} different requests) is the same: {message}",
        _of_any_load(_all_equal),
        begins=True,
    ),
    Form("Check that the server computes it from the request", lambda f, v, c: True, begins=True),
    Form(
        ", but {number}% of the answers look like reports of errors ({message}), and a server that fails needs another "
        "size than one that answers: correct the dataset or the server, or set endpoint.http.expect.errorBodies to "
        "Accept where these are answers",
        _of_a_load(_are(_is_error)),
    ),
    Form(
        "These answers came in time: correct the requests, the server or endpoint.http.expect", _has_unmet, begins=True
    ),
]
"""Of an explanation and of the end of a run."""

WORKLOAD = [
    Form("Today {name} requests {cpu} CPU and {memory} of memory for this container", _today, begins=True),
    Form("; the recommended size saves {amounts} for each replica", _saves),
    Form(", {amounts} for all {count}", _saves_all),
    Form("; the recommended size is {amounts} larger", _larger),
    Form("At {cpu} CPU and {memory} memory trial {count} met the objectives", _baseline, begins=True),
    Form("At {cpu} CPU and {memory} memory trial {count} ended as {outcome}", _baseline, begins=True),
]
"""Of a profile whose server is a copy of a workload's."""
