"""From boundaries to a size, and the sentences that say why."""

from typing import Any

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import AnswerKind, Outcome, Purpose
from modelprofiler.core.search.margin import target_for
from modelprofiler.core.search.recommend import recommend
from modelprofiler.core.search.run import Run

MI = 2**20


def run_of(trials: Trials) -> Run:
    """Return the run that these trials make."""
    return Run.of(trials.spec, resources_of(trials.spec), "server", "Local", trials)


def trials_of(**changes: Any) -> Trials:
    """Return a reference, a failure at 250m and a pass at 300m."""
    return (
        Trials(spec_of(**changes))
        .ran(Purpose.REFERENCE, "1", load=load_of(20))
        .ran(Purpose.BRACKET, "250m", load=load_of(310, spread=0.05))
        .ran(Purpose.BRACKET, "300m", load=load_of(100), fresh=False)
    )


@pytest.mark.parametrize(
    ("cpu", "memory", "margins", "size"),
    [
        (300, 187, (0, 0), (300, 192)),
        (300, 187, (10, 20), (350, 256)),
        (500, 160, (10, 20), (550, 192)),
        (1000, 1000, (10, 20), (1000, 1024)),
        (950, 900, (10, 20), (1000, 1024)),
    ],
)
def test_margins_are_rounded_up_and_stop_at_the_ceiling(
    cpu: int, memory: int, margins: tuple[int, int], size: tuple[int, int]
) -> None:
    """500m + 10 % is exactly 550m, on an axis of 50m and 32Mi up to 1 and 1Gi."""
    policy = {"cpuMarginPercent": margins[0], "memoryMarginPercent": margins[1]}
    limits = target_for(run_of(trials_of(recommendation=policy)), cpu, memory * MI).limits
    assert size == (limits.cpu, limits.memory // MI)


def test_a_pace_that_is_known_to_within_a_quarter_of_a_step_adds_no_step() -> None:
    """5.0 ms three times and 5.25 ms once: the mean is known to 3 %, and from 200m the next size is 600m."""
    spec = spec_of(
        resources={"cpu": {"values": ["200m", "600m"]}, "memory": {"values": ["128Mi"]}},
        recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0},
    )
    trials = Trials(spec)
    for cost in (5.0, 5.0, 5.0, 5.25):
        trials.ran(Purpose.REFERENCE, "600m", load=load_of(20), usage=usage_of(f"{cost}ms"))
    run = run_of(trials)
    assert run.pace.error > 0
    assert 200 == target_for(run, 200, 100 * MI).limits.cpu


def explanation(trials: Trials, cpu: int = 300, memory: int | None = 187) -> str:
    """Return the explanation of a recommendation."""
    run = run_of(trials)
    answer = recommend(run, target_for(run, cpu, None if memory is None else memory * MI))
    return answer.recommendation.explanation


def test_the_explanation_says_what_the_next_smaller_size_did() -> None:
    """And what was added. At 8 ms the load would need 400m, which is not said, as 300m passed."""
    assert explanation(trials_of()) == (
        "300m CPU is the smallest that met the objectives: at 250m p95 is 310ms (294ms to 326ms), "
        "over the objective of 250ms; a margin of 10% is added, and 350m, the next size of the range, is 17% larger. "
        "Memory peaked at 187Mi; a margin of 20% is added, and 256Mi, the next size of the range, is 37% larger."
    )


def test_what_the_load_needs_is_explained_by_the_trial_that_failed() -> None:
    """50/s of 9 ms are 450m, more than the 250m that failed, and no trial passed with less than 450m."""
    trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
    trials.ran(Purpose.BRACKET, "250m", load=load_of(310, spread=0.05), usage=usage_of("9ms"))
    trials.ran(Purpose.BRACKET, "500m", load=load_of(100))
    assert (
        "over the objective of 250ms; with the CPU time per request measured there, the load needs 450m CPU;"
        in explanation(trials, cpu=500)
    )


