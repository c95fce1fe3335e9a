"""The process that stands for a pod: its command, variables and folder are the container's."""

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.files.documents import container, document

from modelprofiler.errors import InvalidInput
from modelprofiler.files.inputs import place_inputs
from modelprofiler.local.command import (
    Command,
    HttpProbe,
    Mounts,
    base_variables,
    expand,
    probe_problems,
    readiness,
    server_command,
)
from modelprofiler.local.folders import StartFolders, home_of, temporary_of


def command(tmp_path: Path, server: dict[str, Any], **changes: Any) -> Command:
    """Return the command of a server, with PATH and PYTHONPATH set in the calling process."""
    profile = document(tmp_path, server=server, **changes)
    inputs = place_inputs(profile, tmp_path / "run")
    inherited = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": "/mine", "LANG": "C.UTF-8"}
    return server_command(profile, inputs, Path("/env/bin/python"), inherited)


def test_an_entry_script_is_served_as_in_a_pod(tmp_path: Path) -> None:
    """The same arguments and variables, and the packages of its own environment, not of the calling process."""
    run = tmp_path / "run"
    script = {
        "source": {"configMap": {"name": "files", "key": "score.py"}},
        "workers": 2,
        "environment": {"env": [{"name": "A", "value": "1"}]},
    }
    process = command(tmp_path, {"entryScript": script}, model={"name": "m", "source": {"inline": "x"}})
    assert (
        *("/env/bin/python", "/env/bin/azmlinfsrv", "--entry_script", f"{run}/code/score.py", "--port", "5001"),
        *("--model_dir", f"{run}/model"),
    ) == process.argv
    expected = {
        "WORKER_COUNT": "2",
        "HOME": f"{run}/work",
        "MODEL_DIR": f"{run}/model",
        "AZUREML_MODEL_DIR": f"{run}/model",
        "A": "1",
        "LANG": "C.UTF-8",
    }
    assert expected == {name: process.env.get(name) for name in expected}
    assert process.env["PATH"].startswith("/env/bin:")
    assert "PYTHONPATH" not in process.env
    assert HttpProbe(5001, "/") == process.probe
    assert process.cwd.is_dir()


def test_a_container_is_its_command_arguments_variables_and_folder(tmp_path: Path) -> None:
    """$(NAME) as in Kubernetes; paths below a mount are those of this machine."""
    server = container(
        command=["python", "/srv/score.py"],
        args=["--port=$(PORT)", "--log", "/srv-other"],
        env=[{"name": "PORT", "value": "8080"}, {"name": "URL", "value": "http://h:$(PORT)/srv"}],
        workingDir="/srv",
        volumeMounts=[{"name": "code", "mountPath": "/srv"}],
        readinessProbe={"httpGet": {"path": "/ready", "port": "web", "httpHeaders": [{"name": "Host", "value": "h"}]}},
        ports=[{"name": "web", "containerPort": 8081}],
    )
    server["template"]["spec"]["volumes"] = [{"name": "code", "configMap": {"name": "files"}}]
    process = command(tmp_path, server)
    folder = tmp_path / "run/volumes/code"
    name = "python"
    assert (name, f"{folder}/score.py", "--port=8080", "--log", "/srv-other") == process.argv
    assert folder == process.cwd
    assert "8080" == process.env["PORT"]
    assert HttpProbe(8081, "/ready", headers=(("Host", "h"),)) == process.probe
    assert any("/srv is " in warning for warning in process.warnings)


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({}, "command", "is required: the entrypoint of an image is not known"),
        ({"command": ["no-such-program"]}, "command[0]", "it is not in any folder of PATH"),
        ({"command": ["/no/such/program"]}, "command[0]", "there is no such program"),
        ({"command": [sys.executable], "workingDir": "/no/such/folder"}, "workingDir", "there is no folder"),
    ],
)
def test_a_container_that_cannot_run_here(tmp_path: Path, fields: dict[str, Any], path: str, message: str) -> None:
    """Each with its path."""
    with pytest.raises(InvalidInput) as error:
        command(tmp_path, container(**fields))
    (problem,) = error.value.problems
    assert f"spec.server.template.spec.containers[0].{path}" == problem.path
    assert message in problem.message


def test_a_server_gets_no_variables_of_the_caller_but_those_that_name_programs(tmp_path: Path) -> None:
    """And folders of its own; what the user has installed and downloaded is still found."""
    calling = {"PATH": "/bin", "HOME": "/home/me", "LC_ALL": "C", "AWS_SECRET_ACCESS_KEY": "s", "TMPDIR": "/mine"}
    expected = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "HOME": f"{tmp_path}/start/home",
        "TMPDIR": f"{tmp_path}/start/tmp",
        "PYTHONUSERBASE": "/home/me/.local",
        "XDG_CACHE_HOME": "/home/me/.cache",
    }
    assert expected == base_variables(calling, tmp_path)


def test_each_start_finds_the_files_of_the_profile_and_nothing_else(tmp_path: Path) -> None:
    """Neither files that the last server changed, nor its sockets, process numbers and temporary files."""
    (tmp_path / "volumes/code").mkdir(parents=True)
    (tmp_path / "volumes/code/server.py").write_text("original")
    folders = StartFolders(tmp_path)
    for _ in range(2):
        folders.renew()
        assert ["server.py"] == [p.name for p in (tmp_path / "volumes/code").iterdir()]
        assert "original" == (tmp_path / "volumes/code/server.py").read_text()
        assert [] == [*home_of(tmp_path).iterdir(), *temporary_of(tmp_path).iterdir()]
        (tmp_path / "volumes/code/server.py").write_text("changed")
        (tmp_path / "volumes/code/server.pid").write_text("1")
        (temporary_of(tmp_path) / "lock").touch()


@pytest.mark.parametrize(
    ("header", "path"),
    [({"name": "a b", "value": "x"}, "name"), ({"name": "A", "value": "x\r\nHost: y"}, "value")],
)
def test_a_header_of_a_probe_that_cannot_be_sent(header: dict[str, str], path: str) -> None:
    """It is refused with its path."""
    container = {"readinessProbe": {"httpGet": {"path": "/", "httpHeaders": [header]}}}
    (problem,) = probe_problems(container, "c")
    assert f"c.readinessProbe.httpGet.httpHeaders[0].{path}" == problem.path


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("a1b", "a$(A)b"),
        ("$(A)", "$$(A)"),
        ("$(NONE)", "$(NONE)"),
        ("$A $", "$A $$"),
        ("$(", "$("),
    ],
)
def test_variables_are_expanded_as_kubernetes_does(expected: str, text: str) -> None:
    """https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/."""
    assert expected == expand(text, {"A": "1"})


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("/here/a", "/srv/a"),
        ("--file=/here", "--file=/srv"),
        ("/here/in/x:/here", "/srv/in/x:/srv"),
        ("/srv2 /a/srv srv /srv.txt", "/srv2 /a/srv srv /srv.txt"),
    ],
)
def test_only_whole_paths_are_changed(expected: str, text: str) -> None:
    """/srv is not the beginning of /srv2."""
    assert expected == Mounts({"/srv": Path("/here")}).rewrite(text)


def test_a_probe_of_another_kind_is_named() -> None:
    """Then the server is ready when it listens."""
    ready, warnings = readiness({"readinessProbe": {"exec": {"command": ["true"]}}}, 80)
    assert ready is None
    assert 1 == len(warnings)
