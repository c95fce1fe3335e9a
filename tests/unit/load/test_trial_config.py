"""The configuration of a trial's load."""

from tests.unit.core.builders import Trials
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.trial import Purpose
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.trial_config import load_of_trial


def confirm(*, rows_are_known: bool = True, seconds: float | None = None) -> LoadConfig:
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
        seconds=seconds,
    )


def test_rows_that_are_known_are_not_all_sent_again() -> None:
    """The heaviest still come first."""
    configs = [confirm(rows_are_known=rows_known) for rows_known in (False, True)]
    assert [(True, True), (False, True)] == [(c.cover_rows, c.heaviest_first) for c in configs]


def test_a_window_of_another_length_runs_to_its_end() -> None:
    """A soak does not end because the verdict on latency is certain."""
    usual, soak = confirm(), confirm(seconds=412.5)
    assert (True, False) == (usual.stop.decide, soak.stop.decide)
    assert 412.5 == soak.load.duration.seconds
    assert usual.load.duration.seconds != 412.5


def test_a_server_that_refuses_is_given_up_sooner_in_the_first_trial() -> None:
    """A later one may have less CPU to load its model with, and an objective says how long it may take."""
    first = confirm(rows_are_known=False)
    assert (60, 300) == (first.refusal_patience, first.first_request_patience)
    trials = Trials(spec_of()).ran(Purpose.REFERENCE, "1")
    make = {"index": 2, "purpose": Purpose.BRACKET, "decide": True, "host": "127.0.0.1", "dataset": "rows"}
    later = load_of_trial(spec_of(), reference=trials[0], **make)  # type: ignore[arg-type]  # one test of many types
    assert 300 == later.refusal_patience
    objectives = {"latency": {"p95": "250ms"}, "maxFirstRequest": "90s"}
    bounded = load_of_trial(spec_of(objectives=objectives), reference=None, **make)  # type: ignore[arg-type]  # the same
    assert 360 == bounded.refusal_patience


def test_what_a_good_answer_is_reaches_the_load_generator() -> None:
    """As JSON, as the local command and the load pod are given it."""
    expect = {
        "status": [200, 201],
        "bodyContains": "a",
        "bodyMatches": "^b",
        "jsonPath": [{"path": "$.n[*]", "value": 3, "type": "Number"}],
        "contentType": "application/json",
        "maxBodySize": "64Ki",
    }
    spec = spec_of(endpoint={"http": {"expect": expect}})
    config = load_of_trial(
        spec, index=1, purpose=Purpose.REFERENCE, decide=False, reference=None, host="127.0.0.1", dataset="rows"
    )
    read = LoadConfig.model_validate_json(config.model_dump_json(by_alias=True, exclude_none=True))
    assert spec.endpoint.http.expect == read.endpoint.expect
    assert 2**16 == read.endpoint.expect.looked_at_bytes
