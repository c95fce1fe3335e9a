"""An entry script is served by the same command in a pod and on this machine."""

from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.server import EntryScript
from modelprofiler.core.scoring import scoring_command, scoring_variables


def script() -> EntryScript:
    """Return an entry script with two workers."""
    server = {"entryScript": {"source": {"inline": "x"}, "file": "score.py", "workers": 2}}
    entry = spec_of(server=server).server.entry_script
    assert entry is not None
    return entry


def test_the_command_has_the_script_the_port_and_the_model_where_there_is_one() -> None:
    """The server of azureml-inference-server-http."""
    command = ["azmlinfsrv", "--entry_script", "/code/score.py", "--port", "5001"]
    assert command == scoring_command(script(), 5001, "/code", None)
    assert [*command, "--model_dir", "/model"] == scoring_command(script(), 5001, "/code", "/model")


def test_the_variables_say_how_many_workers_and_where_the_files_are() -> None:
    """Both names of the model's folder are set."""
    variables = {"WORKER_COUNT": "2", "AML_APP_ROOT": "/code", "HOME": "/tmp"}
    model = {"MODEL_DIR": "/model", "AZUREML_MODEL_DIR": "/model"}
    assert variables == scoring_variables(script(), "/code", "/tmp", None)
    assert variables | model == scoring_variables(script(), "/code", "/tmp", "/model")
