"""How far apart the recommendations of the same profile are."""

from datetime import UTC, datetime, timedelta

from benchmarks import repeat
from benchmarks.repeat import Repeat

from modelprofiler.api.conditions import Condition
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ContainerRecommendation, ModelProfileStatus
from modelprofiler.api.trial import Size

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
RUNS = [
    Repeat(5, 120, 250, 128, "Verified"),
    Repeat(6, 150, 300, 112, "Verified"),
    Repeat(5, 130, 250, 128, "Verified"),
    Repeat(9, 200, None, None, "NoFeasibleSize"),
]


def test_the_spread_is_counted_in_steps_from_the_median() -> None:
    """Runs without a recommendation have none to count."""
    assert "2 of 3 the same, all within ± 1 steps" == repeat.spread([r.cpu for r in RUNS], 50)
    assert "3 of 4 the same, all within ± 2 steps" == repeat.spread([100, 100, 200, 100], 50)
    assert "none, in steps" == repeat.spread([None], 50)


def test_of_two_the_lower_is_the_middle() -> None:
    """Else both would be half a step away."""
    assert "1 of 2 the same, all within ± 1 steps" == repeat.spread([100, 150], 50)


def test_the_table_says_how_each_run_ended_and_how_many_are_where_the_cost_is() -> None:
    """A run without a recommendation is one of the runs, and not near anything."""
    text = repeat.table(RUNS, 10, (50, 16), implied=200)
    assert "| 4 | none | none | 9 | 200 s | NoFeasibleSize |" in text
    assert "4 runs of 10, 3 with a recommendation." in text
    assert "Its cost implies 200m: 2 of 4 within one step of that." in text
    assert "Trials: median 5.5, at most 9; wall: median 140 s, 120 to 200 s." in text


def test_a_run_is_read_off_its_status() -> None:
    """From leaving the queue to the end."""
    status = ModelProfileStatus(
        start_time=BEGUN,
        completion_time=BEGUN + timedelta(seconds=90),
        recommendations=[
            ContainerRecommendation(
                container_name="server",
                limits=Size(cpu=Quantity("250m"), memory=Quantity("128Mi")),
                requests=Size(cpu=Quantity("250m"), memory=Quantity("128Mi")),
            )
        ],
        conditions=[
            Condition(
                type="Succeeded",
                status="True",
                reason="Verified",
                message="",
                last_transition_time=BEGUN,
                observed_generation=1,
            )
        ],
    )
    assert Repeat(0, 90, 250, 128, "Verified") == Repeat.of(status)


def test_both_profiles_are_valid_and_the_example_comes_after_its_files() -> None:
    """The steps that its spread is counted in are its own."""
    assert repeat.MEMORY_STEP == 16
    ModelProfile.parse(repeat.known_cost())
    resources = ModelProfile.parse(repeat.example()[-1]).spec.resources
    assert resources is not None
    assert resources.cpu is not None
    assert resources.memory is not None
    assert (Quantity("50m"), Quantity("32Mi")) == (resources.cpu.step, resources.memory.step)
