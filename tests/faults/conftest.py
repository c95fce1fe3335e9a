"""Faults on the real local cluster: run by `make faults`, by itself, since each of them stops somebody else's tests.

The fixtures of the end-to-end tests are used, and the chart that they install.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from tests.e2e.conftest import apply, helm, install, installation, kubectl, namespace
from tests.e2e.support import Profile, Run
from tests.faults import operators, rows
from tests.faults.operators import Operators
from tests.faults.rows import Fault

__all__ = ["apply", "helm", "install", "installation", "kubectl", "namespace"]

TEST_SECONDS = 1200
"""A fault of a minute, and the whole run that lives through it; the longest row has 50 of them."""

DESELECTED = pytest.StashKey[list[pytest.Item]]()
HAPPENED = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests more time than others get."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Note what is not run this time: it keeps its rows."""
    if items:
        items[0].config.stash.setdefault(DESELECTED, []).extend(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Give every fault a row, in the order of the tests, when all of them were collected."""
    here = Path(__file__).parent
    arguments = {Path(argument).resolve() for argument in session.config.args}
    if arguments == {here}:
        items = sorted([*session.items, *session.config.stash.get(DESELECTED, [])], key=lambda item: item.location[:2])
        rows.expect({item.name: fault for item in items if (fault := _fault_of(item))})


def _fault_of(item: pytest.Item) -> Fault | None:
    fault = getattr(getattr(item, "function", None), "fault", None)
    return fault if isinstance(fault, Fault) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what has happened as a row of the table; show, with a failed test, what its profiles were like."""
    report = yield
    fault = _fault_of(item)
    if fault is not None and (call.when == "call" or report.failed):
        sentences: list[str] = item.stash.get(HAPPENED, [])
        happened = "; ".join(sentences)
        if call.excinfo is not None:
            first = (str(call.excinfo.value).splitlines() or [call.excinfo.typename])[0]
            happened = f"{rows.FAILED}{first[:300]}"
        rows.keep({item.name: rows.row_of(fault, happened)})  # at once: a campaign may be interrupted
    if call.when == "call" and call.excinfo is not None:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Profile):
                report.sections.append((f"the profile {name}", value.story()))
    return report


@pytest.fixture(scope="session", autouse=True)
def local_cluster() -> None:
    """Take no other cluster than the local one: its processes are stopped and killed here."""
    if not os.environ.get("MODELPROFILER_LOCALCLUSTER"):
        pytest.skip("faults are made on the local cluster alone: `make faults` starts it")


@pytest.fixture
def happened(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that takes a sentence about what has happened, for the table."""
    sentences: list[str] = []
    request.node.stash[HAPPENED] = sentences
    return sentences.append


@pytest.fixture
def in_place(kubectl: Run, tmp_path: Path) -> Iterator[Operators]:
    """Stop the operator in the cluster; return what starts others as processes of this machine."""
    with operators.instead_of_the_clusters(kubectl, tmp_path) as made:
        yield made
