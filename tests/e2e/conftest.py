"""The real cluster: whatever KUBECONFIG names, with the chart installed by the real Helm.

Run by `make e2e`. By hand: ``hack/localcluster/localcluster exec .venv/bin/pytest tests/e2e -k …``. The images
modelprofiler/operator:dev and modelprofiler/scoring-server:dev must be in the cluster (`make images`).
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from tests.e2e import support

SHORT_TIMEOUTS = (
    "--set=trials.timeouts.ready=120",
    "--set=trials.timeouts.schedule=25",
    "--set=trials.timeouts.imagePull=20",
)
"""A server that fails is given up within seconds."""

KEEP = "MODELPROFILER_E2E_KEEP_INSTALLATION"
"""Set while tests are written: what is installed is used as it is."""

TEST_SECONDS = 1800
"""A whole run of a profile may be in a fixture, and counts for the first test that asks for it."""

Install = Callable[..., None]
Apply = Callable[[support.Object, str], support.Profile]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests here more time than the others get."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show, with a failed test, what the profiles it looked at were like when it failed."""
    report = yield
    if call.when == "call" and call.excinfo is not None:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, support.Profile):
                report.sections.append((f"the profile {name}", value.story()))
    return report


def _program(name: str) -> support.Run:
    if not os.environ.get("KUBECONFIG"):
        pytest.exit("KUBECONFIG is not set. These tests need a cluster: `make e2e` finds or starts one.", returncode=1)
    if shutil.which(name) is None:
        pytest.exit(f"{name} is not on PATH. `make e2e` brings it.", returncode=1)
    return support.command(name)


@pytest.fixture(scope="session")
def kubectl() -> support.Run:
    """Return a function that runs kubectl: ``kubectl(*arguments, input=None, check=True, timeout=60)``."""
    return _program("kubectl")


@pytest.fixture(scope="session")
def helm() -> support.Run:
    """Return a function that runs Helm, with the arguments of `kubectl`."""
    return _program("helm")


@pytest.fixture(scope="session")
def install(repository: Path, kubectl: support.Run) -> Install:
    """Return a function that installs the chart, or upgrades it, as `make install` does; it takes Helm's arguments.

    It returns when the new operator runs.
    """
    script = support.command(str(repository / "hack" / "cluster"))

    def run(*arguments: str) -> None:
        script("install", "--namespace", support.SYSTEM_NAMESPACE, *SHORT_TIMEOUTS, *arguments, timeout=300)
        # Helm 4 returns when the new pod is ready; the old one may still be there for a moment.
        deadline = time.monotonic() + support.PATIENCE
        while len(json.loads(kubectl("get", "pods", *support.OPERATOR_PODS, "-o", "json").stdout)["items"]) != 1:
            assert time.monotonic() < deadline, "the operator that was replaced does not go"
            time.sleep(support.POLL_SECONDS)

    return run


@pytest.fixture(scope="session", autouse=True)
def installation(install: Install, kubectl: support.Run) -> str:
    """Install the chart, and return its namespace."""
    if not os.environ.get(KEEP):
        install()
    support.operator_pod(kubectl)
    return support.SYSTEM_NAMESPACE


@pytest.fixture
def namespace(kubectl: support.Run) -> Iterator[str]:
    """Make a namespace for one test; the server of known cost is in its ConfigMap ``costserver``."""
    with support.fresh_namespace(kubectl) as name:
        yield name


@pytest.fixture(scope="module")
def module_namespace(kubectl: support.Run) -> Iterator[str]:
    """Make a namespace for the tests of a module, which look at the same run."""
    with support.fresh_namespace(kubectl) as name:
        yield name


NOTES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured: numbers that nobody asserts, since they depend on the machine."""
    if notes := config.stash.get(NOTES, []):
        terminalreporter.section("measured")
        for note in notes:
            terminalreporter.write_line(note)


@pytest.fixture(scope="session")
def note(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return a function that takes a line to be printed at the end, whether the tests pass or not."""
    return pytestconfig.stash.setdefault(NOTES, []).append


@pytest.fixture(scope="session")
def apply(kubectl: support.Run) -> Apply:
    """Return a function that applies a profile, given as JSON data, in a namespace, and returns it."""

    def run(document: support.Object, namespace: str) -> support.Profile:
        kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(document))
        return support.Profile(kubectl, namespace, document["metadata"]["name"])

    return run
