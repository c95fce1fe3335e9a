"""A server whose memory does not hold the files that it maps reads them again for every request."""

import pytest
from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.decisions import CONFIRM, REFERENCE, spec
from tests.unit.core.search.simulator import resources_of

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import MemoryUsage, UsageStatus
from modelprofiler.core.judge import thrashing
from modelprofiler.core.search.mapped import mapped_sentence
from modelprofiler.core.search.run import Run


def usage(faults: int | None = 0, read: str | None = "0", mapped: str = "256Mi") -> UsageStatus:
    """Return usage with these page faults and bytes read."""
    memory = MemoryUsage(peak=Quantity("280Mi"), peak_source="Cgroup")
    return UsageStatus(
        memory=memory,
        mapped_file=Quantity(mapped),
        major_faults=faults,
        read_bytes=None if read is None else Quantity(read),
        source="Cgroup",
    )


LOAD = load_of(600)
MANY = 50 * LOAD.requests


@pytest.mark.parametrize(
    ("thrashes", "measured"),
    [
        (True, usage(MANY, "12Gi")),
        (False, usage(MANY, "260Mi")),
        (False, usage(LOAD.requests, "12Gi")),
        (False, usage(None, "12Gi")),
        (False, usage(MANY, None)),
    ],
    ids=["read many times", "read once, at a cold start", "read by requests for files", "no faults", "no bytes"],
)
def test_thrashing_is_many_faults_and_files_read_many_times(thrashes: bool, measured: UsageStatus) -> None:
    """What was not measured is not claimed."""
    assert thrashes == (thrashing(LOAD, measured) is not None)


def test_a_trial_that_thrashes_says_so_and_blames_memory() -> None:
    """More CPU would not read the files less often."""
    trials = Trials(spec()).ran(REFERENCE, "1").ran(CONFIRM, "500m", "128Mi", load=LOAD, usage=usage(MANY, "12Gi"))
    assert trials[-1].message.endswith(
        "; the files that the server maps did not fit into memory: 12288Mi was read from disk under this load, with "
        "50 page faults per request"
    )
    run = Run.of(trials.spec, resources_of(trials.spec), "server", "Local", trials)
    assert [128 * 2**20] == run.memory_failures


def test_the_explanation_names_the_mapped_part_of_the_memory() -> None:
    """Where it is a fifth of it or more."""
    trials = Trials(spec()).ran(REFERENCE, "1", usage=usage())
    assert (mapped_sentence(trials, 280 * 2**20) or "").startswith(
        "Files that the server maps take up 256Mi of the memory"
    )
    assert mapped_sentence(trials, 2 * 2**30) is None
    assert mapped_sentence(Trials(spec()).ran(REFERENCE, "1"), 280 * 2**20) is None
