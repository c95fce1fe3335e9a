"""From the boundaries to the recommendation: the size, whether it is verified, and why it is this one."""

from __future__ import annotations

from dataclasses import dataclass

from modelprofiler.api.conditions import Reason
from modelprofiler.api.status import ContainerRecommendation, Verification
from modelprofiler.api.trial import Size
from modelprofiler.core.answers.doubts import mostly_no_answers
from modelprofiler.core.rows import RowsSent
from modelprofiler.core.search.claims import Claim, Kind, text_of
from modelprofiler.core.search.explain import explain
from modelprofiler.core.search.margin import Target
from modelprofiler.core.search.points import Observation
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.soak import doubt
from modelprofiler.core.steps import Recommend
from modelprofiler.core.text import LONGEST_MESSAGE, head
from modelprofiler.core.threads import variables_to_set


@dataclass(frozen=True, slots=True)
class Explained(Recommend):
    """A recommendation with what its explanation claims, clause by clause."""

    claims: tuple[Claim, ...] = ()


def recommend(run: Run, target: Target, why_not_verified: str = "") -> Explained:
    """Return the recommendation of a size; it is verified when a trial on a fresh server at exactly this size passed.

    Parameters
    ----------
    run
        The run.
    target
        The size.
    why_not_verified
        Why it could not be verified, as a part of a sentence; used when it is not.
    """
    proof = next((o for o in reversed(run.at(target.limits)) if o.passed), None)
    rows = None if proof is None else RowsSent.of(proof.trial, run.trials)
    grows = doubt(run, target.limits, why_not_verified)
    verification = None if proof is None or grows is not None else _verification(run, proof, rows)
    cpu, memory, *others = explain(run, target)
    about_rows = [] if rows is None else rows.sentences(run.spec)
    notes = [[Claim(Kind.NOTE, text, rows.trial.index if rows is not None else None)] for text in about_rows]
    sentences = [cpu, memory, *notes, *others]
    claims = tuple(claim for sentence in sentences for claim in sentence)
    size = target.limits.to_size()
    unlimited = run.spec.recommendation.cpu_limit == "None"
    recommendation = ContainerRecommendation(
        container_name=run.container_name,
        requests=size,
        limits=Size(memory=size.memory) if unlimited else size,
        env=variables_to_set(run.spec, target.limits.cpu),
        verification=verification,
        explanation=head(text_of(sentences), LONGEST_MESSAGE),
    )
    if grows is not None:
        return Explained(recommendation, Reason.MEMORY_GROWS, grows, claims)
    if proof is None:
        message = f"{target.limits} is recommended, but no trial at exactly this size passed"
        message += f": {why_not_verified or 'none was run'}."
        return Explained(recommendation, Reason.NOT_VERIFIED, message, claims)
    message = f"Trial {proof.trial.index} ran at exactly {target.limits} and met the objectives"
    if errors := mostly_no_answers(run.spec, proof.trial.load):
        unverified = recommendation.model_copy(update={"verification": None})
        return Explained(unverified, Reason.NOT_VERIFIED, f"{message}, but {errors}.", claims)
    only = "" if rows is None or rows.complete else f" It sent {rows} distinct rows; the others are not verified."
    return Explained(recommendation, Reason.VERIFIED, f"{message}: {proof.verdict.message}.{only}", claims)


def _verification(run: Run, proof: Observation, rows: RowsSent | None) -> Verification:
    load = proof.trial.load
    return Verification(
        trial=proof.trial.index,
        environment=run.environment,
        p95=load.latency.p95 if load is not None else None,
        rows=None if rows is None else str(rows),
    )