def test_a_failure_is_explained_at_the_size_that_ran() -> None:
    """And by how much its CPU time per request was off, where it therefore counts for another size."""
    trials = Trials(spec_of())
    for cpu, p95, cost in (
        ("1", 20, "10ms"), ("250m", 310, "10ms"), ("300m", 100, "10ms"), ("300m", 310, "13ms"), ("350m", 100, "10ms"),
    ):  # fmt: skip
        trials.ran(Purpose.BRACKET, cpu, load=load_of(p95, spread=0.05), usage=usage_of(cost))
    text = explanation(trials, cpu=350)
    assert "350m CPU met the objectives; 300m met them in trial 3" in text, text
    assert ", but 300m did not in trial 4: p95 is 310ms (294ms to 326ms)" in text, text
    assert ", where a request took 22% more CPU time than the trials' average, adjusted for their sizes" in text, text


def test_a_smaller_size_that_passed_at_a_fast_pace_is_explained() -> None:
    """With the reason why it is not the one."""
    trials = Trials(spec_of())
    for cpu, cost in (("1", "10ms"), ("300m", "10ms"), ("250m", "10ms"), ("250m", "6ms")):
        trials.ran(Purpose.BRACKET, cpu, load=load_of(100), usage=usage_of(cost))
    assert "300m CPU met the objectives; 250m met them in trial 4, where a request took " in explanation(trials)


def test_the_smallest_size_of_the_range_has_nothing_below() -> None:
    """The explanation says whether it passed or never ran."""
    trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1", load=load_of(20))
    assert explanation(trials, cpu=100).startswith("100m, at which no trial ran, is treated as the smallest")
    trials.ran(Purpose.BRACKET, "100m", load=load_of(100))
    assert explanation(trials, cpu=100).startswith("100m CPU, the smallest size of the range, met the objectives")


def test_a_margin_that_does_not_fit_is_explained() -> None:
    """The ceiling is recommended, and the user may want to raise it."""
    assert "a margin of 10% does not fit into the range, so the largest size is recommended" in explanation(
        trials_of(), cpu=950
    )


def test_a_boundary_at_the_ceiling_has_no_margin() -> None:
    """There is no larger size."""
    assert "1 is the ceiling of the range, so no margin is added" in explanation(trials_of(), cpu=1000)


def test_memory_that_was_too_small_is_explained() -> None:
    """With the size that was enough."""
    trials = trials_of().broke(Purpose.MEMORY, Outcome.OOM_KILLED, "300m", "192Mi")
    trials.ran(Purpose.MEMORY, "300m", "224Mi", load=load_of(100))
    assert "192Mi of memory was too small, and 224Mi was enough" in explanation(trials, memory=224)


def test_memory_that_was_not_measured_is_explained() -> None:
    """The ceiling is kept."""
    assert "Memory was not measured, so the largest size of the range, 1Gi, is recommended." in explanation(
        trials_of(), memory=None
    )


def test_many_threads_are_explained() -> None:
    """The commonest cause of throttling."""
    trials = trials_of().ran(Purpose.CONFIRM, "350m", "256Mi", usage=usage_of(threads=65))
    assert "The server had 65 threads on 350m CPU" in explanation(trials)


class TestLimit:
    """recommendation.cpuLimit."""

    def answer(self, limit: str) -> ContainerRecommendation:
        """Return a recommendation."""
        run = run_of(trials_of(recommendation={"cpuLimit": limit}))
        return recommend(run, target_for(run, 300, 187 * MI)).recommendation

    def test_equal_limits_what_is_requested(self) -> None:
        """Both are the same."""
        recommendation = self.answer("Equal")
        assert recommendation.requests == recommendation.limits

    def test_none_leaves_cpu_without_a_limit(self) -> None:
        """What was verified is the request as if it were the limit; the explanation says so."""
        recommendation = self.answer("None")
        assert (None, Quantity("256Mi"), Quantity("350m")) == (
            recommendation.limits.cpu,
            recommendation.limits.memory,
            recommendation.requests.cpu,
        )
        sentence = "The recommendation sets no CPU limit; no trial at this size, with a limit of 350m as"
        assert sentence in recommendation.explanation

    def test_none_speaks_of_the_size_where_a_trial_with_the_same_limit_passed(self) -> None:
        """That one had more memory than is recommended."""
        margins = {"cpuLimit": "None", "cpuMarginPercent": 0, "memoryMarginPercent": 0}
        run = run_of(trials_of(recommendation=margins))
        recommendation = recommend(run, target_for(run, 300, 187 * MI)).recommendation
        assert [o for o in run.observations if o.passed and o.limits.cpu == 300]
        assert "no trial at this size, with a limit of 300m" in recommendation.explanation

    def test_none_names_the_trial_that_had_the_request_as_its_limit(self) -> None:
        """The trials of the search had other limits."""
        trials = trials_of(recommendation={"cpuLimit": "None"}).ran(Purpose.CONFIRM, "350m", "256Mi", load=load_of(100))
        run = run_of(trials)
        recommendation = recommend(run, target_for(run, 300, 187 * MI)).recommendation
        assert recommendation.verification is not None
        expected = f"trial {recommendation.verification.trial} met the objectives with a limit of 350m"
        assert expected in recommendation.explanation


