"""Workspaces: where they keep things and run profiles."""

import importlib
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Workspace
from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.store import Store


def test_a_workspace_is_this_machine_or_a_namespace() -> None:
    """The resource group decides; any other name is a label."""
    assert not Workspace.local().is_kubernetes
    assert not Workspace("subscription", "my-group", "my-workspace").is_kubernetes
    cluster = Workspace.from_kubernetes(namespace="ml", context="prod")
    assert ("ml", "prod", "kubernetes:prod") == (cluster.namespace, cluster.context, cluster.resource_group)
    assert Workspace.get("ml", resource_group="kubernetes").context is None
    assert Workspace.local().store.root == Workspace("s", "g", "w").store.root == cluster.store.root


@pytest.mark.parametrize("group", ["g", "kubernetes:prod"])
def test_a_config_file_names_either(group: str) -> None:
    """It is read from the directory or one above it."""
    workspace = Workspace("s", group, "w", tracking_uri="http://127.0.0.1:1")
    workspace.write_config()
    Path("below").mkdir()
    for path in (None, "below", ".azureml/config.json"):
        assert workspace.get_details() == Workspace.from_config(path).get_details()


def test_the_error_for_a_missing_config_file_says_what_to_do(tmp_path: Path) -> None:
    """The exception is Azure ML's."""
    with pytest.raises(UserErrorException, match=r"no config.json in .*Workspace\.local\(\)"):
        Workspace.from_config(tmp_path)


def test_the_store_is_in_the_home_directory_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable sets another directory."""
    monkeypatch.setenv("MODELPROFILER_HOME", "/somewhere")
    assert Path("/somewhere") == Store.default().root
    monkeypatch.delenv("MODELPROFILER_HOME")
    assert Path.home() / ".modelprofiler" == Store.default().root


def test_the_error_for_a_damaged_file_names_it(tmp_path: Path) -> None:
    """It is an exception of this package."""
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserErrorException, match=r"x.json is not JSON"):
        Store(tmp_path).read("x.json")


def test_a_writer_waits_for_another_and_then_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the store; the lock is free again when its holder is done."""
    monkeypatch.setattr("modelprofiler.azureml.store.LOCK_SECONDS", 0.05)
    store = Store(tmp_path)
    message = f"another process has been writing to {tmp_path} for 0 s"
    with store.locked(), pytest.raises(UserErrorException, match=message), Store(tmp_path).locked():
        pass
    with store.locked():
        store.write({"a": 1}, "x.json")
    assert {"a": 1} == store.read("x.json")


def test_a_workspace_has_none_of_what_azure_ml_kept_elsewhere(ws: Workspace) -> None:
    """Scripts ask whether a compute target is there."""
    assert "cpu" not in ws.compute_targets
    assert {} == {**ws.webservices, **ws.images, **ws.experiments, **ws.linked_services}
    with pytest.raises(UserErrorException, match="no key vault here"):
        ws.get_default_keyvault()
    with pytest.raises(AttributeError):
        getattr(importlib.import_module("modelprofiler.azureml.core.util"), "__wrapped__")  # noqa: B009 - the same


@pytest.mark.parametrize(
    ("method", "advice"),
    [
        ("create", r"Workspace\.local\(\)"),
        ("list", r"Workspace\.local\(\)"),
        ("delete", r"Workspace\.local\(\)"),
        ("get_run", "MLflow"),
        ("get_default_compute_target", "Workspace.from_kubernetes"),
        ("get_default_keyvault", "environment variable"),
    ],
)
def test_what_a_workspace_does_not_do_says_what_to_do(ws: Workspace, method: str, advice: str) -> None:
    """The message begins with the method."""
    with pytest.raises(UserErrorException, match=rf"{method}: .*{advice}"):
        getattr(ws, method)("x", exist_ok=True)


def test_exceptions_are_in_the_tree_of_the_package() -> None:
    """They have Azure ML's attributes."""
    error = WebserviceException("what to do", status_code=404)
    assert ("what to do", "what to do", 404) == (str(error), error.message, error.status_code)
