"""The configuration of a trial's load."""

from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.trial import Purpose
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.trial_config import load_of_trial


def confirm(*, rows_are_known: bool) -> LoadConfig:
    """Return the load of a Confirm trial."""
    return load_of_trial(
        spec_of(),
        index=5,
        purpose=Purpose.CONFIRM,
        decide=True,
        reference=None,
        host="127.0.0.1",
        dataset="rows",
        rows_are_known=rows_are_known,
    )


def test_rows_that_are_known_are_not_all_sent_again() -> None:
    """The heaviest still come first."""
    configs = [confirm(rows_are_known=known) for known in (False, True)]
    assert [(True, True), (False, True)] == [(c.cover_rows, c.heaviest_first) for c in configs]