@pytest.mark.parametrize(("errors", "reason"), [(190, Reason.NOT_VERIFIED), (90, Reason.VERIFIED)])
def test_a_size_at_which_most_answers_are_errors_is_not_verified(errors: int, reason: Reason) -> None:
    """It met the objectives, and the explanation says so, but not by answering."""
    kinds = [
        AnswerKind(
            status=200, shape="JSON object with error", error=True, answers=errors, looked_at=9, bodies=1, rows=9
        ),
        AnswerKind(status=200, shape="JSON number", answers=200 - errors, looked_at=9, bodies=9, rows=9),
    ]
    load = load_of(100).model_copy(update={"answers": kinds})
    trials = trials_of().ran(Purpose.CONFIRM, "350m", "256Mi", load=load)
    answer = recommend(run_of(trials), target_for(run_of(trials), 300, 187 * MI))
    assert (reason, reason is Reason.VERIFIED) == (answer.reason, answer.recommendation.verification is not None)
    assert "ran at exactly 350m CPU and 256Mi memory and met the objectives" in answer.message
    assert ("correct the dataset or the server" in answer.message) == (reason is Reason.NOT_VERIFIED)


@pytest.mark.parametrize(("p95", "size"), [(120, 200), (235, 400)])
def test_on_coarse_sizes_a_resized_server_that_passed_with_room_is_confirmed_there(p95: float, size: int) -> None:
    """The Confirm trial runs on a new server, and decides whether there is room."""
    spec = spec_of(resources={"cpu": {"values": ["200m", "400m", "1"]}, "memory": {"values": ["256Mi"]}})
    trials = Trials(spec).ran(Purpose.REFERENCE, "1", "256Mi", load=load_of(20))
    trials.ran(Purpose.BRACKET, "200m", "256Mi", load=load_of(120), fresh=False)
    assert 200 == target_for(run_of(trials), 200, 187 * MI).limits.cpu
    trials.ran(Purpose.CONFIRM, "200m", "256Mi", load=load_of(p95, spread=0.05))
    assert size == target_for(run_of(trials), 200, 187 * MI).limits.cpu


@pytest.mark.parametrize(("p95", "size"), [(120, 200), (235, 400)])
def test_on_coarse_sizes_a_boundary_that_passed_with_room_is_the_answer(p95: float, size: int) -> None:
    """From 200m the next size is 100 % larger, ten times the margin; 126 ms are half of 250 ms, 247 ms are not."""
    spec = spec_of(resources={"cpu": {"values": ["200m", "400m", "1"]}, "memory": {"values": ["256Mi"]}})
    trials = Trials(spec).ran(Purpose.REFERENCE, "1", "256Mi", load=load_of(20))
    trials.ran(Purpose.BRACKET, "200m", "256Mi", load=load_of(p95, spread=0.05))
    run = run_of(trials)
    target = target_for(run, 200, 187 * MI)
    assert size == target.limits.cpu
    text = recommend(run, target).recommendation.explanation
    if size == 200:
        assert "no margin is added, because the interval of trial 2 ends 49% below the objective" in text
    else:
        assert "; a margin of 10% leads to 220m, and the next size is 400m, 100% larger" in text
