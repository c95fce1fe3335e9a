"""Every clause of every explanation is shown by a trial, over simulated runs with and without noise."""

import pytest
from benchmarks.claims.telling import tell
from benchmarks.search.families import draw
from benchmarks.search.truth import truth_of
from tests.unit.core.search.claims import HOLDS, false_claims
from tests.unit.core.search.simulator import REQUESTS

from modelprofiler.core.search.claims import Kind
from modelprofiler.core.search.recommend import Explained


@pytest.mark.parametrize("family", ["batching", "spinning", "busy waiting", "caches", "throttled caches"])
def test_a_cost_that_changes_with_the_size_costs_no_size(family: str) -> None:
    """Without noise the answer is the optimum or one step above, and no claim about it is false."""
    for number in range(6):
        simulation = draw(number, family, requests=REQUESTS)
        best, end = truth_of(simulation).best, simulation.run()
        if best is None:
            continue
        assert isinstance(end, Explained)
        cpu, size = simulation.axes[0], end.recommendation.requests.cpu
        assert size is not None
        assert 0 <= cpu.position_of_ceil(size.millicores) - cpu.position_of_ceil(best.cpu) <= 1
        assert [] == false_claims(simulation.spec, simulation.resources, simulation.trials, end)


RUNS, PARTS = 150, 3
"""Simulated runs, and tests that share them; `make bench PART=claims` has 2,000. A run takes 50 ms."""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_sentence_is_shown_by_the_trials(part: int) -> None:
    """Of an explanation, the end of a run, the trials and the reasons for them: what is false, or unknown, fails."""
    explained = 0
    for number in range(part, RUNS, PARTS):
        run = tell(number)
        assert not run.wrong, "\n".join(map(str, run.wrong))
        if isinstance(run.end, Explained) and run.end.claims and run.end.recommendation.verification is not None:
            explained += 1
            assert [] == false_claims(run.world.spec, run.world.resources, run.world.searched, run.end)
    assert explained > 25


class TestReader:
    """That what is false is noticed."""

    def wrong(self, old: str, new: str) -> list[str]:
        """Return what is wrong with an explanation in which a text is replaced by another one."""
        run = tell(0)
        assert isinstance(run.end, Explained)
        text = run.end.recommendation.explanation
        assert old in text, text
        return [str(problem) for problem in run.reader().unproved(text.replace(old, new, 1))]

    def test_what_is_true_is_proved(self) -> None:
        """The explanation as it is."""
        assert [] == self.wrong("750m", "750m")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("750m", "730m"),
            ("750m", "1"),
            ("85.6ms", "85.5ms"),
            ("over the objective", "within the objective"),
            ("85.1ms", "86ms"),
            ("230Mi", "231Mi"),
            ("Memory peaked", "It is said that memory peaked"),
        ],
    )
    def test_what_is_false_or_unknown_is_not(self, old: str, new: str) -> None:
        """Another size, value, bound or verb."""
        assert self.wrong(old, new)


def test_every_kind_of_claim_is_checked() -> None:
    """A kind that is added needs a predicate."""
    assert set(Kind) == set(HOLDS)
