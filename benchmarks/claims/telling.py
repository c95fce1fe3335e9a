"""Runs a simulated world, and reads all that is stated of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.claims import answers, ends, growth, notes, sizes
from benchmarks.claims.facts import Facts
from benchmarks.claims.language import Form, Reader, Unproved
from benchmarks.claims.worlds import WHY_NOT_ENFORCED, World, world

from modelprofiler.api.trial import Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.judge import rejudge
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial

OF_TRIALS = [*ends.TRIALS, *answers.CLAUSES]
AFTER_COLON = [Form(f": {form.template}", form.proof) for form in ends.TRIALS]
FORMS = [
    *(form for forms in (sizes.FORMS, growth.GROWTH, notes.NOTES, ends.ENDS, AFTER_COLON) for form in forms),
    *(form for forms in (answers.CLAUSES, answers.ANSWERS, answers.WORKLOAD) for form in forms),
]


@dataclass(frozen=True)
class Wrong:
    """A clause of a run that its trials do not show."""

    number: int
    where: str
    problem: Unproved

    def __str__(self) -> str:
        return f"run {self.number}, {self.where}: {self.problem}"


@dataclass(frozen=True)
class Told:
    """A run, and what is stated of it.

    Attributes
    ----------
    world
        The run.
    end
        How it ended.
    texts
        How many texts were read.
    wrong
        What is not proved.
    """

    world: World
    end: Recommend | GiveUp
    texts: int
    wrong: tuple[Wrong, ...]

    def reader(self) -> Reader:
        """Return what reads the explanation and the message of the end."""
        return Reader(_facts(self.world, self.end), FORMS)


def tell(number: int, requests: int = 400) -> Told:
    """Run the world of this number, and read all that is stated of it."""
    simulation = world(number, requests)
    wrong: list[Wrong] = []
    texts = 0
    step = simulation.next()
    while isinstance(step, RunTrial):
        index = len(simulation.trials) + 1
        assert index < MOST_TRIALS, "no end"
        reader = Reader(
            Facts(
                simulation.spec,
                simulation.resources,
                rejudged(simulation),
                asked=step.limits,
                workload=simulation.workload,
            ),
            ends.REASONS,
        )
        wrong += [Wrong(number, f"reason of trial {index}", problem) for problem in reader.unproved(step.reason)]
        simulation.trials.append(simulation.trial(step))
        step, texts = simulation.next(), texts + 1
    facts = _facts(simulation, step)
    for trial in facts.trials:
        if trial.judged is not None:
            problems = Reader(facts, OF_TRIALS).unproved(trial.message, (trial.index,))
            wrong += [Wrong(number, f"message of trial {trial.index}", problem) for problem in problems]
            texts += 1
    stated = {"message": step.message}
    if isinstance(step, Recommend):
        stated["explanation"] = step.recommendation.explanation
    for where, text in stated.items():
        wrong += [Wrong(number, where, problem) for problem in Reader(facts, FORMS).unproved(text)]
        texts += 1
    return Told(simulation, step, texts, tuple(wrong))


MOST_TRIALS = 100
"""More than search.maxTrials allows."""
QUOTABLE = (WHY_NOT_ENFORCED, "had status 503")


def rejudged(simulation: World) -> list[Trial]:
    """Return the trials with the words that the objectives give them now."""
    return rejudge(simulation.spec, simulation.trials)


def quotable(trials: Sequence[Trial]) -> list[str]:
    """Return texts that may be quoted: what servers have answered or refused, and why limits are not enforced."""
    loads = [t.load for t in trials if t.load is not None]
    quotes = [text for load in loads for text in answers.quotable(load)]
    refusals = [first.refusal for load in loads if (first := load.first_request) is not None and first.refusal]
    return list(dict.fromkeys([*QUOTABLE, *quotes, *refusals]))


def _facts(simulation: World, end: Recommend | GiveUp) -> Facts:
    """Return the facts of a run that has ended, with the size that is recommended and what may be quoted."""
    trials = rejudged(simulation)
    texts = quotable(trials)
    facts = Facts(simulation.spec, simulation.resources, trials, quotable=texts, workload=simulation.workload)
    if isinstance(end, GiveUp):
        return facts
    return replace(facts, size=Limits.from_size(end.recommendation.requests))
