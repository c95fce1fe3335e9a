"""A run in one call: what it reports before it waits for anything or starts anything."""

import functools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelprofiler.errors import InvalidInput
from modelprofiler.files.document import load_document
from modelprofiler.host.lock import machine_lock
from modelprofiler.local import session as module
from modelprofiler.local.progress import SilentListener
from modelprofiler.local.session import Options, Session

PROFILE = """
apiVersion: modelprofiler.io/v1alpha1
kind: ModelProfile
metadata: {name: none}
spec:
  server: {template: {spec: {containers: [{name: server, image: none, command: [COMMAND]}]}}}
  endpoint: {http: {port: 9}}
  dataset: {source: {path: rows.txt}}
  load: {openLoop: {rate: "1"}}
  objectives: {latency: {p95: 1s}}
  resources: {cpu: {values: ["1"]}, memory: {values: [64Mi]}}
"""
Make = Callable[[str], Session]


class Listener(SilentListener):
    """Keeps all messages."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_note(self, message: str) -> None:
        """Keep a note."""
        self.heard.append(message)

    def on_wait(self, message: str) -> None:
        """Keep what the run waits for."""
        self.heard.append(message)


@pytest.fixture
def occupied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have another process use the machine."""
    file = tmp_path / "lock"
    monkeypatch.setattr(module, "machine_lock", functools.partial(machine_lock, file=file))
    with subprocess.Popen(["flock", file, "sh", "-c", "echo has it; cat"], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert "has it\n" == process.stdout.readline()
        yield
        process.communicate()


@pytest.fixture
def listener() -> Listener:
    """Return who listens."""
    return Listener()


@pytest.fixture
def make(tmp_path: Path, listener: Listener) -> Make:
    """Return what makes the session of a profile whose server is a command."""

    def of(command: str) -> Session:
        file = tmp_path / "profile.yaml"
        file.write_text(PROFILE.replace("COMMAND", command))
        (tmp_path / "rows.txt").write_text("{}")
        return Session(load_document(str(file)), Options(tmp_path / "kept", wait_seconds=30), listener)

    return of


@pytest.mark.usefixtures("occupied")
def test_bad_input_is_reported_before_waiting_for_the_machine(make: Make, listener: Listener, tmp_path: Path) -> None:
    """Half an hour of another run is long to wait for a typo."""
    with pytest.raises(InvalidInput, match="nosuchserver cannot be run on this machine"):
        make("nosuchserver").run()
    assert [] == listener.heard
    assert not (tmp_path / "kept").exists()


@pytest.mark.usefixtures("occupied")
def test_the_reason_of_a_wait_is_shown_at_once(make: Make, listener: Listener) -> None:
    """A live table is drawn while the run waits, and not only after it has begun."""

    def show() -> None:
        assert ["waiting for another run to end"] == listener.heard
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make("sleep").run(while_running=show)
