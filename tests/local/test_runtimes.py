"""Whole runs of a JVM and of a Go program that size their pools for a node of sixteen CPUs, and with threads Auto."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import yaml
from benchmarks.claims.recorded import unproved
from benchmarks.threads import runtimes
from benchmarks.threads.trials import NODE_CPUS, Case

import modelprofiler
from modelprofiler.report.result import Result

pytestmark = pytest.mark.timeout(600)

VARIABLES = {"A JVM": {"JAVA_TOOL_OPTIONS": "-XX:ActiveProcessorCount=1"}, "Go": {"GOMAXPROCS": "1"}}
OWN_THREADS = {"A JVM": 24, "Go": 8}
"""No more than these are at work or asleep in such a server with a pool of one thread."""
CLIENTS = 8
"""At once, each of which sends its next request after an answer: a server at 300m is throttled by them on a machine of
any speed, and none of them is refused. At a fixed rate the server of a slow machine was overloaded before its
just-in-time compiler had done its work."""


@pytest.fixture(scope="module")
def ran(control_groups: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Result]:
    """Return a function that runs a server of a runtime with a value of search.threads, once each."""
    base = tmp_path_factory.mktemp("runtimes")

    @cache
    def command(runtime: str) -> tuple[str, ...]:
        directory = base / runtime
        directory.mkdir()
        try:
            return tuple(runtimes.RUNTIMES[runtime](directory, NODE_CPUS))
        except FileNotFoundError as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"{error.filename} is missing, which is a failure because CI=true")
            pytest.skip(f"there is no {error.filename} here")

    @cache
    def run(runtime: str, threads: str) -> Result:
        file = base / f"{runtime}-{threads}.yaml"
        file.write_text(yaml.safe_dump(profile(list(command(runtime)), threads)))
        result = modelprofiler.run(file, directory=base / f"{runtime}-{threads}", wait_seconds=600)
        assert [] == unproved(result.record.profile, "Local")
        return result

    return run


def profile(command: list[str], threads: str) -> dict[str, Any]:
    """Return a profile of a size at which a server is throttled when many threads are at work at once."""
    server = runtimes.server(command)
    case = Case("", server, threads=threads)
    data = case.profile()
    data["spec"]["load"] = {"closedLoop": {"concurrency": CLIENTS}, "warmup": "3s", "duration": "5s"}
    data["spec"]["objectives"] = {"latency": {"p95": "20s"}}
    data["spec"]["resources"] = {"cpu": {"values": ["300m"]}, "memory": {"values": ["384Mi"]}}
    data["spec"]["recommendation"] = {"cpuMarginPercent": 0}
    # A heap between two collections seems to grow, and a soak of minutes would follow: test_soak.py is about those.
    data["spec"]["search"]["soak"] = "0s"
    return data


def most_threads(result: Result) -> int:
    """Return the most threads that a trial's server had."""
    threads = [t.usage.threads for t in result.trials if t.usage is not None and t.usage.threads is not None]
    assert threads, result
    return max(threads)


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_a_pool_of_the_nodes_size_is_noticed_and_the_variable_named(
    ran: Callable[[str, str], Result], runtime: str
) -> None:
    """In the explanation, with the number of threads and its value for the size."""
    result = ran(runtime, "None")
    recommendation = result.recommendation
    assert recommendation is not None, result.message
    _, _, threads_sentence = recommendation.explanation.partition("The server had ")
    assert threads_sentence, recommendation.explanation
    assert int(threads_sentence.split()[0]) > OWN_THREADS[runtime]
    assert all(f"{name}={value}" in threads_sentence for name, value in VARIABLES[runtime].items()), threads_sentence
    assert not recommendation.env


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_threads_auto_sets_the_variable_and_the_server_has_fewer_threads(
    ran: Callable[[str, str], Result], runtime: str
) -> None:
    """As the recommendation says, which then has nothing to notice."""
    result = ran(runtime, "Auto")
    recommendation = result.recommendation
    assert recommendation is not None, result.message
    assert VARIABLES[runtime].items() <= {v.name: v.value for v in recommendation.env}.items()
    assert "The server had " not in recommendation.explanation
    assert most_threads(result) <= OWN_THREADS[runtime] < most_threads(ran(runtime, "None"))
